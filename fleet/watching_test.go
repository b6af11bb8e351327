package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// crew is a prober, and a reader of breakers, of instances that a test changes.
type crew struct {
	mu      sync.Mutex
	states  map[string]fleet.HealthState // of those that do not serve
	open    map[string]bool              // whose breaker is open
	none    map[string]bool              // who has no breaker
	hung    map[string]bool              // who does not answer about breakers
	now     map[string]*func()           // those that are watched, to be told
	began   map[string]int               // watches
	asked   map[string]int
	refuses bool // to be watched
}

func newCrew() *crew {
	return &crew{states: map[string]fleet.HealthState{}, open: map[string]bool{}, none: map[string]bool{}, hung: map[string]bool{}, now: map[string]*func(){}, began: map[string]int{}, asked: map[string]int{}}
}

func (c *crew) health(in fleet.Instance) fleet.Health {
	h := fleet.Health{Instance: in, State: fleet.Serving}
	if s := c.states[in.ID]; s != "" {
		h.State = s
	}
	return h
}

func (c *crew) Health(_ context.Context, in fleet.Instance, _ string) fleet.Health {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked[in.ID]++
	return c.health(in)
}

func (*crew) HealthList(context.Context, fleet.Instance) []fleet.Health { return nil }

func (c *crew) WatchHealth(ctx context.Context, in fleet.Instance, _ string, notify func(fleet.Health)) error {
	return c.watch(ctx, in, func() { notify(c.health(in)) })
}

func (c *crew) watch(ctx context.Context, in fleet.Instance, tell func()) error {
	c.mu.Lock()
	c.began[in.ID]++
	if c.refuses {
		c.mu.Unlock()
		return errors.New("no")
	}
	c.now[in.ID] = &tell
	tell()
	c.mu.Unlock()
	<-ctx.Done()
	c.mu.Lock()
	if c.now[in.ID] == &tell { // and not another watch by now
		delete(c.now, in.ID)
	}
	c.mu.Unlock()
	return ctx.Err()
}

func (c *crew) breakers(in fleet.Instance) []fleet.Breaker {
	if c.none[in.ID] {
		return nil
	}
	b := fleet.Breaker{Caller: in, Name: "b", State: fleet.BreakerClosed}
	if c.open[in.ID] {
		b.State = fleet.BreakerOpen
	}
	return []fleet.Breaker{b}
}

func (c *crew) Breakers(_ context.Context, callers []fleet.Instance, _ string) (list fleet.BreakerList, _ error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, in := range callers {
		c.asked[in.ID]++
		if c.hung[in.ID] {
			list.Missing = append(list.Missing, fleet.Missing{Instance: in, What: "breakers", Err: errors.New("hangs")})
			continue
		}
		list.Breakers = append(list.Breakers, c.breakers(in)...)
	}
	return list, nil
}

func (c *crew) WatchBreakers(ctx context.Context, in fleet.Instance, notify func(fleet.BreakerUpdate)) error {
	return c.watch(ctx, in, func() { notify(fleet.BreakerUpdate{Breakers: c.breakers(in)}) })
}

// turn changes an instance; those who watch it are told.
func (c *crew) turn(id string, change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
	if tell := c.now[id]; tell != nil {
		(*tell)()
	}
}

func (c *crew) watched() map[string]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := map[string]bool{}
	for id := range c.now {
		all[id] = true
	}
	return all
}

func (c *crew) of(count map[string]int, id string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return count[id]
}

// crowded runs a source over services s0, s1, ... of so many instances each, that
// have control APIs.
func crowded(t *testing.T, services, each int, source fleet.Source) *fleet.Store {
	t.Helper()
	return run(t, fleet.Source{Name: fleet.CatalogFeed, Watch: func(ctx context.Context, f *fleet.Feed) error {
		facts := fleet.Facts{}
		for s := range services {
			for i := range each {
				in := instance(fmt.Sprint("s", s), fmt.Sprintf("s%d-%04d", s, i), "v1", fleet.Passing)
				in.Meta[fleet.MetaAdmin] = ":9000"
				facts.Instances = append(facts.Instances, in)
			}
		}
		f.Say(facts)
		<-ctx.Done()
		return ctx.Err()
	}}, source)
}

