package incident_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/state/recording"
	"github.com/gctl-dev/gctl/internal/testkit/golden"
	"github.com/gctl-dev/gctl/ops/action"
	"github.com/gctl-dev/gctl/ops/incident"
	"github.com/gctl-dev/gctl/ops/why"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = time.Date(2026, 3, 1, 14, 0, 0, 0, time.UTC)

func at(d time.Duration) time.Time { return start.Add(d) }

// world is a fleet at a moment: payments-2 was deployed anew, and fails since.
func world(d time.Duration, version string, health fleet.HealthState, state fleet.BreakerState) *fleet.Delta {
	prom := fleet.Provenance{Source: "prometheus http://127.0.0.1:9090", Query: `sum(rate(grpc_server_handled_total{service="payments"}[1m]))`, At: at(d)}
	consul := fleet.Provenance{Source: "consul 127.0.0.1:8500", Query: "GET /v1/health/state/any", At: at(d)}
	first := fleet.Instance{ID: "payments-1", Service: "payments", Addr: "10.0.4.7:9090", Version: "v2.3", Catalog: fleet.Passing}
	second := fleet.Instance{ID: "payments-2", Service: "payments", Addr: "10.0.4.8:9090", Version: version, Catalog: fleet.Passing, Meta: map[string]string{"api_key": "k-12345678"}}
	shop := fleet.Instance{ID: "checkout-1", Service: "checkout", Addr: "10.0.5.1:9090", Version: "v7", Catalog: fleet.Passing}
	return &fleet.Delta{
		At: at(d), Whole: d == 0,
		Instances: []fleet.InstanceFact{{Instance: first, Provenance: consul}, {Instance: second, Provenance: consul}, {Instance: shop, Provenance: consul}},
		Health:    []fleet.Health{{Instance: first, State: fleet.Serving, Latency: 3 * time.Millisecond}, {Instance: second, State: health}},
		Breakers: []fleet.Breaker{
			{Caller: shop, Name: "payments/Pay", Target: "payments", State: state, Since: at(4 * time.Minute), Trips: 7, LastError: "deadline exceeded", Override: fleet.NotForced, Provenance: prom},
			{Caller: shop, Name: "fraud", Target: "fraud", State: fleet.BreakerClosed, Override: fleet.NotForced},
		},
		REDs:    []fleet.RED{{Service: "payments", Side: fleet.ServerSide, Rate: 640, ErrorRatio: 0.021, P99: 1.1, Window: time.Minute, Codes: map[string]float64{"OK": 630}, Provenance: prom}},
		Sources: []fleet.SourceState{{Name: "catalog", Status: fleet.SourceFresh, Since: start}, {Name: "traces", Status: fleet.SourceFailing, Since: start, Err: errors.New("refused")}},
	}
}

