package scrape

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/dialect"
)

// RED implements fleet.MetricsReader. The window is the time between the scrapes,
// whatever the query asks for.
func (r *Reader) RED(ctx context.Context, q fleet.REDQuery) (fleet.REDList, error) {
	return r.REDSplits(ctx, q, [][]fleet.Dimension{q.By})
}

// REDSplits implements fleet.SplitReader: each instance is asked twice, whatever
// the number of splits.
func (r *Reader) REDSplits(ctx context.Context, q fleet.REDQuery, splits [][]fleet.Dimension) (fleet.REDList, error) {
	if !q.At.IsZero() {
		return fleet.REDList{}, noHistory()
	}
	if q.Side == "" {
		q.Side = fleet.ServerSide
	}
	if q.Identity == nil {
		q.Identity = fleet.NewIdentity(fleet.IdentityOptions{Instances: q.Instances, Map: r.o.Map})
	}
	asked := q.Instances
	if q.Side == fleet.ServerSide && q.Service != "" { // clients may be anywhere
		asked = slices.DeleteFunc(slices.Clone(asked), func(in fleet.Instance) bool { return in.Service != q.Service })
	}
	all := newReport(&q, splits)
	fleet.Each(len(asked), func(i int) {
		p := r.twice(ctx, &asked[i])
		all.enter(&asked[i], &p)
	})
	if ctx.Err() != nil {
		return fleet.REDList{}, context.Cause(ctx)
	}
	return all.list(asked), nil
}

// REDRange implements fleet.MetricsReader: there is no range.
func (*Reader) REDRange(context.Context, fleet.REDQuery, time.Time, time.Time, time.Duration) ([]fleet.REDSeries, error) {
	return nil, noHistory()
}

func noHistory() error {
	return &fleet.Error{
		Kind: fleet.Usage, What: "read the past from the instances' own metrics", Err: fleet.ErrNoHistory,
		Hint: "a Prometheus knows it: gctl context add NAME --prometheus URL",
	}
}

// pair are two scrapes of one instance, or why there are none.
type pair struct {
	first, second page
	err           error
}

func (r *Reader) twice(ctx context.Context, in *fleet.Instance) (p pair) {
	get, done, err := r.ask(in)
	if err != nil {
		return pair{err: err}
	}
	defer done()
	if p.first, p.err = get(ctx); p.err != nil {
		return p
	}
	if p.err = pause(ctx, r.o.Pause); p.err != nil {
		return p
	}
	p.second, p.err = get(ctx)
	return p
}

// report is what the pairs of all instances say, each of which is forgotten as
// soon as it is entered: the pages of a thousand are more than should be held.
type report struct {
	mu      sync.Mutex
	splits  []*split
	missing map[instanceKey]error // why it says nothing
	read    int
	span    time.Duration // the sum of the times between the scrapes
}

// split is a report by some dimensions.
type split struct {
	q      fleet.REDQuery
	book   *dialect.Book
	silent map[string]int // by service: instances without series
}

func newReport(q *fleet.REDQuery, splits [][]fleet.Dimension) *report {
	r := &report{missing: map[instanceKey]error{}}
	for _, by := range splits {
		s := &split{q: *q, silent: map[string]int{}}
		s.q.By = by
		s.book = dialect.NewBook(&s.q, Source)
		r.splits = append(r.splits, s)
	}
	return r
}

// instanceKey names an instance and its address.
type instanceKey struct{ service, id, addr string }

func keyOf(in *fleet.Instance) instanceKey { return instanceKey{in.Service, in.ID, in.Addr} }

// enter takes what one instance counted between its scrapes.
func (r *report) enter(in *fleet.Instance, p *pair) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.err != nil {
		r.missing[keyOf(in)] = p.err
		return
	}
	r.read++
	r.span += p.second.at.Sub(p.first.at)
	for _, s := range r.splits {
		if !enter(s.book, &s.q, in, p) {
			s.silent[in.Service]++
		}
	}
}

// list are the rates of all that was entered. What is missing is that of the first
// split.
func (r *report) list(asked []fleet.Instance) fleet.REDList {
	var all fleet.REDList
	for i, s := range r.splits {
		one := fleet.REDList{}
		if i == 0 {
			one.Missing = r.unread(asked)
		}
		r.complete(&one, s, asked)
		all.REDs = append(all.REDs, one.REDs...)
		if i == 0 {
			all.Missing = one.Missing
		}
	}
	return all
}

// unread are the instances that said nothing, and why.
func (r *report) unread(asked []fleet.Instance) []fleet.Missing {
	list := make([]fleet.Missing, 0, len(r.missing))
	for i := range asked {
		if err := r.missing[keyOf(&asked[i])]; err != nil {
			list = append(list, missing(&asked[i], "metrics", err))
		}
	}
	return list
}

