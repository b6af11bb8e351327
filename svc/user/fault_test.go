package user_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gctl-dev/gctl/internal/stack"
	userv1 "github.com/gctl-dev/gctl/svc/user/api"
)

// journal is a log that is read.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// calls are one of each kind of call: a read, a write, a stream.
func calls(c userv1.UserServiceClient) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"GetUser": func(ctx context.Context) error {
			_, err := c.GetUser(ctx, &userv1.GetUserRequest{Id: "u-1"})
			return err
		},
		"UpdateUser": func(ctx context.Context) error {
			_, err := c.UpdateUser(ctx, &userv1.UpdateUserRequest{User: &userv1.User{Id: "u-1", DisplayName: "Ada"}})
			return err
		},
		"WatchUsers": func(ctx context.Context) error {
			stream, err := c.WatchUsers(ctx, &userv1.WatchUsersRequest{InitialCheckpoint: true})
			if err == nil {
				_, err = stream.Recv()
			}
			return err
		},
	}
}

// expectCalls makes each call, with a time limit if that is not 0.
func expectCalls(t *testing.T, c *instance, limit time.Duration, code codes.Code, reason string) {
	t.Helper()
	for name, call := range calls(c) {
		ctx := deadline(t)
		if limit > 0 {
			limited, cancel := context.WithTimeout(ctx, limit)
			defer cancel()
			ctx = limited
		}
		err := call(ctx)
		if got, _ := errorInfo(err); status.Code(err) != code || got != reason {
			t.Errorf("%s = %v with reason %s, want %v %s", name, err, got, code, reason)
		}
	}
}

// recovers waits until every call is answered again, and Check says so.
func recovers(t *testing.T, c *instance) {
	t.Helper()
	ctx := deadline(t)
	for name, call := range calls(c) {
		for call(ctx) != nil {
			if ctx.Err() != nil {
				t.Fatalf("%s does not recover", name)
			}
		}
	}
	if err := c.service.Check(ctx); err != nil {
		t.Errorf("Check = %v", err)
	}
}

func TestAStoreThatIsAwaySlowOrFullIsSaidAndComesBack(t *testing.T) {
	server := stack.PostgresFor(t, stack.PostgresOptions{})
	store, err := server.Database(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var log journal
	c := startLogged(t, store, &log)
	create(t, c, person("u-1"))
	expectCalls(t, c, 0, codes.OK, "")
	token := expectChange(t, watch(t, c, &userv1.WatchUsersRequest{InitialCheckpoint: true}), "checkpoint")

	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	expectCalls(t, c, 0, codes.Unavailable, "STORE_UNAVAILABLE")
	if err := c.service.Check(deadline(t)); err == nil {
		t.Error("Check finds a store that is away")
	}
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	recovers(t, c)
	expectChange(t, watch(t, c, &userv1.WatchUsersRequest{Token: token}), "updated u-1") // by recovers

	if err := server.Pause(); err != nil {
		t.Fatal(err)
	}
	expectCalls(t, c, 100*time.Millisecond, codes.DeadlineExceeded, "")
	// By the service's own limits: no answer on a connection that is open is
	// slow, none to a new connection is away.
	_, err = c.GetUser(deadline(t), &userv1.GetUserRequest{Id: "u-1"})
	reason, _ := errorInfo(err)
	if got := status.Code(err).String() + " " + reason; got != "DeadlineExceeded STORE_SLOW" && got != "Unavailable STORE_UNAVAILABLE" {
		t.Errorf("hanging: %v", err)
	}
	if err := server.Resume(); err != nil {
		t.Fatal(err)
	}
	recovers(t, c)

	_, err = server.SQL(t.Context(), "test1", `CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN RAISE EXCEPTION 'No space left on device' USING ERRCODE = 'disk_full'; END $$;
		CREATE TRIGGER full_disk BEFORE INSERT ON changes FOR EACH ROW EXECUTE FUNCTION full_disk()`)
	if err != nil {
		t.Fatal(err)
	}
	err = calls(c)["UpdateUser"](deadline(t))
	if reason, _ := errorInfo(err); status.Code(err) != codes.ResourceExhausted || reason != "STORE_FULL" {
		t.Errorf("full: %v", err)
	}
	if _, err := server.SQL(t.Context(), "test1", "DROP TRIGGER full_disk ON changes"); err != nil {
		t.Fatal(err)
	}
	recovers(t, c)
	if text := log.String(); !strings.Contains(text, "No space left") || strings.Contains(text, server.Password()) {
		t.Errorf("the log has no cause, or the password:\n%s", text)
	}
}
