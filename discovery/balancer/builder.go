package balancer

import (
	"encoding/json"
	"time"

	"google.golang.org/grpc/balancer"
	_ "google.golang.org/grpc/health" // the client side of health checking
	"google.golang.org/grpc/serviceconfig"

	"github.com/gctl-dev/gctl/discovery/balancer/internal/outlier"
)

// Register makes the policy known to grpc-go, whose registry belongs to the
// process and is not safe for concurrent use: call it in main, before the first
// channel is made. To call it again does nothing.
func Register() {
	if balancer.Get(Name) == nil {
		balancer.Register(builder{})
	}
}

type builder struct{}

// Name implements balancer.Builder.
func (builder) Name() string { return Name }

// ParseConfig implements balancer.ConfigParser.
func (builder) ParseConfig(data json.RawMessage) (serviceconfig.LoadBalancingConfig, error) {
	return parse(data)
}

// Build implements balancer.Builder.
func (builder) Build(cc balancer.ClientConn, opts balancer.BuildOptions) balancer.Balancer {
	cfg := Config{}.withDefaults()
	b := &ejecting{
		ClientConn: cc,
		epoch:      time.Now(),
		signal:     make(chan struct{}, 1),
		answers:    make(chan answer),
		quit:       make(chan struct{}),
		ended:      make(chan struct{}),
		cfg:        cfg,
		group:      outlier.NewGroup(cfg.outlier()),
		endpoints:  map[key]*endpoint{},
	}
	b.child = b.newChildren(opts)
	go b.run()
	return b
}
