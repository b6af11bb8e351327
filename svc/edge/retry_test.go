package edge_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	userv1 "github.com/gctl-dev/gctl/svc/user/api"
)

// lossy is an edge in front of the real user service, over a wire that loses the
// answer to the first call of CreateUser: it is cut when the user is there.
type lossy struct {
	*service

	users userv1.UserServiceClient // not over the wire
	cut   *cutter
}

func newLossy(t *testing.T) *lossy {
	t.Helper()
	addr := newUsers(t)
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	l := &lossy{users: userv1.NewUserServiceClient(conn), cut: newCutter(t, addr)}
	l.service = newService(t, l.cut.addr)
	return l
}

// there tells how many users have an e-mail address.
func (l *lossy) there(ctx context.Context, email string) (n int, err error) {
	all, err := l.users.ListUsers(ctx, &userv1.ListUsersRequest{})
	for _, u := range all.GetUsers() {
		if u.GetEmail() == email {
			n++
		}
	}
	return n, err
}

// lose has create called while answers are lost, until the user is there.
func (l *lossy) lose(t *testing.T, email string, create func() error) error {
	t.Helper()
	if _, err := userv1.NewUserServiceClient(l.conn).ListUsers(deadline(t), &userv1.ListUsersRequest{}); err != nil {
		t.Fatal(err) // there is a connection, and it works
	}
	l.cut.silence()
	created := make(chan error, 1)
	go func() { created <- create() }()
	eventually(t, "the user is there", func() error {
		if n, err := l.there(deadline(t), email); err != nil || n == 0 {
			return errors.Join(err, errors.New("no user"))
		}
		return nil
	})
	l.cut.all()
	return <-created
}

// The answer to a creation is lost. With an idempotency key the edge repeats it,
// and the caller gets the user that the first attempt made.
func TestACreationWithAKeyIsRepeatedAfterALostAnswer(t *testing.T) {
	l := newLossy(t)
	for i, p := range protocols() {
		if p.name == "connect GET" {
			continue // changes nothing
		}
		name := "keyed-" + string(rune('a'+i))
		email := name + "@example.com"
		err := l.lose(t, email, func() error {
			create := client[userv1.CreateUserRequest, userv1.User](t, l.world, p, "CreateUser")
			got, err := create.CallUnary(deadline(t), connect.NewRequest(&userv1.CreateUserRequest{User: person(name), RequestId: "request-0000-0000-" + name}))
			if err == nil && got.Msg.GetId() != name {
				return errors.New("another user: " + got.Msg.String())
			}
			return err
		})
		if n, there := l.there(deadline(t), email); err != nil || there != nil || n != 1 {
			t.Errorf("%s: %v; %d users, %v", p.name, err, n, there)
		}
	}
}

func TestACreationByRESTWithAKeyIsRepeated(t *testing.T) {
	l := newLossy(t)
	err := l.lose(t, "rest@example.com", func() error {
		r, err := http.NewRequestWithContext(deadline(t), http.MethodPost, "http://"+l.http+"/v1/users?requestId=request-0000-0000-rest",
			strings.NewReader(`{"email":"rest@example.com","displayName":"R"}`))
		if err != nil {
			return err
		}
		r.Header.Set("Content-Type", "application/json")
		answer, err := httpClient(t, 1).Do(r)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			body, err := io.ReadAll(answer.Body)
			return errors.Join(err, errors.New(answer.Status+" "+string(bytes.TrimSpace(body))))
		}
		return nil
	})
	if n, there := l.there(deadline(t), "rest@example.com"); err != nil || there != nil || n != 1 {
		t.Errorf("%v; %d users, %v", err, n, there)
	}
}

// Without a key nobody knows whether a second attempt would make a second user.
func TestACreationWithoutAKeyIsNot(t *testing.T) {
	l := newLossy(t)
	err := l.lose(t, "plain@example.com", func() error {
		create := client[userv1.CreateUserRequest, userv1.User](t, l.world, protocols()[0], "CreateUser")
		_, err := create.CallUnary(deadline(t), connect.NewRequest(&userv1.CreateUserRequest{User: person("plain")}))
		return err
	})
	if connect.CodeOf(err) != connect.CodeUnavailable || infoOf(t, err).GetReason() != "NO_ANSWER" {
		t.Errorf("%v, want UNAVAILABLE", err)
	}
}

// fickle is a user service whose first watch fails before it says anything.
type fickle struct {
	userv1.UnimplementedUserServiceServer

	calls  atomic.Int64
	tokens chan string
}

func (f *fickle) WatchUsers(r *userv1.WatchUsersRequest, stream grpc.ServerStreamingServer[userv1.UserChange]) error {
	f.tokens <- r.GetToken()
	if f.calls.Add(1) == 1 {
		return told("away")
	}
	if err := stream.SendHeader(metadata.Pairs("x-said", "second")); err != nil {
		return err
	}
	return stream.Send(&userv1.UserChange{Token: "t-2"})
}

// A watch that is repeated begins where the caller wanted it to.
func TestAWatchIsRepeatedWithItsToken(t *testing.T) {
	f := &fickle{tokens: make(chan string, 2)}
	s := newService(t, serveUsers(t, f))
	if err := watch(t, s.world, protocols()[0], "t-1"); err != nil {
		t.Error(err)
	}
	for range 2 {
		select {
		case token := <-f.tokens:
			if token != "t-1" {
				t.Errorf("the service got the token %q", token)
			}
		default:
			t.Error("the watch was not repeated")
		}
	}
}
