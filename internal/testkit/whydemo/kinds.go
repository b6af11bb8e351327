package main

import (
	"context"
	"os"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/gctl-dev/gctl/internal/demo"
	"github.com/gctl-dev/gctl/ops/why"
	"github.com/gctl-dev/gctl/ops/why/whytest"
)

// kind is a fault, what it needs, and the cause that has to be named first.
type kind struct {
	fault   whytest.Fault
	cause   why.Kind
	inflict func(*trouble) error
	needs   needs
	health  time.Duration // before it, if not the usual
	lasts   time.Duration // until the question, if longer than usual
	act     bool          // ask at once, and quarantine the instance
}

// trouble is what happens in a world.
type trouble struct {
	*world
	number int
	ctx    context.Context //nolint:containedctx // of the run that this value serves
	ends   []func()

	instances []string // that have to be named; empty: the service as a whole
	subject   string   // of the cause, or its beginning
}

func (t *trouble) end() {
	for _, f := range t.ends {
		f()
	}
}

// one is the instance that is hit, another in each run.
func (t *trouble) one() string { return []string{"user-3", "user-5", "user-2"}[t.number%3] }

// some are the first instances.
func some(n int) []string {
	all := []string{"user-1", "user-2", "user-3", "user-4", "user-5", "user-6"}
	return all[:n]
}

// pick is another duration in each run, of these milliseconds.
func (t *trouble) pick(a, b, c int) time.Duration {
	return time.Duration([]int{a, b, c}[t.number%3]) * time.Millisecond
}

func (t *trouble) each(ids []string, i ill) error {
	for _, id := range ids {
		if err := t.inflict(id, i); err != nil {
			return err
		}
	}
	return nil
}

func kinds() []kind {
	shed := []string{"--rate-limit=*=8/s,burst=8"}
	return []kind{
		{fault: whytest.BreakerFlaps, cause: why.BreakerFlapping, inflict: flap, lasts: 6*time.Minute + 30*time.Second},
		{fault: whytest.AllSlow, cause: why.SlowService, inflict: allSlow, health: 5 * time.Minute},
		{fault: whytest.DatabaseSlow, cause: why.DependencySlow, inflict: databaseSlow, needs: needs{postgres: true}, health: 5 * time.Minute},
		{fault: whytest.DatabaseAway, cause: why.DependencyDown, inflict: databaseAway, needs: needs{postgres: true}},
		{fault: whytest.SlowInstance, cause: why.SlowInstance, inflict: slow},
		{fault: whytest.FailingInstance, cause: why.FailingInstance, inflict: failing},
		{fault: whytest.KilledInstance, cause: why.InstanceDown, inflict: killed},
		{fault: whytest.BadDeploy, cause: why.BadVersion, inflict: deploy, health: 5 * time.Minute},
		{fault: whytest.SchemaDrift, cause: why.SchemaDrift, inflict: drift},
		{fault: whytest.BreakerForced, cause: why.BreakerForcedOpen, inflict: force},
		{fault: whytest.Overload, cause: why.Overload, inflict: overload, needs: needs{args: shed}},
		{fault: whytest.Expired, cause: why.CertificateExpired, inflict: expire, needs: needs{tls: true}},
		{fault: "incident, slow", cause: why.SlowInstance, inflict: slow, act: true},
		{fault: "incident, failing", cause: why.FailingInstance, inflict: failing, act: true},
	}
}

func slow(t *trouble) error {
	t.instances = []string{t.one()}
	if t.number%3 == 0 { // as the tour of the demo says
		return t.must(t.ctx, "fault", "latency", t.one(), "800ms", "--ttl", "10m", "--yes", "--reason", "a trial")
	}
	return t.inflict(t.one(), ill{Latency: t.pick(0, 300, 700)})
}

func failing(t *trouble) error {
	t.instances = []string{t.one()}
	if t.number%3 == 0 {
		return t.must(t.ctx, "fault", "status", t.one(), "UNAVAILABLE", "--percent", "70", "--ttl", "10m", "--yes", "--reason", "a trial")
	}
	return t.inflict(t.one(), ill{Fail: []float64{0, 0.5, 1}[t.number%3], Code: codes.Internal})
}

