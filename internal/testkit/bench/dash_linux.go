package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/internal/stack"
	"github.com/gctl-dev/gctl/internal/testkit/alone"
	"github.com/gctl-dev/gctl/internal/testkit/tty"
)

// roleEmpty is a Bubble Tea program that shows nothing that changes.
const roleEmpty = "empty-tea"

type emptyTea struct{}

func (emptyTea) Init() tea.Cmd { return nil }

func (e emptyTea) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	if k, ok := msg.(tea.KeyPressMsg); ok && k.String() == "q" {
		return e, tea.Quit
	}
	return e, nil
}

func (emptyTea) View() tea.View {
	v := tea.NewView("empty")
	v.AltScreen = true
	return v
}

func playEmpty() error {
	_, err := tea.NewProgram(emptyTea{}).Run()
	return err
}

// idle is how long an idle dashboard is watched.
const idle = 60 * time.Second

// measureDash drives the dashboard in a pseudo-terminal of 200×50.
func measureDash(ctx context.Context, b *bench, r *report) error {
	t := alone.New("bench", os.Stderr, os.Exit)
	defer t.End()
	s := r.section("The dashboard", "In a pseudo-terminal of 200×50 cells, over a real Consul of so many services of one instance each, at whose addresses nobody listens.")
	s.columns = []string{"100", "10,000", "100,000"}
	d := &dashBench{t: t, b: b, gctl: filepath.Join(b.bin, "gctl")}
	first, err := d.firstFrame()
	if err != nil {
		return err
	}
	s.goal("first frame, all backends down, median", ms64(first), 80, " ms")
	var open, keys, burst, rss [3]string
	limits := [3]struct{ key, filter, rss float64 }{{20, 16, 60}, {20, 16, 60}, {33, 50, 200}}
	for i, n := range [3]int{100, 10_000, 100_000} {
		m, err := d.measure(ctx, n)
		if err != nil {
			return err
		}
		open[i], keys[i], burst[i], rss[i] = ms(m.open), ms(m.key), ms(m.burst), fmt.Sprintf("%d MB", m.rss>>20)
		s.goal(fmt.Sprintf("key to frame at %d rows, p99", n), ms64(m.key), limits[i].key, " ms")
		s.goal(fmt.Sprintf("filter keystroke at %d rows, p99", n), ms64(m.filter), limits[i].filter, " ms")
		if n == 10_000 {
			s.goal("1,000 keys at once at 10,000 rows", ms64(m.burst), 100, " ms")
		}
		s.goal(fmt.Sprintf("resident memory at %d rows", n), float64(m.rss)/(1<<20), limits[i].rss, " MB")
	}
	s.row(append([]string{"until all rows are known"}, open[:]...)...)
	s.row(append([]string{"key to frame, p99"}, keys[:]...)...)
	s.row(append([]string{"1,000 keys at once"}, burst[:]...)...)
	s.row(append([]string{"resident"}, rss[:]...)...)
	if err := d.bytes(ctx, s); err != nil {
		return err
	}
	return d.idle(ctx, s)
}

