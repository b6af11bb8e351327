package commands

import (
	"sync"

	"github.com/gctl-dev/gctl/internal/config"
)

// keptViews are the views of the dashboard as the configuration has them, with those
// that were kept since it was read. What was read is not changed: others read it at
// the same time.
type keptViews struct {
	mu   sync.Mutex
	last map[int]config.View
	new  bool // last is newer than what was read
}

func (k *keptViews) all(file *config.File) map[int]config.View {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.new {
		return k.last
	}
	return file.Dash.Views
}

// save writes the view of a digit to the file, takes it out for nil, and returns all
// that are there then.
func (k *keptViews) save(file *config.File, digit int, v *config.View) (map[int]config.View, error) {
	if err := file.Placed(); err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	now := &config.File{Path: file.Path}
	if err := now.SetView(digit, v); err != nil {
		return nil, err
	}
	k.last, k.new = now.Dash.Views, true
	return k.last, nil
}
