package user_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/gctl-dev/gctl/internal/stack"
	"github.com/gctl-dev/gctl/svc/user"
	userv1 "github.com/gctl-dev/gctl/svc/user/api"
)

// overStores runs a test over each kind of store.
func overStores(t *testing.T, test func(t *testing.T, store string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, newStore(t)) })
	t.Run("postgres", func(t *testing.T) {
		store, err := stack.PostgresFor(t, stack.PostgresOptions{}).Database(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		test(t, store)
	})
}

// errorInfo returns the reason and the metadata of an error.
func errorInfo(err error) (string, map[string]string) {
	for _, d := range status.Convert(err).Details() {
		if i, ok := d.(*errdetails.ErrorInfo); ok {
			return i.GetReason(), i.GetMetadata()
		}
	}
	return "", nil
}

func TestAnEtagKeepsFromOverwritingWhatOthersChanged(t *testing.T) {
	overStores(t, func(t *testing.T, store string) {
		one, two := start(t, store), start(t, store)
		created, err := one.CreateUser(deadline(t), &userv1.CreateUserRequest{User: person("u-1")})
		if err != nil {
			t.Fatal(err)
		}
		rename(t, two, "u-1", "Ada")
		_, update := one.UpdateUser(deadline(t), &userv1.UpdateUserRequest{User: &userv1.User{Id: "u-1", DisplayName: "Bob", Etag: created.GetEtag()}})
		_, del := one.DeleteUser(deadline(t), &userv1.DeleteUserRequest{Id: "u-1", Etag: created.GetEtag()})
		present, err := one.GetUser(deadline(t), &userv1.GetUserRequest{Id: "u-1"})
		if err != nil || present.GetDisplayName() != "Ada" || present.GetEtag() == created.GetEtag() {
			t.Fatalf("%v, %v", present, err)
		}
		for _, err := range []error{update, del} {
			reason, metadata := errorInfo(err)
			if status.Code(err) != codes.Aborted || reason != "ETAG_MISMATCH" || metadata["etag"] != present.GetEtag() {
				t.Errorf("error = %v with %v, want the etag %s", err, metadata, present.GetEtag())
			}
		}
		changed, err := two.UpdateUser(deadline(t), &userv1.UpdateUserRequest{User: &userv1.User{Id: "u-1", DisplayName: "Bob", Etag: present.GetEtag()}})
		if err != nil || changed.GetDisplayName() != "Bob" {
			t.Errorf("with the present etag: %v, %v", changed, err)
		}
		if _, err := one.DeleteUser(deadline(t), &userv1.DeleteUserRequest{Id: "u-1", Etag: changed.GetEtag()}); err != nil {
			t.Errorf("with the present etag: %v", err)
		}
	})
}

func TestOfSeveralUpdatesWithOneEtagOneIsDone(t *testing.T) {
	overStores(t, func(t *testing.T, store string) {
		instances := []*instance{start(t, store), start(t, store)}
		created, err := instances[0].CreateUser(deadline(t), &userv1.CreateUserRequest{User: person("u-1")})
		if err != nil {
			t.Fatal(err)
		}
		results := make(chan codes.Code, 10)
		for i := range cap(results) {
			go func() {
				_, err := instances[i%2].UpdateUser(deadline(t), &userv1.UpdateUserRequest{
					User: &userv1.User{Id: "u-1", DisplayName: fmt.Sprint(i), Etag: created.GetEtag()},
				})
				results <- status.Code(err)
			}()
		}
		count := map[codes.Code]int{}
		for range cap(results) {
			count[<-results]++
		}
		if count[codes.OK] != 1 || count[codes.Aborted] != 9 {
			t.Errorf("results %v", count)
		}
	})
}

func TestACreationIsRepeatedByItsRequestID(t *testing.T) {
	overStores(t, func(t *testing.T, store string) {
		one, two := start(t, store), start(t, store)
		anonymous := person("")
		anonymous.Email = "ada@example.com"
		request := &userv1.CreateUserRequest{User: anonymous, RequestId: "9f0c6ba0-54d2-4a5b-8d0f-0a6a1d8f3c11"}
		answers := make([]*userv1.User, 20)
		var callers sync.WaitGroup
		for i := range answers {
			callers.Go(func() {
				var err error
				if answers[i], err = []*instance{one, two}[i%2].CreateUser(deadline(t), request); err != nil {
					t.Error(err)
				}
			})
		}
		callers.Wait()
		one.stop() // what was done is remembered by the store, not by an instance
		again, err := start(t, store).CreateUser(deadline(t), request)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range answers {
			if !proto.Equal(a, again) {
				t.Errorf("answers %v and %v", a, again)
			}
		}
		all, err := two.ListUsers(deadline(t), &userv1.ListUsersRequest{})
		if err != nil || len(all.GetUsers()) != 1 {
			t.Errorf("users %v, %v", all.GetUsers(), err)
		}
		other, ok := proto.Clone(request).(*userv1.CreateUserRequest)
		if !ok {
			t.Fatal("a clone is of another type")
		}
		other.User.DisplayName = "Bob"
		_, err = two.CreateUser(deadline(t), other)
		if reason, _ := errorInfo(err); status.Code(err) != codes.InvalidArgument || reason != "REQUEST_ID_REUSED" {
			t.Errorf("another request with the ID = %v", err)
		}
		for _, id := range []string{"short", "with a space in between", string(make([]byte, 65))} {
			other.RequestId = id
			_, err = two.CreateUser(deadline(t), other)
			if _, fields := details(err); status.Code(err) != codes.InvalidArgument || fmt.Sprint(fields) != "[request_id]" {
				t.Errorf("request_id %q: %v", id, err)
			}
		}
	})
}

