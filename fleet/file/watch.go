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
	// settled is how long that is waited for.
	settled = time.Second
)

// Watch implements fleet.Catalog.
func (c *Catalog) Watch(ctx context.Context, service string, notify func(fleet.Update)) error {
	teller := fleet.Teller{Notify: notify}
	return c.follow(ctx, func(bool) {
		if list, err := c.Instances(ctx, service); ctx.Err() == nil {
			teller.Tell(list, err)
		}
	})
}

// follow looks at once, whenever the file may have changed, and every second, when
// it is time to check. The folder is watched, not the file, because most editors
// replace the file by a new one.
func (c *Catalog) follow(ctx context.Context, look func(check bool)) error {
	var events chan fsnotify.Event
	var failures chan error
	watcher, err := fsnotify.NewWatcher()
	if err == nil { // without one, looking every second has to do
		defer watcher.Close() //nolint:errcheck // nothing is lost
		events, failures = watcher.Events, watcher.Errors
	}
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for check := true; ; {
		if watcher != nil {
			// Again each time: the folder may be a new one, or not be there yet.
			_ = watcher.Add(filepath.Dir(c.path))
		}
		look(check)
		if check, err = c.await(ctx, ticker.C, events, failures); err != nil {
			return err
		}
	}
}

// await waits until the file may have changed, or, with check, until it is time to
// look. What happens to other files of the folder does not matter.
func (c *Catalog) await(ctx context.Context, tick <-chan time.Time, events <-chan fsnotify.Event, failures <-chan error) (check bool, err error) {
	for {
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-tick:
			return true, nil
		case <-failures:
			return false, nil
		case e := <-events:
			if filepath.Base(e.Name) == filepath.Base(c.path) {
				drain(ctx, events)
				return false, nil
			}
		}
	}
}

// drain waits until no event came for a moment, for a while at most.
func drain(ctx context.Context, events <-chan fsnotify.Event) {
	end := time.NewTimer(settled)
	defer end.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-end.C:
			return
		case <-events:
		case <-time.After(settle):
			return
		}
	}
}
