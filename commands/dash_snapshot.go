package commands

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui"
)

// patience is how long a frame waits for sources that have not answered.
const patience = 10 * time.Second

// snapshot prints one frame.
func (o *dashOptions) snapshot(ctx context.Context) error {
	f := o.f
	w, h, err := o.frameSize()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	options, err := o.prepare(ctx)
	if err != nil {
		return err
	}
	defer options.Store.Close()
	frame, err := tui.Snapshot(ctx, options, w, h, patience)
	if err != nil {
		return err
	}
	switch format := f.Global.Output; {
	case format == "json" || f.Global.JQ != "":
		return o.frameData(frame) //nolint:contextcheck // the printer has it
	case format == "ansi", format == "" && f.Streams.Color:
		return frame.ANSI(f.Streams.Out)
	default:
		return frame.Text(f.Streams.Out)
	}
}

// frameData prints the data of a frame, through --jq if there is one.
func (o *dashOptions) frameData(frame *tui.Frame) error {
	if o.f.Global.JQ == "" {
		return frame.JSON(o.f.Streams.Out)
	}
	var b bytes.Buffer
	if err := frame.JSON(&b); err != nil {
		return err
	}
	var doc any
	if err := json.Unmarshal(b.Bytes(), &doc); err != nil {
		return err
	}
	p, err := o.f.Printer()
	if err != nil {
		return err
	}
	return p.Value(doc)
}

func (o *dashOptions) frameSize() (w, h int, err error) {
	if o.size == "" {
		if w := o.f.Streams.Width; w > 0 {
			return w, 40, nil
		}
		return 120, 40, nil
	}
	if n, err := fmt.Sscanf(o.size, "%dx%d", &w, &h); err != nil || n != 2 || fmt.Sprintf("%dx%d", w, h) != o.size || w < 1 || h < 1 || w > 1000 || h > 1000 {
		return 0, 0, &fleet.Error{Kind: fleet.Usage, What: "--size " + o.size + " is no size such as 120x40"}
	}
	return w, h, nil
}