func ms64(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

type dashBench struct {
	t    *alone.Run
	b    *bench
	gctl string
}

// env is the environment of a dashboard with these backends, by their addresses.
func (d *dashBench) env(consul, prometheus string) ([]string, error) {
	home, err := os.MkdirTemp(d.b.dir, "dash")
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(home, "gctl")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	config := "current: bench\ncontexts:\n  bench: {catalog: 'consul://" + consul + "', prometheus: 'http://" + prometheus + "', jaeger: 'http://" + nobody + "'}\n"
	if err := os.WriteFile(filepath.Join(dir, "config.yaml"), []byte(config), 0o600); err != nil {
		return nil, err
	}
	return tty.Env("HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_STATE_HOME="+home, "XDG_CACHE_HOME="+home), nil
}

// nobody is an address at which nobody listens.
const nobody = "127.0.0.1:9"

func (d *dashBench) start(env []string, args ...string) *tty.Terminal {
	return tty.Start(d.t, tty.Options{Width: 200, Height: 50, Env: env}, d.gctl, args...)
}

// firstFrame is the median time from the start to the first frame.
func (d *dashBench) firstFrame() (time.Duration, error) {
	env, err := d.env(nobody, nobody)
	if err != nil {
		return 0, err
	}
	var took sample
	for range d.b.times(20) {
		began := time.Now()
		term := d.start(env, "dash")
		term.WaitFor("gctl bench")
		took = append(took, time.Since(began))
		term.Press("q")
		term.WaitExit()
	}
	slices.Sort(took)
	return took.median(), nil
}

// dashFigures are those of one size.
type dashFigures struct {
	open, key, filter, burst time.Duration
	rss                      int64
}

func (d *dashBench) measure(ctx context.Context, n int) (dashFigures, error) {
	env, stop, err := d.fleetOf(ctx, n)
	if err != nil {
		return dashFigures{}, err
	}
	defer stop()
	var f dashFigures
	began := time.Now()
	term := d.start(env, "dash")
	term.WaitFor(fmt.Sprintf("%d/%d", n+1, n+1)) // and Consul itself
	f.open = time.Since(began)
	f.key = d.keys(term)
	f.filter = d.filters(term)
	f.burst = d.burst(term)
	_, f.rss = term.Usage()
	term.Press("q")
	term.WaitExit()
	return f, nil
}

// fleetOf is the environment of a dashboard over a real Consul of n services, until
// stop.
func (d *dashBench) fleetOf(ctx context.Context, n int) (env []string, stop func(), err error) {
	agent, err := stack.StartConsul(ctx, stack.ConsulOptions{})
	if err != nil {
		return nil, nil, err
	}
	stop = func() { _ = agent.Stop() }
	if err = fillRows(ctx, &bigConsul{url: "http://" + agent.Addr}, n); err == nil {
		env, err = d.env(agent.Addr, nobody)
	}
	if err != nil {
		stop()
		return nil, nil, err
	}
	return env, stop, nil
}

// fillRows registers n services of one instance each, on a hundred machines.
func fillRows(ctx context.Context, c *bigConsul, n int) error {
	var ops []object
	for i := range n {
		name := fmt.Sprintf("app-%06d", i)
		if i < 100 {
			ops = append(ops, object{"Node": object{"Verb": "set", "Node": object{"Node": fmt.Sprint("n", i), "Address": "127.0.0.1"}}})
		}
		ops = append(ops, object{"Service": object{"Verb": "set", "Node": fmt.Sprint("n", i%100), "Service": object{
			"ID": name + "-1", "Service": name, "Address": "127.0.0.1", "Port": 9, "Meta": map[string]string{"tls": "false"}}}})
		if len(ops) >= 120 || i == n-1 {
			if err := c.put(ctx, "/v1/txn", ops); err != nil {
				return err
			}
			ops = nil
		}
	}
	return nil
}

// keys is the 99th percentile of the time from a key to the frame that shows it.
func (d *dashBench) keys(term *tty.Terminal) time.Duration {
	term.Press("s", "n") // by name: what is drawn tells where the cursor is
	term.WaitFor("sort: service")
	term.Press("g")
	term.WaitUntil("the first row", selected("app-000000"))
	var took sample
	for i := range d.b.times(200) {
		at := i%90 + 1
		began := time.Now()
		term.Press("j")
		term.WaitUntil("the next row", selected(fmt.Sprintf("app-%06d", at)))
		took = append(took, time.Since(began))
		if at == 90 {
			term.Press("g")
			term.WaitUntil("the first row", selected("app-000000"))
		}
	}
	slices.Sort(took)
	return took.quantile(0.99)
}

// selected tells whether the cursor is on the row of a service.
func selected(service string) func(string) bool {
	return func(text string) bool {
		_, row, _ := strings.Cut(text, "▌")
		row, _, _ = strings.Cut(row, "\n")
		return strings.Contains(row, service)
	}
}

// filters is the 99th percentile of the time from a key in a filter to its rows.
func (d *dashBench) filters(term *tty.Terminal) time.Duration {
	var took sample
	for range d.b.times(40) {
		term.Press("/")
		term.Type("app-00004")
		term.WaitFor("/app-00004")
		term.WaitUntil("ten rows", func(s string) bool { return strings.Contains(s, " 10/") })
		began := time.Now()
		term.Press("2")
		term.WaitUntil("one row", func(s string) bool { return strings.Contains(s, " 1/") })
		took = append(took, time.Since(began))
		term.Press("enter", "esc")
		term.WaitUntil("all rows", func(s string) bool { return !strings.Contains(s, " 1/") && !strings.Contains(s, " 10/") })
	}
	slices.Sort(took)
	return took.quantile(0.99)
}

// burst is how long a thousand keys take that come at once.
func (d *dashBench) burst(term *tty.Terminal) time.Duration {
	term.Press("g")
	began := time.Now()
	term.Type(strings.Repeat("j", 60) + strings.Repeat("kj", 455) + strings.Repeat("k", 30))
	term.WaitUntil("the row in the end", selected("app-000030"))
	return time.Since(began)
}

// idle compares a dashboard over a fleet that does not change, all of whose sources
// answer, with a Bubble Tea program that shows nothing.
func (d *dashBench) idle(ctx context.Context, s *section) error {
	w, err := newWorld(ctx, d.b.bin, d.b.dir)
	if err != nil {
		return err
	}
	defer w.stop()
	if err := w.awaitPassing(ctx); err != nil {
		return err
	}
	prometheus, err := stack.StartPrometheus(ctx, stack.PrometheusOptions{Interval: 15 * time.Second})
	if err != nil {
		return err
	}
	defer func() { _ = prometheus.Stop() }()
	env, err := d.env(w.consul, prometheus.Addr)
	if err != nil {
		return err
	}
	watch := idle
	if d.b.quick {
		watch = 5 * time.Second
	}
	watched := func(term *tty.Terminal) (cpu time.Duration, bytes int64) {
		before, _ := term.Usage()
		wrote := term.Bytes()
		time.Sleep(watch)
		after, _ := term.Usage()
		return after - before, term.Bytes() - wrote
	}
	dash := d.start(env, "dash")
	dash.WaitUntil("a fleet that serves", func(text string) bool { return strings.Contains(text, "metrics ✓") && strings.Contains(text, "1/1") })
	cpu, bytes := watched(dash)
	dash.Press("q")
	dash.WaitExit()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	empty := tty.Start(d.t, tty.Options{Width: 200, Height: 50, Env: append(env, roleVariable+"="+roleEmpty)}, self)
	empty.WaitFor("empty")
	base, _ := watched(empty)
	empty.Press("q")
	empty.WaitExit()
	share := func(d time.Duration) float64 { return 100 * float64(d) / float64(watch) }
	s.saysf("idle over one user service, a real Consul and Prometheus for %s: %.2f %% of a core, %d bytes written; an empty Bubble Tea program: %.2f %%", watch, share(cpu), bytes, share(base))
	s.goal("idle, above the empty program", share(cpu-base), 0.5, " %")
	return nil
}
