package commands

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/gctl-dev/gctl/fleet"
)

// fakeProber answers as the instance's ID says; a watch tells what is sent.
type fakeProber struct {
	changes map[string]chan fleet.HealthState // by ID
	asked   func()
}

func (p *fakeProber) Health(_ context.Context, in fleet.Instance, name string) fleet.Health {
	if p.asked != nil {
		p.asked()
	}
	return fleet.Health{Instance: in, Name: name, State: fleet.HealthState(in.Meta["state"])}
}

func (p *fakeProber) HealthList(ctx context.Context, in fleet.Instance) []fleet.Health {
	return []fleet.Health{p.Health(ctx, in, "")}
}

func (p *fakeProber) WatchHealth(ctx context.Context, in fleet.Instance, name string, notify func(fleet.Health)) error {
	for {
		select {
		case s := <-p.changes[in.ID]:
			notify(fleet.Health{Instance: in, Name: name, State: s})
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// movingCatalog is a catalog of one service whose instances are what was sent last.
type movingCatalog struct {
	fakeCatalog

	updates chan fleet.Update
}

func (c *movingCatalog) Watch(ctx context.Context, _ string, notify func(fleet.Update)) error {
	for {
		select {
		case u := <-c.updates:
			notify(u)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func withHealth(catalog fleet.Catalog, p fleet.Prober) (*Factory, func(ctx context.Context, args ...string) result) {
	f, run := withCatalog(&fakeCatalog{}, nil)
	f.Catalog = func() (fleet.Catalog, error) { return catalog, nil }
	f.Prober = func(ProbeOptions) (fleet.Prober, error) { return p, nil }
	return f, run
}

func TestWatchTellsChangesAndWhoComesAndGoes(t *testing.T) {
	one := fleet.Instance{ID: "user-1", Service: "user", Addr: "h:1", Catalog: fleet.Passing}
	two := fleet.Instance{ID: "user-2", Service: "user", Addr: "h:2", Catalog: fleet.Passing}
	catalog := &movingCatalog{fakeCatalog{instances: []fleet.Instance{one}}, make(chan fleet.Update)}
	p := &fakeProber{changes: map[string]chan fleet.HealthState{"user-1": make(chan fleet.HealthState), "user-2": make(chan fleet.HealthState)}}
	f, _ := withHealth(catalog, p)
	reader, writer := io.Pipe()
	f.Streams.Out = writer
	var stderr syncBuffer
	f.Streams.Err = &stderr
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan int, 1)
	go func() { done <- Run(ctx, f, []string{"health", "user", "--watch", "-o", "jsonl"}) }()
	lines := json.NewDecoder(reader)
	next := func() (c healthChange) {
		t.Helper()
		if err := lines.Decode(&c); err != nil {
			t.Fatal(err)
		}
		return c
	}
	list := func(in ...fleet.Instance) fleet.Update { return fleet.Update{List: fleet.InstanceList{Instances: in}} }
	catalog.updates <- list(one)
	p.changes["user-1"] <- fleet.Serving
	if c := next(); c.ID != "user-1" || c.From != "" || c.To != fleet.Serving || c.Service != "user" {
		t.Errorf("the present: %+v", c)
	}
	p.changes["user-1"] <- fleet.NotServing
	if c := next(); c.From != fleet.Serving || c.To != fleet.NotServing {
		t.Errorf("a change: %+v", c)
	}
	catalog.updates <- fleet.Update{Err: errors.New("away")} // costs nothing but news of the catalog
	one.Catalog = fleet.Critical
	catalog.updates <- list(one, two)
	p.changes["user-2"] <- fleet.Serving
	if c := next(); c.ID != "user-2" || c.From != "" {
		t.Errorf("one has come: %+v", c)
	}
	p.changes["user-1"] <- fleet.Unreachable
	if c := next(); c.Catalog != fleet.Critical {
		t.Errorf("the catalog has changed its mind: %+v", c)
	}
	catalog.updates <- list(two)
	if c := next(); c.ID != "user-1" || c.From != fleet.Unreachable || c.To != "" {
		t.Errorf("one has left: %+v", c)
	}
	cancel()
	if code := <-done; code != 130 {
		t.Errorf("exit code %d", code)
	}
	if want := "warning: the catalog does not tell the instances of user: away\n"; stderr.String() != want {
		t.Errorf("stderr %q", stderr.String())
	}
}

// syncBuffer is a buffer that several goroutines write to.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func TestWatchEndsWhereNobodyReads(t *testing.T) {
	one := fleet.Instance{ID: "user-1", Service: "user", Addr: "h:1"}
	catalog := &movingCatalog{fakeCatalog{instances: []fleet.Instance{one}}, make(chan fleet.Update)}
	p := &fakeProber{changes: map[string]chan fleet.HealthState{"user-1": make(chan fleet.HealthState)}}
	f, _ := withHealth(catalog, p)
	reader, writer := io.Pipe()
	f.Streams.Out = writer
	reader.Close()
	done := make(chan int, 1)
	go func() { done <- Run(t.Context(), f, []string{"health", "user", "--watch"}) }()
	catalog.updates <- fleet.Update{List: fleet.InstanceList{Instances: []fleet.Instance{one}}}
	p.changes["user-1"] <- fleet.Serving
	if code := <-done; code != 1 {
		t.Errorf("exit code %d", code)
	}
}

func TestMoreServicesThanCanBeWatchedAreListed(t *testing.T) {
	catalog := &fakeCatalog{}
	p := &fakeProber{changes: map[string]chan fleet.HealthState{}}
	for i := range watchedServices + 1 {
		id := string(rune('A' + i))
		catalog.instances = append(catalog.instances, fleet.Instance{ID: id, Service: "s" + id, GRPC: true, Addr: id, Meta: map[string]string{"state": "serving"}})
		p.changes[id] = make(chan fleet.HealthState)
	}
	f, _ := withHealth(catalog, p)
	reader, writer := io.Pipe()
	f.Streams.Out = writer
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan int, 1)
	go func() { done <- Run(ctx, f, []string{"health", "--watch", "-o", "jsonl"}) }()
	lines := json.NewDecoder(reader)
	for id, changes := range p.changes {
		changes <- fleet.Serving
		var c healthChange
		if err := lines.Decode(&c); err != nil || c.ID != id {
			t.Errorf("%+v, %v", c, err)
		}
	}
	cancel()
	if code := <-done; code != 130 {
		t.Errorf("exit code %d", code)
	}
}

func TestWaitSurvivesACatalogThatIsAway(t *testing.T) {
	catalog := &fakeCatalog{err: errors.New("away")}
	f, run := withHealth(catalog, &fakeProber{})
	f.Streams.ErrTTY = true
	if got := run(t.Context(), "health", "user", "--wait", "0.3"); got.code != 1 || !strings.Contains(got.err, "waiting: ask the catalog: away") || !strings.Contains(got.err, "error: ask the catalog: away") {
		t.Errorf("%+v", got)
	}
}

func TestInterruptedWhileItAsks(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	catalog := &fakeCatalog{instances: []fleet.Instance{{ID: "user-1", Service: "user", Addr: "h:1"}}}
	for _, args := range []string{"health user", "health user --wait 20s"} {
		_, run := withHealth(catalog, &fakeProber{asked: cancel})
		if got := run(ctx, strings.Fields(args)...); got.code != 130 || got.out != "" || got.err != "" {
			t.Errorf("gctl %s: %+v", args, got)
		}
	}
}

func TestHostileNamesOfInstances(t *testing.T) {
	catalog := &fakeCatalog{instances: []fleet.Instance{{ID: "user-\x1b[31mred", Service: "user", Addr: "h:1", Catalog: fleet.Passing, Meta: map[string]string{"state": "serving"}}}}
	_, run := withHealth(catalog, &fakeProber{})
	if got := run(t.Context(), "health", "user"); got.code != 0 || strings.Contains(got.out+got.err, "\x1b") || !strings.Contains(got.out, "user-red") {
		t.Errorf("%+v", got)
	}
}
