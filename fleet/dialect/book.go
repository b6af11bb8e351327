package dialect

import (
	"cmp"
	"errors"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gctl-dev/gctl/fleet"
)

// Book takes the rates of series, of whatever dialects and sources, and gives the
// REDs that a query asked for. Nothing that is counted twice may be added twice:
// for each process one Source counts.
type Book struct {
	Only []string // services whose calls are taken from now on; nil: all

	q       *fleet.REDQuery
	source  string // as the context's map calls it
	tallies map[Key]*tally
	ladders map[string]*ladder
	missing map[string]fleet.Missing
}

// Key says what a row is about.
type Key struct{ Service, Method, Instance, Caller string }

// tally are the calls of one row.
type tally struct {
	codes     map[string]float64
	intervals []Interval
	dialects  map[string]bool
	notes     map[string]bool
	counted   bool // a counter was there
	measured  bool // a histogram was there
	endless   int  // classic histograms without a usable +Inf bucket
	odd       int  // values that are no rates
}

// ladder is a classic histogram: the rate of calls up to each bound.
type ladder struct {
	key   Key
	steps map[float64]float64 // seconds: rate
}

// NewBook opens a book for a query, which names the rules of joining. source is
// what the context's map calls the source: "prometheus".
func NewBook(q *fleet.REDQuery, source string) *Book {
	return &Book{q: q, source: source, tallies: map[Key]*tally{}, ladders: map[string]*ladder{}, missing: map[string]fleet.Missing{}}
}

// Calls adds the rate of a counter of calls. place is the process that counted,
// as far as it is known.
func (b *Book) Calls(s *Source, labels Labels, place fleet.Match, rate float64) {
	t, _ := b.row(s, labels, place)
	if t == nil {
		return
	}
	t.counted = true
	if !sane(rate) {
		t.odd++
		return
	}
	t.codes[s.names.code(labels)] += rate
}

// Bucket adds the rate of one bucket of a classic histogram, whose bound is the
// label le.
func (b *Book) Bucket(s *Source, labels Labels, place fleet.Match, rate float64) {
	t, key := b.row(s, labels, place)
	if t == nil {
		return
	}
	t.measured = true
	id := seriesID(s, labels, place)
	l := b.ladders[id]
	if l == nil {
		l = &ladder{key: key, steps: map[float64]float64{}}
		b.ladders[id] = l
	}
	bound, err := strconv.ParseFloat(labels["le"], 64)
	if err != nil || math.IsNaN(bound) || !sane(rate) {
		t.odd++
		return
	}
	l.steps[bound*s.unit(labels, t)] += rate
}

// Native adds the rates of the buckets of a native histogram, bounds in the unit
// of the source.
func (b *Book) Native(s *Source, labels Labels, place fleet.Match, buckets []Interval) {
	t, _ := b.row(s, labels, place)
	if t == nil {
		return
	}
	t.measured = true
	unit := s.unit(labels, t)
	for _, i := range buckets {
		if !sane(i.Rate) || math.IsNaN(i.Low) || math.IsNaN(i.High) {
			t.odd++
			continue
		}
		t.intervals = append(t.intervals, Interval{max(0, i.Low*unit), max(0, i.High*unit), i.Rate})
	}
}

func sane(rate float64) bool { return rate >= 0 && !math.IsInf(rate, 0) }

// unit is the length in seconds of one of the histogram's units.
func (s *Source) unit(labels Labels, t *tally) float64 {
	if !s.names.Scoped || labels["otel_scope_version"] != "0.65.0" {
		return s.names.Unit
	}
	if scope := labels["otel_scope_name"]; scope != "" && !strings.HasSuffix(scope, "/otelgrpc") {
		return s.names.Unit
	}
	// https://github.com/open-telemetry/opentelemetry-go-contrib/issues/8518
	t.notes["durations divided by 1000: otelgrpc 0.65.0 (otel_scope_version) wrote milliseconds into a metric of seconds"] = true
	return s.names.Unit * milli
}

// row finds the row of a series; nil where it is of none.
func (b *Book) row(s *Source, labels Labels, place fleet.Match) (*tally, Key) {
	key, ok := b.key(s, labels, place)
	if !ok {
		return nil, key
	}
	t := b.tallies[key]
	if t == nil {
		t = &tally{codes: map[string]float64{}, dialects: map[string]bool{}, notes: map[string]bool{}}
		b.tallies[key] = t
	}
	t.dialects[s.Dialect] = true
	return t, key
}

