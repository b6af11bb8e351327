// Package scrape reads metrics where they are made: from each instance's own
// /metrics, twice, a moment apart. It needs no Prometheus, has no memory, and sees
// only that moment.
//
// Names, units and quantiles are those of package dialect, so that an answer
// means the same as one from Prometheus.
package scrape

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/backend"
	"github.com/gctl-dev/gctl/fleet/dialect"
)

// Source is the name of this source in a context's map.
const Source = "prometheus" // the names in labels are the same

// The defaults of Options.
const (
	DefaultPause   = 1500 * time.Millisecond
	DefaultTimeout = fleet.Patience

	maxBytes = 16 << 20 // of one /metrics
)

// Options say how instances are asked.
type Options struct {
	Pause   time.Duration                // between the two scrapes; 0: DefaultPause
	Timeout time.Duration                // of each scrape; 0: DefaultTimeout
	Proxy   string                       // socks5:// or http:// URL; empty: that of the environment
	Map     map[string]map[string]string // the context's: of a service, source to its name there
}

// Reader reads instances' own metrics. It is a fleet.MetricsReader and a
// fleet.BreakerReader.
type Reader struct{ o Options }

var (
	_ fleet.MetricsReader = (*Reader)(nil)
	_ fleet.SplitReader   = (*Reader)(nil)
	_ fleet.BreakerReader = (*Reader)(nil)
)

// New returns a reader; nobody is asked yet.
func New(o Options) *Reader {
	if o.Pause <= 0 {
		o.Pause = DefaultPause
	}
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	return &Reader{o: o}
}

// Address returns the URL of an instance's metrics: what its meta "metrics"
// says, an address or a URL; or the port and the path that "metrics_port" or
// "prometheus_port" and "metrics_path" name. "" where it publishes none.
func Address(in *fleet.Instance) string {
	where := in.Meta[fleet.MetaMetrics]
	if where == "" {
		for _, key := range []string{"metrics_port", "prometheus_port"} {
			if port := in.Meta[key]; port != "" {
				where = ":" + port
			}
		}
		if where == "" {
			return ""
		}
	}
	if !strings.Contains(where, "://") {
		where = "http://" + where
	}
	u, err := url.Parse(where)
	if err != nil || u.Port() == "" && u.Hostname() == "" {
		return ""
	}
	if ip := net.ParseIP(u.Hostname()); u.Hostname() == "" || ip != nil && ip.IsUnspecified() {
		host, _, err := net.SplitHostPort(in.Addr)
		if err != nil {
			return ""
		}
		u.Host = net.JoinHostPort(host, u.Port())
	}
	if u.Path == "" || u.Path == "/" {
		if u.Path = "/metrics"; in.Meta["metrics_path"] != "" {
			u.Path = "/" + strings.TrimPrefix(in.Meta["metrics_path"], "/")
		}
	}
	return u.String()
}

// page is one answer of one instance.
type page struct {
	samples []sample
	names   map[string]bool
	broken  int
	at      time.Time
}

// ask opens the way to an instance; done closes it.
func (r *Reader) ask(in *fleet.Instance) (get func(context.Context) (page, error), done func(), err error) {
	address := Address(in)
	if address == "" {
		return nil, nil, errNoAddress
	}
	where, err := url.Parse(address)
	if err != nil {
		return nil, nil, errNoAddress
	}
	client, err := backend.New(backend.Options{
		Name: "the metrics of " + in.ID, URL: where.Scheme + "://" + where.Host, Proxy: r.o.Proxy, Timeout: r.o.Timeout, MaxBytes: maxBytes,
		Headers: map[string]string{"Accept": "text/plain;version=1.0.0;escaping=allow-utf-8,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"},
	})
	if err != nil {
		return nil, nil, err
	}
	return func(ctx context.Context) (page, error) {
		body, err := client.Get(ctx, where.Path, where.Query())
		if err != nil {
			return page{}, err
		}
		p := page{at: time.Now(), names: map[string]bool{}}
		if p.samples, p.broken, err = parse(body, wanted); err != nil {
			return page{}, &fleet.Error{What: "read " + address, Err: err, Hint: "is it the address of the metrics? The instance's meta metrics says so"}
		}
		for i := range p.samples {
			p.names[p.samples[i].name] = true
		}
		return p, nil
	}, client.Close, nil
}

var errNoAddress = errors.New("it does not say where its metrics are (meta metrics)")

// startTime says when a process started, in Unix seconds.
const startTime = "process_start_time_seconds"

// wantedNames are those of all dialects.
//
//nolint:gochecknoglobals // computed once, when it is first needed
var wantedNames = sync.OnceValue(func() map[string]bool {
	names := map[string]bool{startTime: true}
	for _, side := range []fleet.Side{fleet.ServerSide, fleet.ClientSide} {
		for _, mesh := range []bool{false, true} {
			for _, name := range dialect.Series(side, mesh) {
				names[name] = true
				if base, ok := strings.CutSuffix(name, "_count"); ok {
					names[base+"_bucket"] = true
				}
			}
		}
	}
	return names
})

func wanted(name string) bool { return wantedNames()[name] || dialect.IsBreaker(name) }

func missing(in *fleet.Instance, what string, err error) fleet.Missing {
	return fleet.Missing{Instance: *in, What: what, Err: err}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

func provenance(source, query string) fleet.Provenance {
	return fleet.Provenance{Source: source, Query: query, At: time.Now()}
}

func many(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
