package kit

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/discovery/consul"
)

const (
	// leaveTimeout bounds the deregistration: a catalog that is away must not
	// keep the process from stopping.
	leaveTimeout = 5 * time.Second
	// forgetAfter is when Consul drops an instance that died without leaving.
	forgetAfter = 10 * time.Minute
	// checkInterval is how often Consul asks for the health of an instance.
	checkInterval = 2 * time.Second
)

// join registers the instance in the catalog, if there is one, and returns how
// to leave it. The registration comes back when the agent forgets it or was
// away: the server serves meanwhile.
func (s *Server) join(ctx context.Context) (leave func(context.Context) error, err error) {
	if s.catalog == nil {
		return func(context.Context) error { return nil }, nil
	}
	registration, err := s.registration()
	if err != nil {
		return nil, err
	}
	announcing, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	registered := false // once confirmed by the agent
	go func() {
		defer close(done)
		tell := s.announced(announcing)
		s.catalog.Announce(announcing, registration, func(err error) {
			registered = registered || err == nil
			tell(err)
		})
	}()
	return func(ctx context.Context) error {
		stop()
		<-done
		return s.leave(ctx, registration.ID, registered)
	}, nil
}

// leave takes the instance out of the catalog, even if it does not know of having
// been registered: the answer may have been lost.
func (s *Server) leave(ctx context.Context, id string, registered bool) error {
	ctx, cancel := context.WithTimeout(ctx, leaveTimeout)
	defer cancel()
	err := s.catalog.Deregister(ctx, id)
	switch {
	case err == nil:
		s.log.InfoContext(ctx, "left the catalog")
	case !registered:
		s.log.WarnContext(ctx, "could not leave the catalog, where the instance is not known to be registered", "catalog", s.options.Consul, "error", err)
		return fmt.Errorf("leave the catalog, where the instance is not known to be registered: %w", err)
	default:
		s.log.ErrorContext(ctx, "could not leave the catalog", "error", err)
		return fmt.Errorf("leave the catalog: %w", err)
	}
	return nil
}

// announced returns a function that logs the results of announcements, each
// news once.
func (s *Server) announced(ctx context.Context) func(error) {
	last := errors.New("not yet registered")
	return func(err error) {
		switch {
		case err == nil && last != nil:
			s.log.InfoContext(ctx, "registered", "catalog", s.options.Consul)
		case err != nil && (last == nil || last.Error() != err.Error()):
			s.log.WarnContext(ctx, "not registered", "catalog", s.options.Consul, "error", err)
		}
		last = err
	}
}

// registration is what the catalog gets to know. Consul's gRPC check has no
// client certificate to show, so where one is demanded the server reports by
// itself. The check asks whether the process is well, not who it is: the agent
// need not know the CA, clients do.
func (s *Server) registration() (consul.Registration, error) {
	addr, err := s.options.advertised(s.Addr())
	if err != nil {
		return consul.Registration{}, err
	}
	check := consul.Check{
		Kind: consul.GRPCCheck, TLS: !s.options.Plaintext, TLSSkipVerify: true,
		Interval: checkInterval, DeregisterAfter: forgetAfter,
	}
	if s.options.TLSClientCA != "" {
		check = consul.Check{Kind: consul.TTLCheck, Healthy: s.readyz, TTL: 3 * checkInterval, DeregisterAfter: forgetAfter}
	}
	meta := map[string]string{
		"instance":      s.options.Instance,
		"tls":           strconv.FormatBool(!s.options.Plaintext),
		"grpc_services": strings.Join(s.own(), ","),
		"version":       s.options.Version,
	}
	for key, value := range map[string]string{
		"zone": s.options.Zone, "admin": besideOf(addr, addrOf(s.adminListener)), "metrics": besideOf(addr, s.metricsAddr),
		"http": besideOf(addr, s.httpAddr()),
	} {
		if value != "" {
			meta[key] = value
		}
	}
	return consul.Registration{Service: s.options.Service, ID: s.options.Instance, Addr: addr, Meta: meta, Check: check}, nil
}

// httpAddr returns where the first of the HTTP servers of ServeHTTP listens, nil
// if there is none.
func (s *Server) httpAddr() net.Addr {
	if len(s.fronts) == 0 {
		return nil
	}
	return s.fronts[0].listener.Addr()
}

// own returns the services that are this server's own.
func (s *Server) own() []string {
	return slices.DeleteFunc(s.services(), func(name string) bool { return slices.Contains(s.forwarded, name) })
}

// Forwards says that these of the registered services are those of others, to
// whom calls are passed on: the catalog does not name them as this server's own.
// Call it before Run.
func (s *Server) Forwards(services ...string) { s.forwarded = append(s.forwarded, services...) }

// besideOf returns the address at which others find a listener of this process:
// its own, or, where it listens on all of the machine's, that of the API with its
// port. Empty without a listener, and for one that others cannot reach.
func besideOf(api string, own net.Addr) string {
	if own == nil || onLoopback(own.String()) && !onLoopback(api) {
		return "" // elsewhere it would be somebody else's address
	}
	host, port, err := net.SplitHostPort(own.String())
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		if host, _, err = net.SplitHostPort(api); err == nil {
			return net.JoinHostPort(host, port)
		}
	}
	return own.String()
}
