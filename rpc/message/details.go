package message

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// DetailLines tells the details of a status, each in lines a person can read
// at a glance. Types that have no words of their own are shown as JSON.
func DetailLines(details []*anypb.Any, types Types) []string {
	var lines []string
	for _, d := range details {
		known, err := anypb.UnmarshalNew(d, proto.UnmarshalOptions{})
		if err == nil {
			if said := say(known); said != nil {
				lines = append(lines, said...)
				continue
			}
		}
		enc := Encoder{Types: types, Compact: true}
		raw, err := enc.Encode(d)
		if err != nil {
			lines = append(lines, fmt.Sprintf("%s: %d bytes that are no such message", d.GetTypeUrl(), len(d.GetValue())))
			continue
		}
		lines = append(lines, string(raw))
	}
	return lines
}

// DetailJSON returns each detail as JSON with its @type.
func DetailJSON(details []*anypb.Any, types Types) []string {
	out := make([]string, 0, len(details))
	for _, d := range details {
		enc := Encoder{Types: types, Compact: true}
		raw, err := enc.Encode(d)
		if err != nil { // a known type whose bytes are not it
			raw, err = json.Marshal(map[string]any{"@type": d.GetTypeUrl(), "value": d.GetValue()})
		}
		if err == nil {
			out = append(out, string(raw))
		}
	}
	return out
}

// say puts the types of google/rpc/error_details.proto into words, nil for
// others.
func say(m proto.Message) []string {
	switch m := m.(type) {
	case *errdetails.ErrorInfo:
		return errorInfo(m)
	case *errdetails.BadRequest:
		var lines []string
		for _, v := range m.GetFieldViolations() {
			lines = append(lines, v.GetField()+": "+v.GetDescription())
		}
		return lines
	case *errdetails.RetryInfo:
		return []string{"retry in " + m.GetRetryDelay().AsDuration().String()}
	case *errdetails.LocalizedMessage:
		return []string{fmt.Sprintf("%s (%s)", m.GetMessage(), m.GetLocale())}
	case *errdetails.Help:
		var lines []string
		for _, l := range m.GetLinks() {
			lines = append(lines, fmt.Sprintf("see %s (%s)", l.GetUrl(), l.GetDescription()))
		}
		return lines
	case *errdetails.QuotaFailure:
		var lines []string
		for _, v := range m.GetViolations() {
			lines = append(lines, fmt.Sprintf("quota of %s: %s", v.GetSubject(), v.GetDescription()))
		}
		return lines
	case *errdetails.PreconditionFailure:
		var lines []string
		for _, v := range m.GetViolations() {
			lines = append(lines, fmt.Sprintf("precondition %s of %s: %s", v.GetType(), v.GetSubject(), v.GetDescription()))
		}
		return lines
	case *errdetails.DebugInfo:
		lines := []string{"debug: " + m.GetDetail()}
		for _, entry := range m.GetStackEntries() {
			lines = append(lines, "  "+entry)
		}
		return lines
	case *errdetails.ResourceInfo:
		line := "resource " + m.GetResourceType() + " " + m.GetResourceName()
		if m.GetDescription() != "" {
			line += ": " + m.GetDescription()
		}
		return []string{line}
	case *errdetails.RequestInfo:
		return []string{"request id " + m.GetRequestId()}
	default:
		return nil
	}
}

func errorInfo(m *errdetails.ErrorInfo) []string {
	line := "reason " + m.GetReason()
	if m.GetDomain() != "" {
		line += " (" + m.GetDomain() + ")"
	}
	var pairs []string
	for _, k := range slices.Sorted(maps.Keys(m.GetMetadata())) {
		pairs = append(pairs, k+"="+m.GetMetadata()[k])
	}
	if len(pairs) > 0 {
		line += ": " + strings.Join(pairs, ", ")
	}
	return []string{line}
}
