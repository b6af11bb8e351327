package reflection_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/reflection"
)

// heard records which services of the catalog were sent which token.
type heard struct {
	mu  sync.Mutex
	got map[string][]string
}

func (h *heard) open(_ context.Context, in fleet.Instance) (grpc.ClientConnInterface, func(), error) {
	cc, err := grpc.NewClient(in.Addr, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithStreamInterceptor(func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, streamer grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
			md, _ := metadata.FromOutgoingContext(ctx)
			h.mu.Lock()
			h.got[in.Service] = append(h.got[in.Service], md.Get("token")...)
			h.mu.Unlock()
			return streamer(ctx, desc, cc, method, opts...)
		}))
	return cc, func() { cc.Close() }, err
}

// A token that was given for one call is not shown to the whole fleet.
func TestASearchKeepsTheHeadersOfTheCallToItself(t *testing.T) {
	for name, c := range map[string]struct {
		service string
		meta    map[string]string
		want    map[string]string // by service, what it may hear
	}{
		"nobody says who is meant": {"", nil, map[string]string{"users": "search", "others": "search"}},
		"the user says":            {"users", nil, map[string]string{"users": "call"}},
		"the service says":         {"", map[string]string{fleet.MetaGRPCServices: "users.v1.UserService"}, map[string]string{"users": "call"}},
	} {
		t.Run(name, func(t *testing.T) {
			w, h := newWorld(t), &heard{got: map[string][]string{}}
			w.serve("users", c.meta, file("users.v1", "UserService", []string{"GetUser"}, "id"))
			w.serve("others", nil, file("others.v1", "OtherService", []string{"GetOther"}, "id"))
			l := w.locator()
			l.Open, l.Headers, l.Search = h.open, metadata.Pairs("token", "call"), metadata.Pairs("token", "search")
			must[*reflection.Located](t)(l.Method(t.Context(), "UserService.GetUser", c.service))
			for service, tokens := range h.got {
				if slices.ContainsFunc(tokens, func(s string) bool { return s != c.want[service] }) {
					t.Errorf("%s heard %q, want %q", service, tokens, c.want[service])
				}
			}
			if len(h.got["users"]) == 0 {
				t.Error("users heard nothing")
			}
		})
	}
}