func TestSpansOfTheStoreGoToTheProvider(t *testing.T) {
	overStores(t, func(t *testing.T, store string) {
		spans := tracetest.NewInMemoryExporter()
		provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
		service, err := user.New(t.Context(), store, user.Options{TracerProvider: provider})
		if err != nil {
			t.Fatal(err)
		}
		defer service.Close()
		ctx, span := provider.Tracer("test").Start(t.Context(), "call")
		if err := service.Check(ctx); err != nil {
			t.Error(err)
		}
		span.End()
		if n := len(spans.GetSpans()); n < 2 {
			t.Errorf("%d spans, want the call's and the statement's", n)
		}
	})
}

// Writers at two instances, and watchers that go from one to the other whenever
// they like: each sees each change, once, in the same order.
func TestWatchersThatReconnectSeeEachChangeOnceAndInOrder(t *testing.T) {
	overStores(t, func(t *testing.T, store string) {
		const writers, watchers, each = 4, 4, 30
		instances := []*instance{start(t, store), start(t, store)}
		seen := make([][]string, watchers)
		var ready, all sync.WaitGroup
		for i := range watchers {
			ready.Add(1)
			all.Go(func() {
				seen[i] = follow(t, instances, ready.Done, writers*each)
			})
		}
		ready.Wait()
		for i := range writers {
			all.Go(func() {
				for n := range each {
					id := fmt.Sprintf("u-%d-%d", i, n)
					create(t, instances[rand.N(2)], person(id))
				}
			})
		}
		all.Wait()
		unique := map[string]bool{}
		for _, change := range seen[0] {
			unique[change] = true
		}
		if len(unique) != writers*each {
			t.Errorf("%d different changes", len(unique))
		}
		for i := range seen {
			if fmt.Sprint(seen[i]) != fmt.Sprint(seen[0]) {
				t.Errorf("one watcher saw\n%q, another\n%q", seen[0], seen[i])
			}
		}
	})
}

// follow watches until it has seen so many changes, and begins anew, at any
// instance and with the last token, after a few.
func follow(t *testing.T, instances []*instance, ready func(), changes int) []string {
	t.Helper()
	var seen []string
	request := &userv1.WatchUsersRequest{InitialCheckpoint: true}
	for len(seen) < changes {
		stream, err := instances[rand.N(len(instances))].WatchUsers(deadline(t), request)
		if err != nil {
			t.Error(err)
			return seen
		}
		for range 1 + rand.N(5) {
			if len(seen) == changes {
				break
			}
			c, err := stream.Recv()
			if err != nil {
				t.Error(err)
				return seen
			}
			if c.GetCheckpoint() == nil {
				seen = append(seen, changeText(c))
			} else if request.GetToken() == "" {
				ready()
			}
			request = &userv1.WatchUsersRequest{Token: c.GetToken()}
		}
	}
	return seen
}

// Beside the test of the checkpoints alone: with a store that forgets.
func TestAnIdleWatchDoesNotGrowTooOld(t *testing.T) {
	store, err := stack.PostgresFor(t, stack.PostgresOptions{}).Database(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c := start(t, store)
	create(t, c, person("u-1"), person("u-2"))
	stream := watch(t, c, &userv1.WatchUsersRequest{Ids: []string{"u-1"}, InitialCheckpoint: true})
	first := expectChange(t, stream, "checkpoint")
	importing, err := c.ImportUsers(deadline(t))
	if err != nil {
		t.Fatal(err)
	}
	for range 12_000 { // more than a store keeps
		if err := importing.Send(&userv1.ImportUsersRequest{User: person("u-2")}); err != nil {
			t.Fatal(err)
		}
	}
	if sum, err := importing.CloseAndRecv(); err != nil || sum.GetUpdated() != 12_000 {
		t.Fatal(sum, err)
	}
	var token string
	for range 12 {
		token = expectChange(t, stream, "checkpoint")
	}
	rename(t, c, "u-1", "Ada")
	expectChange(t, stream, "updated u-1")
	expectChange(t, watch(t, c, &userv1.WatchUsersRequest{Ids: []string{"u-1"}, Token: token}), "updated u-1")
	old, err := c.WatchUsers(deadline(t), &userv1.WatchUsersRequest{Token: first})
	if err == nil {
		_, err = old.Recv()
	}
	if reason, _ := errorInfo(err); status.Code(err) != codes.OutOfRange || reason != "TOKEN_TOO_OLD" {
		t.Errorf("without the checkpoints: %v", err)
	}
}

func TestATokenOfAnotherStoreIsRefused(t *testing.T) {
	overStores(t, func(t *testing.T, store string) {
		other, c := start(t, newStore(t)), start(t, store)
		create(t, other, person("u-1"), person("u-2"))
		create(t, c, person("u-1"), person("u-2"))
		token := expectChange(t, watch(t, other, &userv1.WatchUsersRequest{InitialCheckpoint: true}), "checkpoint")
		stream, err := c.WatchUsers(deadline(t), &userv1.WatchUsersRequest{Token: token})
		if err == nil {
			_, err = stream.Recv()
		}
		if reason, _ := errorInfo(err); status.Code(err) != codes.OutOfRange || reason != "TOKEN_OF_OTHER_STORE" {
			t.Errorf("error = %v", err)
		}
		openSync(t, c, token).expect("OutOfRange")
	})
}