func killed(t *trouble) error {
	t.instances = []string{t.one()}
	p := t.Process(t.one())
	if t.number%3 == 1 {
		t.ends = append(t.ends, func() { _ = resume(p) })
		return stop(p)
	}
	return p.Kill()
}

func allSlow(t *trouble) error {
	return t.each(some(6), ill{Latency: t.pick(200, 400, 800)})
}

// databaseSlow makes the way to the database long, or has somebody lock the table
// again and again.
func databaseSlow(t *trouble) error {
	if t.number%3 != 2 {
		t.proxy.delay.Store(int64(t.pick(60, 150, 0)))
		return nil
	}
	ctx, cancel := context.WithCancel(t.ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			_, _ = t.db.SQL(ctx, "test1", "BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(0.7); COMMIT")
		}
	}()
	t.ends = append(t.ends, func() { cancel(); <-done })
	return nil
}

func databaseAway(t *trouble) error {
	if t.number%3 == 1 {
		return t.db.Pause()
	}
	return t.db.Kill()
}

// deploy rolls a version out that is bad, to half of the instances or to all.
func deploy(t *trouble) error {
	ids := some([]int{2, 3, 6}[t.number%3])
	t.subject = "v1.5.0"
	if len(ids) < 6 {
		t.instances = ids
	}
	i := ill{Version: "v1.5.0", Fail: 0.4, Code: codes.Internal}
	if t.number%3 == 1 {
		i = ill{Version: "v1.5.0", Latency: 250 * time.Millisecond}
	}
	return t.rollout(ids, i)
}

func (t *trouble) rollout(ids []string, i ill) error {
	for _, id := range ids {
		if err := t.inflict(id, i); err != nil {
			return err
		}
		if err := t.Restart(t.ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// drift rolls out what was built before a method was there.
func drift(t *trouble) error {
	t.instances = some([]int{1, 2, 3}[t.number%3])
	return t.rollout(t.instances, ill{Version: []string{"v1.3.0", "v1.4.0", "v1.3.0"}[t.number%3], Lacks: "ListUsers"})
}

func force(t *trouble) error {
	t.subject = "user/"
	return t.must(t.ctx, "breakers", "force-open", []string{"user/read", "user", "user/read"}[t.number%3], "--ttl", "10m", "--yes", "--reason", "a trial")
}

// flap has all instances fail for a while, again and again.
func flap(t *trouble) error {
	t.subject = "user/"
	ctx, cancel := context.WithCancel(t.ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			_ = t.each(some(6), ill{Fail: 0.9, Code: codes.Unavailable})
			if pause(ctx, 15*time.Second) != nil {
				return
			}
			_ = t.each(some(6), ill{})
			if pause(ctx, 35*time.Second) != nil {
				return
			}
		}
	}()
	t.ends = append(t.ends, func() { cancel(); <-done })
	return nil
}

// overload lowers a limit, or has more calls come than the limits let in.
func overload(t *trouble) error {
	if t.number%3 == 0 {
		return t.must(t.ctx, "limits", "set", "rate/default", "--service", "user", "--rate", "2", "--burst", "2", "--ttl", "10m", "--yes", "--reason", "a trial")
	}
	for range 5 {
		extra := demo.Load(t.ctx, t.Page)
		t.ends = append(t.ends, extra)
	}
	return nil
}

// expire has new connections made once the certificates of the users have ended.
func expire(t *trouble) error {
	const life = 20 * time.Second
	if err := t.issue(t.ctx, life); err != nil {
		return err
	}
	ended := time.Now().Add(life)
	if err := pause(t.ctx, time.Until(ended)+time.Second); err != nil {
		return err
	}
	// The edge and who asks have good ones: only the users' were forgotten.
	keep := map[string][]byte{}
	for _, name := range []string{"user.pem", "user.key"} {
		data, err := os.ReadFile(t.cert(name))
		if err != nil {
			return err
		}
		keep[name] = data
	}
	if err := t.issue(t.ctx, time.Hour); err != nil {
		return err
	}
	for name, data := range keep {
		if err := os.WriteFile(t.cert(name), data, 0o600); err != nil {
			return err
		}
	}
	if err := pause(t.ctx, 3*time.Second); err != nil { // the files are looked at every second
		return err
	}
	return t.Restart(t.ctx, "edge-1")
}
