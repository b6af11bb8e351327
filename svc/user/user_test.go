package user_test

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/gctl-dev/gctl/svc/kit"
	"github.com/gctl-dev/gctl/svc/user"
	userv1 "github.com/gctl-dev/gctl/svc/user/api"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// instance is one running instance of the service.
type instance struct {
	userv1.UserServiceClient

	conn    *grpc.ClientConn
	service *user.Service
	stop    func() // drains; may be called twice
}

func newStore(t *testing.T) string {
	t.Helper()
	return "sqlite://" + filepath.Join(t.TempDir(), "users.db")
}

// start runs an instance over a store, behind the whole chain of the kit.
func start(t *testing.T, store string) *instance {
	t.Helper()
	return startLogged(t, store, io.Discard)
}

func startLogged(t *testing.T, store string, log io.Writer) *instance {
	t.Helper()
	listener := bufconn.Listen(1 << 20)
	server, err := kit.New(t.Context(), kit.Options{
		Config:   kit.Config{Plaintext: true, Instance: "user-1"},
		Service:  user.Name,
		Listener: listener,
		LogTo:    log,
	})
	if err != nil {
		t.Fatal(err)
	}
	service, err := user.New(t.Context(), store, user.Options{Stopping: server.Stopping()})
	if err != nil {
		t.Fatal(err)
	}
	service.Register(server)
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- server.Run(ctx) }()
	conn, err := grpc.NewClient("passthrough:///bufconn", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	stopped := false
	stop := func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ran; err != nil {
			t.Errorf("Run = %v", err)
		}
		if err := service.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	}
	t.Cleanup(func() { conn.Close(); stop() })
	return &instance{userv1.NewUserServiceClient(conn), conn, service, stop}
}

// deadline returns a context that ends long after everything should have.
func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// person returns a valid user with an ID.
func person(id string) *userv1.User {
	return &userv1.User{Id: id, Email: id + "@example.com", DisplayName: "User " + id}
}

// create stores users.
func create(t *testing.T, c userv1.UserServiceClient, users ...*userv1.User) {
	t.Helper()
	for _, u := range users {
		if _, err := c.CreateUser(deadline(t), &userv1.CreateUserRequest{User: u}); err != nil {
			t.Fatalf("CreateUser(%s) = %v", u.GetId(), err)
		}
	}
}
