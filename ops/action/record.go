package action

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// phase tells an intention from its result.
type phase string

const (
	intended phase = "intended"
	ended    phase = "ended"
)

// record is a line of the journal.
type record struct {
	Action  string    `json:"action"`
	Phase   phase     `json:"phase"`
	At      time.Time `json:"at"`
	Context string    `json:"context"`
	Addr    string    `json:"addr,omitempty"`
	By      string    `json:"by"`
	Command string    `json:"command"`
	Undoes  string    `json:"undoes,omitempty"`

	Instance instance `json:"instance"`
	Way      Way      `json:"way"`
	Resource string   `json:"resource"`
	Value    string   `json:"value"`
	Release  bool     `json:"release,omitempty"`
	Reason   string   `json:"reason"`
	TTL      string   `json:"ttl,omitempty"`

	// Of the result.
	Outcome Outcome    `json:"outcome,omitempty"`
	ETag    string     `json:"etag,omitempty"`
	Expires *time.Time `json:"expires,omitempty"`
	Error   string     `json:"error,omitempty"`
}

// instance is what is needed to ask an instance again.
type instance struct {
	ID      string            `json:"id"`
	Service string            `json:"service"`
	Addr    string            `json:"address"`
	Meta    map[string]string `json:"meta,omitempty"`
}

func (i *instance) fleet() fleet.Instance {
	return fleet.Instance{ID: i.ID, Service: i.Service, Addr: i.Addr, Meta: i.Meta}
}

// of fills in what a step is about.
func (r *record) of(s Step) {
	r.Instance = instance{ID: s.Instance.ID, Service: s.Instance.Service, Addr: s.Instance.Addr}
	for _, key := range []string{fleet.MetaAdmin, fleet.MetaTLS, fleet.MetaAuthority} {
		if value := s.Instance.Meta[key]; value != "" {
			if r.Instance.Meta == nil {
				r.Instance.Meta = map[string]string{}
			}
			r.Instance.Meta[key] = value
		}
	}
	r.Way, r.Resource, r.Value = s.Way, s.Wish.Resource, s.Value
	r.Release, r.Reason = s.Wish.Release, s.Wish.Reason
	if s.Way == ByControl && !s.Wish.Release && s.Wish.TTL > 0 {
		r.TTL = s.Wish.TTL.String()
	}
}

// note writes the record.
func (o *Operator) note(r *record, p phase) error {
	r.Phase, r.At = p, o.Now()
	return o.Journal.Append(r)
}

// records reads what was done by way of the context, oldest first, and counts what
// was by way of others.
func (o *Operator) records() (own []record, elsewhere map[string]bool, err error) {
	elsewhere = map[string]bool{}
	err = o.Journal.Each(func(line []byte) {
		var r record
		switch {
		case json.Unmarshal(line, &r) != nil || r.Action == "" || r.Resource == "":
		case r.Context != o.Context || r.Addr != o.Addr:
			elsewhere[r.Context] = true
		default:
			own = append(own, r)
		}
	})
	return own, elsewhere, err
}

// Names are the IDs of what was done by way of the context, newest first.
func (o *Operator) Names() []string {
	own, _, err := o.records()
	if err != nil {
		return nil
	}
	var names []string
	for _, r := range slices.Backward(own) {
		if !slices.Contains(names, r.Action) {
			names = append(names, r.Action)
		}
	}
	return names
}