func healthIn(store *fleet.Store, service, id string) fleet.HealthState {
	if all := store.Snapshot().Service(service).HealthOf(id); len(all) == 1 {
		return all[0].State
	}
	return ""
}

func TestAChangeOfWhatIsLookedAtIsSeenAtOnceAndOfTheRestInItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrew()
		store := crowded(t, 2, 100, fleet.HealthSource(c))
		store.Attend([]fleet.Subject{{Service: "s0", Instance: "s0-0007"}, {Service: "nobody"}})
		after(15 * time.Second) // of the second round
		asked := c.of(c.asked, "s0-0007")
		for _, id := range []string{"s0-0007", "s1-0007"} {
			c.turn(id, func() { c.states[id] = fleet.NotServing })
		}
		after(500 * time.Millisecond)
		if s := healthIn(store, "s0", "s0-0007"); s != fleet.NotServing {
			t.Errorf("what is looked at is %s after half a second", s)
		}
		if s := healthIn(store, "s1", "s1-0007"); s != fleet.Serving {
			t.Errorf("what nobody looks at is %s after half a second, want what it said last", s)
		}
		after(20 * time.Second)
		if s := healthIn(store, "s1", "s1-0007"); s != fleet.NotServing {
			t.Errorf("what nobody looks at is %s after its turn", s)
		}
		if n := c.of(c.asked, "s0-0007"); n != asked {
			t.Errorf("what is watched was asked %d times more", n-asked)
		}
		// It is in trouble now, and watched for that.
		c.turn("s1-0007", func() { c.states["s1-0007"] = fleet.Serving })
		after(500 * time.Millisecond)
		if s := healthIn(store, "s1", "s1-0007"); s != fleet.Serving {
			t.Errorf("what was in trouble is %s half a second after it was well", s)
		}
		after(time.Minute)
		if all := c.watched(); len(all) != 1 || !all["s0-0007"] {
			t.Errorf("%v are watched, want what is looked at only", all)
		}
		events := store.Snapshot().Events()
		if len(events) != 3 || events[0].Instance != "s0-0007" || events[0].To != string(fleet.NotServing) {
			t.Errorf("events = %+v", told(events))
		}
	})
}

func TestWatchesAreBoundedAndServicesShareThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrew()
		store := crowded(t, 3, 400, fleet.HealthSource(c))
		store.Attend([]fleet.Subject{{Service: "s2", Instance: "s2-0399"}, {Service: "s2"}, {Service: "s1"}, {Service: "s0"}})
		after(5 * time.Second)
		per := map[string]int{}
		all := c.watched()
		for id := range all {
			per[id[:2]]++
		}
		if len(all) != 200 || !all["s2-0399"] || per["s0"] < 60 || per["s1"] < 60 || per["s2"] < 60 {
			t.Errorf("%d are watched, %v; want 200, and a share of each", len(all), per)
		}
		for s := range 3 {
			for i := range 400 {
				id := fmt.Sprintf("s%d-%04d", s, i)
				c.turn(id, func() { c.states[id] = fleet.Unreachable })
			}
		}
		after(time.Minute)
		for id := range all {
			if !c.watched()[id] {
				t.Fatalf("%s is looked at and gave way to what nobody looks at", id)
			}
		}
		if n := len(c.watched()); n != 300 {
			t.Errorf("%d are watched while all are in trouble, want 300", n)
		}
		// Whoever is looked at next has a place, though there is none left.
		store.Attend([]fleet.Subject{{Service: "s1", Instance: "s1-0398"}})
		after(time.Second)
		if all := c.watched(); len(all) != 300 || !all["s1-0398"] {
			t.Errorf("%d are watched, s1-0398 %v", len(all), all["s1-0398"])
		}
	})
}

