package file_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/file"
)

// await waits for a snapshot.
func await(t *testing.T, store *fleet.Store, what string, is func(*fleet.Snapshot) bool) *fleet.Snapshot {
	t.Helper()
	for snap := range store.Snapshots(t.Context()) {
		if is(snap) {
			return snap
		}
	}
	t.Fatalf("no snapshot with %s", what)
	return nil
}

func status(snap *fleet.Snapshot, service, id string) fleet.Status {
	if s := snap.Service(service); s != nil {
		if in := s.Instance(id); in != nil {
			return in.Catalog
		}
	}
	return ""
}

// The instances of a list are checked as long as it is watched: one that begins to
// refuse, and one that serves again, are seen without a change of the file.
func TestTheSourceChecks(t *testing.T) {
	up, down := listen(t), listen(t)
	addr := down.Addr().String()
	down.Close()
	path := filepath.Join(t.TempDir(), "fleet.yaml")
	write(t, path, fmt.Sprintf("services: {user: {instances: [{id: a, address: %q}, {id: b, address: %q}, {id: c, address: %q, status: maintenance}]}}",
		up.Addr(), addr, addr))
	store := fleet.NewStore(t.Context(), fleet.StoreOptions{Sources: []fleet.Source{whole(t, open(t, file.Options{Path: path}))}})
	defer store.Close()
	snap := await(t, store, "the list", func(s *fleet.Snapshot) bool { return s.Counts().Instances == 3 })
	if a, b, c := status(snap, "user", "a"), status(snap, "user", "b"), status(snap, "user", "c"); a != fleet.Passing || b != fleet.Critical || c != fleet.Maintenance {
		t.Errorf("a is %s, b %s, c %s", a, b, c)
	}
	up.Close()
	await(t, store, "a that refuses", func(s *fleet.Snapshot) bool { return status(s, "user", "a") == fleet.Critical })
}

// A list of more instances than are checked in one round is known as a whole at
// once, and each of them is checked in its turn.
func TestTheSourceOfALargeList(t *testing.T) {
	last := listen(t)
	var b strings.Builder
	b.WriteString("services:\n")
	const services = 2_000
	for i := range services {
		fmt.Fprintf(&b, "  s%04d: {instances: [{id: s%04d-1, address: \"127.0.0.1:1\"}]}\n", i, i)
	}
	fmt.Fprintf(&b, "  zz: {instances: [{id: zz-1, address: %q}]}\n", last.Addr())
	path := filepath.Join(t.TempDir(), "fleet.yaml")
	write(t, path, b.String())
	store := fleet.NewStore(t.Context(), fleet.StoreOptions{Sources: []fleet.Source{whole(t, open(t, file.Options{Path: path}))}})
	defer store.Close()
	snap := await(t, store, "the list", func(s *fleet.Snapshot) bool { return len(s.Services()) > 0 })
	if n := len(snap.Services()); n != services+1 {
		t.Errorf("first there are %d services", n)
	}
	if n := snap.Counts().Critical; n != services {
		t.Errorf("%d instances are critical", n)
	}
	last.Close()
	await(t, store, "the last one that refuses", func(s *fleet.Snapshot) bool { return status(s, "zz", "zz-1") == fleet.Critical })
	if err := os.WriteFile(path, []byte("services: {zz: {instances: []}}"), 0o600); err != nil {
		t.Fatal(err)
	}
	await(t, store, "what is left", func(s *fleet.Snapshot) bool { return len(s.Services()) == 1 && s.Counts().Instances == 0 })
}

// What is written beside the list, as often as it may be, holds up nothing, and what is
// not valid is said until it is.
func TestTheSourceInABusyFolder(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "fleet.yaml")
	write(t, path, render(nil))
	store := fleet.NewStore(t.Context(), fleet.StoreOptions{Sources: []fleet.Source{whole(t, open(t, file.Options{Path: path}))}})
	defer store.Close()
	await(t, store, "the list", func(s *fleet.Snapshot) bool { return len(s.Services()) == 2 })
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				_ = os.WriteFile(filepath.Join(dir, "log"), []byte("busy"), 0o600)
			}
		}
	}()
	defer func() { close(stop); <-stopped }()
	write(t, path, "services: nothing")
	await(t, store, "a list that is not valid", func(s *fleet.Snapshot) bool {
		state, _ := s.Source(fleet.CatalogFeed)
		return state.Status == fleet.SourceFailing && len(s.Services()) == 2
	})
	write(t, path, "services: {one: {instances: []}}")
	await(t, store, "the list again", func(s *fleet.Snapshot) bool {
		state, _ := s.Source(fleet.CatalogFeed)
		return state.Status == fleet.SourceFresh && len(s.Services()) == 1
	})
}
