package demo_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/consul"
	"github.com/gctl-dev/gctl/fleet/file"
	"github.com/gctl-dev/gctl/internal/config"
	"github.com/gctl-dev/gctl/internal/demo"
	"github.com/gctl-dev/gctl/internal/stack"
	"github.com/gctl-dev/gctl/internal/testkit"
)

// The tests run this binary again under other names: as userd, and as a demo
// that is killed.
func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case "userd":
		testkit.Userd()
	case "edged":
		testkit.Edged()
	case "broken":
		os.Stderr.WriteString("cannot do it\n")
		os.Exit(1)
	case "demo":
		_, err := demo.Start(context.Background(), demo.Options{Userd: os.Args[1], Edged: os.Args[2], Config: os.Args[3]})
		if err != nil {
			panic(err)
		}
		os.Stdout.WriteString("started\n")
		select {}
	default:
		goleak.VerifyTestMain(m)
	}
}

// program returns the path of this binary under a name.
func program(t *testing.T, name string) string {
	t.Helper()
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), name)
	if err := os.Symlink(own, link); err != nil {
		t.Fatal(err)
	}
	return link
}

// options are those of a demo in a home and a temporary folder of its own.
func options(t *testing.T) demo.Options {
	t.Helper()
	temporary := filepath.Join(t.TempDir(), "t %41 ü#?") // a path that a URL could trip over
	if err := os.Mkdir(temporary, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", temporary)
	t.Setenv("USERD_LISTEN", "999.0.0.1:1") // somebody's settings for another userd
	return demo.Options{Userd: program(t, "userd"), Edged: program(t, "edged"), Config: filepath.Join(t.TempDir(), "gctl", "config.yaml")}
}

func start(t *testing.T, o demo.Options) *demo.World {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	w, err := demo.Start(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// expectNothingLeft checks that folder and context are gone.
func expectNothingLeft(t *testing.T, o demo.Options) {
	t.Helper()
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("left in the temporary folder: %v, %v", left, err)
	}
	if _, err := os.Stat(filepath.Dir(o.Config)); err == nil {
		t.Error("the configuration's folder is left")
	}
}

// expectPassing checks that a catalog has that many instances that are well.
func expectPassing(t *testing.T, catalog string, n int) {
	t.Helper()
	c, err := file.New(file.Options{Path: catalog})
	if err != nil {
		t.Fatal(err)
	}
	list, err := c.Services(t.Context())
	if err != nil || len(list.Services) != 2 || list.Services[0].Passing != 1 || list.Services[1].Passing != n {
		t.Errorf("the catalog %s has %+v, %v", catalog, list.Services, err)
	}
}

func TestAWorldComesAndGoes(t *testing.T) {
	o := options(t)
	w := start(t, o)
	if len(w.Instances) != 6 {
		t.Errorf("instances = %+v", w.Instances)
	}
	for _, in := range append(w.Instances, w.Edge) {
		conn, err := net.Dial("tcp", in.Addr)
		if err != nil {
			t.Errorf("%s: %v", in.ID, err)
			continue
		}
		conn.Close()
	}
	file, err := config.Load(o.Config)
	if err != nil || file.Current != "" {
		t.Errorf("configuration = %+v, %v", file, err)
	}
	expectPassing(t, file.Contexts["demo"].Catalog, 6)
	if err := w.Stop(); err != nil {
		t.Error(err)
	}
	for _, in := range append(w.Instances, w.Edge) {
		if err := w.Process(in.ID).Signal(syscall.Signal(0)); !errors.Is(err, os.ErrProcessDone) { // its port may be another's by now
			t.Errorf("%s still runs: %v", in.ID, err)
		}
	}
	select {
	case e := <-w.Ended():
		t.Errorf("an end that was asked for was reported: %+v", e)
	default:
	}
	expectNothingLeft(t, o)
}

// receiver stands for what takes the traces.
type receiver struct{ closed int }

func (r *receiver) Addresses() (otlp, query string) { return "127.0.0.1:1", "127.0.0.1:2" }

func (r *receiver) Close() error { r.closed++; return nil }

func TestTheReceiverOfTracesBelongsToTheWorld(t *testing.T) {
	o, r := options(t), &receiver{}
	o.Collect = func(context.Context) (demo.Collector, error) { return r, nil }
	w := start(t, o)
	file, err := config.Load(o.Config)
	if err != nil || file.Contexts["demo"].Jaeger.URL != "http://127.0.0.1:2" {
		t.Errorf("configuration = %+v, %v", file.Contexts, err)
	}
	if r.closed != 0 {
		t.Error("closed while the world runs")
	}
	if err := w.Stop(); err != nil || r.closed != 1 {
		t.Errorf("closed %d times: %v", r.closed, err)
	}
	expectNothingLeft(t, o)
	o.Collect = func(context.Context) (demo.Collector, error) { return nil, errors.New("no port left") }
	if _, err := demo.Start(t.Context(), o); err == nil || !strings.Contains(err.Error(), "no port left") {
		t.Error(err)
	}
	expectNothingLeft(t, o)
}

func TestAWorldOfRealBackends(t *testing.T) {
	for _, name := range []string{"consul", "prometheus", "jaeger"} {
		stack.Need(t, name)
	}
	o := options(t)
	o.Stack = true
	o.Collect = func(context.Context) (demo.Collector, error) { return nil, errors.New("not wanted") }
	w := start(t, o)
	loaded, err := config.Load(o.Config)
	if err != nil {
		t.Fatal(err)
	}
	c := loaded.Contexts["demo"]
	catalog, err := consul.New(consul.Options{Address: c.Catalog})
	if err != nil {
		t.Fatal(err)
	}
	for service, n := range map[string]int{"user": 6, "edge": 1} {
		list, err := catalog.Instances(t.Context(), service)
		if err != nil || len(list.Instances) != n || list.Instances[0].Catalog != fleet.Passing {
			t.Errorf("%s: %+v, %v", service, list.Instances, err)
		}
	}
	w.StartLoad(t.Context())
	for what, url := range map[string]string{
		"prometheus": c.Prometheus.URL + "/api/v1/query?query=" + url.QueryEscape(`count(up{job="user"} == 1) == 6`),
		"jaeger":     c.Jaeger.URL + "/api/services",
	} {
		eventually(t, what+" knows user", func() bool { return strings.Contains(get(t, url), `"user"`) || strings.Contains(get(t, url), `"6"`) })
	}
	if _, err := demo.Start(t.Context(), o); fleet.KindOf(err) != fleet.Usage || !strings.Contains(err.Error(), "running already") {
		t.Errorf("a second world: %v", err)
	}
	if err := w.Stop(); err != nil {
		t.Error(err)
	}
	expectNothingLeft(t, o)
}

// get returns what a server answers, "" where it does not.
func get(t *testing.T, url string) string {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(url)
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return ""
	}
	return string(text)
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-ctx.Done():
			t.Fatalf("not so in time: %s", what)
		case <-tick.C:
		}
	}
}