func TestScrollingEndsNoWatchAndWhatIsLeftEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrew()
		store := crowded(t, 20, 5, fleet.HealthSource(c))
		page := func(n int) {
			var seen []fleet.Subject
			for s := range 5 {
				seen = append(seen, fleet.Subject{Service: fmt.Sprint("s", 5*n+s)})
			}
			store.Attend(seen)
		}
		after(time.Second)
		for range 20 { // to and fro, three pages of them
			for n := range 3 {
				page(n)
				after(300 * time.Millisecond)
			}
		}
		if n := len(c.watched()); n != 75 {
			t.Errorf("%d are watched, want those of three pages", n)
		}
		if n := c.of(c.began, "s0-0000"); n != 1 {
			t.Errorf("a watch was begun %d times", n)
		}
		page(2)
		after(time.Minute)
		if all := c.watched(); len(all) != 25 || !all["s10-0000"] {
			t.Errorf("%d are watched, want those of one page", len(all))
		}
		for range 1000 { // keys that come faster than one can look
			page(3)
			page(1)
		}
		after(time.Second)
		if n := c.of(c.began, "s15-0000"); n > 1 {
			t.Errorf("what was on the screen a thousand times in no time was watched %d times", n)
		}
	})
}

func TestNothingIsWatchedForAWindowThatNobodyLooksAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrew()
		store := crowded(t, 1, 5, fleet.HealthSource(c))
		store.Attend([]fleet.Subject{{Service: "s0"}})
		after(time.Second)
		store.Slow(5)
		after(10 * time.Second)
		if n := len(c.watched()); n != 5 {
			t.Errorf("%d are watched a moment after, want all: somebody may come back", n)
		}
		after(time.Minute)
		if n := len(c.watched()); n != 0 {
			t.Errorf("%d are watched", n)
		}
		asked := c.of(c.asked, "s0-0000")
		after(250 * time.Second)
		if n := c.of(c.asked, "s0-0000") - asked; n != 5 {
			t.Errorf("asked %d times in 250 s, want one in 50 s", n)
		}
		store.Slow(1)
		after(time.Second)
		if n := len(c.watched()); n != 5 {
			t.Errorf("%d are watched when somebody looks again", n)
		}
	})
}

func TestWhatCannotBeWatchedIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrew()
		c.refuses = true
		store := crowded(t, 1, 1, fleet.HealthSource(c))
		store.Attend([]fleet.Subject{{Service: "s0"}})
		after(65 * time.Second)
		if n := c.of(c.asked, "s0-0000"); n != 7 {
			t.Errorf("asked %d times in 65 s, want every ten seconds", n)
		}
		if n := c.of(c.began, "s0-0000"); n < 2 || n > 5 {
			t.Errorf("a watch was tried %d times in 65 s", n)
		}
		c.turn("", func() { c.refuses = false })
		after(30 * time.Second)
		if n := len(c.watched()); n != 1 {
			t.Error("it can be watched, and is not")
		}
	})
}

func TestTheWatchOfAnInstanceGoesWithIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrew()
		there := make(chan []fleet.Instance)
		store := run(t, fleet.Source{Name: fleet.CatalogFeed, Watch: func(ctx context.Context, f *fleet.Feed) error {
			for {
				select {
				case list := <-there:
					f.Say(fleet.Facts{Instances: list})
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		}}, fleet.HealthSource(c))
		u1, u2 := instance("user", "u1", "v1", fleet.Passing), instance("user", "u2", "v1", fleet.Passing)
		there <- []fleet.Instance{u1, u2}
		store.Attend([]fleet.Subject{{Service: "user"}})
		after(time.Second)
		u1.Addr = "elsewhere:1"
		there <- []fleet.Instance{u1}
		after(time.Second)
		if all := c.watched(); len(all) != 1 || c.of(c.began, "u1") != 2 {
			t.Errorf("%v are watched, u1 for the %d. time; want the new process of u1", all, c.of(c.began, "u1"))
		}
		after(10 * time.Second)
		user := store.Snapshot().Service("user")
		if len(user.Health) != 1 || user.Health[0].Instance.Addr != u1.Addr {
			t.Errorf("health = %+v, want that of the process that is there", deref(user.Health))
		}
		there <- nil
		after(11 * time.Second)
		if n := len(store.Snapshot().Services()); n != 0 || len(c.watched()) != 0 {
			t.Errorf("%d services, %v watched; want nothing of what is gone", n, c.watched())
		}
	})
}

