package commands

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gctl-dev/gctl/internal/config"
)

// The guide is shown over a demo only, until it was closed once.
func TestGuideIsShownOverADemo(t *testing.T) {
	home := t.TempDir()
	f := &Factory{Getenv: func(name string) string {
		if name == "XDG_STATE_HOME" {
			return home
		}
		return ""
	}}
	ofDemo := config.Context{Name: "demo", Catalog: "file:///tmp/gctl-demo-1/fleet.yaml"}
	for name, c := range map[string]struct {
		context config.Context
		o       *dashOptions
		want    bool
	}{
		"a demo":                   {ofDemo, &dashOptions{}, true},
		"somebody's own":           {config.Context{Name: "demo", Catalog: "consul://10.0.0.1:8500"}, &dashOptions{}, false},
		"a demo under a new name":  {config.Context{Name: "shop", Catalog: ofDemo.Catalog}, &dashOptions{}, false},
		"a recording":              {ofDemo, &dashOptions{replay: "incident"}, false},
		"a demo with a known fact": {ofDemo, &dashOptions{story: "user-3 refuses calls"}, true},
	} {
		c.o.f = f
		if g := c.o.guide(&c.context); g.Show != c.want || g.Story != c.o.story {
			t.Errorf("%s: %+v", name, g)
		}
	}
	o := &dashOptions{f: f}
	g := o.guide(&ofDemo)
	for range 2 { // also where another dashboard has closed it meanwhile
		if err := g.Closed(); err != nil {
			t.Fatal(err)
		}
	}
	if o.guide(&ofDemo).Show {
		t.Error("it is shown again")
	}
	path := filepath.Join(home, "gctl", "guide-seen")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if !o.guide(&ofDemo).Show {
		t.Error("without the file it is not shown again")
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := g.Closed(); err == nil {
		t.Error("what cannot be remembered is no error")
	}
}
