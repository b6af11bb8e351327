package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/commands"
	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/control"
	"github.com/gctl-dev/gctl/internal/state"
	"github.com/gctl-dev/gctl/internal/testkit"
	"github.com/gctl-dev/gctl/ops/action"
	"github.com/gctl-dev/gctl/ops/why"
	"github.com/gctl-dev/gctl/rpc"
	"github.com/gctl-dev/gctl/svc/kit"
)

// instancesOfUser are those of startWorld.
func instancesOfUser(t *testing.T, f *commands.Factory) []fleet.Instance {
	t.Helper()
	catalog, err := f.Catalog()
	if err != nil {
		t.Fatal(err)
	}
	list, err := catalog.Instances(t.Context(), "user")
	if err != nil {
		t.Fatal(err)
	}
	return list.Instances
}

// started is a page of metrics of a process.
func started(t *testing.T, at int64) string {
	t.Helper()
	return serving(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, "process_start_time_seconds %d\n", at) })
}

func TestWhyAsksAPrometheusThatAnswers(t *testing.T) {
	began := time.Now().Add(-time.Hour).Truncate(time.Second)
	addr := serving(t, func(w http.ResponseWriter, _ *http.Request) {
		sample := func(instance string, v any) map[string]any {
			return map[string]any{
				"metric": map[string]string{"instance": instance, "job": "user"}, "value": []any{time.Now().Unix(), fmt.Sprint(v)},
			}
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": map[string]any{"resultType": "vector", "result": []any{
			sample("10.0.0.1:1", began.Unix()), sample("10.0.0.1:2", "NaN"), sample("10.9.9.9:1", began.Unix()),
		}}})
	})
	f := startWorld(t, "10.0.0.1:1", "10.0.0.1:2", addr)
	m := &whyMetrics{f: f}
	if err := m.open(t.Context()); err != nil || m.prom == nil || m.own != nil {
		t.Fatalf("%v; Prometheus is not what is asked", err)
	}
	defer m.prom.Close()
	if _, err := m.scraped(t.Context()); !errors.Is(err, why.ErrAbsent) {
		t.Errorf("since start: %v, want that there is none", err)
	}
	starts, err := m.StartTimes(t.Context(), instancesOfUser(t, f), time.Time{})
	if err != nil || len(starts) != 1 || !starts["user-1"].Equal(began) {
		t.Errorf("starts %v, %v", starts, err)
	}
}

// A Prometheus that hangs is not waited for: the instances themselves are asked.
func TestWhyDoesNotWaitForAPrometheusThatHangs(t *testing.T) {
	over := make(chan struct{})
	hung := serving(t, func(http.ResponseWriter, *http.Request) { <-over })
	t.Cleanup(func() { close(over) })
	began := time.Now().Add(-time.Hour).Unix()
	f := startWorld(t, started(t, began), started(t, began+60), hung)
	m := &whyMetrics{f: f}
	if err := m.open(t.Context()); err != nil || m.prom != nil {
		t.Fatalf("%v; want the instances' own metrics", err)
	}
	if _, err := m.scraped(t.Context()); err != nil {
		t.Errorf("since start: %v", err)
	}
	starts, err := m.StartTimes(t.Context(), instancesOfUser(t, f), time.Time{})
	if err != nil || starts["user-1"].Unix() != began || starts["user-2"].Unix() != began+60 {
		t.Errorf("starts %v, %v", starts, err)
	}
}

// What is open already is asked for the breakers of those without a control API.
func TestWhyReadsBreakersOfThoseWithoutAControlAPIFromTheirMetrics(t *testing.T) {
	m := testkit.NewManaged(t, kit.Config{Plaintext: true})
	f := startWorld(t, serving(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, `resilience4j_circuitbreaker_state{name="stock",state="open"} 1`)
	}), "", "")
	t.Setenv("CONSUL_HTTP_ADDR", "")
	f.BreakerReaders = func() ([]fleet.BreakerReader, error) {
		plaintext := true
		return []fleet.BreakerReader{control.New(control.Options{Service: control.Way{RPC: rpc.Options{Plaintext: &plaintext}}}), nil}, nil
	}
	plain := instancesOfUser(t, f)[0]
	_, plain.Addr = testkit.Server{}.Start(t) // it answers, and has no control API
	list, err := newWhyBreakers(f, &whyMetrics{f: f}).Breakers(t.Context(), []fleet.Instance{m.Instance("odd-1"), plain}, "")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]fleet.BreakerState{}
	for i := range list.Breakers {
		found[list.Breakers[i].Caller.ID+" "+list.Breakers[i].Name] = list.Breakers[i].State
	}
	if len(found) != 2 || found["odd-1 "+testkit.ManagedBreaker] != fleet.BreakerClosed || found["user-1 stock"] != fleet.BreakerOpen {
		t.Errorf("%v, missing %+v", found, list.Missing)
	}
}

func TestWhyReadsControlAPIs(t *testing.T) {
	m := testkit.NewManaged(t, kit.Config{Plaintext: true})
	plaintext := true
	plane := control.New(control.Options{Service: control.Way{RPC: rpc.Options{Plaintext: &plaintext}}})
	journal := state.NewJournal(filepath.Join(t.TempDir(), "actions.jsonl"))
	w := whyControl{plane, func() action.Authors {
		return commands.Authors(&commands.Factory{Actions: func() (action.Journal, error) { return journal, nil }})
	}}
	in := m.Instance("odd-1")
	limits, err := w.Limits(t.Context(), in)
	if err != nil || len(limits) != 2 || limits[0].Instance != "odd-1" || limits[0].Source == "" {
		t.Errorf("limits %+v, %v", limits, err)
	}
	operator := &action.Operator{Plane: plane, Journal: journal, Now: time.Now, By: "ada@here"}
	steps := []action.Step{{Instance: in, Wish: fleet.Wish{
		Resource: fleet.ResourceLevel, Level: fleet.Debug, Mutation: fleet.Mutation{Reason: "look closer", TTL: time.Hour},
	}}}
	operator.Prepare(t.Context(), steps)
	if _, results := operator.Run(t.Context(), "test", "", steps); results[0].Outcome != action.Done {
		t.Fatalf("%+v", results)
	}
	changes, err := w.InForce(t.Context(), in)
	if err != nil || len(changes) != 1 || changes[0].Resource != fleet.ResourceLevel || changes[0].Value != "debug" ||
		changes[0].Reason != "look closer" || changes[0].Actor != "127.0.0.1 (journal: ada@here)" || changes[0].Expires.IsZero() {
		t.Errorf("in force: %+v, %v", changes, err)
	}
	// Who has no control API has nothing of the sort, and is no failure; who is away is.
	_, addr := testkit.Server{}.Start(t)
	for _, c := range []struct {
		in    fleet.Instance
		fails bool
	}{{fleet.Instance{ID: "bare-1", Addr: addr}, false}, {fleet.Instance{ID: "gone-1", Addr: testkit.ClosedAddr(t)}, true}} {
		limits, err := w.Limits(t.Context(), c.in)
		if (err != nil) != c.fails || len(limits) > 0 {
			t.Errorf("%s: limits %v, %v", c.in.ID, limits, err)
		}
		changes, err := w.InForce(t.Context(), c.in)
		if (err != nil) != c.fails || len(changes) > 0 {
			t.Errorf("%s: in force %v, %v", c.in.ID, changes, err)
		}
	}
}
