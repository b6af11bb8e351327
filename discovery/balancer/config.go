package balancer

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/serviceconfig"

	"github.com/gctl-dev/gctl/discovery/balancer/internal/outlier"
)

// Name is the name of the policy in a service config.
const Name = "fleet_ejection"

// Policy is how one of the endpoints in rotation is chosen.
type Policy string

// The policies.
const (
	LeastRequest Policy = "least_request" // the less busy of two drawn by lot
	RoundRobin   Policy = "round_robin"   // one after the other
)

// Config is the configuration of a channel's balancer. The zero value is a good
// one: whatever is zero gets the default.
type Config struct {
	Policy Policy // LeastRequest

	// Zone is the caller's own zone. Where it is set, endpoints whose meta "zone" is
	// the same come first, as long as ZoneShare of them are usable (0.7). Then all
	// endpoints get their share.
	Zone      string
	ZoneShare float64

	NoEjection bool // nobody is ejected

	Interval     time.Duration // between two judgements; 250 ms
	Window       time.Duration // half-life of the evidence; 2 s
	Consecutive  int           // failures in a row that eject; 5
	SlowFactor   float64       // a call is slow beyond this many times its method's median; 4
	SlowFloor    time.Duration // and no call is slow that takes less; 25 ms
	MaxEjected   float64       // share of the connected endpoints that may be out; 0.5
	BaseEjection time.Duration // length of the first ejection; 5 s
	MaxEjection  time.Duration // length of the longest; 1 min
	TrialCalls   int           // good calls until an endpoint is back; 3
	ProbeTimeout time.Duration // for the balancer's own health check; 500 ms
}

// The margins by which a member may be worse than its siblings. Slow calls vary
// more than failures.
const (
	failureMargin = 0.02
	slowMargin    = 0.2
)

// ServiceConfig returns a service config for grpc.WithDefaultServiceConfig with
// this balancer and client-side health checking, so that a server that says
// NOT_SERVING gets no calls.
func (c Config) ServiceConfig() string {
	return `{"loadBalancingConfig":` + c.LoadBalancingConfig() + `,"healthCheckConfig":{"serviceName":""}}`
}

// LoadBalancingConfig returns the value of the field loadBalancingConfig of a
// service config.
func (c Config) LoadBalancingConfig() string {
	data, err := json.Marshal([]map[string]wire{{Name: wire(c)}})
	if err != nil { // NaN or infinity: let the channel refuse it like other nonsense
		return fmt.Sprintf(`[{%q:{"policy":%q}}]`, Name, err)
	}
	return string(data)
}

// wire is a Config as it stands in JSON. Times are in nanoseconds, as Go has them;
// the service config is written and read by this package only.
type wire struct {
	Policy       Policy        `json:"policy,omitempty"`
	Zone         string        `json:"zone,omitempty"`
	ZoneShare    float64       `json:"zoneShare,omitempty"`
	NoEjection   bool          `json:"noEjection,omitempty"`
	Interval     time.Duration `json:"interval,omitempty"`
	Window       time.Duration `json:"window,omitempty"`
	Consecutive  int           `json:"consecutive,omitempty"`
	SlowFactor   float64       `json:"slowFactor,omitempty"`
	SlowFloor    time.Duration `json:"slowFloor,omitempty"`
	MaxEjected   float64       `json:"maxEjected,omitempty"`
	BaseEjection time.Duration `json:"baseEjection,omitempty"`
	MaxEjection  time.Duration `json:"maxEjection,omitempty"`
	TrialCalls   int           `json:"trialCalls,omitempty"`
	ProbeTimeout time.Duration `json:"probeTimeout,omitempty"`
}

// parsed is a Config with its defaults, as grpc-go hands it around.
type parsed struct {
	serviceconfig.LoadBalancingConfig

	Config
}

func parse(data json.RawMessage) (*parsed, error) {
	var w wire
	if err := json.Unmarshal(data, &w); err != nil {
		return nil, fmt.Errorf("%s: %w", Name, err)
	}
	c := Config(w).withDefaults()
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", Name, err)
	}
	return &parsed{Config: c}, nil
}

func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

func (c Config) withDefaults() Config {
	c.Policy = orDefault(c.Policy, LeastRequest)
	c.ZoneShare = orDefault(c.ZoneShare, 0.7)
	c.Interval = orDefault(c.Interval, 250*time.Millisecond)
	c.Window = orDefault(c.Window, 2*time.Second)
	c.Consecutive = orDefault(c.Consecutive, 5)
	c.SlowFactor = orDefault(c.SlowFactor, 4)
	c.SlowFloor = orDefault(c.SlowFloor, 25*time.Millisecond)
	c.MaxEjected = orDefault(c.MaxEjected, 0.5)
	c.BaseEjection = orDefault(c.BaseEjection, 5*time.Second)
	c.MaxEjection = max(orDefault(c.MaxEjection, time.Minute), c.BaseEjection)
	c.TrialCalls = orDefault(c.TrialCalls, 3)
	c.ProbeTimeout = orDefault(c.ProbeTimeout, 500*time.Millisecond)
	return c
}

func (c Config) validate() error {
	switch {
	case c.Policy != LeastRequest && c.Policy != RoundRobin:
		return fmt.Errorf("unknown policy %q (%s or %s)", c.Policy, LeastRequest, RoundRobin)
	case c.ZoneShare < 0 || c.ZoneShare > 1:
		return errors.New("zoneShare must be from 0 to 1")
	case c.MaxEjected < 0 || c.MaxEjected > 1:
		return errors.New("maxEjected must be from 0 to 1")
	case c.SlowFactor < 1:
		return errors.New("slowFactor must be at least 1")
	case c.Consecutive < 1 || c.TrialCalls < 1:
		return errors.New("consecutive and trialCalls must be positive")
	}
	for _, d := range []time.Duration{c.Interval, c.Window, c.SlowFloor, c.BaseEjection, c.ProbeTimeout} {
		if d <= 0 {
			return errors.New("times must be positive")
		}
	}
	return nil
}

func (c Config) outlier() outlier.Config {
	if c.NoEjection {
		c.MaxEjected = 0
	}
	return outlier.Config{
		Interval: c.Interval, Window: c.Window,
		Consecutive: c.Consecutive, FailureMargin: failureMargin, SlowMargin: slowMargin,
		SlowFactor: c.SlowFactor, SlowFloor: c.SlowFloor,
		MaxEjected: c.MaxEjected, BaseEjection: c.BaseEjection, MaxEjection: c.MaxEjection, TrialCalls: c.TrialCalls,
	}
}