// realistic is an incident with all of its parts.
func realistic(t *testing.T) *incident.Incident {
	t.Helper()
	dir := t.TempDir()
	store := fleet.NewStore(t.Context(), fleet.StoreOptions{})
	t.Cleanup(store.Close)
	now := start
	r, err := recording.NewRecorder(recording.Options{Dir: dir, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	var snaps []*fleet.Snapshot
	for _, d := range []*fleet.Delta{
		world(0, "v2.3", fleet.Serving, fleet.BreakerClosed), world(5*time.Minute, "v2.4", fleet.NotServing, fleet.BreakerOpen),
		world(20*time.Minute, "v2.3", fleet.Serving, fleet.BreakerHalfOpen),
	} {
		now = d.At
		store.Apply(d)
		snaps = append(snaps, store.Flush())
		if err := r.Record(snaps[len(snaps)-1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	rec, err := recording.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	in := facts()
	in.Start, in.AtCursor, in.End, in.Recording = snaps[0], snaps[1], snaps[2], rec
	return in
}

func facts() *incident.Incident {
	told := fleet.Provenance{Source: "control 10.0.5.1:9190", Query: "ListBreakers"}
	return &incident.Incident{
		Title: "Payments fail after the deploy of v2.4", Context: "prod-eu", Author: "ada@ops-1", Exported: at(time.Hour),
		From: start, To: at(20 * time.Minute), Cursor: at(5 * time.Minute),
		Report: report(),
		Events: []fleet.Event{
			{At: at(4 * time.Minute), Kind: fleet.BreakerChanged, Service: "checkout", Instance: "checkout-1", Subject: "payments/Pay", From: "closed", To: "open", Exact: true, Provenance: told},
			{At: at(2 * time.Minute), Kind: fleet.VersionChanged, Service: "payments", Instance: "payments-2", From: "v2.3", To: "v2.4", Provenance: fleet.Provenance{Source: "consul 127.0.0.1:8500"}},
			{At: at(6 * time.Minute), Kind: fleet.ActionTaken, Service: "payments", Instance: "payments-2", To: "quarantined", Exact: true},
			{At: at(20 * time.Minute), Kind: fleet.HealthChanged, Service: "payments", Instance: "payments-2", From: "not_serving", To: "serving"},
		},
		Notes: []incident.Note{
			{At: at(7 * time.Minute), Author: "ada", Text: "Called the team of payments.\nThey roll back."},
			{At: at(5 * time.Minute), Author: "bob", Text: "Customers complain"},
		},
		Traces: []string{"4bf92f3577b34da6a3ce929d0e0e4736"},
		Actions: []action.Entry{{
			Action: "k7x2m9", Command: "quarantine", By: "ada@ops-1", At: at(6 * time.Minute), Instance: fleet.Instance{ID: "payments-2", Service: "payments"},
			Resource: "serving", Value: "quarantined", Reason: "v2.4 fails", Expires: at(36 * time.Minute), State: action.InForce,
		}},
		Evidence: []why.Evidence{{Text: "p99 of Pay", Source: "prometheus http://admin:hunter22@127.0.0.1:9090", Query: "histogram_quantile(0.99, x)", Command: "gctl metrics payments -H 'x-tenant: acme-secret'"}},
	}
}

func report() *why.Report {
	worse := why.Evidence{Text: "31.2 % of the calls of v2.4 fail, 0.1 % of those of v2.3", Source: "prometheus http://127.0.0.1:9090", Query: "sum by (version) (rate(x[5m]))", Command: "gctl metrics payments --by instance"}
	return &why.Report{
		Service: "payments", At: at(5 * time.Minute), Since: at(2 * time.Minute),
		Symptoms: []why.Symptom{{Service: "payments", Text: "errors ×41", Since: at(2 * time.Minute)}},
		Causes: []why.Cause{
			{Kind: why.BadVersion, Service: "payments", Instances: []string{"payments-2"}, Subject: "v2.4", Summary: "v2.4 of payments fails", Confidence: 0.93, Since: at(2 * time.Minute), Evidence: []why.Evidence{worse}},
			{Kind: why.BreakerOpen, Service: "checkout", Summary: "a breaker towards payments is open", Confidence: 0.6, ExplainedBy: "v2.4 of payments fails"},
		},
		Noticed: []why.Cause{{Summary: "payments-1 is a little slower"}},
		Changes: []why.Change{{At: at(2 * time.Minute), Text: "payments-2: v2.3 to v2.4"}},
		Sources: []why.SourceFact{{Name: "metrics", State: why.Answered}, {Name: "traces", State: "failed", Error: "refused"}},
	}
}

func compare(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if golden.Update() {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s differs (%v), look at it and run with -update:\n%s", path, err, got)
	}
}

func TestAnIncidentIsWrittenDown(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "incidents", "payments")
	in := realistic(t)
	if err := incident.Write(t.Context(), dir, in); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"incident.md", "incident.json"} {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		compare(t, name, got)
	}
	owners(t, dir)
	// What was recorded can be read, and keeps no secrets either.
	rec, err := recording.Open(filepath.Join(dir, "incident.rec"))
	if err != nil {
		t.Fatal(err)
	}
	snap, torn, err := rec.At(t.Context(), at(6*time.Minute))
	if err != nil || torn != nil {
		t.Fatal(torn, err)
	}
	if second := snap.Service("payments").Instance("payments-2"); second.Version != "v2.4" || second.Meta["api_key"] != "(hidden)" {
		t.Errorf("recorded is %+v", second)
	}

	// Nothing is overwritten, and nothing half done is left.
	if err := incident.Write(t.Context(), dir, in); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Write = %v, want ErrExist", err)
	}
	file := filepath.Join(filepath.Dir(dir), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := incident.Write(t.Context(), file, in); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Write = %v, want ErrExist", err)
	}
	if err := incident.Write(t.Context(), filepath.Join(file, "below"), in); err == nil {
		t.Error("written below a file")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := incident.Write(ctx, dir+"-2", in); !errors.Is(err, context.Canceled) {
		t.Errorf("Write = %v, want that it was cancelled", err)
	}
	left, err := os.ReadDir(filepath.Dir(dir))
	if err != nil || len(left) != 2 {
		t.Errorf("%v, %v; want the incident and the file", left, err)
	}
}

func owners(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		want := fs.FileMode(0o600)
		if d.IsDir() {
			want = 0o700
		}
		if err == nil && runtime.GOOS != "windows" && info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", path, info.Mode().Perm(), want)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func page(t *testing.T, in *incident.Incident) string {
	t.Helper()
	var b bytes.Buffer
	if err := incident.Markdown(&b, in); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// What is not known is said to be not known.
func TestAnEmptyIncidentClaimsNothing(t *testing.T) {
	text := page(t, &incident.Incident{})
	for _, want := range []string{"# Incident\n", "The causes were not looked for", "Nothing is known to have changed", "Not known: there is no snapshot", "as far as the journal here knows"} {
		if !strings.Contains(text, want) {
			t.Errorf("lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "incident.json") {
		t.Error("names files that are not there")
	}
	text = page(t, &incident.Incident{Report: &why.Report{Service: "user", Healthy: true, At: start, Sources: []why.SourceFact{{Name: "metrics", State: "failed"}}}})
	if !strings.Contains(text, "It is not known whether user was well") {
		t.Errorf("undecided:\n%s", text)
	}
	dir := filepath.Join(t.TempDir(), "x")
	in := realistic(t)
	in.From, in.To = start.Add(-2*time.Hour), start.Add(-time.Hour) // before the recording
	if err := incident.Write(t.Context(), dir, in); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "incident.md"))
	if err != nil || !strings.Contains(string(raw), "nothing was recorded in that time") {
		t.Errorf("%s, %v", raw, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "incident.rec")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a recording of nothing: %v", err)
	}
}

// BenchmarkWrite is an incident in a fleet of 10,000 instances.
func BenchmarkWrite(b *testing.B) {
	store := fleet.NewStore(b.Context(), fleet.StoreOptions{})
	defer store.Close()
	d := fleet.Delta{At: start}
	for i := range 10_000 {
		in := fleet.Instance{ID: fmt.Sprintf("s%d-%d", i/10, i%10), Service: fmt.Sprint("s", i/10), Addr: "10.0.0.1:9090", Version: "v1", Catalog: fleet.Critical, Meta: map[string]string{"zone": "a"}}
		d.Instances = append(d.Instances, fleet.InstanceFact{Instance: in, Provenance: fleet.Provenance{Source: "consul http://a:b@127.0.0.1:8500", Query: "GET /v1/health/state/any"}})
		d.Health = append(d.Health, fleet.Health{Instance: in, State: fleet.NotServing})
	}
	store.Apply(&d)
	in := facts()
	in.Start, in.AtCursor, in.End = store.Flush(), store.Flush(), store.Flush()
	in.Report = nil
	dir := b.TempDir()
	for n := 0; b.Loop(); n++ {
		if err := incident.Write(b.Context(), filepath.Join(dir, fmt.Sprint(n)), in); err != nil {
			b.Fatal(err)
		}
	}
}

func TestTheDataAreJSON(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "x")
	if err := incident.Write(t.Context(), dir, realistic(t)); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "incident.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	var look func(v any)
	look = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, inner := range v {
				if k != strings.ToLower(k) && k != "OK" {
					t.Errorf("the key %s is not lower_snake_case", k)
				}
				look(inner)
			}
		case []any:
			for _, inner := range v {
				look(inner)
			}
		}
	}
	look(all)
}

// What could not be read is not said to be nothing.
func TestWhatCouldNotBeReadIsSaid(t *testing.T) {
	in := &incident.Incident{From: at(0), To: at(time.Hour), ActionsErr: errors.New("actions.jsonl: permission denied"), RecordingErr: errors.New("fleet.rec: input/output error")}
	dir := filepath.Join(t.TempDir(), "incident")
	if err := incident.Write(t.Context(), dir, in); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "incident.md"))
	if err != nil {
		t.Fatal(err)
	}
	page := strings.ReplaceAll(string(text), "\\", "")
	for _, want := range []string{"Not known: the journal here could not be read: actions.jsonl: permission denied", "the recording could not be read: fleet.rec: input/output error"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	for _, not := range []string{"Nothing, as far as", "nothing was recorded"} {
		if strings.Contains(page, not) {
			t.Errorf("the page says %q", not)
		}
	}
}
