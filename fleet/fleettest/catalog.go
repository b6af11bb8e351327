// Package fleettest holds the conformance suites of the interfaces of package
// fleet. Every implementation runs the suite of its interface, so that commands
// can rely on one behaviour whatever the source is.
package fleettest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// patience is how long the suite waits for a state.
const patience = 20 * time.Second

// World is a catalog under test and the means to change what it knows.
type World struct {
	Catalog fleet.Catalog
	// Service is the name of the service that Set changes.
	Service string
	// Set makes these the instances of Service.
	Set func(instances ...fleet.Instance)
	// Break makes every request to the catalog's source fail until the returned
	// function is called.
	Break func() (mend func())

	// AddressOnly says that the source knows addresses and nothing else: the ID is
	// the address, and every instance is passing.
	AddressOnly bool
}

// Catalog runs the suite. Each test gets a world of its own from open.
func Catalog(t *testing.T, open func(t *testing.T) World) {
	t.Run("a service nobody knows has no instances", func(t *testing.T) {
		w := open(t)
		list, err := w.Catalog.Instances(t.Context(), "nobody-knows-this")
		if err != nil || len(list.Instances) != 0 || list.Service != "nobody-knows-this" {
			t.Errorf("Instances = %+v, %v", list, err)
		}
	})
	t.Run("instances say what is known", func(t *testing.T) { testInstances(t, open(t)) })
	t.Run("services are counted", func(t *testing.T) { testServices(t, open(t)) })
	t.Run("answers belong to the caller", func(t *testing.T) { testOwnership(t, open(t)) })
	t.Run("a watch tells the present and each change", func(t *testing.T) { testWatch(t, open(t)) })
	t.Run("a watch tells failures and goes on", func(t *testing.T) { testWatchFailure(t, open(t)) })
	t.Run("failures are for people", func(t *testing.T) { testFailure(t, open(t)) })
	t.Run("an ended context ends everything", func(t *testing.T) { testCancel(t, open(t)) })
}

// sample returns n instances of the service that differ in all that can differ.
func (w World) sample(n int) []fleet.Instance {
	statuses := []fleet.Status{fleet.Passing, fleet.Warning, fleet.Critical, fleet.Maintenance}
	list := make([]fleet.Instance, 0, n)
	for i := range n {
		addr := fmt.Sprintf("127.0.0.%d:9090", i+1)
		in := fleet.Instance{ID: addr, Service: w.Service, Addr: addr, Catalog: fleet.Passing}
		if !w.AddressOnly {
			in.ID = fmt.Sprintf("%s-%d", w.Service, i)
			in.Version, in.Zone = fmt.Sprintf("v1.%d.0", i), "a"
			in.Tags = []string{"all", fmt.Sprintf("tag%d", i)}
			in.Meta = map[string]string{fleet.MetaVersion: in.Version, fleet.MetaZone: in.Zone, "quote": `"'\ ü`}
			in.Catalog = statuses[i%len(statuses)]
		}
		list = append(list, in)
	}
	return list
}

// row is an instance as the suite compares it.
func (w World) row(i fleet.Instance) string {
	if w.AddressOnly {
		return fmt.Sprint(i.ID, " ", i.Service, " ", i.Addr, " ", i.Catalog)
	}
	i.GRPC = false // the source's own opinion
	return fmt.Sprintf("%+v", i)
}

func (w World) rows(list []fleet.Instance) string {
	var b strings.Builder
	for _, i := range list {
		b.WriteString(w.row(i) + "\n")
	}
	return b.String()
}

// await asks until the catalog says what was set: some sources learn with a
// delay.
func (w World) await(t *testing.T, want []fleet.Instance) fleet.InstanceList {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		list, err := w.Catalog.Instances(t.Context(), w.Service)
		if err == nil && w.rows(list.Instances) == w.rows(want) {
			return list
		}
		if time.Now().After(deadline) {
			t.Fatalf("Instances = %v\n%swant\n%s", err, w.rows(list.Instances), w.rows(want))
		}
		pause(t.Context())
	}
}

func pause(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(5 * time.Millisecond):
	}
}

func testInstances(t *testing.T, w World) {
	want := w.sample(4)
	backwards := slices.Clone(want)
	slices.Reverse(backwards)
	w.Set(backwards...)
	list := w.await(t, want)
	if !slices.IsSortedFunc(list.Instances, func(a, b fleet.Instance) int { return cmp.Compare(a.ID, b.ID) }) {
		t.Error("the instances are not sorted by ID")
	}
	p := list.Provenance
	if p.Source == "" || p.Query == "" || time.Since(p.At).Abs() > time.Minute {
		t.Errorf("provenance = %+v, want source, query and time", p)
	}
	if list.Service != w.Service || list.Hidden {
		t.Errorf("service = %q, hidden = %v", list.Service, list.Hidden)
	}
}

func testServices(t *testing.T, w World) {
	want := w.sample(6)
	w.Set(want...)
	w.await(t, want)
	var counts fleet.Counts
	for _, i := range want {
		counts.Add(i.Catalog)
	}
	list, err := w.Catalog.Services(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.IsSortedFunc(list.Services, func(a, b fleet.Service) int { return cmp.Compare(a.Name, b.Name) }) {
		t.Error("the services are not sorted by name")
	}
	n := slices.IndexFunc(list.Services, func(s fleet.Service) bool { return s.Name == w.Service })
	if n < 0 {
		t.Fatalf("%s is not among %+v", w.Service, list.Services)
	}
	s := list.Services[n]
	if s.Counts != counts {
		t.Errorf("counts = %+v, want %+v", s.Counts, counts)
	}
	if tags := []string{"all", "tag0", "tag1", "tag2", "tag3", "tag4", "tag5"}; !w.AddressOnly && !slices.Equal(s.Tags, tags) {
		t.Errorf("tags = %v, want %v", s.Tags, tags)
	}
	if s.Meta != nil && (s.Meta["quote"] == "" || s.Meta[fleet.MetaVersion] != "") {
		t.Errorf("meta = %v, want only what all instances share", s.Meta)
	}
	if list.Provenance.Source == "" || list.Provenance.Query == "" {
		t.Errorf("provenance = %+v", list.Provenance)
	}
}

func testOwnership(t *testing.T, w World) {
	want := w.sample(2)
	w.Set(want...)
	first := w.await(t, want)
	for i := range first.Instances {
		first.Instances[i].ID = "changed"
		for k := range first.Instances[i].Meta {
			first.Instances[i].Meta[k] = "changed"
		}
	}
	w.await(t, want)
}

func testFailure(t *testing.T, w World) {
	mend := w.Break()
	defer mend()
	_, err := w.Catalog.Instances(t.Context(), w.Service)
	_, err2 := w.Catalog.Services(t.Context())
	for _, err := range []error{err, err2} {
		var e *fleet.Error
		if !errors.As(err, &e) || e.What == "" || e.Hint == "" {
			t.Errorf("error = %#v, want a fleet.Error with a hint", err)
		}
		if fleet.KindOf(err) != fleet.Failed {
			t.Errorf("%v is of kind %d, want Failed", err, fleet.KindOf(err))
		}
	}
}

func testCancel(t *testing.T, w World) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("interrupt")) // as a signal does
	if _, err := w.Catalog.Instances(ctx, w.Service); !errors.Is(err, context.Canceled) {
		t.Errorf("Instances = %v, want the context's error", err)
	}
	if _, err := w.Catalog.Services(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Services = %v, want the context's error", err)
	}
	if err := w.Catalog.Watch(ctx, w.Service, func(fleet.Update) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("Watch = %v, want the context's error", err)
	}
}
