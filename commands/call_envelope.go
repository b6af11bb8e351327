package commands

import (
	"encoding/json"

	"google.golang.org/grpc/metadata"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/output"
	"github.com/gctl-dev/gctl/rpc"
	"github.com/gctl-dev/gctl/rpc/message"
)

// envelope is a call as one document. Its parts are printed as they become
// known: what is known only at the end stands at the end.
type envelope struct {
	Method   string              `json:"method"`
	Instance string              `json:"instance"`
	Address  string              `json:"address"`
	Headers  map[string][]string `json:"headers"`
	Messages []json.RawMessage   `json:"messages"`
	Trailers map[string][]string `json:"trailers"`
	Status   envelopeStatus      `json:"status"`
	Timing   timingMS            `json:"timing"`
}

type envelopeStatus struct {
	Code    string            `json:"code"`
	Number  int               `json:"number"`
	Message string            `json:"message"`
	Details []json.RawMessage `json:"details"`
}

// envelopeHead is the beginning of the document, up to the first message.
func (p *callPrinter) envelopeHead(in fleet.Instance, md metadata.MD) string {
	return "{\n" +
		envelopeField("method", p.c.methodName()) + envelopeField("instance", in.ID) +
		envelopeField("address", in.Addr) + envelopeField("headers", printableMD(md)) +
		"  \"messages\": ["
}

func envelopeField(name string, value any) string {
	raw, err := json.MarshalIndent(value, "  ", "  ")
	if err != nil {
		raw = []byte("null") // strings, maps of strings and numbers always can
	}
	return "  \"" + name + "\": " + string(output.EscapeJSON(raw)) + ",\n"
}

func (p *callPrinter) inEnvelope(raw []byte) error {
	if p.query != nil {
		p.messages = append(p.messages, append(json.RawMessage(nil), raw...))
		return nil
	}
	separator := ",\n    "
	if p.count == 1 {
		separator = "\n    "
	}
	return p.write(append(append(p.buf[:0], separator...), output.EscapeJSON(raw)...))
}

func (p *callPrinter) envelopeTail(r *rpc.Result) error {
	head := ""
	if !p.begun { // the RPC ended before there were any
		head = p.envelopeHead(r.Instance, nil)
	}
	end := "],\n"
	if p.count > 0 {
		end = "\n  ],\n"
	}
	timing := envelopeField("timing", p.c.timings(r.Timing))
	tail := head + end + envelopeField("trailers", printableMD(r.Trailer)) +
		envelopeField("status", p.status(r)) + timing[:len(timing)-2] + "\n}\n"
	return p.write([]byte(tail))
}

func (p *callPrinter) wholeEnvelope(r *rpc.Result) envelope {
	if p.messages == nil {
		p.messages = []json.RawMessage{}
	}
	return envelope{
		Method: p.c.methodName(), Instance: r.Instance.ID, Address: r.Instance.Addr,
		Headers: printableMD(r.Header), Messages: p.messages, Trailers: printableMD(r.Trailer),
		Status: p.status(r), Timing: p.c.timings(r.Timing),
	}
}

func (p *callPrinter) status(r *rpc.Result) envelopeStatus {
	s := envelopeStatus{
		Code: rpc.CodeName(r.Status.Code()), Number: int(r.Status.Code()),
		Message: r.Status.Message(), Details: []json.RawMessage{},
	}
	for _, d := range message.DetailJSON(r.Status.Proto().GetDetails(), p.c.located.Schema.Types()) {
		s.Details = append(s.Details, json.RawMessage(d))
	}
	return s
}

func printableMD(md metadata.MD) map[string][]string {
	out := make(map[string][]string, len(md))
	for name, values := range md {
		out[name] = headerValues(name, values)
	}
	return out
}
