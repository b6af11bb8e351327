package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	controlv1 "github.com/gctl-dev/gctl/api/gctl/control/v1"
	"github.com/gctl-dev/gctl/fleet"
)

// How a watch that was lost is opened again, half of each pause by chance.
const (
	firstPause = 200 * time.Millisecond
	lastPause  = 5 * time.Second
)

// maxWatched is how many breakers of one instance a watch remembers.
const maxWatched = 10_000

// WatchBreakers implements fleet.Controller.
func (c *controller) WatchBreakers(ctx context.Context, target string, notify func(fleet.BreakerUpdate)) error {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := c.watch(ctx, target, func(list []fleet.Breaker) {
			pause = firstPause
			notify(fleet.BreakerUpdate{Breakers: list})
		})
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, fleet.ErrNoControl), errors.Is(err, fleet.ErrNoPart):
			return err
		case err != nil: // nil is a gap in the numbers, after which the watch begins anew
			notify(fleet.BreakerUpdate{Err: err})
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause/2 + rand.N(pause/2)): //nolint:gosec // no secret
		}
	}
}

// A stream says nothing while nothing changes, and nothing when the process stands
// still: every so often the instance is asked what its breakers have counted, which
// shows that it still answers.
const (
	askEvery = 2 * time.Second
	patience = 5 * time.Second // for the first message, and for that answer
)

var errSilent = errors.New("it no longer answers")

// watch follows one stream. It returns nil where a message is missing.
func (c *controller) watch(ctx context.Context, target string, notify func([]fleet.Breaker)) error {
	ctx, cancel := context.WithCancel(ctx)
	sent, err := c.ready(ctx)
	if err != nil {
		cancel()
		return err
	}
	stream, err := c.ControlServiceClient.WatchBreakers(sent, &controlv1.WatchBreakersRequest{Target: target})
	if err != nil {
		cancel()
		return c.explain(ctx, "watch the breakers", err)
	}
	messages := make(chan heard)
	go receive(ctx, stream, messages)
	defer func() { // the reader has ended when this returns
		cancel()
		for range messages {
		}
	}()
	now := map[string]fleet.Breaker{}
	check := time.NewTimer(c.patience)
	defer check.Stop()
	for want := int64(0); ; {
		select {
		case m := <-messages:
			if m.err == nil && m.response.GetSequence() != want {
				return nil
			}
			if err := c.take(ctx, m, now); err != nil {
				return err
			}
			want++
			check.Reset(c.askEvery)
			notify(sorted(now))
		case <-check.C:
			if want == 0 {
				return c.silent()
			}
			news, err := c.count(sent, target, now)
			if err != nil {
				return err
			}
			check.Reset(c.askEvery)
			if news {
				notify(sorted(now))
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// heard is what came over a watch.
type heard struct {
	response *controlv1.WatchBreakersResponse
	err      error
}

func receive(ctx context.Context, stream grpc.ServerStreamingClient[controlv1.WatchBreakersResponse], to chan<- heard) {
	defer close(to)
	for {
		response, err := stream.Recv()
		select {
		case to <- heard{response, err}:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// take adds what a message says to what is known now.
func (c *controller) take(ctx context.Context, m heard, now map[string]fleet.Breaker) error {
	switch {
	case errors.Is(m.err, io.EOF):
		return &fleet.Error{What: "watch the breakers", Instance: c.instance.ID, Err: errors.New("the instance ended the stream")}
	case m.err != nil:
		return c.explain(ctx, "watch the breakers", m.err)
	}
	for _, b := range c.breakers(m.response.GetBreakers(), "WatchBreakers") {
		now[b.Name] = b
	}
	if len(now) > maxWatched {
		return &fleet.Error{What: "watch the breakers", Instance: c.instance.ID, Err: fmt.Errorf("it tells of more than %d", maxWatched)}
	}
	return nil
}

func sorted(now map[string]fleet.Breaker) []fleet.Breaker {
	return slices.SortedFunc(maps.Values(now), func(a, b fleet.Breaker) int { return strings.Compare(a.Name, b.Name) })
}

func (c *controller) silent() error {
	return &fleet.Error{What: "watch the breakers", Instance: c.instance.ID, Err: errSilent}
}

// count brings what breakers have counted up to date, which is no change that a
// stream tells, and tells whether it was another. The error is that the instance says
// nothing at all.
func (c *controller) count(ctx context.Context, target string, now map[string]fleet.Breaker) (news bool, err error) {
	limited, cancel := context.WithTimeout(ctx, c.patience)
	defer cancel()
	response, err := c.ListBreakers(limited, &controlv1.ListBreakersRequest{Target: target})
	if code := status.Code(err); code == codes.DeadlineExceeded || code == codes.Unavailable {
		return false, c.silent()
	}
	for _, b := range c.breakers(response.GetBreakers(), "ListBreakers") {
		is, ok := now[b.Name]
		if !ok || is.Counts == b.Counts {
			continue
		}
		is.Counts = b.Counts // the rest is for the stream to tell, in its order
		now[b.Name] = is
		news = true
	}
	return news, nil
}

// Drain implements fleet.Controller.
func (c *controller) Drain(ctx context.Context, deadline time.Duration, m fleet.Mutation, notify func(fleet.DrainProgress)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	sent, err := c.ready(ctx)
	if err != nil {
		return err
	}
	request := &controlv1.DrainRequest{Mutation: mutation(m)}
	if deadline > 0 {
		request.Deadline = durationpb.New(deadline)
	}
	stream, err := c.ControlServiceClient.Drain(sent, request)
	if err != nil {
		return c.explain(ctx, "drain", err)
	}
	var last fleet.DrainProgress
	for {
		response, err := stream.Recv()
		switch {
		case err == nil:
		case errors.Is(err, io.EOF) && (last.Step == fleet.DrainStopped || m.ValidateOnly):
			return nil
		case last.Step == fleet.DrainStopped: // the process is gone, as it should be
			return nil
		case last.Step != "" && ctx.Err() == nil:
			return &fleet.Error{
				What: fmt.Sprintf("the progress was lost after %q", last.Step), Instance: c.instance.ID, Err: err,
				Hint: "the drain goes on without gctl; run the same command again to follow it, as long as the process lives",
			}
		default:
			return c.explain(ctx, "drain", err)
		}
		last = fleet.DrainProgress{
			Step: stepFrom(response.GetStep()), At: timeOf(response.GetTime()), InFlight: response.GetInFlight(), Problem: response.GetProblem(),
		}
		notify(last)
	}
}
