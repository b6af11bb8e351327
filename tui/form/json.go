package form

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/gctl-dev/gctl/rpc/message"
)

// JSON returns the form as protobuf's JSON, indented, with what is set only, in
// the order of the fields. Required fields may be missing. As long as the form
// has a wrong text there is no JSON but an error that tells which.
func (f *Form) JSON() (text []byte, err error) {
	defer catch(&err)
	if problems := f.wrong(); len(problems) > 0 {
		return nil, problems[0].err()
	}
	return f.encode(f.build(f.root))
}

func (f *Form) encode(m protoreflect.Message) ([]byte, error) {
	e := message.Encoder{Format: message.JSON, Types: f.types, AllowPartial: true}
	return e.Encode(m.Interface())
}

// SetJSON makes the form what the JSON says. Rows that there are before and
// after keep their ID and stay expanded. An error says line and column and what
// would be right, and leaves the form as it was. No text at all is the empty
// message.
func (f *Form) SetJSON(text []byte) (err error) {
	defer catch(&err)
	m, err := f.decode(text)
	if err != nil {
		return err
	}
	next := *f
	next.byID = map[ID]*node{}
	next.root = next.content(nil, f.root.md, m)
	next.adopt(next.root, f.root)
	*f = next
	return nil
}

func (f *Form) decode(text []byte) (protoreflect.Message, error) {
	d := message.NewDecoder(bytes.NewReader(text), message.JSON, f.root.md, f.types)
	d.AllowPartial = true
	m, err := d.Next()
	switch {
	case errors.Is(err, io.EOF):
		return dynamicpb.NewMessage(f.root.md), nil
	case err != nil:
		return nil, withHint(err)
	}
	if err := alone(text); err != nil {
		return nil, err
	}
	return m.ProtoReflect(), nil
}

// alone refuses what stands behind the first JSON value.
func alone(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	var first json.RawMessage
	if err := d.Decode(&first); err != nil {
		return err
	}
	end := d.InputOffset()
	rest := bytes.TrimLeft(text[end:], " \t\r\n")
	if len(rest) == 0 {
		return nil
	}
	before := text[:len(text)-len(rest)]
	line := bytes.Count(before, []byte("\n")) + 1
	column := len(before) - bytes.LastIndexByte(before, '\n')
	return fmt.Errorf("request, line %d, column %d: a form is one message, and here something follows it", line, column)
}

// Message returns the message to send. Wrong texts and missing required fields
// are errors that name the field.
func (f *Form) Message() (m proto.Message, err error) {
	defer catch(&err)
	if problems := f.Problems(); len(problems) > 0 {
		return nil, problems[0].err()
	}
	return proto.Clone(f.build(f.root).Interface()), nil
}
