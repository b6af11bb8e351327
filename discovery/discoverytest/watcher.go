// Package discoverytest holds the conformance suite of discovery.Watcher, for
// those who write one over a registry of their own.
package discoverytest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/discovery"
)

// patience is how long the suite waits for an update.
const patience = time.Minute

// Registry is a Watcher under test and the means to change what it watches.
type Registry struct {
	Watcher discovery.Watcher
	Service string
	// Set makes these the endpoints of Service. Their ID, Addr, Tags and Meta
	// count; all are passing.
	Set func(endpoints ...discovery.Endpoint)
	// Break makes the registry fail until the returned function is called. It may
	// forget everything meanwhile: the suite then sets it anew.
	Break func() (mend func())
}

// Watcher runs the suite. Each test gets a registry of its own from open.
func Watcher(t *testing.T, open func(t *testing.T) Registry) {
	t.Run("the present and each change", func(t *testing.T) { testChanges(t, open(t)) })
	t.Run("a failure keeps the last list", func(t *testing.T) { testFailure(t, open(t)) })
	t.Run("many watches at once", func(t *testing.T) { testMany(t, open(t)) })
	t.Run("the end", func(t *testing.T) {
		r := open(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := r.Watcher.Watch(ctx, r.Service, func(discovery.Update) {}); !errors.Is(err, context.Canceled) {
			t.Errorf("Watch = %v, want the context's error", err)
		}
	})
}

// sample returns n endpoints that differ in all that Set can say.
func (r Registry) sample(n int) []discovery.Endpoint {
	list := make([]discovery.Endpoint, 0, n)
	for i := range n {
		list = append(list, discovery.Endpoint{
			ID: fmt.Sprint("e", i), Service: r.Service, Addr: fmt.Sprintf("127.0.0.1:%d", 9000+i),
			Status: discovery.Passing, Tags: []string{fmt.Sprint("t", i)}, Meta: map[string]string{"n": fmt.Sprint(i)},
		})
	}
	return list
}

func rows(list []discovery.Endpoint) string {
	var b strings.Builder
	for _, e := range list {
		fmt.Fprintln(&b, e.ID, e.Service, e.Addr, e.Status, e.Tags, e.Meta)
	}
	return b.String()
}

// follow starts a watch that ends with the test, and checks that notify is called
// by one goroutine at a time.
func follow(t *testing.T, r Registry) <-chan discovery.Update {
	updates := make(chan discovery.Update)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	var inside atomic.Int32
	go func() {
		done <- r.Watcher.Watch(ctx, r.Service, func(u discovery.Update) {
			if inside.Add(1) > 1 {
				t.Error("notify was called twice at once")
			}
			defer inside.Add(-1)
			select {
			case updates <- u:
			case <-ctx.Done():
			}
		})
	}()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("Watch = %v, want the context's error", err)
			}
		case <-time.After(patience):
			t.Error("Watch outlives its context")
		}
	})
	return updates
}

// until reads updates until ok.
func until(t *testing.T, updates <-chan discovery.Update, what string, ok func(discovery.Update) bool) {
	t.Helper()
	timeout := time.After(patience)
	var last discovery.Update
	for {
		select {
		case last = <-updates:
			if ok(last) {
				return
			}
		case <-timeout:
			t.Fatalf("no update in which %s; the last is %+v", what, last)
		}
	}
}

func says(want []discovery.Endpoint) func(discovery.Update) bool {
	return func(u discovery.Update) bool { return u.Err == nil && rows(u.Endpoints) == rows(want) }
}

func testChanges(t *testing.T, r Registry) {
	all := r.sample(3)
	updates := follow(t, r)
	until(t, updates, "nothing is there, which is an answer", says(nil))
	backwards := slices.Clone(all)
	slices.Reverse(backwards)
	r.Set(backwards...)
	until(t, updates, "all are there, sorted by ID", says(all))
	changed := slices.Clone(all)
	changed[1].Meta, changed[2].Addr = map[string]string{"n": "new"}, "127.0.0.1:9999"
	r.Set(changed...)
	until(t, updates, "meta and address changed", says(changed))
	r.Set(changed[1:]...)
	until(t, updates, "one left", says(changed[1:]))
	r.Set()
	until(t, updates, "all left", says(nil))
}

func testFailure(t *testing.T, r Registry) {
	all := r.sample(2)
	r.Set(all[:1]...)
	updates := follow(t, r)
	until(t, updates, "one is there", says(all[:1]))
	mend := r.Break()
	until(t, updates, "the failure comes with the last list", func(u discovery.Update) bool {
		return u.Err != nil && rows(u.Endpoints) == rows(all[:1])
	})
	mend()
	r.Set(all...)
	until(t, updates, "both are there again", says(all))
}

func testMany(t *testing.T, r Registry) {
	all := r.sample(1)
	feeds := make([]<-chan discovery.Update, 0, 8)
	for range cap(feeds) {
		feeds = append(feeds, follow(t, r))
	}
	for _, f := range feeds {
		until(t, f, "nothing is there", says(nil))
	}
	r.Set(all...)
	for _, f := range feeds {
		until(t, f, "one is there", says(all))
	}
}
