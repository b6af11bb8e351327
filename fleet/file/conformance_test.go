package file_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/file"
	"github.com/gctl-dev/gctl/fleet/fleettest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// write replaces a file in one step, as careful editors do.
func write(t *testing.T, path, content string) {
	t.Helper()
	next := path + ".next"
	if err := os.WriteFile(next, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, path); err != nil {
		t.Fatal(err)
	}
}

// render writes instances as a user would.
func render(instances []fleet.Instance) string {
	var b strings.Builder
	b.WriteString("check: none\nservices:\n  other:\n    instances: [{address: localhost:1}]\n  user:\n    meta: {zone: a}\n    instances:\n")
	for _, i := range instances {
		fmt.Fprintf(&b, "    - {id: %s, address: %q, status: %s, tags: [%s], meta: {version: %s, quote: %q}}\n",
			i.ID, i.Addr, i.Catalog, strings.Join(i.Tags, ", "), i.Version, i.Meta["quote"])
	}
	return b.String()
}

func open(t *testing.T, opts file.Options) fleet.Catalog {
	t.Helper()
	c, err := file.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// whole is the source that watches all of a catalog.
func whole(t *testing.T, c fleet.Catalog) fleet.Source {
	t.Helper()
	f, ok := c.(*file.Catalog)
	if !ok {
		t.Fatalf("%T is no file catalog", c)
	}
	return f.Source()
}

func TestConformance(t *testing.T) {
	fleettest.Catalog(t, world)
	fleettest.Source(t, func(t *testing.T) fleettest.SourceWorld {
		w := world(t)
		return fleettest.CatalogSource(whole(t, w.Catalog), w)
	})
}

func world(t *testing.T) fleettest.World {
	path := filepath.Join(t.TempDir(), "fleet.yaml")
	write(t, path, render(nil))
	var content string
	return fleettest.World{
		Catalog: open(t, file.Options{Path: "file://" + path}),
		Service: "user",
		Set: func(instances ...fleet.Instance) {
			content = render(instances)
			write(t, path, content)
		},
		Break: func() func() {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			return func() { write(t, path, content) }
		},
	}
}
