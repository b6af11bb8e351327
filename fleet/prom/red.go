package prom

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

	"golang.org/x/sync/errgroup"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/dialect"
)

// atOnce bounds how many queries run side by side.
const atOnce = 6

// DefaultWindow is the window of a query that names none.
const DefaultWindow = 5 * time.Minute

// RED implements fleet.MetricsReader.
func (r *Reader) RED(ctx context.Context, q fleet.REDQuery) (fleet.REDList, error) {
	s, err := r.collect(ctx, &q, when{at: q.At})
	if err != nil {
		return fleet.REDList{}, err
	}
	var list fleet.REDList
	if book := s.books[now]; book != nil {
		list.REDs = book.REDs()
	}
	for i := range list.REDs {
		s.attest(&list.REDs[i])
	}
	list.Missing = s.whatIsMissing(list.REDs)
	return list, nil
}

// REDRange implements fleet.MetricsReader.
func (r *Reader) REDRange(ctx context.Context, q fleet.REDQuery, start, end time.Time, step time.Duration) ([]fleet.REDSeries, error) {
	s, err := r.collect(ctx, &q, when{start: start, end: end, step: step})
	if err != nil {
		return nil, err
	}
	if len(s.missing) > 0 && len(s.books) == 0 {
		return nil, s.missing[0].Err
	}
	rows := map[dialect.Key]*fleet.REDSeries{}
	var order []dialect.Key
	n := int(end.Sub(start)/step) + 1
	for i := range n {
		at := start.Add(time.Duration(i) * step)
		book := s.books[at.Add(s.skew).UnixMilli()]
		if book == nil {
			continue
		}
		for _, red := range book.REDs() {
			key := dialect.Key{Service: red.Service, Method: red.Method, Instance: red.Instance, Caller: red.Caller}
			row := rows[key]
			if row == nil {
				row = emptyRow(start, n, step)
				rows[key] = row
				order = append(order, key)
			}
			s.attest(&red)
			row.RED = red
			row.RateOverTime[i].Value, row.ErrorsOverTime[i].Value, row.LatencyOverTime[i].Value = red.Rate, red.ErrorRatio, red.P99
			row.P50OverTime[i].Value, row.P95OverTime[i].Value = red.P50, red.P95
		}
	}
	out := make([]fleet.REDSeries, 0, len(order))
	for _, key := range order {
		out = append(out, *rows[key])
	}
	return out, nil
}

func emptyRow(start time.Time, n int, step time.Duration) *fleet.REDSeries {
	points := func() []fleet.Point {
		out := make([]fleet.Point, n)
		for i := range out {
			out[i] = fleet.Point{At: start.Add(time.Duration(i) * step), Value: math.NaN()}
		}
		return out
	}
	return &fleet.REDSeries{RateOverTime: points(), ErrorsOverTime: points(), LatencyOverTime: points(), P50OverTime: points(), P95OverTime: points()}
}

// now is the key of the only book of a query that is about one moment.
const now = 0

// survey is one question on its way to an answer.
type survey struct {
	r       *Reader
	q       *fleet.REDQuery
	w       when
	targets *targets
	skew    time.Duration

	mu      sync.Mutex
	books   map[int64]*dialect.Book // by Unix milliseconds of the point
	queries map[string][]string     // by service, "" of all
	missing []fleet.Missing
	silent  []string                    // services that have no series of their own
	lost    map[string]map[string]error // by service, "" of all: why what is unknown, see dialect.NoCounter
	only    []string                    // services whose rows are taken from now on; nil: all

	windows map[string]time.Duration // by service, "" of all: where there is less than was asked for
}

