package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/consul"
	"github.com/gctl-dev/gctl/internal/stack"
	"github.com/gctl-dev/gctl/internal/state/recording"
)

const (
	storeInstances = 10_000
	storeChanges   = 500 // a second
	storeSeconds   = 30
	storeIdle      = 30 * time.Second
	storeReplayed  = 200_000
)

// measureStore watches a large Consul, idle and busy, and plays a recording.
func measureStore(ctx context.Context, b *bench, r *report) error {
	s := r.section("The store", fmt.Sprintf(
		"A real Consul with %d instances of 1,000 services on 100 machines, nine of ten with a check. `gctl record` watches it as a process of its own; "+
			"then %d changes a second are made, half of them new verdicts and half registrations with another version, and it is measured when a snapshot has each.",
		storeInstances, storeChanges))
	s.columns = []string{"value"}
	agent, err := stack.StartConsul(ctx, stack.ConsulOptions{})
	if err != nil {
		return err
	}
	defer func() { _ = agent.Stop() }()
	big := &bigConsul{url: "http://" + agent.Addr}
	if err := big.fill(ctx); err != nil {
		return err
	}
	if err := b.recordBig(ctx, s, agent.Addr, big); err != nil {
		return err
	}
	if err := b.followBig(ctx, s, agent.Addr, big); err != nil {
		return err
	}
	return b.replay(ctx, s)
}

// bigConsul is an agent with many instances.
type bigConsul struct {
	url string
	n   int // of changes made
}

func (c *bigConsul) put(ctx context.Context, path string, body any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, c.url+path, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("PUT %s: %s", path, resp.Status)
	}
	return nil
}

type object = map[string]any

func (c *bigConsul) service(i int, version string) object {
	id := fmt.Sprintf("s%d-%d", i/10, i%10)
	return object{"Service": object{"Verb": "set", "Node": fmt.Sprint("n", i%100), "Service": object{
		"ID": id, "Service": fmt.Sprint("s", i/10), "Address": "10.1.0.1", "Port": 9000 + i,
		"Meta": map[string]string{"version": version, "zone": "a", "instance": id},
	}}}
}

func (c *bigConsul) check(i int, status string) object {
	id := fmt.Sprintf("s%d-%d", i/10, i%10)
	return object{"Check": object{"Verb": "set", "Check": object{
		"Node": fmt.Sprint("n", i%100), "CheckID": "service:" + id, "Name": "c", "Status": status, "ServiceID": id, "Type": "grpc"}}}
}

func (c *bigConsul) fill(ctx context.Context) error {
	for n := range 100 {
		if err := c.put(ctx, "/v1/catalog/register", object{"Node": fmt.Sprint("n", n), "Address": "10.0.0.1",
			"Check": object{"CheckID": "alive", "Name": "alive", "Status": "passing"}}); err != nil {
			return err
		}
	}
	var ops []object
	for i := range storeInstances {
		if ops = append(ops, c.service(i, "v0")); i%10 != 9 {
			ops = append(ops, c.check(i, "passing"))
		}
		if len(ops) >= 120 || i == storeInstances-1 {
			if err := c.put(ctx, "/v1/txn", ops); err != nil {
				return err
			}
			ops = nil
		}
	}
	return nil
}

// wanted is what a change makes of an instance.
type wanted struct{ service, id, version, status string }

func (w *wanted) shown(snap *fleet.Snapshot) bool {
	service := snap.Service(w.service)
	if service == nil {
		return false
	}
	in := service.Instance(w.id)
	return in != nil && (w.version == "" || in.Version == w.version) && (w.status == "" || string(in.Catalog) == w.status)
}