func TestWhatTheUserHasStays(t *testing.T) {
	o := options(t)
	const text = "# mine\ncurrent: prod\ncontexts:\n  prod:\n    catalog: consul://127.0.0.1:1\n"
	if err := os.MkdirAll(filepath.Dir(o.Config), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(o.Config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := start(t, o).Stop(); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(o.Config); err != nil || string(got) != text {
		t.Errorf("configuration = %q, %v", got, err)
	}
}

func TestAnInstanceThatDiesIsReported(t *testing.T) {
	o := options(t)
	w := start(t, o)
	pid := pidOf(t, filepath.Dir(w.Catalog()), "user-2")
	victim, err := os.FindProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := victim.Kill(); err != nil {
		t.Fatal(err)
	}
	select {
	case e := <-w.Ended():
		if e.ID != "user-2" || e.PID != pid || e.Cause != "signal: killed" {
			t.Errorf("exit = %+v, want user-2 with PID %d", e, pid)
		}
	case <-time.After(20 * time.Second):
		t.Error("nobody told")
	}
	if err := w.Stop(); err != nil {
		t.Error(err)
	}
	expectNothingLeft(t, o)
}

// pidOf reads an instance's process ID from its log.
func pidOf(t *testing.T, folder, id string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, id+".log"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	var line struct {
		PID int `json:"process.pid"`
	}
	if err := json.Unmarshal([]byte(first), &line); err != nil || line.PID == 0 {
		t.Fatalf("%q: %v", first, err)
	}
	return line.PID
}

func TestAKilledDemoIsCleanedUpByTheNext(t *testing.T) {
	o := options(t)
	cmd := exec.Command(program(t, "demo"), o.Userd, o.Edged, o.Config)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 64)); err != nil {
		t.Fatal(err)
	}
	_, err = demo.Start(t.Context(), o)
	if fleet.KindOf(err) != fleet.Usage || !strings.Contains(err.Error(), "running already") {
		t.Errorf("a second demo: %v", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	before, err := filepath.Glob(filepath.Join(os.TempDir(), "*", "fleet.yaml"))
	if err != nil || len(before) != 1 {
		t.Fatalf("the killed demo left %q, %v", before, err)
	}
	var forgotten []string
	o.Forget = func(catalog string) { forgotten = append(forgotten, catalog) }
	w := start(t, o)
	if u, err := url.Parse(strings.Join(forgotten[:min(1, len(forgotten))], "")); err != nil || u.Path != before[0] {
		t.Errorf("forgotten: %q", forgotten)
	}
	if err := w.Stop(); err != nil {
		t.Error(err)
	}
	expectNothingLeft(t, o)
}

func TestAnOwnContextDemoIsNotTouched(t *testing.T) {
	o := options(t)
	file, err := config.Load(o.Config)
	if err != nil {
		t.Fatal(err)
	}
	if err := file.Put(config.Context{Name: "demo", Catalog: "file:///srv/fleet.yaml"}); err != nil {
		t.Fatal(err)
	}
	_, err = demo.Start(t.Context(), o)
	var e *fleet.Error
	if !errors.As(err, &e) || e.Kind != fleet.Usage || e.Hint == "" {
		t.Errorf("error = %v", err)
	}
	if file, err = config.Load(o.Config); err != nil || file.Contexts["demo"].Catalog != "file:///srv/fleet.yaml" {
		t.Errorf("configuration = %+v, %v", file, err)
	}
}

func TestAUserdThatDoesNotStartIsQuoted(t *testing.T) {
	o := options(t)
	o.Userd = program(t, "broken")
	_, err := demo.Start(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "cannot do it") {
		t.Errorf("error = %v", err)
	}
	expectNothingLeft(t, o)
	o.Userd = filepath.Join(t.TempDir(), "missing")
	if _, err := demo.Start(t.Context(), o); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error = %v", err)
	}
	expectNothingLeft(t, o)
}
