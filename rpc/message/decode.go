package message

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/gctl-dev/gctl/fleet"
)

// Separator stands between messages in the text format, as grpcurl has it.
const Separator = 0x1e

// Decoder reads messages one after the other, each as soon as it is there.
type Decoder struct {
	Message      protoreflect.MessageDescriptor
	Types        Types
	AllowUnknown bool // drop unknown fields; values of enums must exist all the same
	AllowPartial bool // required fields may be missing

	// Refresh, if not nil, is asked once for a newer schema when a message has
	// an unknown field or enum value. Nil or an error: there is none.
	Refresh func() (protoreflect.MessageDescriptor, Types, error)

	lines lineCounter
	json  *json.Decoder
	text  *bufio.Reader
	count int
}

// NewDecoder reads from r. The caller sets the exported fields it needs before
// the first Next.
func NewDecoder(r io.Reader, format Format, md protoreflect.MessageDescriptor, types Types) *Decoder {
	d := &Decoder{Message: md, Types: types}
	d.lines.r = r
	if format == Text {
		d.text = bufio.NewReader(&d.lines)
		return d
	}
	d.json = json.NewDecoder(&d.lines)
	return d
}

// Next returns the next message, io.EOF after the last. An error about the
// input is an *InputError.
func (d *Decoder) Next() (proto.Message, error) {
	raw, start, err := d.raw()
	if err != nil {
		return nil, err
	}
	d.count++
	m, err := d.decode(raw, start)
	if d.Refresh != nil && d.lacks(raw, err) {
		refresh := d.Refresh
		d.Refresh = nil
		if md, types, refreshErr := refresh(); refreshErr == nil && md != nil {
			d.Message, d.Types = md, types
			m, err = d.decode(raw, start)
		}
	}
	d.lines.forget(start)
	return m, err
}

// lacks tells whether the schema may be too old for a message that was decoded
// with this error: it lacks something that the message has, even if that may be
// dropped.
func (d *Decoder) lacks(raw []byte, err error) bool {
	var bad *InputError
	if errors.As(err, &bad) {
		return bad.Unknown
	}
	return err == nil && d.AllowUnknown && d.json != nil && findProblem(raw, d.Message, d.Types, false) != nil
}

// raw returns the next message as it was written and where it starts.
func (d *Decoder) raw() ([]byte, int64, error) {
	if d.json == nil {
		return d.rawText()
	}
	var raw json.RawMessage
	err := d.json.Decode(&raw)
	var syntax *json.SyntaxError
	switch {
	case err == nil:
		return raw, d.json.InputOffset() - int64(len(raw)), nil
	case errors.As(err, &syntax):
		return nil, 0, d.fail(max(syntax.Offset-1, 0), "malformed JSON: "+syntax.Error())
	case errors.Is(err, io.ErrUnexpectedEOF):
		bad := d.fail(d.lines.read, "malformed JSON: it ends in the middle")
		bad.Incomplete = true
		return nil, 0, bad
	default:
		return nil, 0, err
	}
}

func (d *Decoder) rawText() ([]byte, int64, error) {
	start := d.lines.read - int64(d.text.Buffered())
	raw, err := d.text.ReadBytes(Separator)
	switch {
	case err == nil:
		return raw[:len(raw)-1], start, nil
	case errors.Is(err, io.EOF) && len(bytes.TrimSpace(raw)) > 0:
		return raw, start, nil
	default:
		return nil, 0, err
	}
}

func (d *Decoder) decode(raw []byte, start int64) (proto.Message, error) {
	m := dynamicpb.NewMessage(d.Message)
	if d.json == nil {
		opts := prototext.UnmarshalOptions{Resolver: d.Types, DiscardUnknown: d.AllowUnknown, AllowPartial: d.AllowPartial}
		if err := opts.Unmarshal(raw, m); err != nil {
			return nil, d.failText(err, start)
		}
		return m, nil
	}
	opts := protojson.UnmarshalOptions{Resolver: d.Types, DiscardUnknown: d.AllowUnknown, AllowPartial: d.AllowPartial}
	err := opts.Unmarshal(raw, m)
	if err == nil && !d.AllowUnknown {
		return m, nil
	}
	// The parser does not say what would be right, and drops unknown values of
	// enums together with unknown fields.
	if p := findProblem(raw, d.Message, d.Types, d.AllowUnknown); p != nil {
		bad := d.fail(start+int64(p.offset), p.what)
		bad.err.Hint, bad.Unknown = p.hint, p.unknown
		return nil, bad
	}
	if err != nil {
		return nil, d.failParsed(err, start)
	}
	return m, nil
}

// InputError says where the input is wrong. It unwraps to the *fleet.Error of
// kind Usage that a user reads.
type InputError struct {
	Line, Column int  // both from 1; the column counts bytes
	Unknown      bool // a field or an enum value that the schema does not have
	Incomplete   bool // the JSON is right so far and ends in the middle
	err          *fleet.Error
}

// Error returns place and cause.
func (e *InputError) Error() string { return e.err.Error() }

// Unwrap returns the error for the user.
func (e *InputError) Unwrap() error { return e.err }

// fail reports what is wrong at an offset of the input.
func (d *Decoder) fail(offset int64, what string) *InputError {
	line, column := d.lines.position(offset)
	return d.failAt(line, column, what)
}

func (d *Decoder) failAt(line, column int, what string) *InputError {
	return &InputError{Line: line, Column: column, err: &fleet.Error{
		Kind: fleet.Usage, What: fmt.Sprintf("request, line %d, column %d: %s", line, column, what),
	}}
}

// parsedPlace is how protobuf's parsers begin their errors.
var parsedPlace = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?:proto:\s*)?(?:syntax error\s*)?\(line (\d+):(\d+)\):\s*`)
})

// failParsed reports an error of protobuf's parsers, which count from the
// beginning of the message.
func (d *Decoder) failParsed(err error, start int64) *InputError {
	text := strings.ReplaceAll(err.Error(), "\u00a0", " ") // put there to keep programs from parsing it
	place := parsedPlace().FindStringSubmatch(text)
	if place == nil {
		return d.fail(start, strings.TrimPrefix(text, "proto: "))
	}
	line, _ := strconv.Atoi(place[1])
	column, _ := strconv.Atoi(place[2])
	baseLine, baseColumn := d.lines.position(start)
	if line == 1 {
		column += baseColumn - 1
	}
	return d.failAt(baseLine+line-1, column, strings.Replace(text, place[0], "", 1))
}

var unknownInText = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`unknown field: (\S+)|enum value: (\S+)|invalid value for enum type: (\S+)`)
})

// failText is failParsed with the nearest names.
func (d *Decoder) failText(err error, start int64) *InputError {
	bad := d.failParsed(err, start)
	if found := unknownInText().FindStringSubmatch(bad.err.What); found != nil {
		bad.Unknown = true
		bad.err.Hint = didYouMean(found[1]+found[2]+found[3], namesIn(d.Message, map[protoreflect.FullName]bool{}))
	}
	return bad
}

// Count returns how many messages were read.
func (d *Decoder) Count() int { return d.count }
