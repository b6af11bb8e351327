package spans

import (
	"encoding/base64"
	"errors"
	"math"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/gctl-dev/gctl/fleet"
)

var errWire = errors.New("no protobuf message")

// fields calls each for the fields of a message: bytes has the value of a
// length-delimited one, number that of the others.
func fields(message []byte, each func(field protowire.Number, bytes []byte, number uint64) error) error {
	for len(message) > 0 {
		field, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return errWire
		}
		message = message[n:]
		var bytes []byte
		var number uint64
		switch kind {
		case protowire.BytesType:
			bytes, n = protowire.ConsumeBytes(message)
			if bytes == nil {
				bytes = []byte{}
			}
		case protowire.VarintType:
			number, n = protowire.ConsumeVarint(message)
		case protowire.Fixed64Type:
			number, n = protowire.ConsumeFixed64(message)
		case protowire.Fixed32Type:
			var short uint32
			short, n = protowire.ConsumeFixed32(message)
			number = uint64(short)
		default:
			n = protowire.ConsumeFieldValue(field, kind, message)
		}
		if n < 0 {
			return errWire
		}
		message = message[n:]
		if err := each(field, bytes, number); err != nil {
			return err
		}
	}
	return nil
}

// FromProto reads an ExportTraceServiceRequest, or the TracesData that has the
// same fields. It returns how many spans were left out, for lack of IDs or of
// room.
func FromProto(message []byte) (list []Span, left int, err error) {
	r := &protoReader{}
	err = fields(message, func(field protowire.Number, bytes []byte, _ uint64) error {
		if field == 1 && bytes != nil {
			return r.resourceSpans(bytes)
		}
		return nil
	})
	return r.list, r.left, err
}

type protoReader struct {
	list []Span
	left int
}

// resourceSpans reads a message whose resource may stand behind its spans.
func (r *protoReader) resourceSpans(message []byte) error {
	var resource map[string]string
	first := len(r.list)
	err := fields(message, func(field protowire.Number, bytes []byte, _ uint64) error {
		switch {
		case field == 1 && bytes != nil:
			return fields(bytes, func(field protowire.Number, bytes []byte, _ uint64) error {
				if field == 1 && bytes != nil {
					return attribute(&resource, bytes)
				}
				return nil
			})
		case field == 2 && bytes != nil:
			return fields(bytes, func(field protowire.Number, bytes []byte, _ uint64) error {
				if field == 2 && bytes != nil {
					return r.span(bytes)
				}
				return nil
			})
		}
		return nil
	})
	setResource(r.list[first:], resource)
	return err
}

func setResource(list []Span, resource map[string]string) {
	service := resource["service.name"]
	if service == "" {
		service = UnknownService
	}
	for i := range list {
		list[i].Service, list[i].Resource = service, resource
	}
}

func (r *protoReader) span(message []byte) error {
	if len(r.list) >= MaxSpans {
		r.left++
		return nil
	}
	s := Span{Span: fleet.Span{Kind: fleet.SpanInternal}}
	var start, end uint64
	err := fields(message, func(field protowire.Number, bytes []byte, number uint64) error {
		switch field {
		case 1:
			s.Trace = idOf(bytes, traceDigits)
		case 2:
			s.ID = idOf(bytes, spanDigits)
		case 4:
			s.Parent = idOf(bytes, spanDigits)
		case 5:
			s.Name = Text(string(bytes), MaxName)
		case 6:
			s.Kind = Kind(strconv.FormatUint(number, 10))
		case 7:
			start = number
		case 8:
			end = number
		case 9:
			return attribute(&s.Attributes, bytes)
		case 11:
			return s.event(bytes)
		case 15:
			return s.status(bytes)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if s.Trace == "" || s.ID == "" {
		r.left++
		return nil
	}
	s.Start, s.Duration = nanos(start), between(start, end)
	r.list = append(r.list, s)
	return nil
}

func (s *Span) event(message []byte) error {
	if len(s.Events) >= MaxEvents {
		return nil
	}
	var e fleet.SpanEvent
	err := fields(message, func(field protowire.Number, bytes []byte, number uint64) error {
		switch field {
		case 1:
			e.At = nanos(number)
		case 2:
			e.Name = Text(string(bytes), MaxName)
		case 3:
			return attribute(&e.Attributes, bytes)
		}
		return nil
	})
	s.Events = append(s.Events, e)
	return err
}

// statusError is OTLP's STATUS_CODE_ERROR.
const statusError = 2

func (s *Span) status(message []byte) error {
	return fields(message, func(field protowire.Number, bytes []byte, number uint64) error {
		switch field {
		case 2:
			s.Message = Text(string(bytes), MaxText)
		case 3:
			s.Error = number == statusError
		}
		return nil
	})
}

// attribute reads a KeyValue.
func attribute(into *map[string]string, message []byte) error {
	var key, value string
	err := fields(message, func(field protowire.Number, bytes []byte, _ uint64) (err error) {
		switch field {
		case 1:
			key = string(bytes)
		case 2:
			value, err = anyValue(bytes, 0)
		}
		return err
	})
	if err == nil && key != "" {
		put(into, key, value)
	}
	return err
}

// anyValue reads an AnyValue as text: lists and maps as JSON has them, without
// quotes.
func anyValue(message []byte, depth int) (text string, err error) {
	if depth > maxNesting {
		return "…", nil
	}
	err = fields(message, func(field protowire.Number, bytes []byte, number uint64) (err error) {
		switch field {
		case 1:
			text = string(bytes)
		case 2:
			text = strconv.FormatBool(number != 0)
		case 3:
			text = strconv.FormatInt(int64(number), 10)
		case 4:
			text = number64(number)
		case 5, 6:
			text, err = collection(bytes, field == 6, depth+1)
		case 7:
			text = base64.StdEncoding.EncodeToString(bytes)
		}
		return err
	})
	return text, err
}

func number64(bits uint64) string { return number(math.Float64frombits(bits)) }

// collection reads an ArrayValue or a KeyValueList.
func collection(message []byte, pairs bool, depth int) (string, error) {
	var parts []string
	err := fields(message, func(field protowire.Number, bytes []byte, _ uint64) error {
		if field != 1 || bytes == nil || len(parts) >= MaxAttributes {
			return nil
		}
		var part string
		var err error
		if pairs {
			part, err = pair(bytes, depth)
		} else {
			part, err = anyValue(bytes, depth)
		}
		parts = append(parts, part)
		return err
	})
	if pairs {
		return "{" + strings.Join(parts, ",") + "}", err
	}
	return "[" + strings.Join(parts, ",") + "]", err
}

func pair(message []byte, depth int) (string, error) {
	var key, value string
	err := fields(message, func(field protowire.Number, bytes []byte, _ uint64) (err error) {
		switch field {
		case 1:
			key = string(bytes)
		case 2:
			value, err = anyValue(bytes, depth)
		}
		return err
	})
	return key + ":" + value, err
}
