package commands

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/term"
)

// Between two rounds of --wait.
const (
	waitFirst = 200 * time.Millisecond
	waitMost  = time.Second
)

var errWaited = errors.New("the time of --wait is over")

// await asks again and again until all is healthy or the time is over, and
// returns what was found last; a round that the end cuts short has found nothing,
// unless it is the only one. A service that the catalog does not know, and a
// catalog that does not answer, may come yet.
func (o *healthOptions) await(ctx context.Context) (*healthReport, error) {
	deadline := time.Now().Add(o.wait)
	limited, cancel := context.WithDeadlineCause(ctx, deadline, errWaited)
	defer cancel()
	pause := waitFirst
	defer o.progress("")
	var last *healthReport
	for {
		found, err := o.ask(limited, o.listedIfAny)
		if limited.Err() != nil && ctx.Err() == nil && last != nil {
			return last, nil
		}
		if err == nil {
			last = found
		}
		switch left := time.Until(deadline); {
		case errors.Is(ctx.Err(), context.Canceled):
			return nil, context.Cause(ctx)
		case ctx.Err() != nil: // the time of the whole command
			return found, err
		case err != nil && fleet.KindOf(err) == fleet.Usage:
			return nil, err
		case err == nil && found.healthy():
			return found, nil
		case left <= 0:
			return found, err
		default:
			o.progress(waiting(found, err) + fmt.Sprintf(" (%s left)", left.Round(time.Second)))
			select {
			case <-ctx.Done():
			case <-time.After(min(pause, left)):
			}
			pause = min(2*pause, waitMost)
		}
	}
}

// waiting says what is waited for.
func waiting(found *healthReport, err error) string {
	if err != nil {
		return "waiting: " + err.Error()
	}
	var missing []string
	for i := range found.services {
		if v := found.services[i].verdict; !v.Healthy {
			missing = append(missing, v.Service+": "+v.String())
		}
	}
	if len(missing) == 0 {
		return "waiting for a gRPC service"
	}
	text := "waiting: " + missing[0]
	if len(missing) > 1 {
		text += fmt.Sprintf(", and %d more", len(missing)-1)
	}
	return text
}

// progress shows a line on a terminal until the next one replaces it.
func (o *healthOptions) progress(line string) {
	if !o.f.Streams.ErrTTY {
		return
	}
	line = term.CleanLine(line)
	if width := o.f.Streams.Width; width > 0 && len(line) >= width {
		line = strings.ToValidUTF8(line[:width-1], "")
	}
	fmt.Fprintf(o.f.Streams.Err, "\r\x1b[K%s", line)
}