// collect asks all that a question needs.
func (r *Reader) collect(ctx context.Context, q *fleet.REDQuery, w when) (*survey, error) {
	if q.Identity == nil {
		q.Identity = r.identity(q.Instances)
	}
	if q.Side == "" {
		q.Side = fleet.ServerSide
	}
	if q.Window <= 0 {
		q.Window = DefaultWindow
	}
	s := &survey{
		r: r, q: q, w: w, books: map[int64]*dialect.Book{}, queries: map[string][]string{},
		lost: map[string]map[string]error{}, windows: map[string]time.Duration{},
	}
	var err error
	if s.targets, err = r.targets(ctx, q.Identity, when{at: w.at}); err != nil {
		return nil, err
	}
	s.heedClock()
	if past := w.step > 0 && r.now().Add(s.skew).Sub(s.w.end) > longAgo; past {
		if s.targets, err = r.targets(ctx, q.Identity, when{at: s.w.end}); err != nil {
			return nil, err
		}
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	if q.Side == fleet.ClientSide {
		g.Go(func() error { return s.clients(gctx) })
	} else {
		for _, service := range s.services() {
			g.Go(func() error { return s.server(gctx, service) })
		}
	}
	if err = g.Wait(); err == nil {
		err = s.mesh(ctx)
	}
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, err
	}
	return s, nil
}

// longAgo is when the targets of now are no longer those of a range: instances come
// and go.
const longAgo = time.Minute

// skewThatMatters is a difference of clocks that would cut an answer short.
const skewThatMatters = 30 * time.Second

// heedClock moves the range to Prometheus' clock where that is another one.
func (s *survey) heedClock() {
	if s.targets.skew.Abs() < skewThatMatters {
		return
	}
	s.skew = s.targets.skew
	s.w.start, s.w.end = s.w.start.Add(s.skew), s.w.end.Add(s.skew)
}

