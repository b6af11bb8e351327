package kit

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"

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
func (s *Server) join(ctx context.Context) (leave func(context.Context), err error) {
	if s.options.Consul == "" {
		return func(context.Context) {}, nil
	}
	registration, err := s.registration()
	if err != nil {
		return nil, err
	}
	client, err := consul.New(consul.Config{Address: s.options.Consul})
	if err != nil {
		return nil, fmt.Errorf("--consul: %w", err)
	}
	announcing, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		client.Announce(announcing, registration, s.announced(announcing))
	}()
	return func(ctx context.Context) {
		defer client.Close()
		stop()
		<-done
		ctx, cancel := context.WithTimeout(ctx, leaveTimeout)
		defer cancel()
		if err := client.Deregister(ctx, registration.ID); err != nil {
			s.log.ErrorContext(ctx, "could not leave the catalog", "error", err)
			return
		}
		s.log.InfoContext(ctx, "left the catalog")
	}, nil
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
		check = consul.Check{Kind: consul.TTLCheck, Healthy: s.healthy, DeregisterAfter: forgetAfter}
	}
	meta := map[string]string{
		"instance":      s.options.Instance,
		"tls":           strconv.FormatBool(!s.options.Plaintext),
		"grpc_services": strings.Join(s.services(), ","),
		"version":       s.options.Version,
	}
	if s.options.Zone != "" {
		meta["zone"] = s.options.Zone
	}
	return consul.Registration{Service: s.options.Service, ID: s.options.Instance, Addr: addr, Meta: meta, Check: check}, nil
}

// healthy is the server's own verdict.
func (s *Server) healthy(ctx context.Context) error {
	response, err := s.health.Check(ctx, &healthpb.HealthCheckRequest{})
	if err == nil && response.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		err = errors.New(response.GetStatus().String())
	}
	return err
}
