package repositorytest

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/gctl-dev/gctl/svc/user/repository"
)

func testRequests(t *testing.T, f *fixture) {
	u := person("u-1")
	u.Groups, u.Labels = []string{"oncall"}, map[string]string{"team": "core"}
	request := repository.Request{ID: "request-1", Hash: []byte("one")}
	created, err := f.Create(ctx(t), u, request)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Update(ctx(t), "u-1", func(u *repository.User) error { u.DisplayName = "Ada"; return nil }); err != nil {
		t.Fatal(err)
	}
	u.ID = "u-2" // as a server that gives IDs would call the repetition's user
	if again, err := f.another().Create(ctx(t), u, request); err != nil || !same(again, created) {
		t.Errorf("repeated: %+v, %v, want %+v", again, err, created)
	}
	if err := f.Delete(ctx(t), "u-1", nil); err != nil {
		t.Fatal(err)
	}
	if again, err := f.Create(ctx(t), u, request); err != nil || !same(again, created) {
		t.Errorf("repeated behind a delete: %+v, %v, want %+v", again, err, created)
	}
	if _, err := f.Create(ctx(t), person("u-3"), repository.Request{ID: "request-1", Hash: []byte("two")}); !errors.Is(err, repository.ErrReused) {
		t.Errorf("another request with the ID = %v", err)
	}
	if last, err := f.Position(ctx(t)); err != nil || last != 3 {
		t.Errorf("position %d, %v: repetitions are no changes", last, err)
	}
	// What was refused is not remembered.
	f.add(person("u-4"))
	refused := repository.Request{ID: "request-2", Hash: []byte("one")}
	_, err = f.Create(ctx(t), person("u-4"), refused)
	expectTaken(t, err, "id")
	if _, err := f.Create(ctx(t), person("u-5"), refused); err != nil {
		t.Errorf("behind a refusal: %v", err)
	}
}

func testConcurrentRequests(t *testing.T, f *fixture) {
	request := repository.Request{ID: "request-1", Hash: []byte("one")}
	answers := make([]repository.User, 20)
	stores := []repository.Repository{f, f.another()}
	var callers sync.WaitGroup
	for i := range answers {
		callers.Go(func() {
			u := person(fmt.Sprintf("u-%d", i))
			u.Email = "ada@example.com"
			var err error
			if answers[i], err = stores[i%2].Create(ctx(t), u, request); err != nil {
				t.Error(err)
			}
		})
	}
	callers.Wait()
	for _, u := range answers {
		if !same(u, answers[0]) {
			t.Errorf("answers %+v and %+v", answers[0], u)
		}
	}
	users, err := f.List(ctx(t), repository.Query{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	expectIDs(t, "users", users, answers[0].ID)
}

func testIdentity(t *testing.T, f *fixture) {
	id := f.Identity()
	if len(id) < 8 || len(id) > 32 {
		t.Errorf("identity %q", id)
	}
	if again := f.another().Identity(); again != id {
		t.Errorf("identity %q, then %q", id, again)
	}
}
