package repositorytest

import (
	"errors"
	"io"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/gctl-dev/gctl/svc/user/repository"
)

func testCreate(t *testing.T, f *fixture) {
	u := person("u-1")
	u.Role, u.State, u.Chat = repository.Admin, repository.Invited, "ada"
	u.Groups, u.Labels = []string{"oncall", "core"}, map[string]string{"team": "core"}
	created, err := f.Create(ctx(t), u, repository.Request{})
	if err != nil {
		t.Fatal(err)
	}
	if created.Revision != 1 || created.Created.IsZero() || !created.Updated.Equal(created.Created) {
		t.Errorf("created = %+v", created)
	}
	got, err := f.Get(ctx(t), "u-1")
	if err != nil || !same(got, created) {
		t.Errorf("Get = %+v, %v, want %+v", got, err, created)
	}
	if _, err := f.Get(ctx(t), "u-2"); !errors.Is(err, repository.ErrNotFound) {
		t.Errorf("Get of nobody = %v", err)
	}
}

func testTaken(t *testing.T, f *fixture) {
	f.add(person("u-1"), person("u-2"))
	other := person("u-1")
	other.Email = "new@example.com"
	_, err := f.Create(ctx(t), other, repository.Request{})
	expectTaken(t, err, "id")
	other = person("u-3")
	other.Email = "U-1@EXAMPLE.com"
	_, err = f.Create(ctx(t), other, repository.Request{})
	expectTaken(t, err, "email")
	_, err = f.Update(ctx(t), "u-2", func(u *repository.User) error { u.Email = "u-1@example.com"; return nil })
	expectTaken(t, err, "email")
	if last, err := f.Position(ctx(t)); err != nil || last != 2 {
		t.Errorf("refused writes left changes: position %d, %v", last, err)
	}
}

func testUpdate(t *testing.T, f *fixture) {
	f.add(person("u-1"))
	before, err := f.Get(ctx(t), "u-1")
	if err != nil {
		t.Fatal(err)
	}
	updated, err := f.Update(ctx(t), "u-1", func(u *repository.User) error {
		u.ID, u.DisplayName, u.Groups = "u-9", "Ada", []string{"core"}
		return nil
	})
	if err != nil || updated.ID != "u-1" || updated.DisplayName != "Ada" || updated.Revision != 2 ||
		!updated.Created.Equal(before.Created) || updated.Updated.Before(before.Updated) {
		t.Errorf("updated = %+v, %v", updated, err)
	}
	if got, err := f.Get(ctx(t), "u-1"); err != nil || !same(got, updated) {
		t.Errorf("Get = %+v, %v, want %+v", got, err, updated)
	}
	_, err = f.Update(ctx(t), "u-2", func(*repository.User) error { return nil })
	if !errors.Is(err, repository.ErrNotFound) {
		t.Errorf("Update of nobody = %v", err)
	}
}

func testUpdateRefuses(t *testing.T, f *fixture) {
	f.add(person("u-1"))
	_, err := f.Update(ctx(t), "u-1", func(u *repository.User) error { u.DisplayName = "x"; return io.EOF })
	if !errors.Is(err, io.EOF) {
		t.Errorf("Update = %v, want the error of the change", err)
	}
	if u, err := f.Get(ctx(t), "u-1"); err != nil || u.DisplayName != "User u-1" {
		t.Errorf("a refused update was stored: %+v, %v", u, err)
	}
}

func testConcurrentUpdates(t *testing.T, f *fixture) {
	f.add(person("u-1"))
	var writers sync.WaitGroup
	for _, r := range []repository.Repository{f, f.another()} {
		for range 4 {
			writers.Go(func() {
				for range 10 {
					_, err := r.Update(ctx(t), "u-1", func(u *repository.User) error {
						n, _ := strconv.Atoi(u.Chat) // empty is 0
						u.Chat = strconv.Itoa(n + 1)
						return nil
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	writers.Wait()
	if u, err := f.Get(ctx(t), "u-1"); err != nil || u.Chat != "80" {
		t.Errorf("80 increments made %s, %v", u.Chat, err)
	}
}

func testDelete(t *testing.T, f *fixture) {
	f.add(person("u-1"))
	if err := f.Delete(ctx(t), "u-1", nil); err != nil {
		t.Fatal(err)
	}
	if err := f.Delete(ctx(t), "u-1", nil); !errors.Is(err, repository.ErrNotFound) {
		t.Errorf("second Delete = %v", err)
	}
	f.add(person("u-1")) // ID and e-mail are free again
}

func testDeleteRefused(t *testing.T, f *fixture) {
	f.add(person("u-1"))
	refuse := func(u repository.User) error {
		if u.DisplayName != "User u-1" || u.Revision != 1 {
			t.Errorf("asked about %+v", u)
		}
		return io.EOF
	}
	if err := f.Delete(ctx(t), "u-1", refuse); !errors.Is(err, io.EOF) {
		t.Errorf("Delete = %v, want the error of the refusal", err)
	}
	if last, err := f.Position(ctx(t)); err != nil || last != 1 {
		t.Errorf("a refused delete left changes: position %d, %v", last, err)
	}
	if err := f.Delete(ctx(t), "u-1", func(repository.User) error { return nil }); err != nil {
		t.Error(err)
	}
	if _, err := f.Get(ctx(t), "u-1"); !errors.Is(err, repository.ErrNotFound) {
		t.Errorf("Get = %v", err)
	}
}

func testPut(t *testing.T, f *fixture) {
	f.add(person("u-1"), person("u-2"))
	renamed, clash := person("u-1"), person("u-3")
	renamed.DisplayName, clash.Email = "Ada", "u-2@example.com"
	results, err := f.Put(ctx(t), []repository.User{renamed, clash, person("u-4")})
	if err != nil || len(results) != 3 {
		t.Fatal(results, err)
	}
	if r := results[0]; r.Err != nil || r.Created || r.User.Revision != 3 {
		t.Errorf("replaced = %+v", r)
	}
	expectTaken(t, results[1].Err, "email")
	if r := results[2]; r.Err != nil || !r.Created || r.User.Revision != 4 {
		t.Errorf("created = %+v", r)
	}
	users, err := f.List(ctx(t), repository.Query{Limit: 10})
	if err != nil || users[0].DisplayName != "Ada" {
		t.Errorf("%+v, %v", users, err)
	}
	expectIDs(t, "users", users, "u-1", "u-2", "u-4")
}

func testGetMany(t *testing.T, f *fixture) {
	f.add(person("u-1"), person("u-2"), person("u-3"))
	users, err := f.GetMany(ctx(t), []string{"u-3", "u-9", "u-1"})
	if err != nil {
		t.Fatal(err)
	}
	expectIDs(t, "GetMany", users, "u-3", "u-1")
}

func testReopen(t *testing.T, f *fixture) {
	f.add(person("u-1"))
	again := f.another()
	if u, err := again.Get(ctx(t), "u-1"); err != nil || u.Email != "u-1@example.com" {
		t.Errorf("Get = %+v, %v", u, err)
	}
	if changes, err := again.Changes(ctx(t), 0, 10); err != nil || len(changes) != 1 || !slices.Equal(ids([]repository.User{changes[0].User}), []string{"u-1"}) {
		t.Errorf("Changes = %+v, %v", changes, err)
	}
}
