package repositorytest

import (
	"context"
	"errors"
	"testing"

	"github.com/gctl-dev/gctl/svc/user/repository"
)

func testChanges(t *testing.T, f *fixture) {
	f.add(person("u-1"))
	if _, err := f.Update(ctx(t), "u-1", func(u *repository.User) error { u.DisplayName = "Ada"; return nil }); err != nil {
		t.Fatal(err)
	}
	if err := f.Delete(ctx(t), "u-1"); err != nil {
		t.Fatal(err)
	}
	changes, err := f.Changes(ctx(t), 0, 10)
	if err != nil || len(changes) != 3 {
		t.Fatalf("Changes = %+v, %v", changes, err)
	}
	for i, want := range []struct {
		kind repository.ChangeKind
		name string
	}{{repository.Created, "User u-1"}, {repository.Updated, "Ada"}, {repository.Deleted, "Ada"}} {
		c := changes[i]
		if c.Seq != int64(i+1) || c.Kind != want.kind || c.User.DisplayName != want.name || c.At.IsZero() {
			t.Errorf("change %d = %+v, want %v", i, c, want)
		}
	}
	if rest, err := f.Changes(ctx(t), 1, 1); err != nil || len(rest) != 1 || rest[0].Seq != 2 {
		t.Errorf("Changes behind 1 = %+v, %v", rest, err)
	}
	if none, err := f.Changes(ctx(t), 3, 10); err != nil || len(none) != 0 {
		t.Errorf("Changes behind the last = %+v, %v", none, err)
	}
}

func testTooOld(t *testing.T, f *fixture) {
	f.add(person("u-1"))
	if _, err := f.Changes(ctx(t), 99, 10); !errors.Is(err, repository.ErrTooOld) {
		t.Errorf("Changes behind what never was = %v", err)
	}
	// Enough for any store to have forgotten the first one.
	same := make([]repository.User, 1000)
	for i := range same {
		same[i] = person("u-1")
	}
	for range 12 {
		if _, err := f.Put(ctx(t), same); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.Changes(ctx(t), 0, 10); !errors.Is(err, repository.ErrTooOld) {
		t.Errorf("Changes behind the forgotten = %v", err)
	}
	last, err := f.Position(ctx(t))
	if err != nil || last != 12_001 {
		t.Fatal(last, err)
	}
	if changes, err := f.Changes(ctx(t), last-5, 10); err != nil || len(changes) != 5 {
		t.Errorf("recent Changes = %d, %v", len(changes), err)
	}
}

func testWaitOther(t *testing.T, f *fixture) {
	waited := make(chan error, 1)
	go func() { waited <- f.Wait(ctx(t), 0) }()
	if _, err := f.another().Create(ctx(t), person("u-1")); err != nil {
		t.Fatal(err)
	}
	if err := <-waited; err != nil {
		t.Fatal(err)
	}
	if changes, err := f.Changes(ctx(t), 0, 10); err != nil || len(changes) != 1 {
		t.Errorf("Changes = %+v, %v", changes, err)
	}
}

func testWaitCancel(t *testing.T, f *fixture) {
	waiting, cancel := context.WithCancel(ctx(t))
	waited := make(chan error, 1)
	go func() { waited <- f.Wait(waiting, 0) }()
	cancel()
	if err := <-waited; !errors.Is(err, context.Canceled) {
		t.Errorf("Wait = %v", err)
	}
}
