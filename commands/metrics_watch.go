package commands

import (
	"context"
	"fmt"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/output"
)

// watchEvery is how often numbers are asked for anew where the source does not say
// how often they change.
const watchEvery = 5 * time.Second

// pacer is a source that knows how often its numbers change.
type pacer interface {
	Interval(ctx context.Context) time.Duration
}

// watchRows shows the numbers again and again: on a terminal in place, elsewhere
// as further lines.
func (o *metricsOptions) watchRows(ctx context.Context, p *output.Printer, source MetricsSource, q fleet.REDQuery) error {
	every := watchEvery
	if s, ok := source.Reader.(pacer); ok {
		every = s.Interval(ctx)
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	inPlace := o.f.Streams.OutTTY && !p.Structured()
	for round := 0; ; round++ {
		rows, err := o.read(ctx, p, source, q)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil && round == 0:
			return err
		case err != nil:
			o.f.Notef("note: %v", err)
		default:
			at := o.f.Now().UTC()
			for i := range rows {
				rows[i].Time = &at
			}
			if inPlace {
				fmt.Fprint(o.f.Streams.Out, "\x1b[H\x1b[2J") // home, clear
			}
			if err := o.layout(rows, round > 0 && !inPlace).Print(p, rows, nil); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
}
