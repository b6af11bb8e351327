package kit

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// How often, and how long at most, what the server depends on is checked.
const (
	readyEvery   = time.Second
	readyTimeout = 2 * time.Second
)

// readiness joins what speaks against serving, and tells the health service. The
// server serves where nothing does.
type readiness struct {
	health *health.Server

	mu       sync.Mutex
	services []string          // whose health is told beside that of the whole
	against  map[string]string // what speaks against it: the cause by its source
}

func newReadiness() *readiness {
	r := &readiness{health: health.NewServer(), against: map[string]string{}}
	r.against["start"] = "it has not started"
	r.tell()
	return r
}

// set says whether one source speaks against serving; an empty cause means that
// it does not. It returns whether that is news.
func (r *readiness) set(source, cause string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.against[source] == cause {
		return false
	}
	if cause == "" {
		delete(r.against, source)
	} else {
		r.against[source] = cause
	}
	r.tell()
	return true
}

// start begins to serve these services.
func (r *readiness) start(services []string) {
	r.mu.Lock()
	r.services = services
	r.mu.Unlock()
	r.set("start", "")
}

// tell passes the verdict on, with mu held or before anybody else knows r.
func (r *readiness) tell() {
	verdict := healthpb.HealthCheckResponse_SERVING
	if len(r.against) > 0 {
		verdict = healthpb.HealthCheckResponse_NOT_SERVING
	}
	r.health.SetServingStatus("", verdict)
	for _, name := range r.services {
		r.health.SetServingStatus(name, verdict)
	}
}

// shutdown makes the health NOT_SERVING for good.
func (r *readiness) shutdown() {
	r.set("drain", "it is stopping")
	r.health.Shutdown()
}

// cause returns why the server does not serve, or "".
func (r *readiness) cause() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var causes []string
	for _, source := range slices.Sorted(maps.Keys(r.against)) {
		causes = append(causes, r.against[source])
	}
	return strings.Join(causes, "; ")
}

// readyz is the answer of /readyz.
func (s *Server) readyz(context.Context) error {
	if cause := s.ready.cause(); cause != "" {
		return errors.New(cause)
	}
	return nil
}

// dependencyPrefix keeps the names of dependencies apart from other sources.
const dependencyPrefix = "dependency "

// dependency is something without which the server cannot answer.
type dependency struct {
	name  string
	check func(context.Context) error
}

// watch checks a dependency until ctx ends.
func (s *Server) watch(ctx context.Context, d dependency) {
	ticker := time.NewTicker(readyEvery)
	defer ticker.Stop()
	for {
		s.look(ctx, d)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// look checks a dependency once.
func (s *Server) look(ctx context.Context, d dependency) {
	bounded, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	err := d.check(bounded)
	switch {
	case ctx.Err() != nil:
	case err == nil:
		if s.ready.set(dependencyPrefix+d.name, "") {
			s.log.InfoContext(ctx, "dependency answers", "dependency", d.name)
		}
	default:
		if s.ready.set(dependencyPrefix+d.name, d.name+" does not answer") {
			s.log.ErrorContext(ctx, "dependency does not answer", "dependency", d.name, "error", err)
		}
	}
}