// change makes n changes at once, each of another instance.
func (c *bigConsul) change(ctx context.Context, n int) ([]wanted, error) {
	var ops []object
	var changes []wanted
	for range n {
		c.n++
		i := c.n * 7919 % storeInstances // prime to it: each comes once in a round
		w := wanted{service: fmt.Sprint("s", i/10), id: fmt.Sprintf("s%d-%d", i/10, i%10)}
		round := c.n / storeInstances
		if c.n%2 == 0 || i%10 == 9 {
			w.version = fmt.Sprint("v", c.n)
			ops = append(ops, c.service(i, w.version))
		} else {
			w.status = []string{"critical", "warning", "passing"}[round%3]
			ops = append(ops, c.check(i, w.status))
		}
		changes = append(changes, w)
	}
	return changes, c.put(ctx, "/v1/txn", ops)
}

// churn makes changes for a while and hands each batch to done.
func (b *bench) churn(ctx context.Context, c *bigConsul, done func([]wanted)) error {
	const batch = 50
	ticker := time.NewTicker(time.Second * batch / storeChanges)
	defer ticker.Stop()
	for range b.times(storeSeconds) * storeChanges / batch {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
		changes, err := c.change(ctx, batch)
		if err != nil {
			return err
		}
		done(changes)
	}
	return nil
}

// recordBig runs gctl record beside it.
func (b *bench) recordBig(ctx context.Context, s *section, addr string, c *bigConsul) error {
	dir := filepath.Join(b.dir, "recording")
	cmd := exec.CommandContext(ctx, filepath.Join(b.bin, "gctl"), "record", "--dir", dir)
	cmd.Env = append(os.Environ(), "CONSUL_HTTP_ADDR="+addr, "HOME="+b.dir)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	if err := cmd.Start(); err != nil {
		return err
	}
	defer func() { _ = cmd.Process.Signal(os.Interrupt); _ = cmd.Wait() }()
	if err := settle(ctx, 5*time.Second); err != nil {
		return err
	}
	idle := storeIdle / time.Duration(storeSeconds/b.times(storeSeconds))
	before, err := cpuOf(cmd.Process.Pid)
	if err != nil {
		return err
	}
	if err := settle(ctx, idle); err != nil {
		return err
	}
	after, err := cpuOf(cmd.Process.Pid)
	if err != nil {
		return err
	}
	s.goal("CPU while nothing changes, of a core", 100*(after-before).Seconds()/idle.Seconds(), 3, " %")
	before, began := after, time.Now()
	if err := b.churn(ctx, c, func([]wanted) {}); err != nil {
		return err
	}
	if after, err = cpuOf(cmd.Process.Pid); err != nil {
		return err
	}
	s.row("CPU while 500 a second change, of a core", fmt.Sprintf("%.0f %%", 100*(after-before).Seconds()/time.Since(began).Seconds()))
	rss, err := peakOf(cmd.Process.Pid)
	if err != nil {
		return err
	}
	s.goal("resident memory at most", float64(rss)/(1<<20), 150, " MB")
	return nil
}

// followBig looks when snapshots have the changes.
func (b *bench) followBig(ctx context.Context, s *section, addr string, c *bigConsul) error {
	catalog, err := consul.New(consul.Options{Address: addr})
	if err != nil {
		return err
	}
	whole, ok := catalog.(*consul.Catalog)
	if !ok {
		return errors.New("not a Consul catalog")
	}
	defer whole.Close()
	began := time.Now()
	store := fleet.NewStore(ctx, fleet.StoreOptions{Sources: []fleet.Source{whole.Source()}})
	defer store.Close()
	for snap := range store.Snapshots(ctx) {
		if snap.Counts().Instances >= storeInstances {
			break
		}
	}
	s.row("until the first snapshot has all instances", fmt.Sprintf("%.2f s", time.Since(began).Seconds()))
	w := &waiting{}
	watching, stop := context.WithCancel(ctx)
	var all sync.WaitGroup
	all.Go(func() {
		for snap := range store.Snapshots(watching) {
			w.look(snap)
		}
	})
	err = b.churn(ctx, c, w.add)
	if err == nil {
		err = settle(ctx, 5*time.Second)
	}
	stop()
	all.Wait()
	if err != nil {
		return err
	}
	late := w.sorted()
	if len(late) == 0 {
		return errors.New("no change was seen")
	}
	at := func(q float64) float64 { return late[int(q*float64(len(late)-1))].Seconds() }
	s.row("a change is in a snapshot after: median, p95", fmt.Sprintf("%.2f s, %.2f s", at(0.5), at(0.95)))
	s.goal("a change is in a snapshot after, p99", at(0.99), 1, " s")
	s.goal("changes that no snapshot had", float64(len(w.open)), 0, "")
	return nil
}

