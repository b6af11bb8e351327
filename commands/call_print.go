package commands

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/output"
	"github.com/gctl-dev/gctl/internal/term"
	"github.com/gctl-dev/gctl/rpc"
	"github.com/gctl-dev/gctl/rpc/message"
)

// callPrinter prints the answer of one call as it comes.
type callPrinter struct {
	c       *call
	encoder message.Encoder
	query   *output.Printer // with --jq
	count   int
	buf     []byte

	envelope bool
	spared   bool
	begun    bool              // the head of the envelope is printed
	messages []json.RawMessage // of an envelope that --jq wants whole
}

func (c *call) newPrinter() (*callPrinter, error) {
	p := &callPrinter{c: c, envelope: c.f.Global.Output == "envelope"}
	p.encoder = message.Encoder{
		Format: message.Format(c.format), Types: c.located.Schema.Types(), EmitDefaults: c.emitDefaults,
		Compact: c.f.Global.Output == "jsonl" || p.envelope,
	}
	if c.f.Global.JQ != "" {
		var err error
		if p.query, err = c.f.Printer(); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *callPrinter) header(in fleet.Instance, md metadata.MD) error {
	p.c.f.Verbosef("answered by %s at %s", in.ID, in.Addr)
	p.c.verboseHeaders("<", md)
	if !p.envelope || p.query != nil {
		return nil
	}
	p.begun = true
	return p.write([]byte(p.envelopeHead(in, md)))
}

func (p *callPrinter) message(m proto.Message) error {
	raw, err := p.encoder.Encode(m)
	if err != nil {
		return &fleet.Error{What: "cannot show a response", Err: err}
	}
	p.count++
	p.spare(len(raw))
	switch {
	case p.encoder.Format == message.Text:
		return p.text(raw)
	case p.envelope:
		return p.inEnvelope(raw)
	case p.query != nil:
		return p.query.Value(json.RawMessage(raw))
	}
	return p.line(output.EscapeJSON(raw))
}

// big is the size in bytes from which a message is not copied once more.
const big = 64 << 10

// line prints a message and a newline, by one write where that is cheap.
func (p *callPrinter) line(raw []byte) error {
	if len(raw) < big {
		return p.write(append(append(p.buf[:0], raw...), '\n'))
	}
	if _, err := p.c.f.Streams.Out.Write(raw); err != nil {
		return err
	}
	_, err := p.c.f.Streams.Out.Write([]byte{'\n'})
	return err
}

// spare makes the garbage collector more eager once messages are big: a stream
// of them would otherwise keep twice as many in memory as are in use.
func (p *callPrinter) spare(size int) {
	if size < big || p.spared {
		return
	}
	p.spared = true
	debug.SetGCPercent(25)
}

// text prints a message in the text format, separated from the one before as
// the requests are; on a terminal by an empty line.
func (p *callPrinter) text(raw []byte) error {
	separator := ""
	if p.count > 1 {
		separator = string(rune(message.Separator)) + "\n"
		if p.c.f.Streams.OutTTY {
			separator = "\n"
		}
	}
	return p.write([]byte(separator + term.Clean(string(raw)) + "\n"))
}

func (p *callPrinter) write(b []byte) error {
	p.buf = b
	_, err := p.c.f.Streams.Out.Write(b)
	return err
}

// end prints what is known only when the RPC has ended.
func (p *callPrinter) end(r *rpc.Result) error {
	if !p.envelope {
		return nil
	}
	if p.query != nil {
		return p.query.Value(p.wholeEnvelope(r))
	}
	return p.envelopeTail(r)
}

// verboseHeaders prints metadata with -v.
func (c *call) verboseHeaders(mark string, md metadata.MD) {
	if !c.f.Global.Verbose {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(md)) {
		for _, value := range headerValues(name, md[name]) {
			if mark == ">" && c.headers.hides(name) {
				value = "(hidden)"
			}
			c.f.Notef("%s %s: %s", mark, name, value)
		}
	}
}

// headerValues makes binary values printable, by base64 as on the wire.
func headerValues(name string, values []string) []string {
	if !strings.HasSuffix(name, "-bin") {
		return values
	}
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = base64.StdEncoding.EncodeToString([]byte(v))
	}
	return out
}

// timingMS is where the time went, in milliseconds.
type timingMS struct {
	Catalog   float64 `json:"catalog_ms"`
	Resolve   float64 `json:"resolve_ms"`
	Connect   float64 `json:"connect_ms"`
	TLS       float64 `json:"tls_ms"`
	FirstByte float64 `json:"first_byte_ms"`
	LastByte  float64 `json:"last_byte_ms"`
}

func (c *call) timings(t rpc.Timing) timingMS {
	return timingMS{
		ms(c.catalogTime), ms(t.Resolve), ms(t.Connect), ms(t.TLS), ms(t.FirstByte), ms(t.LastByte),
	}
}

func ms(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond)) / float64(time.Millisecond)
}

func (c *call) printTiming(t rpc.Timing) {
	m := c.timings(t)
	for _, part := range []struct {
		name  string
		value float64
		note  string
	}{
		{"catalog", m.Catalog, ""},
		{"resolve", m.Resolve, ""},
		{"connect", m.Connect, ""},
		{"tls", m.TLS, "  (the probe of a local address included)"},
		{"first byte", m.FirstByte, "  (from the start of the RPC)"},
		{"last byte", m.LastByte, ""},
	} {
		fmt.Fprintf(c.f.Streams.Err, "%-10s  %9.3f ms%s\n", part.name, part.value, part.note)
	}
}
