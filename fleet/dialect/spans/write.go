package spans

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"github.com/gctl-dev/gctl/fleet"
)

// The types that are written: a resource for each span keeps them small. Readers
// of OTLP take it as it comes.
type (
	answer struct {
		Result struct {
			ResourceSpans []outResource `json:"resourceSpans"`
		} `json:"result"`
	}
	outResource struct {
		Resource struct {
			Attributes []outAttribute `json:"attributes"`
		} `json:"resource"`
		ScopeSpans []outScope `json:"scopeSpans"`
	}
	outScope struct {
		Spans []outSpan `json:"spans"`
	}
	outSpan struct {
		Trace      string         `json:"traceId"`
		ID         string         `json:"spanId"`
		Parent     string         `json:"parentSpanId"`
		Name       string         `json:"name"`
		Kind       int            `json:"kind"`
		Start      string         `json:"startTimeUnixNano"`
		End        string         `json:"endTimeUnixNano"`
		Attributes []outAttribute `json:"attributes,omitempty"`
		Events     []outEvent     `json:"events,omitempty"`
		Status     outStatus      `json:"status"`
	}
	outStatus struct {
		Message string `json:"message,omitempty"`
		Code    int    `json:"code,omitempty"`
	}
	outEvent struct {
		At         string         `json:"timeUnixNano"`
		Name       string         `json:"name"`
		Attributes []outAttribute `json:"attributes,omitempty"`
	}
	outAttribute struct {
		Key   string `json:"key"`
		Value any    `json:"value"` // outValue or outList
	}
	outValue struct {
		String string `json:"stringValue"`
	}
	outList struct {
		Array outValues `json:"arrayValue"`
	}
	outValues struct {
		Values []outValue `json:"values"`
	}
)

// ToJSON writes traces as Jaeger's api_v3 answers: one document
// {"result":{"resourceSpans":[...]}}. Every value is a string. The spans that a
// trace lacks are told by a warning of its first span, as Jaeger does.
func ToJSON(traces []fleet.Trace) ([]byte, error) {
	var a answer
	a.Result.ResourceSpans = []outResource{}
	for i := range traces {
		for j := range traces[i].Spans {
			s := &traces[i].Spans[j]
			o := out(traces[i].ID, s)
			if left := traces[i].Truncated; j == 0 && left > 0 {
				o.Attributes = append(o.Attributes, warning(left))
			}
			r := outResource{ScopeSpans: []outScope{{Spans: []outSpan{o}}}}
			r.Resource.Attributes = outAttributes(s.Resource)
			a.Result.ResourceSpans = append(a.Result.ResourceSpans, r)
		}
	}
	return json.Marshal(a)
}

func out(trace string, s *fleet.Span) outSpan {
	o := outSpan{
		Trace: trace, ID: s.ID, Parent: s.Parent, Name: s.Name, Kind: kindNumber(s.Kind),
		Start: strconv.FormatInt(s.Start.UnixNano(), 10), End: strconv.FormatInt(s.End().UnixNano(), 10),
		Attributes: outAttributes(s.Attributes), Status: outStatus{Message: s.Message},
	}
	if s.Error {
		o.Status.Code = statusError
	}
	for _, e := range s.Events {
		o.Events = append(o.Events, outEvent{At: strconv.FormatInt(e.At.UnixNano(), 10), Name: e.Name, Attributes: outAttributes(e.Attributes)})
	}
	return o
}

func outAttributes(m map[string]string) []outAttribute {
	list := make([]outAttribute, 0, len(m))
	for _, key := range slices.Sorted(maps.Keys(m)) {
		list = append(list, outAttribute{key, outValue{m[key]}})
	}
	return list
}
