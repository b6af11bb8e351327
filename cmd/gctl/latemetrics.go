package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/gctl-dev/gctl/commands"
	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/scrape"
)

// When lateMetrics opens its source again.
const (
	afterNone    = 10 * time.Second // nothing could be opened
	afterFailure = time.Minute      // it failed, or is not the one that is wanted
)

// lateMetrics opens the source of metrics when it is first asked and keeps it. It
// opens another after a failure, and where the instances' own metrics have to do
// for a Prometheus that did not answer, but not at each question.
type lateMetrics struct {
	f *commands.Factory

	mu    sync.Mutex
	open  *commands.MetricsSource
	err   error     // why none could be opened
	again time.Time // when to try again; zero: there is no need
}

func (l *lateMetrics) source(ctx context.Context) (commands.MetricsSource, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.f.Now()
	if waits := l.again.IsZero() || now.Before(l.again); l.open != nil && waits {
		return *l.open, nil
	} else if l.err != nil && waits {
		return commands.MetricsSource{}, l.err
	}
	s, err := l.f.Metrics(ctx, "")
	switch {
	case err != nil && ctx.Err() != nil: // of this asker's patience
	case err != nil && l.open != nil:
		l.again = now.Add(afterFailure)
	case err != nil:
		l.err, l.again = err, now.Add(afterNone)
	default:
		l.use(&s, now)
	}
	if l.open != nil {
		return *l.open, nil
	}
	return commands.MetricsSource{}, err
}

// use makes a source the present one. The lock is held.
func (l *lateMetrics) use(s *commands.MetricsSource, now time.Time) {
	if l.open != nil && l.open.Close != nil {
		l.open.Close()
	}
	l.open, l.err, l.again = s, nil, time.Time{}
	if s.Why != nil {
		l.again = now.Add(afterFailure)
	}
}

// failed heeds how a question ended.
func (l *lateMetrics) failed(ctx context.Context, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil && ctx.Err() == nil && l.again.IsZero() {
		l.again = l.f.Now().Add(afterFailure)
	}
}

// RED implements fleet.MetricsReader.
func (l *lateMetrics) RED(ctx context.Context, q fleet.REDQuery) (fleet.REDList, error) {
	s, err := l.source(ctx)
	if err != nil {
		return fleet.REDList{}, err
	}
	list, err := s.Reader.RED(ctx, q)
	l.failed(ctx, err)
	return instead(&s, list), err
}

// REDSplits implements fleet.SplitReader.
func (l *lateMetrics) REDSplits(ctx context.Context, q fleet.REDQuery, splits [][]fleet.Dimension) (fleet.REDList, error) {
	s, err := l.source(ctx)
	if err != nil {
		return fleet.REDList{}, err
	}
	list, err := fleet.REDSplits(ctx, s.Reader, q, splits)
	l.failed(ctx, err)
	return instead(&s, list), err
}

// instead says that the instances' own metrics are told in place of what was asked
// for and did not answer.
func instead(s *commands.MetricsSource, list fleet.REDList) fleet.REDList {
	var none commands.NoBackendError
	if s.Why != nil && !errors.As(s.Why, &none) {
		list.Missing = slices.Insert(list.Missing, 0, fleet.Missing{What: fleet.PrometheusAway, Err: s.Why})
	}
	return list
}

// REDRange implements fleet.MetricsReader.
func (l *lateMetrics) REDRange(ctx context.Context, q fleet.REDQuery, start, end time.Time, step time.Duration) ([]fleet.REDSeries, error) {
	s, err := l.source(ctx)
	if err != nil {
		return nil, err
	}
	return s.Reader.REDRange(ctx, q, start, end, step)
}

// Breakers implements fleet.BreakerReader.
func (l *lateMetrics) Breakers(ctx context.Context, callers []fleet.Instance, target string) (fleet.BreakerList, error) {
	s, err := l.source(ctx)
	if err != nil {
		return fleet.BreakerList{}, err
	}
	if !s.History { // each would be asked itself: only those who say where
		callers = slices.DeleteFunc(slices.Clone(callers), func(in fleet.Instance) bool { return scrape.Address(&in) == "" })
	}
	list, err := s.Breakers.Breakers(ctx, callers, target)
	l.failed(ctx, err)
	return list, err
}