func (b *Book) key(s *Source, labels Labels, place fleet.Match) (key Key, ok bool) {
	n, by := s.names, b.q.By
	for _, w := range n.Where {
		if v, has := labels[w[0]]; has && v != w[1] {
			return key, false
		}
	}
	key.Service = place.Service
	if s.Side == fleet.ClientSide || n.Mesh {
		var name string
		if key.Service, name = n.callee(b.q.Identity, b.source, labels); key.Service == "" {
			b.unjoined("callee "+name, name)
			return key, false
		}
	}
	if b.q.Service != "" && key.Service != b.q.Service || key.Service == "" || b.Only != nil && !slices.Contains(b.Only, key.Service) {
		return key, false
	}
	if slices.Contains(by, fleet.ByMethod) {
		key.Method = n.method(labels)
	}
	if slices.Contains(by, fleet.ByCaller) {
		key.Caller = b.caller(s, labels, place)
	}
	if slices.Contains(by, fleet.ByInstance) {
		key.Instance = b.instance(s, key.Service, labels, place)
	}
	return key, true
}

func (b *Book) unjoined(what, name string) {
	if name != "" {
		b.missing[what] = fleet.Missing{What: what, Err: errUnjoined}
	}
}

var errUnjoined = errors.New("no service or instance of the catalog is known by this name; the context's map can say which it is")

func (b *Book) caller(s *Source, labels Labels, place fleet.Match) string {
	if name := first(labels, s.names.Caller); name != "" {
		if service := targetService(b.q.Identity, b.source, name); service != "" {
			return service
		}
		b.unjoined("caller "+name, name)
		return name
	}
	if s.Side == fleet.ClientSide && !s.names.Mesh {
		return place.Service
	}
	return ""
}

// instance is the instance of the service that the calls are about: on the
// server's side the one that counted, on the client's the one that answered.
func (b *Book) instance(s *Source, service string, labels Labels, place fleet.Match) string {
	if s.Side == fleet.ServerSide {
		return place.Instance
	}
	name := get(labels, s.names.Answered)
	if name == "" || s.names.Answered == "" {
		return ""
	}
	for _, label := range []string{"service.instance.id", "instance"} {
		if m := b.q.Identity.Join(b.source, Labels{label: name}); m.Service == service && m.Instance != "" {
			return m.Instance
		}
	}
	b.unjoined("instance "+name, name)
	return name
}

// seriesID tells the series apart that are one classic histogram.
func seriesID(s *Source, labels Labels, place fleet.Match) string {
	var id strings.Builder
	for _, part := range []string{s.Dialect, place.Service, place.Instance} {
		id.WriteString(part + "\x00")
	}
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if name != "le" && name != "__name__" {
			id.WriteString(name + "\x01" + labels[name] + "\x00")
		}
	}
	return id.String()
}

// Missing tells what could not be joined, sorted.
func (b *Book) Missing() []fleet.Missing {
	var all []fleet.Missing
	for _, what := range slices.Sorted(maps.Keys(b.missing)) {
		all = append(all, b.missing[what])
	}
	return all
}

// REDs closes the book: a RED for each row, sorted.
func (b *Book) REDs() []fleet.RED {
	for _, id := range slices.Sorted(maps.Keys(b.ladders)) { // in order: sums of floats depend on it
		l := b.ladders[id]
		t := b.tallies[l.key]
		if _, whole := l.steps[math.Inf(1)]; !whole { // how many took longer than the last bound is not known
			t.endless++
			continue
		}
		t.intervals = append(t.intervals, l.intervals()...)
	}
	b.ladders = map[string]*ladder{}
	reds := make([]fleet.RED, 0, len(b.tallies))
	for key, t := range b.tallies {
		reds = append(reds, t.red(b.q, key))
	}
	slices.SortFunc(reds, func(a, c fleet.RED) int {
		return cmp.Or(cmp.Compare(a.Service, c.Service), cmp.Compare(a.Caller, c.Caller), cmp.Compare(a.Instance, c.Instance), cmp.Compare(a.Method, c.Method))
	})
	return reds
}

// intervals are the rates between the bounds. Buckets that shrink upwards, which
// scrapes at different moments give, count as empty, as Prometheus has it.
func (l *ladder) intervals() []Interval {
	var out []Interval
	low, below := 0.0, 0.0
	for _, bound := range slices.Sorted(maps.Keys(l.steps)) {
		high := max(bound, 0)
		if rate := l.steps[bound]; rate > below {
			out = append(out, Interval{low, high, rate - below})
			below = rate
		}
		low = high
	}
	return out
}
