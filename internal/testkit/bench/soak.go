package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gctl-dev/gctl/internal/testkit/load"
)

const (
	soakUnary    = 200                    // unary calls a second
	soakStreams  = 2                      // imports, and copies of everything, a second
	soakEdge     = 20                     // JSON calls of the edge a second, where there is one
	soakWatchers = 5                      // each reconnects after some changes
	soakChanges  = 50                     // that a watcher reads before it does
	soakDrain    = 45 * time.Second       // between two restarts of one instance
	soakSample   = 2 * time.Second        // between two looks at the metrics
	soakPause    = 100 * time.Millisecond // before a watch that was lost goes on
)

// measureSoak has two instances serve for long, and a third that is restarted now
// and then, and sees whether those two, the edge and the caller grow.
func measureSoak(ctx context.Context, b *bench, r *report) error {
	p, err := b.newPlace(ctx, 3, "--drain-wait="+drainWait.String(), "--metrics-listen=127.0.0.1:0",
		"--rate-limit=*=100000/s", "--concurrency-limit=50..500")
	if err != nil {
		return err
	}
	defer p.close()
	watched := []*growth{
		{name: "user-1", metrics: p.fleet.Instances[0].Metrics},
		{name: "user-2", metrics: p.fleet.Instances[1].Metrics},
		{name: "the caller"},
	}
	edge, err := b.startEdge(ctx, p)
	if err != nil {
		return err
	}
	if edge != nil {
		defer edge.Kill()
		watched = append(watched, &growth{name: "the edge", metrics: edge.Metrics})
	}
	s := &soak{place: p, edge: edge, streams: load.NewStreams(p.caller.Conn)}
	calls, restarts, err := s.run(ctx, b.soak, watched)
	if err != nil {
		return err
	}
	s.report(r, b.soak, calls, restarts, watched)
	return nil
}

// startEdge starts an edge in front of the place, if one is built; else nil.
func (b *bench) startEdge(ctx context.Context, p *place) (*load.Instance, error) {
	edged, err := filepath.Abs(filepath.Join(b.bin, "edged"))
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(edged); err != nil {
		return nil, nil //nolint:nilerr,nilnil // then there is none
	}
	return load.Launch(ctx, exec.CommandContext(ctx, edged, "--plaintext", "--listen=127.0.0.1:0", "--http-listen=127.0.0.1:0",
		"--metrics-listen=127.0.0.1:0", "--consul="+p.consul, "--target=user", "--instance=edge-1"))
}

// soak is the mixed load.
type soak struct {
	place   *place
	edge    *load.Instance // may be nil
	streams *load.Streams
	resumed atomic.Int64 // watches
	lost    atomic.Int64 // of those, ended by the server
}

// run loads the place for a while.
func (s *soak) run(ctx context.Context, d time.Duration, watched []*growth) (calls []load.Call, restarts int, err error) {
	loading, stop := context.WithCancel(ctx)
	var beside sync.WaitGroup
	defer beside.Wait()
	defer stop()
	for range soakWatchers {
		beside.Go(func() { s.watch(loading) })
	}
	traffics := []*load.Traffic{
		load.Start(ctx, soakUnary, callTimeout, s.place.users.Next),
		load.Start(ctx, soakStreams, 2*callTimeout, s.nextStream()),
	}
	if s.edge != nil {
		traffics = append(traffics, load.Start(ctx, soakEdge, callTimeout, s.json))
	}
	defer func() {
		for _, t := range traffics {
			calls = append(calls, t.Stop()...)
		}
	}()
	end, look := time.NewTimer(d), time.NewTicker(soakSample)
	defer end.Stop()
	defer look.Stop()
	drain := time.NewTicker(min(soakDrain, d/4))
	defer drain.Stop()
	failed := make(chan error, 1)
	for {
		select {
		case <-end.C:
			return nil, restarts, nil
		case <-ctx.Done():
			return nil, restarts, ctx.Err()
		case err := <-failed:
			return nil, restarts, err
		case <-drain.C:
			restarts++
			beside.Go(func() {
				if err := s.place.fleet.Restart(loading, 2); err != nil && loading.Err() == nil {
					failed <- err
				}
			})
		case <-look.C:
			for _, g := range watched {
				if err := g.look(ctx); err != nil {
					return nil, restarts, err
				}
			}
		}
	}
}

// nextStream alternates between the streams that end.
func (s *soak) nextStream() func() load.Op {
	made := 0
	return func() load.Op {
		if made++; made%2 == 0 {
			return load.Op{Method: "ImportUsers", Do: s.streams.Import}
		}
		return load.Op{Method: "SyncUsers", Do: s.streams.Sync}
	}
}

// json is a call as a browser makes it.
func (s *soak) json() load.Op {
	return load.Op{Method: "ListUsers by the edge, JSON", Idempotent: true, Do: func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost,
			"http://"+s.edge.HTTP+"/user.v1.UserService/ListUsers", strings.NewReader(`{"pageSize":10}`))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Connect-Protocol-Version", "1")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("the edge answers %s", resp.Status)
		}
		return nil
	}}
}

// watch follows the changes, and resumes where the stream ended, until ctx ends.
func (s *soak) watch(ctx context.Context) {
	token := ""
	for ctx.Err() == nil {
		next, err := s.streams.Watch(ctx, token, soakChanges)
		token = next
		s.resumed.Add(1)
		if err == nil || ctx.Err() != nil {
			continue
		}
		s.lost.Add(1)
		if status.Code(err) == codes.OutOfRange {
			token = ""
		}
		_ = settle(ctx, soakPause)
	}
}

func (s *soak) report(r *report, d time.Duration, calls []load.Call, restarts int, watched []*growth) {
	failed := load.Failures(calls)
	edge := "no edge in front"
	if s.edge != nil {
		edge = fmt.Sprintf("%d JSON calls a second by an edge", soakEdge)
	}
	sec := r.section(soakTitle, fmt.Sprintf(
		"%s of mixed load: three user services found in a real Consul, %d unary calls a second, %d streams of imports and copies, %d watchers that resume after %d changes, %s; "+
			"one of the services is restarted %d times. Sampled from `/metrics` every %s; the first fifth, in which caches fill, is left out. "+
			"Growth an hour is that of the line of least squares over the rest, growth seen that from the median of its first third to that of its last.",
		d, soakUnary, soakStreams, soakWatchers, soakChanges, edge, restarts, soakSample))
	sec.columns = []string{"mean", "highest", "growth an hour", "growth seen"}
	for _, g := range watched {
		for _, m := range g.series() {
			l := m.line()
			sec.row(g.name+", "+m.name, fmt.Sprintf("%.1f", l.mean), fmt.Sprintf("%.1f", l.highest), fmt.Sprintf("%+.1f", l.slope*3600), fmt.Sprintf("%+.1f %%", l.grown))
			sec.goal(g.name+", "+m.name+", growth seen", l.grown, 10, " %")
		}
	}
	sec.goal(fmt.Sprintf("client-visible errors of %d calls", len(calls)), float64(len(failed)), 0, "")
	sec.saysf("watches: %d changes, %d times resumed, %d of those because the instance stopped", s.streams.Changes.Load(), s.resumed.Load(), s.lost.Load())
	tellFailures(sec, failed)
}