// waiting are the changes that no snapshot has had yet, and how long the others
// took.
type waiting struct {
	mu   sync.Mutex
	open map[wanted]time.Time
	took []time.Duration
}

func (w *waiting) add(changes []wanted) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.open == nil {
		w.open = map[wanted]time.Time{}
	}
	for _, c := range changes {
		w.open[c] = time.Now()
	}
}

func (w *waiting) look(snap *fleet.Snapshot) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c, since := range w.open {
		if c.shown(snap) {
			w.took = append(w.took, time.Since(since))
			delete(w.open, c)
		}
	}
}

func (w *waiting) sorted() []time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	slices.Sort(w.took)
	return w.took
}

// replay plays many changes as fast as can be.
func (b *bench) replay(ctx context.Context, s *section) error {
	dir := filepath.Join(b.dir, "replay")
	live := fleet.NewStore(ctx, fleet.StoreOptions{})
	defer live.Close()
	recorder, err := recording.NewRecorder(recording.Options{Dir: dir, Segment: 24 * time.Hour})
	if err != nil {
		return err
	}
	now, changes := time.Now(), 0
	for step := 0; changes < storeReplayed; step++ {
		d := fleet.Delta{At: now.Add(time.Duration(step) * 250 * time.Millisecond)}
		n := 125
		if step == 0 {
			n = storeInstances
		}
		for i := range n {
			i = (step*125 + i) * 7919 % storeInstances
			id := fmt.Sprintf("s%d-%d", i/10, i%10)
			d.Instances = append(d.Instances, fleet.InstanceFact{Instance: fleet.Instance{
				ID: id, Service: fmt.Sprint("s", i/10), Addr: "10.1.0.1:9000", Version: fmt.Sprint("v", step), Zone: "a",
				Meta: map[string]string{"version": fmt.Sprint("v", step), "zone": "a", "instance": id}, Catalog: fleet.Passing,
			}, Provenance: fleet.Provenance{Source: "consul", Query: "GET " + id, At: d.At, Feed: fleet.CatalogFeed}})
			d.Events = append(d.Events, fleet.Event{At: d.At, Kind: fleet.VersionChanged, Service: "s", Instance: id, To: fmt.Sprint("v", step)})
		}
		changes += n
		live.Apply(&d)
		if err := recorder.Record(live.Flush()); err != nil {
			return err
		}
	}
	if err := recorder.Close(); err != nil {
		return err
	}
	played, err := recording.Open(dir)
	if err != nil {
		return err
	}
	store := fleet.NewStore(ctx, fleet.StoreOptions{})
	defer store.Close()
	began := time.Now()
	torn, err := played.Replay(ctx, store, recording.ReplayOptions{})
	if err != nil || len(torn) > 0 {
		return errors.Join(err, fmt.Errorf("%d segments torn", len(torn)))
	}
	s.atLeast("changes replayed from disk", float64(changes)/time.Since(began).Seconds(), 50_000, " a second")
	return nil
}

// cpuOf is the processor time that a process has used, where the system tells it
// as Linux does.
func cpuOf(pid int) (time.Duration, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(raw), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, errors.New("/proc tells no processor time")
	}
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond, errors.Join(err1, err2)
}

// peakOf is the most memory that a process ever had resident.
func peakOf(pid int) (int64, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(raw)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			return kb << 10, err
		}
	}
	return 0, errors.New("/proc tells no memory")
}
