package commands

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gctl-dev/gctl/internal/config"
)

// A view that is kept is in the file at once, and in the dashboard of the next
// context; what was read before is not changed under those who read it.
func TestViewsAreKeptInTheConfiguration(t *testing.T) {
	f, _ := withCatalog(&fakeCatalog{instances: shop}, map[string]string{"XDG_STATE_HOME": t.TempDir()})
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte("dash:\n  views:\n    1: {place: services} # all\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	f.Config = func() (*config.File, error) { return file, nil }
	o := &dashOptions{f: f}
	options, err := o.options(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := options.Views; len(got) != 1 || got[1].Place != "services" {
		t.Errorf("views %v", got)
	}
	views, err := options.SaveView(4, &config.View{Place: "traces", Window: "15m"})
	if err != nil || len(views) != 2 || views[4].Place != "traces" {
		t.Errorf("kept: %v, %v", views, err)
	}
	if options, err = o.options(t.Context()); err != nil || len(options.Views) != 2 {
		t.Errorf("of the next context: %v, %v", options.Views, err)
	}
	if len(file.Dash.Views) != 1 {
		t.Errorf("what was read has changed: %v", file.Dash.Views)
	}
	if text, err := os.ReadFile(path); err != nil || !strings.Contains(string(text), "# all") || !strings.Contains(string(text), "place: traces") {
		t.Errorf("%v:\n%s", err, text)
	}
	if views, err = options.SaveView(4, nil); err != nil || len(views) != 1 {
		t.Errorf("without it: %v, %v", views, err)
	}
	if _, err := options.SaveView(0, &config.View{Place: "traces"}); err == nil {
		t.Error("0 is no digit of a view")
	}

	f.Config = func() (*config.File, error) { return config.Nowhere(os.ErrPermission), nil }
	if options, err = (&dashOptions{f: f}).options(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := options.SaveView(4, &config.View{Place: "traces"}); err == nil {
		t.Error("kept where there is no place for the file")
	}
}
