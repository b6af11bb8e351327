package traces

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/internal/term"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/widget"
)

// Evidence implements screen.Evident.
func (s *Screen) Evidence(*screen.Look) []screen.Evidence {
	if s.got == nil || s.got.err != nil {
		return nil
	}
	e := screen.Evidence{What: "traces" + s.of(), Value: fmt.Sprint(len(s.got.list.Traces)), Provenance: s.got.list.Provenance}
	if s.got.list.More {
		e.Value += ", the newest; there are more"
	}
	if s.service == "" {
		e.Notes = append(e.Notes, "asked for each service that Jaeger knows; this is one of the requests")
	}
	e.Commands = append(e.Commands, s.command(""))
	if curl := screen.Curl(s.got.list.Provenance); curl != "" {
		e.Commands = append(e.Commands, curl)
	}
	list := []screen.Evidence{e}
	if s.besides != nil && s.besides.err == nil {
		list = append(list, s.narrowEvidence())
	}
	if r := s.table.Selected(); r != nil {
		list = append(list, screen.Evidence{
			What: "trace " + r.ID, Value: fmt.Sprintf("%s, %d spans, %d errors", widget.Duration(r.Duration), r.Spans, r.Errors),
			Provenance: s.got.list.Provenance, Commands: []string{"gctl trace " + r.ID},
		})
	}
	return list
}

func (s *Screen) narrowEvidence() screen.Evidence {
	var flags string
	if s.by.errors {
		flags += " --errors"
	}
	if s.by.least > 0 {
		flags += " --min-duration " + s.by.least.String()
	}
	e := screen.Evidence{
		What: "traces that the filter asked for", Value: fmt.Sprint(len(s.besides.list.Traces)), Provenance: s.besides.list.Provenance,
		Commands: []string{s.command(flags)},
	}
	if curl := screen.Curl(s.besides.list.Provenance); curl != "" {
		e.Commands = append(e.Commands, curl)
	}
	return e
}

// command is the search as a command.
func (s *Screen) command(flags string) string {
	parts := []string{"gctl traces"}
	if s.service != "" {
		parts = append(parts, term.Quote(s.service))
	}
	q := &s.got.query
	return fmt.Sprintf("%s --from %s --to %s --limit %d%s", strings.Join(parts, " "),
		q.Start.UTC().Format(time.RFC3339), q.End.UTC().Format(time.RFC3339), most, flags)
}

// summary is a trace as gctl traces -o json has it.
type summary struct {
	TraceID    string    `json:"trace_id"`
	Root       string    `json:"root"`
	Start      time.Time `json:"start"`
	DurationMS float64   `json:"duration_ms"`
	Spans      int       `json:"spans"`
	Services   []string  `json:"services"`
	Errors     int       `json:"errors"`
}

// Data implements screen.Described.
func (s *Screen) Data(*screen.Look) any {
	r := s.table.Selected()
	if r == nil {
		return nil
	}
	took := float64(r.Duration.Round(time.Microsecond)) / float64(time.Millisecond)
	return summary{r.ID, r.Root, r.Start.UTC(), took, r.Spans, append([]string{}, r.Services...), r.Errors}
}

// Describe implements screen.Described.
func (s *Screen) Describe(look *screen.Look) (title string, lines []string) {
	r := s.table.Selected()
	if r == nil {
		return "", nil
	}
	return "trace", []string{
		"trace     " + r.ID,
		"root      " + r.Root,
		"began     " + r.Start.In(look.Now.Location()).Format("2006-01-02 15:04:05.000 MST"),
		"took      " + r.Duration.String(),
		"spans     " + strconv.Itoa(r.Spans),
		"errors    " + strconv.Itoa(r.Errors),
		"services  " + strings.Join(r.Services, ", "),
	}
}
