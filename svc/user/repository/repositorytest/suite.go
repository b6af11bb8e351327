// Package repositorytest is the suite that every repository passes.
package repositorytest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/svc/user/repository"
)

// Opener opens an empty store. The function it returns opens the same store
// once more, as another process would; the suite closes what it opened.
type Opener func(t *testing.T) (open func() repository.Repository)

// Run runs the suite.
func Run(t *testing.T, opener Opener) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, *fixture){
		"create and get":                  testCreate,
		"id and e-mail are unique":        testTaken,
		"update":                          testUpdate,
		"update that refuses":             testUpdateRefuses,
		"updates do not overwrite others": testConcurrentUpdates,
		"delete":                          testDelete,
		"delete that is refused":          testDeleteRefused,
		"put":                             testPut,
		"a request is done once":          testRequests,
		"requests at the same time":       testConcurrentRequests,
		"identity stays":                  testIdentity,
		"changes of several writers":      testConcurrentChanges,
		"get many keeps the order":        testGetMany,
		"changes come in order":           testChanges,
		"a forgotten change is said":      testTooOld,
		"wait sees other processes":       testWaitOther,
		"wait ends with its context":      testWaitCancel,
		"what is written stays":           testReopen,
		"list selects":                    testListWhere,
		"list orders":                     testListOrder,
		"pages survive inserts":           testPages,
	} {
		t.Run(name, func(t *testing.T) {
			f := &fixture{t: t, open: opener(t)}
			f.Repository = f.another()
			test(t, f)
		})
	}
}

type fixture struct {
	repository.Repository

	t    *testing.T
	open func() repository.Repository
}

// another opens the store once more.
func (f *fixture) another() repository.Repository {
	f.t.Helper()
	r := f.open()
	f.t.Cleanup(func() {
		if err := r.Close(); err != nil {
			f.t.Errorf("Close = %v", err)
		}
	})
	return r
}

// add creates users.
func (f *fixture) add(users ...repository.User) {
	f.t.Helper()
	for _, u := range users {
		if _, err := f.Create(ctx(f.t), u, repository.Request{}); err != nil {
			f.t.Fatalf("Create(%s) = %v", u.ID, err)
		}
	}
}

func ctx(t *testing.T) context.Context {
	t.Helper()
	c, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return c
}

func person(id string) repository.User {
	return repository.User{
		ID: id, Email: id + "@example.com", DisplayName: "User " + id,
		Role: repository.Member, State: repository.Active,
	}
}

func same(a, b repository.User) bool {
	return fmt.Sprintf("%+v", a) == fmt.Sprintf("%+v", b)
}

func ids(users []repository.User) []string {
	list := make([]string, len(users))
	for i, u := range users {
		list[i] = u.ID
	}
	return list
}

func expectTaken(t *testing.T, err error, field string) {
	t.Helper()
	var taken *repository.TakenError
	if !errors.As(err, &taken) || taken.Field != field {
		t.Errorf("error = %v, want %s to be taken", err, field)
	}
}

func expectIDs(t *testing.T, what string, users []repository.User, want ...string) {
	t.Helper()
	if got := ids(users); !slices.Equal(got, want) {
		t.Errorf("%s = %q, want %q", what, got, want)
	}
}
