package file

import (
	"context"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/gctl-dev/gctl/fleet"
)

// The pace of a watch.
const (
	// lookEvery is how often instances are checked, and how late a change is seen
	// where the file system tells nobody (network mounts, links to elsewhere).
	lookEvery = time.Second
	// settle is how long a change of the file must be over: many editors write in
	// several steps.
	settle = 25 * time.Millisecond
)

// Watch implements fleet.Catalog.
func (c *Catalog) Watch(ctx context.Context, service string, notify func(fleet.Update)) error {
	teller := fleet.Teller{Notify: notify}
	return c.follow(ctx, func() {
		if list, err := c.Instances(ctx, service); ctx.Err() == nil {
			teller.Tell(list, err)
		}
	})
}

// follow looks at once, whenever the file may have changed, and every second. The
// folder is watched, not the file, because most editors replace the file by a new
// one.
func (c *Catalog) follow(ctx context.Context, look func()) error {
	var events chan fsnotify.Event
	var failures chan error
	watcher, err := fsnotify.NewWatcher()
	if err == nil { // without one, looking every second has to do
		defer watcher.Close() //nolint:errcheck // nothing is lost
		events, failures = watcher.Events, watcher.Errors
	}
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		if watcher != nil {
			// Again each time: the folder may be a new one, or not be there yet.
			_ = watcher.Add(filepath.Dir(c.path))
		}
		look()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		case <-failures:
		case <-events:
			drain(ctx, events)
		}
	}
}

// drain waits until no event came for a moment.
func drain(ctx context.Context, events <-chan fsnotify.Event) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-events:
		case <-time.After(settle):
			return
		}
	}
}
