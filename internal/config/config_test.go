package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/config"
)

const handwritten = `# my fleets
current: dev  # while at home

contexts:
    # the laptop
    dev:
        catalog: "file:///srv/fleet.yaml"   # hand-made
        tls: {plaintext: true}

    # do not touch
    prod:
        catalog: consul://consul.example:8500?tls=true
        headers:
            authorization: Bearer s3cret
        auth: print-token --secret s3cret
        proxy: socks5://me:s3cret@127.0.0.1:1080
# the end
`

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gctl", "config.yaml")
	if text == "" {
		return path
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t *testing.T, path string) *config.File {
	t.Helper()
	f, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestNoFileIsTheDefault(t *testing.T) {
	c, err := load(t, file(t, "")).Select("")
	if err != nil || c.Catalog != "" {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestSelect(t *testing.T) {
	f := load(t, file(t, handwritten))
	if c, err := f.Select(""); err != nil || c.Name != "dev" || c.TLS.Plaintext == nil || !*c.TLS.Plaintext {
		t.Errorf("current: got %+v, %v", c, err)
	}
	if c, err := f.Select("prod"); err != nil || c.Name != "prod" {
		t.Errorf("by name: got %+v, %v", c, err)
	}
	_, err := f.Select("prd")
	var e *fleet.Error
	if !errors.As(err, &e) || e.Kind != fleet.Usage || !strings.Contains(e.Hint, "did you mean prod?") {
		t.Errorf("unknown: got %v, %+v", err, e)
	}
}

func TestMistakesHaveAPlace(t *testing.T) {
	for _, c := range []struct{ name, text, where, hint string }{
		{"unknown key", "contexts:\n  a:\n    catlog: dns:///x:1\n", ":3:5: unknown key \"catlog\"", "did you mean catalog?"},
		{"unknown top key", "currrent: a\n", ":1:1: unknown key \"currrent\"", "did you mean current?"},
		{"twice", "current: a\ncurrent: b\n", ":2:1: ", ""},
		{"wrong type", "contexts:\n  a:\n    headers: 3\n", ":3:14: ", ""},
		{"no YAML", "contexts: [\n", ":1:", ""},
		{"scheme", "contexts:\n  a:\n    catalog: consol://x:1\n", "unknown scheme \"consol\"", "did you mean consul://?"},
		{"no scheme", "contexts:\n  a:\n    catalog: x\n", "is no URL", "consul://"},
		{"relative file", "contexts:\n  a:\n    catalog: file://x.yaml\n", "absolute path", "file:///"},
		{"half a certificate", "contexts:\n  a:\n    tls: {cert: x}\n", "both cert and key", ""},
		{"contradiction", "contexts:\n  a:\n    tls: {plaintext: true, cacert: x}\n", "contradicts", ""},
		{"name", "contexts:\n  a b: {}\n", "no name for a context", ""},
		{"digit", "dash: {views: {10: {place: services}}}\n", "dash.views.10: only the keys 1 to 9", ""},
		{"no digit", "dash:\n  views:\n    four: {place: services}\n", ":3:5: ", ""},
		{"no place", "dash: {views: {4: {window: 15m}}}\n", "dash.views.4: no place", "place: service/checkout"},
		{"window of a view", "dash: {views: {4: {place: services, window: 5s}}}\n", "window \"5s\" is no duration from 1m", "15m"},
		{"key of a view", "dash:\n  views:\n    4: {plase: services}\n", ":3:9: unknown key \"plase\"", "did you mean place?"},
	} {
		_, err := config.Load(file(t, c.text))
		var e *fleet.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.where) || !strings.Contains(e.Hint, c.hint) {
			t.Errorf("%s: got %v (%+v), want %q and hint %q", c.name, err, e, c.where, c.hint)
		}
	}
}

func TestChangesKeepWhatAPersonWrote(t *testing.T) {
	path := file(t, handwritten)
	f := load(t, path)
	yes := true
	steps := []error{
		f.Put(config.Context{Name: "stage", Catalog: "dns:///stage:9090", TLS: config.TLS{Plaintext: &yes}}),
		f.Put(config.Context{Name: "dev", Catalog: "consul://127.0.0.1:8500", Headers: map[string]string{"x-a": "1: 2"}}),
		f.Use("stage"),
	}
	if err := errors.Join(steps...); err != nil {
		t.Fatal(err)
	}
	text := read(t, path)
	for _, kept := range []string{"# my fleets", "current: stage  # while at home", "# the laptop", "# do not touch", "# the end", "Bearer s3cret"} {
		if !strings.Contains(text, kept) {
			t.Errorf("%q is lost:\n%s", kept, text)
		}
	}
	again := load(t, path)
	if c, err := again.Select(""); err != nil || c.Name != "stage" || !*c.TLS.Plaintext {
		t.Errorf("got %+v, %v", c, err)
	}
	if c, err := again.Select("dev"); err != nil || c.Headers["x-a"] != "1: 2" || c.TLS.Plaintext != nil {
		t.Errorf("got %+v, %v", c, err)
	}
	if err := errors.Join(f.Remove("stage"), f.Remove("dev"), f.Remove("prod"), f.Remove("prod")); err != nil {
		t.Fatal(err)
	}
	if last := load(t, path); len(last.Contexts) != 0 || last.Current != "" {
		t.Errorf("left over: %+v\n%s", last, read(t, path))
	}
}

func TestAnUnusualLayoutIsWrittenAnew(t *testing.T) {
	for _, text := range []string{"{current: a, contexts: {a: {catalog: 'dns:///x:1'}}}\n", "contexts: {a: {}}\n", "contexts:\n", "# only a comment\n", "---\ncontexts:\n  a: {}\n"} {
		path := file(t, text)
		f := load(t, path)
		if err := errors.Join(f.Put(config.Context{Name: "b", Catalog: "dns:///y:1"}), f.Use("b")); err != nil {
			t.Fatal(err)
		}
		if c, err := load(t, path).Select(""); err != nil || c.Catalog != "dns:///y:1" {
			t.Errorf("%q: got %+v, %v from\n%s", text, c, err, read(t, path))
		}
	}
}

const withDash = `current: dev
dash:
  theme: dark # at night
  # what I look at every morning
  views:
    1: {place: services} # all
    # the shop
    4:
      place: service/checkout
      filter: err>1
contexts:
  dev: {catalog: "dns:///x:1"}
`

func TestViewsAreWrittenBesideWhatAPersonWrote(t *testing.T) {
	path := file(t, withDash)
	f := load(t, path)
	view := config.View{Place: "service/cart", Filter: "!err", Sort: "-p99", Pane: "methods", Window: "15m"}
	if err := errors.Join(f.SetView(4, &view), f.SetView(9, &config.View{Place: "traces"})); err != nil {
		t.Fatal(err)
	}
	text := read(t, path)
	for _, kept := range []string{"theme: dark # at night", "# what I look at every morning", "1: {place: services} # all", "# the shop", `dev: {catalog: "dns:///x:1"}`} {
		if !strings.Contains(text, kept) {
			t.Errorf("%q is lost:\n%s", kept, text)
		}
	}
	views := load(t, path).Dash.Views
	if len(views) != 3 || views[4] != view || views[9] != (config.View{Place: "traces"}) || f.Dash.Views[4] != view {
		t.Errorf("views %+v from\n%s", views, text)
	}
	if err := errors.Join(f.SetView(4, nil), f.SetView(4, nil), f.SetView(9, nil)); err != nil {
		t.Fatal(err)
	}
	if text = read(t, path); strings.Contains(text, "cart") || !strings.Contains(text, "1: {place: services} # all") {
		t.Errorf("after the removal:\n%s", text)
	}
	if err := f.SetView(1, nil); err != nil {
		t.Fatal(err)
	}
	if text = read(t, path); strings.Contains(text, "views") || !strings.Contains(text, "theme: dark # at night") {
		t.Errorf("with no view left:\n%s", text)
	}
}

func TestViewsInAnyLayout(t *testing.T) {
	for _, text := range []string{
		"", "dash:\n", "dash: {theme: dark}\n# mine\n", "dash:\n  views: {1: {place: services}}\n# mine\n", "# mine\ncontexts:\n  a: {}\n", "{dash: {theme: dark}}\n",
	} {
		path := file(t, text)
		f := load(t, path)
		if err := f.SetView(4, &config.View{Place: "breakers"}); err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		got := load(t, path)
		if got.Dash.Views[4].Place != "breakers" || got.Dash.Theme != f.Dash.Theme || strings.Contains(text, "# mine") != strings.Contains(read(t, path), "# mine") {
			t.Errorf("%q became\n%s", text, read(t, path))
		}
		if err := f.SetView(4, nil); err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if got := load(t, path).Dash.Views; got[4].Place != "" {
			t.Errorf("%q still has it: %v", text, got)
		}
	}
}

func TestAViewThatIsNoneIsNotWritten(t *testing.T) {
	f := load(t, file(t, withDash))
	for digit, v := range map[int]*config.View{0: {Place: "services"}, 4: {}} {
		if err := f.SetView(digit, v); err == nil {
			t.Errorf("%d: %+v was written", digit, v)
		}
	}
}

// The dashboard's settings are not the contexts' to lose.
func TestAContextIsAddedBesideTheDashboard(t *testing.T) {
	path := file(t, withDash)
	if err := errors.Join(load(t, path).Put(config.Context{Name: "b"}), load(t, path).Use("b"), load(t, path).Remove("dev")); err != nil {
		t.Fatal(err)
	}
	text := read(t, path)
	if got := load(t, path); got.Dash.Theme != "dark" || len(got.Dash.Views) != 2 || !strings.Contains(text, "# at night") {
		t.Errorf("%+v from\n%s", got.Dash, text)
	}
}

func TestTheFileIsItsOwnersOnly(t *testing.T) {
	path := file(t, "")
	f := load(t, path)
	if err := errors.Join(f.Put(config.Context{Name: "a"}), f.SetView(1, &config.View{Place: "services"})); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("left over beside the file: %v, %v", entries, err)
	}
}

func TestWhatOthersWroteIsNotLost(t *testing.T) {
	path := file(t, handwritten)
	early := load(t, path)
	if err := load(t, path).Put(config.Context{Name: "other", Catalog: "dns:///x:1"}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(early.Put(config.Context{Name: "mine"}), early.Remove("mine")); err != nil {
		t.Fatal(err)
	}
	if _, err := load(t, path).Select("other"); err != nil {
		t.Error(err)
	}
	if !strings.Contains(read(t, path), "# do not touch") {
		t.Error("comments are lost")
	}
}

func TestALinkStaysALink(t *testing.T) {
	target := file(t, handwritten)
	link := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	if err := load(t, link).Use("prod"); err != nil {
		t.Fatal(err)
	}
	if load(t, target).Current != "prod" {
		t.Error("the file behind the link was not changed")
	}
}

func TestRedactedShowsNoSecret(t *testing.T) {
	c, err := load(t, file(t, handwritten)).Select("prod")
	if err != nil {
		t.Fatal(err)
	}
	r := c.Redacted()
	for _, s := range []string{r.Headers["authorization"], r.Auth, r.Proxy, r.Catalog} {
		if strings.Contains(s, "s3cret") {
			t.Errorf("%q shows the secret", s)
		}
	}
	if c.Headers["authorization"] != "Bearer s3cret" {
		t.Error("the context itself was changed")
	}
	if r.Proxy != "socks5://(hidden)@127.0.0.1:1080" {
		t.Errorf("proxy %q", r.Proxy)
	}
}

func TestDefaultPath(t *testing.T) {
	env := func(v string) func(string) string { return func(string) string { return v } }
	if p, err := config.DefaultPath(env("/x")); err != nil || p != filepath.Join("/x", "gctl", "config.yaml") {
		t.Errorf("got %q, %v", p, err)
	}
	t.Setenv("HOME", "/home/me")
	if p, err := config.DefaultPath(env("relative")); err != nil || p != "/home/me/.config/gctl/config.yaml" {
		t.Errorf("got %q, %v", p, err)
	}
}

func TestNowhere(t *testing.T) {
	f := config.Nowhere(errors.New("no home"))
	if c, err := f.Select(""); err != nil || c.Catalog != "" {
		t.Errorf("got %v, %v: no file is an empty one", c, err)
	}
	for what, err := range map[string]error{
		"put": f.Put(config.Context{Name: "a"}), "view": f.SetView(1, &config.View{Place: "services"}), "use": f.Use("a"), "remove": f.Remove("a"), "placed": f.Placed(),
	} {
		if err == nil || err.Error() != "no home" {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// Whatever stands in the file, reading it ends with a configuration or an error.
func FuzzLoad(f *testing.F) {
	for _, seed := range []string{handwritten, "", "contexts: {a: {tls: {plaintext: true}}}", "contexts: {a: &x {}, b: *x}", "contexts: !!map\n", "- a\n", "current: |\n x\n"} {
		f.Add(seed)
	}
	path := filepath.Join(f.TempDir(), "config.yaml")
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if c, err := config.Load(path); (c == nil) == (err == nil) {
			t.Errorf("Load = %v, %v", c, err)
		}
	})
}

// What else is in the file stays as contexts come and go.
func TestContextsLeaveTheDashboardAlone(t *testing.T) {
	const text = "# mine\ndash: {ascii: true, theme: none}\n"
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	for i, do := range []func() error{
		func() error { return f.Put(config.Context{Name: "demo", Catalog: "consul://127.0.0.1:8500"}) },
		func() error { return f.Use("demo") },
		func() error { return f.Remove("demo") },
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
		now, err := config.Load(path)
		if err != nil || !now.Dash.ASCII || now.Dash.Theme != "none" || !f.Dash.ASCII {
			t.Errorf("%d: %+v, %v", i, now, err)
		}
		if got := read(t, path); !strings.Contains(got, "# mine\n") || !strings.Contains(got, "dash: {ascii: true, theme: none}\n") {
			t.Errorf("%d: the text is %s", i, got)
		}
	}
}
