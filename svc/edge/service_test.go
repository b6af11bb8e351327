package edge_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/gctl-dev/gctl/svc/edge"
	"github.com/gctl-dev/gctl/svc/kit"
)

// service is an edge as its main runs it.
type service struct {
	*world

	grpc, metrics string // host:port
}

// newService runs an edge in front of what serves at target, with the whole kit.
func newService(t testing.TB, target string, change ...func(*kit.Config)) *service {
	t.Helper()
	config := kit.Config{
		Listen: "127.0.0.1:0", MetricsListen: "127.0.0.1:0", Plaintext: true, Instance: "edge-1", LogLevel: slog.LevelDebug,
	}
	for _, f := range change {
		f(&config)
	}
	s := &service{world: &world{log: &record{}}}
	server, err := kit.New(t.Context(), kit.Options{Config: config, Service: edge.Name, LogTo: s.log, ServerOptions: edge.ServerOptions()})
	if err != nil {
		t.Fatal(err)
	}
	if err := edge.Setup(t.Context(), server, &edge.Config{HTTPListen: "127.0.0.1:0", Target: "user", TargetAddrs: []string{target}}); err != nil {
		t.Fatal(errors.Join(err, server.Close()))
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- server.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	})
	eventually(t, "the edge serves", func() error {
		line, err := s.find("message", "serving")
		s.grpc, s.http, s.metrics = text(line, "address"), text(line, "http_address"), text(line, "metrics_address")
		return err
	})
	if s.conn, err = grpc.NewClient(s.grpc, grpc.WithTransportCredentials(insecure.NewCredentials())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.conn.Close() })
	return s
}

// find returns the first line of the log with these keys and values.
func (w *world) find(pairs ...string) (map[string]any, error) {
	for line := range strings.Lines(w.log.String()) {
		var fields map[string]any
		if json.Unmarshal([]byte(line), &fields) != nil {
			continue
		}
		found := true
		for i := 0; i < len(pairs); i += 2 {
			found = found && text(fields, pairs[i]) == pairs[i+1]
		}
		if found {
			return fields, nil
		}
	}
	return nil, fmt.Errorf("no line with %q in %s", pairs, w.log)
}

func text(fields map[string]any, key string) string {
	if fields[key] == nil {
		return ""
	}
	return fmt.Sprint(fields[key])
}

// count returns how many calls of a method of the user service ended with a
// status, by the metrics.
func (s *service) count(t testing.TB, method, status string) string {
	t.Helper()
	_, body := do(t, httpClient(t, 1), http.MethodGet, "http://"+s.metrics+"/metrics", "")
	for line := range strings.Lines(body) {
		if strings.HasPrefix(line, "grpc_server_call_duration_seconds_count{") && strings.Contains(line, `grpc_method="user.v1.UserService/`+method+`"`) &&
			strings.Contains(line, `grpc_status="`+status+`"`) {
			return strings.TrimSpace(line[strings.LastIndexByte(line, ' '):])
		}
	}
	return "0"
}
