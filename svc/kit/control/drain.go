package control

import (
	"context"
	"errors"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	controlv1 "github.com/gctl-dev/gctl/api/gctl/control/v1"
)

// errJoin tells that there is a drain in progress, which a second one joins.
var errJoin = errors.New("a drain is in progress")

// Drain implements gctl.control.v1.ControlService.
func (s *Server) Drain(r *controlv1.DrainRequest, stream grpc.ServerStreamingServer[controlv1.DrainResponse]) error {
	if s.options.Drain == nil {
		return noPart("drain")
	}
	d, change, err := s.startDrain(stream.Context(), r)
	if err != nil {
		return err
	}
	if d == nil { // it was only to be checked
		return stream.Send(&controlv1.DrainResponse{Time: timestamppb.Now(), Change: change})
	}
	closed := s.closed
	for seen := (*controlv1.DrainResponse)(nil); ; {
		steps, more, ended := d.since(seen)
		for _, step := range steps {
			message := step
			if seen == nil {
				message = proto.CloneOf(step)
				message.Change = change
			}
			seen = step
			if err := stream.Send(message); err != nil {
				return err
			}
		}
		switch {
		case ended && seen == nil:
			return stream.Send(&controlv1.DrainResponse{Time: timestamppb.Now(), Change: change})
		case ended:
			return nil
		case closed == nil:
			return stopping()
		}
		select {
		case <-more:
		case <-stream.Context().Done():
			return status.FromContextError(stream.Context().Err()).Err()
		case <-closed:
			closed = nil // once more, for what came at the same time
		}
	}
}

// startDrain starts a drain or finds the one in progress. It returns no drain for
// a request that only wants to know.
func (s *Server) startDrain(ctx context.Context, r *controlv1.DrainRequest) (d *drain, change *controlv1.Change, err error) {
	onlyCheck := r.GetMutation().GetValidateOnly()
	var joined *controlv1.Change
	change, err = s.change(ctx, r, wish{
		resource: drainResource, mutation: r.GetMutation(), value: drainName(true), lasting: true,
	}, func() (target, error) {
		if s.draining != nil && !onlyCheck {
			d, joined = s.draining, proto.CloneOf(s.ledger.leases[drainResource].change)
			return target{}, errJoin
		}
		return target{read: s.drained, apply: func() error {
			s.draining = &drain{more: make(chan struct{})}
			return nil
		}}, nil
	}, func() { d = s.draining })
	switch {
	case errors.Is(err, errJoin):
		s.options.Log.InfoContext(ctx, "joined the drain in progress", "actor", clean(s.options.Identity(ctx)))
		return d, joined, nil
	case err != nil || onlyCheck:
		return nil, change, err
	}
	deadline := s.options.DrainDeadline
	if r.GetDeadline() != nil {
		deadline = r.GetDeadline().AsDuration()
	}
	s.runDrain(ctx, d, deadline)
	return d, change, nil
}

// runDrain drains in a goroutine that outlives the RPC, until the drain ends or
// the server is closed.
func (s *Server) runDrain(ctx context.Context, d *drain, deadline time.Duration) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer cancel()
		s.options.Drain(ctx, deadline, d.report)
		d.end()
	}()
	go func() {
		defer cancel()
		select {
		case <-s.closed:
		case <-ctx.Done():
		}
	}()
}

func (s *Server) drained() string { return drainName(s.draining != nil) }

func drainName(draining bool) string {
	if draining {
		return "draining"
	}
	return "none"
}

// drain is the progress of a drain, for all who follow it.
type drain struct {
	mu    sync.Mutex
	steps []*controlv1.DrainResponse // the last report of each step, in order
	ended bool
	more  chan struct{} // closed and replaced at each report
}

// report notes that a step is done, or how it goes on. A step that comes out of
// order is left out: clients rely on it.
func (d *drain) report(step controlv1.DrainStep, inFlight int64, problem string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := &controlv1.DrainResponse{Step: step, Time: timestamppb.Now(), InFlight: inFlight, Problem: problem}
	var last *controlv1.DrainResponse
	if len(d.steps) > 0 {
		last = d.steps[len(d.steps)-1]
	}
	switch {
	case step < last.GetStep() || step == controlv1.DrainStep_DRAIN_STEP_UNSPECIFIED:
		return
	case step == last.GetStep():
		if problem == "" {
			r.Problem = last.GetProblem()
		}
		d.steps[len(d.steps)-1] = r
	default:
		d.steps = append(d.steps, r)
	}
	d.tell()
}

func (d *drain) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ended = true
	d.tell()
}

// tell wakes all who follow; mu is held.
func (d *drain) tell() {
	close(d.more)
	d.more = make(chan struct{})
}

// since returns what was reported after seen, which is nil at first, whether that
// is all there will be, and otherwise a channel that is closed when there is more.
func (d *drain) since(seen *controlv1.DrainResponse) (steps []*controlv1.DrainResponse, more <-chan struct{}, ended bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, step := range d.steps {
		if step.GetStep() > seen.GetStep() || step.GetStep() == seen.GetStep() && step != seen {
			steps = append(steps, step)
		}
		ended = step.GetStep() == controlv1.DrainStep_DRAIN_STEP_STOPPED
	}
	return steps, d.more, ended || d.ended
}
