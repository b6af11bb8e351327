// Package output prints the answers of commands: as a table for people, as
// JSON, JSON lines, YAML or names for programs, filtered by a jq expression
// where one is given. A command states its rows once; the format is the
// user's choice and the same for every command.
//
// On a terminal tables are cut to its width and coloured, and times are
// relative. Elsewhere the same columns are printed in full, without escape
// sequences and with RFC 3339 times.
package output

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
)

// Format is a way of printing an answer.
type Format string

// The formats that every command with rows has. The empty format is the
// command's default, a table where it does not say otherwise.
const (
	Table Format = "table"
	Wide  Format = "wide" // the table with every column
	Name  Format = "name" // the keys of the rows, one a line
	JSON  Format = "json"
	JSONL Format = "jsonl" // one row a line
	YAML  Format = "yaml"
)

// Formats returns the common formats in the order in which help lists them.
func Formats() []Format { return []Format{Table, JSON, JSONL, YAML, Name, Wide} }

// Options say how a Printer prints.
type Options struct {
	Out    io.Writer
	Format Format
	JQ     string // a jq expression over the JSON, empty for none
	TTY    bool   // Out is a terminal
	Color  bool   // colour is wanted on it
	Width  int    // columns of the terminal, 0 for no limit
	Now    func() time.Time
	// Context, where it is not nil, ends a jq expression that does not.
	Context context.Context //nolint:containedctx // a printer is for one run
	// Clean makes a string from outside harmless for a terminal.
	Clean func(string) string
}

// Printer prints answers in the chosen format.
type Printer struct {
	opts  Options
	query *query
}

// New returns a printer. It fails if the jq expression is wrong or contradicts
// the format.
func New(o Options) (*Printer, error) {
	if o.Context == nil {
		o.Context = context.Background()
	}
	p := &Printer{opts: o}
	if o.JQ == "" {
		return p, nil
	}
	if slices.Contains([]Format{Name, Wide, YAML}, o.Format) {
		return nil, fmt.Errorf("--jq works on JSON and cannot be combined with -o %s", o.Format)
	}
	q, err := compile(o.JQ)
	if err != nil {
		return nil, err
	}
	p.query = q
	return p, nil
}

// Format returns the chosen format, JSON where only a jq expression was given,
// and "" where nothing was chosen.
func (p *Printer) Format() Format {
	if p.opts.Format == "" && p.query != nil {
		return JSON
	}
	return p.opts.Format
}

// Structured tells whether the answer is printed for a program: as JSON, JSON
// lines or YAML.
func (p *Printer) Structured() bool {
	switch p.Format() {
	case JSON, JSONL, YAML:
		return true
	case Table:
		return p.query != nil
	default:
		return false
	}
}

// Width returns the columns of the terminal, 0 where there is no limit.
func (p *Printer) Width() int { return p.opts.Width }

// Line prints cells one behind the other, without gaps, as a line of an answer
// that is no table. It is cut to the width of the terminal.
func (p *Printer) Line(cells ...Cell) error {
	var b strings.Builder
	left := p.opts.Width
	for _, c := range cells {
		text := p.line(c.Text)
		if p.opts.Width > 0 {
			text = ansi.Truncate(text, left, "…")
			left -= ansi.StringWidth(text)
		}
		if text != "" {
			b.WriteString(p.paint(text, c.Style))
		}
	}
	_, err := io.WriteString(p.opts.Out, strings.TrimRight(b.String(), " ")+"\n")
	return err
}

// line makes a string from outside fit for one line.
func (p *Printer) line(s string) string {
	s = p.text(s)
	if strings.ContainsAny(s, "\n\t") {
		s = strings.NewReplacer("\n", " ", "\t", " ").Replace(s)
	}
	return s
}

func (p *Printer) text(s string) string {
	if p.opts.Clean == nil {
		return s
	}
	return p.opts.Clean(s)
}
