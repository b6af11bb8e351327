package main

import (
	"context"
	"crypto/rand"
	"errors"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/gctl-dev/gctl/discovery/consul"
	"github.com/gctl-dev/gctl/internal/stack"
	"github.com/gctl-dev/gctl/internal/testkit"
	userv1 "github.com/gctl-dev/gctl/svc/user/api"
)

// The tests run this binary again as userd: a real process with real signals.
func TestMain(m *testing.M) {
	if os.Getenv("RUN_AS_USERD") != "" {
		main()
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func store(t *testing.T) string {
	t.Helper()
	return "--store=sqlite://" + filepath.Join(t.TempDir(), "users.db")
}

// instances returns what Consul knows: id=status.
func instances(ctx context.Context, c *consul.Client) ([]string, error) {
	r, err := c.Lookup(ctx, "user")
	var found []string
	for _, e := range r.Endpoints {
		found = append(found, e.ID+"="+e.Status+" "+e.Meta["grpc_services"]+" "+e.Meta["tls"])
	}
	return found, err
}

// expectInstances waits until Consul knows what is wanted.
func expectInstances(ctx context.Context, t *testing.T, c *consul.Client, want ...string) {
	t.Helper()
	eventually(t, "the catalog has "+strings.Join(want, ", "), func() error {
		found, err := instances(ctx, c)
		if err == nil && !slices.Equal(found, want) {
			err = errors.New("it has " + strings.Join(found, ", "))
		}
		return err
	})
}

func TestSIGTERMDrainsInOrder(t *testing.T) {
	agent := stack.ConsulFor(t, stack.ConsulOptions{})
	catalog, err := consul.New(consul.Config{Address: agent.Addr})
	if err != nil {
		t.Fatal(err)
	}
	defer catalog.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	p := start(t, store(t), "--consul="+agent.Addr, "--instance=user-1", "--drain-wait=3s")
	expectInstances(ctx, t, catalog, "user-1=passing user.v1.UserService false")
	conn := p.dial(t)
	users := userv1.NewUserServiceClient(conn)
	health, err := healthpb.NewHealthClient(conn).Watch(ctx, &healthpb.HealthCheckRequest{Service: "user.v1.UserService"})
	if err != nil {
		t.Fatal(err)
	}
	watch, err := users.WatchUsers(ctx, &userv1.WatchUsersRequest{})
	if err != nil {
		t.Fatal(err)
	}
	expectHealth(t, health, healthpb.HealthCheckResponse_SERVING)

	signalled := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	expectHealth(t, health, healthpb.HealthCheckResponse_NOT_SERVING)
	expectInstances(ctx, t, catalog)
	if _, err := users.CreateUser(ctx, &userv1.CreateUserRequest{User: &userv1.User{Email: "late@example.com", DisplayName: "Late"}}); err != nil {
		t.Errorf("a call while clients get time to notice: %v", err)
	}
	if c, err := watch.Recv(); err != nil || c.GetCreated().GetDisplayName() != "Late" {
		t.Errorf("watch while draining = %v, %v", c, err)
	}
	if _, err := watch.Recv(); status.Code(err) != codes.Unavailable {
		t.Errorf("the watch ended with %v, want UNAVAILABLE", err)
	}
	if code := p.await(t); code != 0 || time.Since(signalled) < 3*time.Second {
		t.Errorf("exit code %d after %v", code, time.Since(signalled))
	}
	calls := func(message string) bool { return message == "call" } // the access log
	if log := slices.DeleteFunc(p.messages(), calls); !slices.Equal(log[len(log)-3:], []string{"draining", "left the catalog", "stopped"}) {
		t.Errorf("log = %q", log)
	}
}

func expectHealth(t *testing.T, stream grpc.ServerStreamingClient[healthpb.HealthCheckResponse], want healthpb.HealthCheckResponse_ServingStatus) {
	t.Helper()
	if r, err := stream.Recv(); err != nil || r.GetStatus() != want {
		t.Fatalf("health = %v, %v, want %v", r, err, want)
	}
}

func TestConsulSeesTLSAndMutualTLSServersWell(t *testing.T) {
	agent := stack.ConsulFor(t, stack.ConsulOptions{})
	catalog, err := consul.New(consul.Config{Address: agent.Addr})
	if err != nil {
		t.Fatal(err)
	}
	defer catalog.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	ca := testkit.NewCA(t)
	cert, key := testkit.Files(t, ca.Cert(t, []string{"127.0.0.1"}))
	secured := []string{"--tls-cert=" + cert, "--tls-key=" + key, "--consul=" + agent.Addr, "--drain-wait=0s"}
	one := startSecured(t, append(secured, store(t), "--instance=user-1")...)
	two := startSecured(t, append(secured, store(t), "--instance=user-2", "--tls-client-ca="+ca.File)...)
	expectInstances(ctx, t, catalog, "user-1=passing user.v1.UserService true", "user-2=passing user.v1.UserService true")
	for _, p := range []*process{one, two} {
		if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if code := p.await(t); code != 0 {
			t.Errorf("exit code %d", code)
		}
	}
	expectInstances(ctx, t, catalog)
}

func TestASecondSignalStopsAtOnce(t *testing.T) {
	p := start(t, store(t), "--drain-wait=1h")
	for _, s := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		if err := p.cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the signal is seen", func() error {
			if !slices.Contains(p.messages(), "draining") {
				return errors.New("not yet")
			}
			return nil
		})
	}
	if code := p.await(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestNothingAcknowledgedIsLostOverSIGKILL(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { killWhileWriting(t, store(t)) })
	t.Run("postgres", func(t *testing.T) {
		url, err := stack.PostgresFor(t, stack.PostgresOptions{}).Database(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		killWhileWriting(t, "--store="+url)
	})
}

func killWhileWriting(t *testing.T, where string) {
	t.Helper()
	p := start(t, where)
	users := userv1.NewUserServiceClient(p.dial(t))
	acknowledged := make(chan string, 10_000)
	var writers sync.WaitGroup
	for range 4 {
		writers.Go(func() {
			for {
				u, err := users.CreateUser(t.Context(), &userv1.CreateUserRequest{User: &userv1.User{
					Email: strings.ToLower(rand.Text()) + "@example.com", DisplayName: "Anybody",
				}})
				if err != nil {
					return // killed
				}
				acknowledged <- u.GetId()
			}
		})
	}
	eventually(t, "some writes", func() error {
		if len(acknowledged) < 200 {
			return errors.New("not enough")
		}
		return nil
	})
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-p.ended
	writers.Wait()
	close(acknowledged)
	after := userv1.NewUserServiceClient(start(t, where).dial(t))
	for id := range acknowledged {
		if _, err := after.GetUser(t.Context(), &userv1.GetUserRequest{Id: id}); err != nil {
			t.Fatalf("acknowledged user %s is lost: %v", id, err)
		}
	}
}

func TestCommandLineErrors(t *testing.T) {
	for _, test := range []struct {
		name string
		env  []string
		args []string
		code int
		want string
	}{
		{"no certificate", nil, nil, 2, "give --tls-cert and --tls-key, or --plaintext"},
		{"contradiction", []string{"USERD_PLAINTEXT=true"}, []string{"--tls-cert=x"}, 2, "--plaintext contradicts"},
		{"bad variable", []string{"USERD_DRAIN_WAIT=soon"}, []string{"--plaintext"}, 2, `USERD_DRAIN_WAIT: "soon" is no valid value: want a duration with its unit`},
		{"unknown flag", nil, []string{"--nope=x"}, 2, "unknown flag: --nope"},
		{"argument", nil, []string{"serve"}, 2, `unexpected argument "serve"`},
		{"all addresses", nil, []string{"--plaintext", "--listen=:0", "--consul=127.0.0.1:1", store(t)}, 2, "give --advertise"},
		{"no store", nil, []string{"--plaintext", "--store=", "--listen=127.0.0.1:0"}, 2, "--store: neither of the form sqlite:///path/users.db nor postgres://"},
		{"unknown store", nil, []string{"--plaintext", "--store=mysql://app:s3cret@x", "--listen=127.0.0.1:0"}, 2, "--store: neither of the form"},
		{"store of keys and values", []string{"USERD_STORE=host=127.0.0.1 user=app password=s3cret"}, []string{"--plaintext", "--listen=127.0.0.1:0"}, 2, "--store: neither of the form"},
		{"sqlite without a path", nil, []string{"--plaintext", "--store=sqlite://", "--listen=127.0.0.1:0"}, 2, "--store: not of the form sqlite:///path/users.db"},
		{"postgres with a port of letters", nil, []string{"--plaintext", "--store=postgres://app:s3cret@x:port/y", "--listen=127.0.0.1:0"}, 2, "--store: not of the form postgres://"},
		{"postgres with an unknown sslmode", nil, []string{"--plaintext", "--store=postgres://app:s3cret@x/y?sslmode=x", "--listen=127.0.0.1:0"}, 2, "sslmode is invalid"},
		{"sqlite in no folder", nil, []string{"--plaintext", "--store=sqlite:///no/such/users.db", "--listen=127.0.0.1:0"}, 1, "no such file or directory"},
		{"postgres that is away", nil, []string{"--plaintext", "--store=postgres://app:s3cret@127.0.0.1:1/y", "--listen=127.0.0.1:0"}, 1, "connection refused"},
	} {
		t.Run(test.name, func(t *testing.T) {
			out, err := userd(t, test.env, test.args...).CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != test.code || !strings.Contains(string(out), test.want) || strings.Contains(string(out), "s3cret") {
				t.Errorf("%v, output %q, want exit %d and %q", err, out, test.code, test.want)
			}
		})
	}
}

// The log says which store is used, and no password, wherever it was given.
func TestTheLogNamesTheStore(t *testing.T) {
	server := stack.PostgresFor(t, stack.PostgresOptions{})
	database, err := server.Database(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	q := u.Query()
	q.Set("user", u.User.Username())
	q.Set("password", password)
	keys := *u
	keys.User, keys.RawQuery = nil, q.Encode()
	file := filepath.Join(t.TempDir(), "users.db")
	postgres := "postgres://" + u.User.Username() + "@" + u.Host + u.Path
	for store, want := range map[string]string{
		"sqlite://" + file: "sqlite://" + file, database: postgres, keys.String(): postgres,
	} {
		p := start(t, "--store="+store)
		if got := p.stores(); !slices.Equal(got, []string{want}) {
			t.Errorf("the log names %q, want %q", got, want)
		}
		if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if p.said(password) {
			t.Error("the log shows the password")
		}
	}
}

func TestHelpNamesEveryFlagAndExitsZero(t *testing.T) {
	out, err := userd(t, nil, "--help").CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	for _, flag := range []string{
		"--listen", "--store", "--consul", "--tls-cert", "--tls-key", "--tls-client-ca", "--plaintext",
		"--advertise", "--instance", "--zone", "--drain-wait", "--version",
	} {
		if !strings.Contains(string(out), flag+" ") {
			t.Errorf("help does not name %s", flag)
		}
	}
}
