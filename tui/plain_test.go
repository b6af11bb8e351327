package tui

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/plain"
)

// heard is what a plain dashboard has said.
type heard struct {
	lines chan plain.Line
	ended chan error
	end   context.CancelFunc
}

// listen starts a plain dashboard over a store.
func listen(t *testing.T, store *fleet.Store, p PlainOptions) *heard {
	t.Helper()
	ctx, end := context.WithCancel(t.Context())
	h := &heard{lines: make(chan plain.Line, 1000), ended: make(chan error, 1), end: end}
	p.Patience = 10 * time.Second
	if p.Say == nil {
		p.Say = func(lines []plain.Line) error {
			for _, l := range lines {
				h.lines <- l
			}
			return nil
		}
	}
	go func() {
		h.ended <- Plain(ctx, Options{Store: store, Context: "test", Labels: map[string]string{fleet.CatalogFeed: "consul"}}, p)
		close(h.lines)
	}()
	return h
}

// until returns what is said up to a line with the text.
func (h *heard) until(t *testing.T, text string) string {
	t.Helper()
	var b strings.Builder
	for l := range h.lines {
		b.WriteString(l.Text + "\n")
		if strings.Contains(l.Text, text) {
			return b.String()
		}
	}
	t.Fatalf("never said: %q\n%s", text, b.String())
	return ""
}

// stop ends it, and returns what is said until then.
func (h *heard) stop(t *testing.T) string {
	t.Helper()
	h.end()
	var b strings.Builder
	for l := range h.lines {
		b.WriteString(l.Text + "\n")
	}
	if err := <-h.ended; !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
	return b.String()
}

func TestPlainSaysHowItStandsAndThenWhatChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := fleet.NewStore(t.Context(), fleet.StoreOptions{})
		defer store.Close()
		store.Apply(trouble())
		store.Flush()
		h := listen(t, store, PlainOptions{})
		said := h.until(t, "payments is degraded")
		for _, want := range []string{"gctl test: asking consul, health, breakers, metrics", "4 services: 1 bad, 1 degraded, 1 unknown, 1 ok", "checkout is bad: 2 of 3 down, errors 8%", "source metrics is failing: connection refused"} {
			if !strings.Contains(said, want) {
				t.Errorf("%q was not said:\n%s", want, said)
			}
		}
		// What changes within a moment is told together, in the end's words.
		began := time.Now()
		for n, state := range []fleet.HealthState{fleet.Serving, fleet.NotServing, fleet.Serving} {
			d := &fleet.Delta{At: clock.Add(time.Duration(n+1) * time.Millisecond)}
			for i := range 3 {
				id := fmt.Sprintf("checkout-%d", i+1)
				d.Health = append(d.Health, fleet.Health{Instance: fleet.Instance{ID: id, Service: "checkout"}, State: state})
				d.Events = append(d.Events, fleet.Event{At: d.At, Kind: fleet.HealthChanged, Service: "checkout", Instance: id, From: "x", To: string(state)})
			}
			store.Apply(d)
			store.Flush()
			synctest.Wait()
		}
		said = h.until(t, "checkout is")
		if !strings.Contains(said, "checkout: 9 changes: 9 health changed\n") || !strings.Contains(said, "checkout is better, still bad: errors 8%") || time.Since(began) != moment {
			t.Errorf("after %v it said\n%s", time.Since(began), said)
		}
		// What has not been told yet is, before it ends.
		store.Apply(&fleet.Delta{At: clock.Add(time.Minute), Events: []fleet.Event{{At: clock, Kind: fleet.InstanceCame, Service: "cart", Instance: "cart-9"}}})
		store.Flush()
		synctest.Wait()
		if said := h.stop(t); said != "cart cart-9 was added\n" {
			t.Errorf("at the end it said %q", said)
		}
	})
}