func TestAnInstanceThatCannotMakeUpItsMindFloodsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrew()
		store := crowded(t, 1, 1, fleet.HealthSource(c))
		store.Attend([]fleet.Subject{{Service: "s0"}})
		after(time.Second)
		for i := range 10_001 {
			c.turn("s0-0000", func() { c.states["s0-0000"] = []fleet.HealthState{fleet.NotServing, fleet.Serving}[i%2] })
			if i%100 == 0 {
				time.Sleep(10 * time.Millisecond)
			}
		}
		after(time.Second)
		if n := len(store.Snapshot().Events()); n > 21 || healthIn(store, "s0", "s0-0000") != fleet.NotServing {
			t.Errorf("%d events of a second, at last %s; want one in 50 ms, and what it said last", n, healthIn(store, "s0", "s0-0000"))
		}
	})
}

func breakerIn(store *fleet.Store, service, id string) fleet.BreakerState {
	if all := store.Snapshot().Service(service).BreakersOf(id); len(all) == 1 {
		return all[0].State
	}
	return ""
}

func TestBreakersOnTheScreenOrOpenAreWatchedAndTheRestReadInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrew()
		store := crowded(t, 2, 100, fleet.BreakerSource(c, c, 2*time.Second, 15*time.Second))
		store.Attend([]fleet.Subject{{Service: "s0"}})
		after(10 * time.Second)
		if n := len(c.watched()); n != 50 {
			t.Errorf("%d are watched, want 50", n)
		}
		for _, s := range store.Snapshot().Services() {
			if len(s.Breakers) != 100 {
				t.Fatalf("%d breakers of %s are known after their turns, want 100", len(s.Breakers), s.Name)
			}
		}
		for _, id := range []string{"s0-0007", "s1-0007"} {
			c.turn(id, func() { c.open[id] = true })
		}
		after(400 * time.Millisecond)
		if s := breakerIn(store, "s0", "s0-0007"); s != fleet.BreakerOpen {
			t.Errorf("what is looked at is %s", s)
		}
		after(8 * time.Second)
		if s := breakerIn(store, "s1", "s1-0007"); s != fleet.BreakerOpen || !c.watched()["s1-0007"] {
			t.Errorf("what nobody looks at is %s after its turn, watched %v", s, c.watched()["s1-0007"])
		}
		c.turn("s1-0007", func() { c.open["s1-0007"] = false })
		after(400 * time.Millisecond)
		if s := breakerIn(store, "s1", "s1-0007"); s != fleet.BreakerClosed {
			t.Errorf("what was open is %s", s)
		}
	})
}

func TestBreakersThatAreGoneGoAndThoseOfTheSilentStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrew()
		store := crowded(t, 2, 100, fleet.BreakerSource(c, c, 2*time.Second, 15*time.Second))
		store.Attend([]fleet.Subject{{Service: "s0", Instance: "s0-0001"}})
		after(15 * time.Second)
		for _, id := range []string{"s0-0001", "s1-0001"} {
			c.turn(id, func() { c.none[id] = true })
		}
		c.turn("s1-0002", func() { c.hung["s1-0002"] = true })
		after(10 * time.Second)
		for service, id := range map[string]string{"s0": "s0-0001", "s1": "s1-0001"} {
			if s := breakerIn(store, service, id); s != "" {
				t.Errorf("the breaker of %s is %s, want none", id, s)
			}
		}
		for range 8 { // whoever is asked in the round, what is missing stays missing
			if m := state(t, store, fleet.BreakerFeed).Missing; len(m) != 1 || m[0].Instance.ID != "s1-0002" {
				t.Errorf("missing = %+v", m)
			}
			if s := breakerIn(store, "s1", "s1-0002"); s != fleet.BreakerClosed {
				t.Errorf("the breaker of an instance that hangs is %s, want what it was", s)
			}
			after(time.Second)
		}
		c.turn("s1-0002", func() { c.hung["s1-0002"] = false })
		after(10 * time.Second)
		if m := state(t, store, fleet.BreakerFeed).Missing; len(m) != 0 {
			t.Errorf("missing = %+v though it answers", m)
		}
	})
}
