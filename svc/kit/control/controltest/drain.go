package controltest

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	controlv1 "github.com/gctl-dev/gctl/api/gctl/control/v1"
)

// drain is a stream of Drain whose order is checked.
type drain struct {
	grpc.ServerStreamingClient[controlv1.DrainResponse]

	last     *controlv1.DrainResponse
	reported int
	change   *controlv1.Change
}

// drain asks for a drain and reads the first message.
func (c *client) drain(ctx context.Context, t *testing.T, m *controlv1.Mutation) *drain {
	t.Helper()
	stream, err := c.Drain(ctx, &controlv1.DrainRequest{Mutation: m})
	if err != nil {
		t.Fatal(err)
	}
	d := &drain{stream, &controlv1.DrainResponse{}, 0, nil}
	if err := d.next(t); err != nil {
		t.Fatal(err)
	}
	d.change = d.last.GetChange()
	return d
}

// next reads one message.
func (d *drain) next(t *testing.T) error {
	t.Helper()
	response, err := d.Recv()
	if err != nil {
		return err
	}
	switch step := response.GetStep(); {
	case step != d.last.GetStep() && step != d.last.GetStep()+1:
		t.Errorf("%v follows %v", step, d.last.GetStep())
	case step != d.last.GetStep():
		d.reported++
	}
	if response.GetTime().AsTime().Before(d.last.GetTime().AsTime()) {
		t.Errorf("%v was before %v", response, d.last)
	}
	if (response.GetChange() != nil) != (d.last.GetStep() == 0) {
		t.Errorf("change in %v", response)
	}
	d.last = response
	return nil
}

// rest reads until the end.
func (d *drain) rest(t *testing.T) {
	t.Helper()
	for {
		err := d.next(t)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("behind %v: %v", d.last, err)
		}
	}
	if d.last.GetStep() != controlv1.DrainStep_DRAIN_STEP_STOPPED || d.reported != 5 {
		t.Errorf("the last of %d steps is %v", d.reported, d.last)
	}
}

func testDrain(t *testing.T, c *client) {
	before, err := single("drain")(deadline(t), c)
	if err != nil {
		t.Fatal(err)
	}
	// There is no end to a drain: a ttl says nothing.
	d := c.drain(deadline(t), t, mutation(etag(before), func(m *controlv1.Mutation) { m.Ttl = nil }))
	change := d.change
	if change.GetResource() != "drain" || change.GetValue() == "" || change.GetReason() != "conformance" || change.GetActor() != c.Actor || change.GetExpireTime() != nil {
		t.Errorf("change = %v", change)
	}
	if got := c.changes(t)["drain"]; !proto.Equal(got, change) {
		t.Errorf("listed is %v, want %v", got, change)
	}
	if tag, err := single("drain")(deadline(t), c); err != nil || tag == before || tag != change.GetEtag() {
		t.Errorf("the etag was %q, is %q (%v), %q of the change", before, tag, err, change.GetEtag())
	}
	if c.Serving != nil {
		if c.Serving() {
			t.Error("it still serves")
		}
		for _, serving := range []bool{true, false} {
			_, err := c.SetServing(deadline(t), &controlv1.SetServingRequest{Serving: serving, Mutation: mutation()})
			wantCode(t, "SetServing of what drains", err, codes.FailedPrecondition)
		}
	}
	d.rest(t)
	if n := c.Drains(); n != 1 {
		t.Errorf("%d drains", n)
	}
}

func testDrainAlone(t *testing.T, c *client) {
	if c.Serving != nil {
		servingSubject().must(t, c, 0, mutation(ttl(time.Second)))
	}
	ctx, cancel := context.WithCancel(deadline(t))
	defer cancel()
	first := c.drain(ctx, t, mutation())
	cancel()
	c.hangUp()
	other := connect(t, c.Fixture)
	if c.Serving != nil { // the end of a quarantine is not the end of the drain
		until(t, "the quarantine ends", func() bool { return other.changes(t)["serving"] == nil })
		if c.Serving() {
			t.Error("it is back in traffic")
		}
	}
	joined := other.drain(deadline(t), t, mutation(etag("of before"), func(m *controlv1.Mutation) { m.Reason = "another" }))
	if !proto.Equal(joined.change, first.change) {
		t.Errorf("joined %v, want %v", joined.change, first.change)
	}
	joined.rest(t)
	if n := c.Drains(); n != 1 {
		t.Errorf("%d drains", n)
	}
}

func testDrainChecks(t *testing.T, c *client) {
	receive := func(r *controlv1.DrainRequest) (*controlv1.DrainResponse, error) {
		stream, err := c.Drain(deadline(t), r)
		if err != nil {
			return nil, err
		}
		return stream.Recv()
	}
	_, err := receive(&controlv1.DrainRequest{})
	wantInvalid(t, "no mutation", err, "mutation")
	_, err = receive(&controlv1.DrainRequest{Mutation: mutation(func(m *controlv1.Mutation) { m.Reason = "" })})
	wantInvalid(t, "no reason", err, "mutation.reason")
	_, err = receive(&controlv1.DrainRequest{Mutation: mutation(), Deadline: durationpb.New(2 * time.Hour)})
	wantInvalid(t, "a long deadline", err, "deadline")
	_, err = receive(&controlv1.DrainRequest{Mutation: mutation(etag("wrong"))})
	wantCode(t, "a wrong etag", err, codes.FailedPrecondition)
	_, err = receive(&controlv1.DrainRequest{Mutation: mutation(etag(""))})
	wantCode(t, "no etag", err, codes.FailedPrecondition)
	tag, err := single("drain")(deadline(t), c)
	if err != nil {
		t.Fatal(err)
	}
	response, err := receive(&controlv1.DrainRequest{Mutation: mutation(validateOnly)})
	if err != nil || response.GetStep() != 0 || response.GetChange().GetEtag() != tag {
		t.Errorf("only validated: %v, %v", response, err)
	}
	if n := c.Drains(); n != 0 || len(c.changes(t)) != 0 {
		t.Errorf("%d drains", n)
	}
}