func (s *survey) services() []string {
	if s.q.Service != "" {
		return []string{s.q.Service}
	}
	var names []string
	for i := range s.q.Instances {
		names = append(names, s.q.Instances[i].Service)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// server reads how the calls of a service went where it counted them itself.
func (s *survey) server(ctx context.Context, service string) error {
	of := s.targets.ofService(service)
	var why error
	if len(of) == 0 {
		why = s.targets.absent(service)
	} else {
		sources, err := s.detect(ctx, false, s.targets.selector(service))
		if err != nil {
			return s.fail(ctx, service, err)
		}
		if len(sources) > 0 {
			return s.fail(ctx, service, s.read(ctx, service, sources))
		}
		why = fmt.Errorf("its %d targets in prometheus have no series of gRPC calls that gctl understands", len(of))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.silent = append(s.silent, service)
	s.missing = append(s.missing, missingOf(service, why)) // dropped again where a mesh knows something
	return nil
}

// mesh reads how the calls of the services went that said nothing themselves.
func (s *survey) mesh(ctx context.Context) error {
	if len(s.silent) == 0 {
		return nil
	}
	sources, err := s.detect(ctx, true, "")
	if err == nil && len(sources) > 0 {
		s.only = s.silent
		err = s.read(ctx, "", sources)
	}
	return s.fail(ctx, s.silent[0], err)
}

// clients reads how calls went where the callers counted them.
func (s *survey) clients(ctx context.Context) error {
	for _, mesh := range []bool{false, true} {
		sources, err := s.detect(ctx, mesh, "")
		if err != nil {
			return s.fail(ctx, "", err)
		}
		if len(sources) > 0 {
			return s.fail(ctx, "", s.read(ctx, "", sources))
		}
	}
	s.missing = append(s.missing, missingOf(s.q.Service, errors.New("no target of prometheus has series of gRPC clients that gctl understands")))
	return nil
}

func missingOf(service string, err error) fleet.Missing {
	return fleet.Missing{Instance: fleet.Instance{Service: service}, What: "metrics", Err: err}
}

// fail keeps the failure about one service from costing the others. The end of
// the whole question and what every query would meet go on.
func (s *survey) fail(ctx context.Context, service string, err error) error {
	if err == nil || ctx.Err() != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.missing = append(s.missing, missingOf(service, err))
	return nil
}

// found is a dialect, and the matchers for the targets that speak it.
type found struct {
	dialect.Source
	selector string
	targets  string // matchers of the up series of those that speak it
}

// detect asks which series there are and chooses the dialect of each target.
func (s *survey) detect(ctx context.Context, mesh bool, selector string) ([]found, error) {
	names := dialect.OneOf("__name__", dialect.Series(s.q.Side, mesh))
	w := when{at: s.w.at}
	if s.w.step > 0 {
		w.at = s.w.end
	}
	query := "group by (__name__, job, instance) ({" + joinMatchers(names, selector) + "})"
	a, err := s.r.ask(ctx, query, w)
	if err != nil {
		return nil, err
	}
	present := map[place]map[string]bool{}
	jobs := map[string]bool{}
	for _, one := range a.series {
		at := placeOf(one.labels)
		jobs[at.job] = true
		if mesh {
			at = place{}
		}
		if present[at] == nil {
			present[at] = map[string]bool{}
		}
		present[at][one.labels["__name__"]] = true
	}
	twice := false
	if !mesh {
		twice = s.targets.leaveOne(present)
	}
	all := choose(s.q, mesh, twice, selector, present)
	for i := range all {
		all[i].targets = joinMatchers(selector, dialect.OneOf("job", slices.Sorted(maps.Keys(jobs))))
	}
	return all, nil
}

// choose gives each target its first dialect: one that speaks two counts each
// call in both. Only some are meant where others have been left out.
func choose(q *fleet.REDQuery, mesh, some bool, selector string, present map[place]map[string]bool) []found {
	var sources []dialect.Source
	speakers := map[string]map[string][]string{} // by source and job: instances
	for at, series := range present {
		for _, source := range dialect.Detect(q.Side, mesh, func(name string) bool { return series[name] }) {
			if source.Fits(q.By) {
				id := source.ID()
				if speakers[id] == nil {
					sources = append(sources, source)
					speakers[id] = map[string][]string{}
				}
				speakers[id][at.job] = append(speakers[id][at.job], at.instance)
				if !mesh { // whose series are of all services, of which each is in one
					break
				}
			}
		}
	}
	var out []found
	for _, source := range sources {
		if mesh || len(sources) == 1 && !some {
			out = append(out, found{Source: source, selector: selector})
			continue
		}
		jobs := speakers[source.ID()]
		for _, job := range slices.Sorted(maps.Keys(jobs)) {
			slices.Sort(jobs[job])
			out = append(out, found{Source: source, selector: joinMatchers(selector, dialect.Matcher("job", job), dialect.OneOf("instance", slices.Compact(jobs[job])))})
		}
	}
	slices.SortStableFunc(out, func(a, b found) int { return strings.Compare(a.ID(), b.ID()) })
	return out
}

func joinMatchers(matchers ...string) string {
	return strings.Join(slices.DeleteFunc(matchers, func(m string) bool { return m == "" }), ",")
}

// read asks for calls and durations and writes them into the books.
func (s *survey) read(ctx context.Context, service string, sources []found) error {
	window := s.window(ctx, service, sources)
	var g errgroup.Group // one that fails does not end the others
	g.SetLimit(atOnce)
	ask := func(f *found, query, unknown string) {
		g.Go(func() error {
			err := s.enter(ctx, service, f, query)
			if err != nil {
				s.lose(service, unknown, err)
			}
			return err
		})
	}
	for i := range sources {
		f := &sources[i]
		calls := f.CallsQuery(f.selector, s.q.By, window)
		s.mu.Lock()
		s.queries[service] = append(s.queries[service], calls)
		s.mu.Unlock()
		ask(f, calls, dialect.NoCounter)
		if buckets := f.BucketsQuery(f.selector, s.q.By, window); buckets != "" && !s.q.CallsOnly {
			ask(f, buckets, dialect.NoHistogram)
		}
	}
	return g.Wait()
}

// lose remembers why something is unknown.
func (s *survey) lose(service, unknown string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lost[service] == nil {
		s.lost[service] = map[string]error{}
	}
	s.lost[service][unknown] = err
}

// enter writes the answer to one query into the books.
func (s *survey) enter(ctx context.Context, service string, f *found, query string) error {
	a, err := s.r.ask(ctx, query, s.w)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range a.series {
		one := &a.series[i]
		where := fleet.Match{Service: service}
		if f.Placed(s.q.By) {
			where = s.targets.by[placeOf(one.labels)]
		}
		_, isBucket := one.labels["le"]
		for _, p := range one.points {
			book := s.book(p.at)
			switch {
			case p.histogram != nil:
				book.Native(&f.Source, one.labels, where, p.histogram.intervals())
			case isBucket:
				book.Bucket(&f.Source, one.labels, where, p.value)
			default:
				book.Calls(&f.Source, one.labels, where, p.value)
			}
		}
	}
	return nil
}

func (h *histogram) intervals() []dialect.Interval {
	out := make([]dialect.Interval, 0, len(h.Buckets))
	for _, b := range h.Buckets {
		out = append(out, dialect.Interval{Low: b.low, High: b.high, Rate: b.count})
	}
	return out
}

func (s *survey) book(at time.Time) *dialect.Book {
	var key int64 = now
	if s.w.step > 0 {
		key = at.UnixMilli()
	}
	if s.books[key] == nil {
		s.books[key] = dialect.NewBook(s.q, Source)
	}
	s.books[key].Only = s.only
	return s.books[key]
}

// attest adds to a row where it is from, and why something was not read.
func (s *survey) attest(red *fleet.RED) {
	for i, unknown := range red.Unknown {
		err := s.lost[red.Service][unknown]
		if err == nil {
			err = s.lost[""][unknown]
		}
		if err != nil {
			what, _, _ := strings.Cut(unknown, ":")
			red.Unknown[i] = what + ": " + err.Error()
		}
	}
	asked := red.Service
	if len(s.queries[asked]) == 0 {
		asked = ""
	}
	queries := s.queries[asked]
	if w := s.windows[asked]; w > 0 {
		red.Window = w
		red.Notes = append(red.Notes, fmt.Sprintf("prometheus has read the targets for %s only: the numbers are of that time, not of %s", w, short(s.q.Window)))
	}
	red.Provenance = s.r.provenance(strings.Join(queries, "; "))
	if s.skew != 0 {
		red.Notes = append(red.Notes, fmt.Sprintf("prometheus' clock differs from this machine's by %s", s.skew.Round(time.Second)))
	}
}

// whatIsMissing are the gaps of an answer: services of which nothing is known,
// instances that are not scraped, names that could not be joined.
func (s *survey) whatIsMissing(reds []fleet.RED) []fleet.Missing {
	known := map[string]bool{}
	for i := range reds {
		known[reds[i].Service] = true
	}
	var out []fleet.Missing
	told := map[string]bool{}
	for _, m := range s.missing {
		if !known[m.Instance.Service] {
			out = append(out, m)
			told[m.Instance.Service] = true
		}
	}
	for _, service := range s.services() {
		// That nobody calls a service is no gap unless it was asked for.
		if !known[service] && !told[service] && !told[""] && (s.q.Side == fleet.ServerSide || service == s.q.Service) {
			out = append(out, missingOf(service, s.silence()))
		}
		if s.q.Side == fleet.ServerSide && known[service] {
			out = append(out, s.targets.gaps(service, s.q.Instances)...)
		}
	}
	if book := s.books[now]; book != nil {
		out = append(out, book.Missing()...)
	}
	return out
}

func (s *survey) silence() error {
	if s.q.Side == fleet.ClientSide {
		return fmt.Errorf("no caller has series about it in the last %s", s.q.Window)
	}
	return fmt.Errorf("its series have no samples in the last %s; a rate needs two scrapes in the window", s.q.Window)
}
