package output

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode"
	"unicode/utf8"
)

// Value prints v, anything that encoding/json takes, in a structured format:
// as YAML or JSON lines if that was chosen, as indented JSON otherwise, through
// the jq expression if there is one.
func (p *Printer) Value(v any) error {
	raw, err := encode(v)
	if err != nil {
		return err
	}
	if p.query != nil {
		return p.filter(raw)
	}
	return p.document(raw)
}

// document prints one JSON document in the chosen format.
func (p *Printer) document(raw []byte) error {
	var buf bytes.Buffer
	switch p.Format() {
	case YAML:
		out, err := toYAML(raw)
		if err != nil {
			return err
		}
		buf.Write(out)
	case JSONL:
		buf.Write(raw)
		buf.WriteByte('\n')
	default:
		if err := json.Indent(&buf, raw, "", "  "); err != nil {
			return err
		}
		buf.WriteByte('\n')
	}
	_, err := p.opts.Out.Write(buf.Bytes())
	return err
}

// encode returns v as one line of JSON. What a terminal could take for an order
// is written as \u escapes, which changes the text and not the value.
func encode(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return EscapeJSON(bytes.TrimSuffix(buf.Bytes(), []byte("\n"))), nil
}

// EscapeJSON returns the JSON text raw with the control characters and the
// direction controls in its strings as \u escapes: the same value, harmless on
// a terminal.
func EscapeJSON(raw []byte) []byte {
	at := suspect(raw)
	if at < 0 || bytes.IndexFunc(raw[at:], order) < 0 {
		return raw
	}
	var buf bytes.Buffer
	for _, r := range string(raw) {
		if order(r) {
			fmt.Fprintf(&buf, `\u%04x`, r)
			continue
		}
		buf.WriteRune(r)
	}
	return buf.Bytes()
}

// suspect returns the index of the first byte that may belong to an order, -1
// if there is none: of most messages no more needs to be looked at.
func suspect(raw []byte) int {
	for i, c := range raw {
		if c >= 0x7f || c < ' ' && c != '\n' {
			return i
		}
	}
	return -1
}

// order tells whether a terminal could take r for an order. White space is the
// layout of JSON and never stands in its strings.
func order(r rune) bool {
	if r < utf8.RuneSelf { // nearly all of a message, so it must be cheap
		return r < ' ' && r != '\n' && r != '\t' && r != '\r' || r == 0x7f
	}
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)
}
