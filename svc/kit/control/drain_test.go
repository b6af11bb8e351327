package control_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	controlv1 "github.com/gctl-dev/gctl/api/gctl/control/v1"
)

func drainOf(t *testing.T, c controlv1.ControlServiceClient, deadline *durationpb.Duration) []*controlv1.DrainResponse {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	stream, err := c.Drain(ctx, &controlv1.DrainRequest{Mutation: lasts(time.Minute), Deadline: deadline})
	if err != nil {
		t.Fatal(err)
	}
	var all []*controlv1.DrainResponse
	for {
		response, err := stream.Recv()
		if err != nil {
			return all
		}
		all = append(all, response)
	}
}

func client(t *testing.T, i *instance) controlv1.ControlServiceClient {
	t.Helper()
	conn := dial(t, serve(t, i.options()))
	t.Cleanup(func() { conn.Close() })
	return controlv1.NewControlServiceClient(conn)
}

func TestTheDeadlineOfADrain(t *testing.T) {
	for want, given := range map[string]*durationpb.Duration{"20s": nil, "0s": durationpb.New(0), "3s": durationpb.New(3 * time.Second)} {
		i := newInstance()
		steps := drainOf(t, client(t, i), given)
		last := steps[len(steps)-1]
		if last.GetStep() != controlv1.DrainStep_DRAIN_STEP_STOPPED || last.GetInFlight() != 0 {
			t.Errorf("the last step is %v", last)
		}
		said := false
		for _, step := range steps { // the instance says its deadline as a problem
			said = said || step.GetStep() == controlv1.DrainStep_DRAIN_STEP_STOPPING && step.GetProblem() == want
		}
		if !said {
			t.Errorf("steps = %v, want the deadline %s", steps, want)
		}
	}
}

// A drain that reports nothing still answers who asked for it.
func TestASilentDrain(t *testing.T) {
	i := newInstance()
	options := i.options()
	options.Drain = func(context.Context, time.Duration, func(controlv1.DrainStep, int64, string)) {}
	conn := dial(t, serve(t, options))
	defer conn.Close()
	steps := drainOf(t, controlv1.NewControlServiceClient(conn), nil)
	if len(steps) != 1 || steps[0].GetChange().GetResource() != "drain" {
		t.Errorf("steps = %v", steps)
	}
}

func TestADrainEndsWithTheServerNotWithItsCaller(t *testing.T) {
	i := newInstance()
	i.release = make(chan struct{})
	s := start(t, i.options())
	caller, hangUp := context.WithCancel(t.Context())
	defer hangUp()
	stream := &progress{ctx: caller, steps: make(chan *controlv1.DrainResponse)}
	ended := make(chan error, 1)
	go func() { ended <- s.Drain(&controlv1.DrainRequest{Mutation: lasts(time.Minute)}, stream) }()
	for want := controlv1.DrainStep_DRAIN_STEP_NOT_SERVING; want <= controlv1.DrainStep_DRAIN_STEP_STOPPING; want++ {
		if got := <-stream.steps; got.GetStep() != want {
			t.Fatalf("step %v, want %v", got, want)
		}
	}
	i.mu.Lock()
	ctx := i.ctx
	i.mu.Unlock()
	hangUp()
	if err := <-ended; status.Code(err) != codes.Canceled {
		t.Errorf("the stream ended with %v", err)
	}
	if ctx.Err() != nil {
		t.Error("the drain ended with its caller")
	}
	s.Close()
	<-ctx.Done()
}

// Who follows a drain slowly gets the last report of each step.
func TestASlowFollowerOfADrain(t *testing.T) {
	i := newInstance()
	options := i.options()
	reported := make(chan struct{})
	options.Drain = func(_ context.Context, _ time.Duration, progress func(controlv1.DrainStep, int64, string)) {
		progress(controlv1.DrainStep_DRAIN_STEP_NOT_SERVING, 0, "")
		for n := range int64(1000) {
			problem := ""
			if n == 7 {
				problem = "stuck"
			}
			progress(controlv1.DrainStep_DRAIN_STEP_STOPPING, 1000-n, problem)
		}
		progress(controlv1.DrainStep_DRAIN_STEP_STOPPED, 0, "")
		close(reported)
	}
	s := start(t, options)
	stream := &progress{ctx: t.Context(), steps: make(chan *controlv1.DrainResponse)}
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := s.Drain(&controlv1.DrainRequest{Mutation: lasts(time.Minute)}, stream); err != nil {
			t.Error(err)
		}
		close(stream.steps)
	})
	<-stream.steps
	<-reported
	var all []*controlv1.DrainResponse
	for step := range stream.steps {
		all = append(all, step)
	}
	serving.Wait()
	if len(all) > 4 {
		t.Errorf("%d reports were kept for it", len(all))
	}
	stopping := all[len(all)-2]
	if stopping.GetInFlight() != 1 || stopping.GetProblem() != "stuck" || all[len(all)-1].GetStep() != controlv1.DrainStep_DRAIN_STEP_STOPPED {
		t.Errorf("reports = %v", all)
	}
}