// complete adds the rates of a split.
func (r *report) complete(list *fleet.REDList, s *split, asked []fleet.Instance) {
	addresses := make(map[instanceKey]string, r.read)
	for i := range asked {
		if at := Address(&asked[i]); at != "" {
			addresses[instanceKey{service: asked[i].Service, id: asked[i].ID}] = at
		}
	}
	s.q.Window = r.window()
	list.REDs = s.book.REDs()
	source := "/metrics of " + many(r.read, "instance")
	for i := range list.REDs {
		red := &list.REDs[i]
		red.Provenance = provenance(source, fmt.Sprintf("GET /metrics twice, %s apart", s.q.Window))
		if at := addresses[instanceKey{service: red.Service, id: red.Instance}]; at != "" && s.q.Side == fleet.ServerSide {
			red.Provenance.Source = at
		}
	}
	list.Missing = append(list.Missing, unanswered(&s.q, list, s.silent)...)
	list.Missing = append(list.Missing, s.book.Missing()...)
}

// window is the time between the scrapes, of those that came.
func (r *report) window() time.Duration {
	if r.read == 0 {
		return 0
	}
	return (r.span / time.Duration(r.read)).Round(10 * time.Millisecond)
}

// evaluate reads the rates of all pairs.
func evaluate(q *fleet.REDQuery, asked []fleet.Instance, pairs []pair) fleet.REDList {
	all := newReport(q, [][]fleet.Dimension{q.By})
	for i := range pairs {
		all.enter(&asked[i], &pairs[i])
	}
	return all.list(asked)
}

// unanswered names the services of which nothing is known and no instance has
// said why.
func unanswered(q *fleet.REDQuery, list *fleet.REDList, silent map[string]int) []fleet.Missing {
	known := map[string]bool{}
	for i := range list.REDs {
		known[list.REDs[i].Service] = true
	}
	tell := func(service, why string) fleet.Missing {
		return fleet.Missing{Instance: fleet.Instance{Service: service}, What: "metrics", Err: errors.New(why)}
	}
	var out []fleet.Missing
	if q.Side == fleet.ClientSide {
		if len(list.REDs) == 0 {
			out = append(out, tell(q.Service, "no instance has series of gRPC clients about it in its /metrics"))
		}
		return out
	}
	for _, service := range slices.Sorted(maps.Keys(silent)) {
		if !known[service] {
			out = append(out, tell(service, many(silent[service], "instance")+" without series of gRPC calls that gctl understands, or without a call so far"))
		}
	}
	if q.Service != "" && !known[q.Service] && len(list.Missing)+len(out) == 0 {
		out = append(out, tell(q.Service, "it has no instances"))
	}
	return out
}

// enter writes what one instance counted between its scrapes into the book, in
// the first dialect that it speaks.
func enter(book *dialect.Book, q *fleet.REDQuery, in *fleet.Instance, p *pair) bool {
	present := func(name string) bool { return p.second.names[name] }
	sources := slices.Concat(dialect.Detect(q.Side, false, present), dialect.Detect(q.Side, true, present))
	n := slices.IndexFunc(sources, func(s dialect.Source) bool { return s.Fits(q.By) })
	if n < 0 {
		return false
	}
	source := &sources[n]
	place := fleet.Match{Service: in.Service, Instance: in.ID}
	before := map[string]float64{}
	for i := range p.first.samples {
		before[p.first.samples[i].key()] = p.first.samples[i].value
	}
	span := p.elapsed(before)
	for i := range p.second.samples {
		s := &p.second.samples[i]
		kind := source.Role(s.name)
		if kind == dialect.None {
			continue
		}
		rate := increase(before, s) / span
		if kind == dialect.Calls {
			book.Calls(source, s.labels, place, rate)
		} else if !q.CallsOnly {
			book.Bucket(source, s.labels, place, rate)
		}
	}
	return true
}

// elapsed is the time in seconds in which the second page's numbers grew. A
// process that started in between, whose counters began anew, loses its past.
func (p *pair) elapsed(before map[string]float64) float64 {
	span := p.second.at.Sub(p.first.at).Seconds()
	for i := range p.second.samples {
		s := &p.second.samples[i]
		if s.name != startTime || math.IsInf(s.value, 0) {
			continue
		}
		if was, ok := before[s.key()]; ok && s.value > was {
			clear(before)
			age := float64(p.second.at.UnixMilli())/1000 - s.value
			if age > 0 && age < span {
				span = age
			}
			break
		}
	}
	return span
}

// increase is by how much a counter grew. One that is smaller than before began
// anew; one that was not there began at 0.
func increase(before map[string]float64, s *sample) float64 {
	was, ok := before[s.key()]
	if !ok || s.value < was {
		return s.value
	}
	return s.value - was
}

func (s *sample) key() string {
	var b strings.Builder
	b.WriteString(s.name)
	for _, name := range slices.Sorted(maps.Keys(s.labels)) {
		b.WriteString("\x00" + name + "\x01" + s.labels[name])
	}
	return b.String()
}
