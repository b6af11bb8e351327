package user_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	userv1 "github.com/gctl-dev/gctl/svc/user/api"
)

// watch starts a watch and returns once it is in place.
func watch(t *testing.T, c userv1.UserServiceClient, r *userv1.WatchUsersRequest) grpc.ServerStreamingClient[userv1.UserChange] {
	t.Helper()
	stream, err := c.WatchUsers(deadline(t), r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Header(); err != nil {
		t.Fatal(err)
	}
	return stream
}

// expectChange receives a change, compares it by what and ID, and returns its
// token.
func expectChange(t *testing.T, stream grpc.ServerStreamingClient[userv1.UserChange], want string) string {
	t.Helper()
	c, err := stream.Recv()
	if err != nil {
		t.Fatalf("want %s, got %v", want, err)
	}
	if got := changeText(c); got != want {
		t.Fatalf("change = %s, want %s", got, want)
	}
	return c.GetToken()
}

func changeText(c *userv1.UserChange) string {
	switch {
	case c.GetCreated() != nil:
		return "created " + c.GetCreated().GetId()
	case c.GetUpdated() != nil:
		return "updated " + c.GetUpdated().GetId()
	case c.GetCheckpoint() != nil:
		return "checkpoint"
	default:
		return "deleted " + c.GetDeleted().GetId()
	}
}

func rename(t *testing.T, c userv1.UserServiceClient, id, name string) {
	t.Helper()
	if _, err := c.UpdateUser(deadline(t), &userv1.UpdateUserRequest{User: &userv1.User{Id: id, DisplayName: name}}); err != nil {
		t.Fatal(err)
	}
}

func TestWatchSendsChangesOfAllInstancesAndResumes(t *testing.T) {
	store := newStore(t)
	one, two := start(t, store), start(t, store)
	create(t, one, person("u-0"))
	stream := watch(t, one, &userv1.WatchUsersRequest{})
	create(t, one, person("u-1"))
	expectChange(t, stream, "created u-1")
	rename(t, two, "u-1", "Ada")
	token := expectChange(t, stream, "updated u-1")
	if _, err := two.DeleteUser(deadline(t), &userv1.DeleteUserRequest{Id: "u-1"}); err != nil {
		t.Fatal(err)
	}
	create(t, two, person("u-2"))
	expectChange(t, stream, "deleted u-1")
	expectChange(t, stream, "created u-2")

	resumed := watch(t, two, &userv1.WatchUsersRequest{Token: token})
	expectChange(t, resumed, "deleted u-1")
	expectChange(t, resumed, "created u-2")
}

func TestWatchOfSomeUsers(t *testing.T) {
	c := start(t, newStore(t))
	stream := watch(t, c, &userv1.WatchUsersRequest{Ids: []string{"u-2"}})
	create(t, c, person("u-1"), person("u-2"))
	expectChange(t, stream, "created u-2")
}

func TestWatchEndsWithTheClientAndWithTheServer(t *testing.T) {
	c := start(t, newStore(t))
	stream := watch(t, c, &userv1.WatchUsersRequest{})
	c.stop()
	_, err := stream.Recv()
	if reason, _ := details(err); status.Code(err) != codes.Unavailable || reason != "user.v1/STOPPING" {
		t.Errorf("the watch ended with %v", err)
	}
	// The end by the client is what goleak looks at in every other test.
}

func TestWatchRefusesTokensThatAreNone(t *testing.T) {
	c := start(t, newStore(t))
	for token, want := range map[string]codes.Code{
		"x": codes.InvalidArgument, "c.-1": codes.InvalidArgument, "c.store.-1": codes.InvalidArgument,
		"c.zz":               codes.OutOfRange, // from before tokens had the store's identity
		"c.otherstore.zz":    codes.OutOfRange,
		future(t, c, "zzzz"): codes.OutOfRange,
	} {
		stream, err := c.WatchUsers(deadline(t), &userv1.WatchUsersRequest{Token: token})
		if err == nil {
			_, err = stream.Recv()
		}
		if status.Code(err) != want {
			t.Errorf("token %q: %v, want %v", token, err, want)
		}
	}
}

// future returns a token of c's store for a change that never was.
func future(t *testing.T, c userv1.UserServiceClient, seq string) string {
	t.Helper()
	stream := watch(t, c, &userv1.WatchUsersRequest{InitialCheckpoint: true})
	return strings.TrimSuffix(expectChange(t, stream, "checkpoint"), "0") + seq
}

func TestImportSumsUp(t *testing.T) {
	c := start(t, newStore(t))
	create(t, c, person("u-1"), person("taken"))
	stream, err := c.ImportUsers(deadline(t))
	if err != nil {
		t.Fatal(err)
	}
	renamed, clash, nobody := person("u-1"), person("clash"), person("nobody")
	renamed.DisplayName, clash.Email, nobody.Email = "Ada", "taken@example.com", "no address"
	users := []*userv1.User{renamed, clash, nobody, nil}
	for i := range 1200 { // more than two batches
		users = append(users, person(fmt.Sprintf("n-%d", i)))
	}
	for _, u := range users {
		if err := stream.Send(&userv1.ImportUsersRequest{User: u}); err != nil {
			t.Fatal(err)
		}
	}
	sum, err := stream.CloseAndRecv()
	if err != nil {
		t.Fatal(err)
	}
	if sum.GetReceived() != 1204 || sum.GetCreated() != 1200 || sum.GetUpdated() != 1 || sum.GetFailed() != 3 {
		t.Errorf("summary = %v", sum)
	}
	var failed []string
	for _, f := range sum.GetFailures() {
		failed = append(failed, fmt.Sprintf("%d %s", f.GetIndex(), f.GetId()))
		if f.GetReason() == "" {
			t.Errorf("failure without a reason: %v", f)
		}
	}
	slices.Sort(failed)
	if !slices.Equal(failed, []string{"1 clash", "2 nobody", "3 "}) {
		t.Errorf("failures = %q", failed)
	}
}

// syncSession drives a SyncUsers stream.
type syncSession struct {
	t      *testing.T
	stream grpc.BidiStreamingClient[userv1.SyncUsersRequest, userv1.SyncUsersResponse]
}

func openSync(t *testing.T, c userv1.UserServiceClient, token string) syncSession {
	t.Helper()
	stream, err := c.SyncUsers(deadline(t))
	if err != nil {
		t.Fatal(err)
	}
	s := syncSession{t, stream}
	s.send(&userv1.SyncUsersRequest{Message: &userv1.SyncUsersRequest_Start{Start: &userv1.SyncStart{Token: token}}})
	return s
}

func (s syncSession) send(r *userv1.SyncUsersRequest) {
	s.t.Helper()
	if err := s.stream.Send(r); err != nil {
		s.t.Fatal(err)
	}
}

// next returns the next response as text, and the token in it.
func (s syncSession) next() (text, token string) {
	s.t.Helper()
	r, err := s.stream.Recv()
	switch {
	case errors.Is(err, io.EOF):
		return "end", ""
	case err != nil:
		return status.Code(err).String(), ""
	case r.GetSnapshot() != nil:
		return "snapshot " + r.GetSnapshot().GetId(), ""
	case r.GetReady() != nil:
		return "ready", r.GetReady().GetToken()
	case r.GetChange() != nil:
		return changeText(r.GetChange()), r.GetChange().GetToken()
	default:
		return fmt.Sprintf("result %s %v", r.GetResult().GetRequestId(), codes.Code(r.GetResult().GetCode())), ""
	}
}

// expect receives as many responses as are wanted, which may come in any order
// where that is not for the server to decide, and returns the last token.
func (s syncSession) expect(want ...string) (token string) {
	s.t.Helper()
	var got []string
	for range want {
		text, tok := s.next()
		got = append(got, text)
		if tok != "" {
			token = tok
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		s.t.Fatalf("responses %q, want %q", got, want)
	}
	return token
}

func TestSyncCopiesThenFollowsInBothDirections(t *testing.T) {
	store := newStore(t)
	one, two := start(t, store), start(t, store)
	create(t, one, person("u-1"), person("u-2"))
	s := openSync(t, one, "")
	s.expect("snapshot u-1", "snapshot u-2", "ready")

	s.send(&userv1.SyncUsersRequest{RequestId: "a", Message: &userv1.SyncUsersRequest_Put{Put: person("u-3")}})
	s.expect("result a OK", "created u-3")
	clash := person("u-4")
	clash.Email = "u-3@example.com"
	s.send(&userv1.SyncUsersRequest{RequestId: "b", Message: &userv1.SyncUsersRequest_Put{Put: clash}})
	s.expect("result b AlreadyExists")
	s.send(&userv1.SyncUsersRequest{RequestId: "c", Message: &userv1.SyncUsersRequest_DeleteId{DeleteId: "nobody"}})
	s.expect("result c NotFound")
	s.send(&userv1.SyncUsersRequest{RequestId: "d", Message: &userv1.SyncUsersRequest_Put{Put: &userv1.User{Id: "u-5"}}})
	s.expect("result d InvalidArgument")
	nobody := person("u-5")
	nobody.Email = "no address"
	s.send(&userv1.SyncUsersRequest{RequestId: "e", Message: &userv1.SyncUsersRequest_Put{Put: nobody}})
	s.expect("result e InvalidArgument")
	s.send(&userv1.SyncUsersRequest{RequestId: "f", Message: &userv1.SyncUsersRequest_DeleteId{}})
	s.expect("result f InvalidArgument")
	rename(t, two, "u-1", "Ada")
	token := s.expect("updated u-1")

	create(t, two, person("u-6"))
	resumed := openSync(t, two, token)
	resumed.expect("ready", "created u-6")
	resumed.send(&userv1.SyncUsersRequest{RequestId: "g", Message: &userv1.SyncUsersRequest_DeleteId{DeleteId: "u-6"}})
	if err := resumed.stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	resumed.expect("result g OK", "deleted u-6")
	resumed.expect("end")
}

func TestSyncOfAClientThatOnlyStartsIsACopy(t *testing.T) {
	c := start(t, newStore(t))
	stream, err := c.ImportUsers(deadline(t))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1100 { // more than two pages
		if err := stream.Send(&userv1.ImportUsersRequest{User: person(fmt.Sprintf("u-%d", i))}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := stream.CloseAndRecv(); err != nil {
		t.Fatal(err)
	}
	s := openSync(t, c, "")
	if err := s.stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for {
		text, _ := s.next()
		if text == "end" {
			break
		}
		seen[text] = true
	}
	if len(seen) != 1101 || !seen["ready"] {
		t.Errorf("%d different responses", len(seen))
	}
}

func TestSyncWantsItsStartFirstAndOnce(t *testing.T) {
	c := start(t, newStore(t))
	put := &userv1.SyncUsersRequest{Message: &userv1.SyncUsersRequest_Put{Put: person("u-1")}}
	stream, err := c.SyncUsers(deadline(t))
	if err != nil {
		t.Fatal(err)
	}
	early := syncSession{t, stream}
	early.send(put)
	early.expect("InvalidArgument")

	twice := openSync(t, c, "")
	twice.expect("ready")
	twice.send(&userv1.SyncUsersRequest{Message: &userv1.SyncUsersRequest_Start{Start: &userv1.SyncStart{}}})
	twice.expect("InvalidArgument")

	openSync(t, c, "c.zz").expect("OutOfRange")
	openSync(t, c, "nonsense").expect("InvalidArgument")
}

func TestSyncEndsWithTheServer(t *testing.T) {
	c := start(t, newStore(t))
	s := openSync(t, c, "")
	s.expect("ready")
	c.stop()
	s.expect("Unavailable")
}
