package commands

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/output"
	"github.com/gctl-dev/gctl/internal/term"
	"github.com/gctl-dev/gctl/tui"
	"github.com/gctl-dev/gctl/tui/plain"
	"github.com/gctl-dev/gctl/tui/triage"
)

// plainly tells what changes as lines, without a screen.
func (o *dashOptions) plainly(ctx context.Context) error {
	service, err := o.plainService()
	if err != nil {
		return err
	}
	p, err := o.f.Printer()
	if err != nil {
		return err
	}
	if o.replay == "" {
		slow := time.AfterFunc(catalogSlow, func() { noteSlow(o.f) })
		err := (&eventsOptions{f: o.f, service: service}).checkService(ctx)
		slow.Stop()
		if err != nil {
			return err
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	options, err := o.prepare(ctx)
	if err != nil {
		return err
	}
	defer options.Store.Close()
	o.ascii = options.ASCII
	return tui.Plain(ctx, options, tui.PlainOptions{Service: service, Patience: patience, Say: func(lines []plain.Line) error {
		for _, l := range lines {
			if err := o.plainLine(p, l); err != nil {
				return err
			}
		}
		return nil
	}})
}

// plainService is the service that --screen limits it to, empty for all.
func (o *dashOptions) plainService() (string, error) {
	for flag, given := range map[string]bool{
		"--snapshot": o.shot, "--record": o.record != "", "--theme": o.theme != "", "--window": o.window != 0, "--size": o.size != "",
	} {
		if given {
			e := &fleet.Error{Kind: fleet.Usage, What: "--plain contradicts " + flag, Hint: "leave out one of them"}
			if flag == "--record" {
				e.Hint = "gctl record records beside it"
			}
			return "", e
		}
	}
	if o.f.Global.Output != "" || o.f.Global.JQ != "" {
		return "", &fleet.Error{Kind: fleet.Usage, What: "--plain is text: it contradicts -o and --jq", Hint: "gctl events --watch -o jsonl tells changes as data"}
	}
	name, service, _ := strings.Cut(o.screen, "/")
	if o.screen != "" && o.screen != "services" && (name != "service" || service == "") {
		return "", &fleet.Error{Kind: fleet.Usage, What: "--plain has no screen " + o.screen, Hint: "--screen services, or --screen service/NAME"}
	}
	return service, nil
}

// plainLine prints a line: the time of day on a terminal, RFC 3339 elsewhere.
func (o *dashOptions) plainLine(p *output.Printer, l plain.Line) error {
	at := l.At.UTC().Format(time.RFC3339)
	if o.f.Streams.OutTTY {
		at = l.At.Local().Format(time.TimeOnly)
	}
	text := term.CleanLine(l.Text)
	if o.ascii {
		text = strings.ReplaceAll(text, "×", "x")
	}
	_, err := fmt.Fprintln(o.f.Streams.Out, at+"  "+p.Show(output.Cell{Text: text, Style: toneOf(l.To)}))
	return err
}

// toneOf is the style of a state or a verdict.
func toneOf(to string) output.Style {
	switch to {
	case triage.Good.String():
		return output.Good
	case triage.Warn.String():
		return output.Caution
	case triage.Bad.String():
		return output.Bad
	}
	return goodness(to)
}
