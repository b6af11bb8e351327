package message

import (
	"bytes"
	"encoding/json"
	"regexp"
	"sync"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
)

// Encoder writes messages down. Its buffers are used again: what Encode
// returns is valid until the next call.
type Encoder struct {
	Format       Format
	Types        Types
	EmitDefaults bool // fields without presence that have their default value too
	Compact      bool // JSON in one line
	AllowPartial bool // required fields may be missing

	raw []byte
	out bytes.Buffer
}

// Encode returns m without a final newline.
func (e *Encoder) Encode(m proto.Message) ([]byte, error) {
	types := withFallback{e.Types}
	var err error
	if e.Format == Text {
		opts := prototext.MarshalOptions{Multiline: true, Indent: "  ", Resolver: types, EmitUnknown: true, AllowPartial: e.AllowPartial}
		e.raw, err = opts.MarshalAppend(e.raw[:0], m)
		return bytes.TrimRight(doubleSpace().ReplaceAll(e.raw, []byte("$1 ")), "\n"), err
	}
	opts := protojson.MarshalOptions{Resolver: types, EmitDefaultValues: e.EmitDefaults, AllowPartial: e.AllowPartial}
	if e.raw, err = opts.MarshalAppend(e.raw[:0], m); err != nil {
		return nil, err
	}
	// protojson spaces its output at random, to keep programs from relying on it.
	e.out.Reset()
	if e.Compact {
		err = json.Compact(&e.out, e.raw)
	} else {
		err = json.Indent(&e.out, e.raw, "", "  ")
	}
	return e.out.Bytes(), err
}

// doubleSpace finds what prototext puts in at random.
var doubleSpace = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?m)(^\s*[\w.\[\]/-]+:)  `)
})