// A source that hangs does not keep the others from being told, and is named.
func TestPlainWaitsForNobodyForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		catalog := fleet.Source{Name: fleet.CatalogFeed, Poll: func(context.Context, *fleet.Snapshot) (fleet.Facts, error) {
			return fleet.Facts{Instances: []fleet.Instance{{ID: "cart-1", Service: "cart", Catalog: fleet.Passing}}}, nil
		}}
		hangs := fleet.Source{Name: fleet.HealthFeed, Timeout: time.Hour, Poll: func(ctx context.Context, _ *fleet.Snapshot) (fleet.Facts, error) {
			<-ctx.Done()
			return fleet.Facts{}, ctx.Err()
		}}
		store := fleet.NewStore(t.Context(), fleet.StoreOptions{Sources: []fleet.Source{catalog, hangs}})
		defer store.Close()
		began := time.Now()
		h := listen(t, store, PlainOptions{Service: "cart"})
		said := h.until(t, "cart is unknown: 1 not asked yet, 0 of 1 serve")
		if !strings.Contains(said, "source health has not answered yet") || time.Since(began) != 10*time.Second {
			t.Errorf("after %v it said\n%s", time.Since(began), said)
		}
		h.stop(t)
	})
}

func TestPlainEndsWithWhoHears(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := errors.New("broken pipe")
		store := fleet.NewStore(t.Context(), fleet.StoreOptions{})
		store.Apply(trouble())
		store.Flush()
		for after := range 3 {
			said := 0
			h := listen(t, store, PlainOptions{Say: func([]plain.Line) error {
				if said++; said > after {
					return gone
				}
				return nil
			}})
			synctest.Wait()
			store.Apply(&fleet.Delta{At: clock, Events: []fleet.Event{{At: clock.Add(time.Duration(after)), Kind: fleet.InstanceCame, Service: "cart"}}})
			store.Flush()
			if err := <-h.ended; !errors.Is(err, gone) {
				t.Errorf("after %d: %v", after, err)
			}
			h.end()
		}
		h := listen(t, store, PlainOptions{})
		h.until(t, "payments")
		store.Close()
		if err := <-h.ended; !errors.Is(err, fleet.ErrClosed) {
			t.Errorf("with the store it ends with %v", err)
		}
		h.end()
	})
}

// A recording is told from its beginning to its end, with the times of then.
func TestPlainTellsARecording(t *testing.T) {
	store := fleet.NewStore(t.Context(), fleet.StoreOptions{})
	defer store.Close()
	var told []plain.Line
	o := Options{Store: store, Context: "incident", Replay: true, Past: tenMinutes(t)}
	o.Env.Events = func(_ context.Context, service string, since, until time.Time) (fleet.EventList, error) {
		if service != "" || !since.Equal(clock) || !until.Equal(clock.Add(10*time.Minute)) {
			t.Errorf("asked for %q from %v to %v", service, since, until)
		}
		e := fleet.Event{At: clock.Add(5*time.Minute - time.Second), Kind: fleet.HealthChanged, Service: "checkout", Instance: "checkout-1", From: "serving", To: "not_serving"}
		return fleet.EventList{Events: []fleet.Event{e}, Gaps: []fleet.Gap{{From: clock.Add(7 * time.Minute), To: clock.Add(8 * time.Minute)}}}, nil
	}
	say := func(lines []plain.Line) error {
		told = append(told, lines...)
		return nil
	}
	if err := Plain(t.Context(), o, PlainOptions{Say: say}); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, l := range told {
		b.WriteString(l.At.Format("15:04:05 ") + l.Text + "\n")
	}
	at := 0
	for _, want := range []string{
		"14:05:00 gctl incident: recorded from 2026-03-01T14:05:00Z to 2026-03-01T14:15:00Z\n", "14:05:00 4 services: ", "14:05:00 checkout is bad: 1 of 3 down",
		"14:09:59 checkout checkout-1 health from serving to not_serving\n", "14:13:00 nothing was recorded from 2026-03-01T14:12:00Z to 2026-03-01T14:13:00Z\n",
		"14:15:00 the recording ends: 4 services: 1 bad, 1 degraded, 1 unknown, 1 ok\n",
	} {
		i := strings.Index(b.String()[at:], want)
		if i < 0 {
			t.Fatalf("%q was not told, or not then:\n%s", want, b.String())
		}
		at += i
	}
	failed := errors.New("torn")
	for what, past := range map[string]func(context.Context) (Past, error){
		"torn":  func(context.Context) (Past, error) { return nil, failed },
		"empty": func(context.Context) (Past, error) { return noPast{}, nil },
	} {
		o.Past = past
		if err := Plain(t.Context(), o, PlainOptions{Say: say}); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

type noPast struct{ Past }

func (noPast) Timeline(context.Context) ([]time.Time, error) { return nil, nil }
