package recording

import (
	"context"
	"io"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// ReplayOptions say what of a recording is played, and how fast.
type ReplayOptions struct {
	From, To time.Time // zero: from the beginning, to the end
	// Speed is how many recorded seconds pass in one; 0 is as fast as can be.
	Speed float64
}

// Replay feeds a store, which has no sources, with a recording. What was known at
// From is there at once; then what changed follows in its time. It returns when To
// or the end is reached, having published the last state, and what was torn off.
func (r *Recording) Replay(ctx context.Context, store *fleet.Store, o ReplayOptions) ([]*TornError, error) {
	p := &player{ctx: ctx, store: store, o: o}
	var torn []*TornError
	for i := r.first(o.From); i < len(r.segments); i++ {
		if !o.To.IsZero() && r.segments[i].began.After(o.To) && p.begun {
			break
		}
		t, err := r.segments[i].ahead(ctx, p.play)
		if t != nil {
			torn = append(torn, t)
		}
		if err != nil {
			return torn, err
		}
		if p.over {
			break
		}
	}
	store.Flush()
	return torn, ctx.Err()
}

type player struct {
	ctx   context.Context //nolint:containedctx // of the replay, as long as it lives
	store *fleet.Store
	o     ReplayOptions
	begun bool // a delta was applied
	over  bool
	zero  time.Time // when From, or the first change after it, was played
	from  time.Time
}

// play uses one delta; io.EOF is the end.
func (p *player) play(d *fleet.Delta) error {
	if !p.o.To.IsZero() && d.At.After(p.o.To) && p.begun {
		p.over = true
		return io.EOF
	}
	if p.o.Speed > 0 && !d.At.Before(p.o.From) {
		if err := p.wait(d.At); err != nil {
			return err
		}
	}
	p.store.Apply(d)
	p.begun = true
	return nil
}

// wait waits until a recorded time has come.
func (p *player) wait(at time.Time) error {
	if p.zero.IsZero() {
		p.store.Flush()
		p.zero, p.from = time.Now(), at
		if p.from.After(p.o.From) && !p.o.From.IsZero() {
			p.from = p.o.From
		}
	}
	timer := time.NewTimer(time.Until(p.zero.Add(time.Duration(float64(at.Sub(p.from)) / p.o.Speed))))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-p.ctx.Done():
		return p.ctx.Err()
	}
}
