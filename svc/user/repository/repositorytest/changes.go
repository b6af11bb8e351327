package repositorytest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/gctl-dev/gctl/svc/user/repository"
)

func testChanges(t *testing.T, f *fixture) {
	f.add(person("u-1"))
	if _, err := f.Update(ctx(t), "u-1", func(u *repository.User) error { u.DisplayName = "Ada"; return nil }); err != nil {
		t.Fatal(err)
	}
	if err := f.Delete(ctx(t), "u-1", nil); err != nil {
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
	if _, err := f.another().Create(ctx(t), person("u-1"), repository.Request{}); err != nil {
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

// Whoever follows the changes while others write sees each once, in order:
// none comes late with a number that is already behind the follower.
func testConcurrentChanges(t *testing.T, f *fixture) {
	const writers, each = 4, 25
	f.add(person("u-1"))
	stores := []repository.Repository{f, f.another()}
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			for n := range each {
				u := person(fmt.Sprintf("w-%d-%d", i, n))
				if n%2 == 0 {
					u = person("u-1")
				}
				if _, err := stores[i%2].Put(ctx(t), []repository.User{u, u}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for _, s := range stores {
		all.Go(func() { expectChanges(t, s, 1+2*writers*each) })
	}
	all.Wait()
}

// expectChanges follows the changes up to the last one.
func expectChanges(t *testing.T, s repository.Repository, last int64) {
	t.Helper()
	for seen := int64(0); seen < last; {
		if err := s.Wait(ctx(t), seen); err != nil {
			t.Error(err)
			return
		}
		changes, err := s.Changes(ctx(t), seen, 7)
		if err != nil {
			t.Error(err)
			return
		}
		for _, c := range changes {
			if c.Seq != seen+1 || c.User.Revision != c.Seq {
				t.Errorf("change %d of revision %d behind %d", c.Seq, c.User.Revision, seen)
			}
			seen = c.Seq
		}
	}
}
