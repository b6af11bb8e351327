package control

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	controlv1 "github.com/gctl-dev/gctl/api/gctl/control/v1"
)

const limitPrefix = "limit/"

// configuredSettings is the value of a limit that is released.
const configuredSettings = "configured"

// ListLimits implements gctl.control.v1.ControlService.
func (s *Server) ListLimits(context.Context, *controlv1.ListLimitsRequest) (*controlv1.ListLimitsResponse, error) {
	if s.options.Limits == nil {
		return nil, noPart("limits")
	}
	s.ledger.mu.Lock()
	defer s.ledger.mu.Unlock()
	list := s.options.Limits.List()
	for _, limit := range list {
		s.withLimitEtag(limit)
	}
	slices.SortFunc(list, func(a, b *controlv1.Limit) int { return strings.Compare(a.GetName(), b.GetName()) })
	return &controlv1.ListLimitsResponse{Limits: list}, nil
}

// SetLimit implements gctl.control.v1.ControlService.
func (s *Server) SetLimit(ctx context.Context, r *controlv1.SetLimitRequest) (*controlv1.SetLimitResponse, error) {
	limits := s.options.Limits
	if limits == nil {
		return nil, noPart("limits")
	}
	w := wish{resource: limitPrefix + r.GetName(), mutation: r.GetMutation(), value: settingsText(r.GetSettings()), release: r.GetSettings() == nil}
	if w.release {
		w.value = configuredSettings
	}
	var err error
	response := &controlv1.SetLimitResponse{}
	response.Change, err = s.change(ctx, r, w, func() (target, error) {
		limit := findLimit(limits, r.GetName())
		if limit == nil {
			return target{}, unknown("limit", r.GetName(), namesOf(limits.List()))
		}
		if !w.release {
			if err := checkSettings(limit.GetKind(), r.GetSettings()); err != nil {
				return target{}, err
			}
		}
		settings := proto.CloneOf(r.GetSettings())
		return target{
			read:   func() string { return settingsText(findLimit(limits, r.GetName()).GetSettings()) },
			apply:  func() error { return limits.Set(r.GetName(), settings) },
			revert: func() error { return limits.Reset(r.GetName()) },
		}, nil
	}, func() { response.Limit = s.withLimitEtag(findLimit(limits, r.GetName())) })
	if err != nil {
		return nil, err
	}
	return response, nil
}

// withLimitEtag fills in the etag; the lock of the ledger is held.
func (s *Server) withLimitEtag(limit *controlv1.Limit) *controlv1.Limit {
	if limit != nil {
		limit.Etag = s.ledger.etag(limitPrefix+limit.GetName(), settingsText(limit.GetSettings()))
	}
	return limit
}

func findLimit(limits Limits, name string) *controlv1.Limit {
	for _, limit := range limits.List() {
		if limit.GetName() == name {
			return limit
		}
	}
	return nil
}

// settingsText is all settings of a limit, as people read them.
func settingsText(s *controlv1.LimitSettings) string {
	text := fmt.Sprintf("rate %g/s, burst %d", s.GetRate(), s.GetBurst())
	if s.GetMinConcurrency() != 0 || s.GetMaxConcurrency() != 0 {
		text = fmt.Sprintf("concurrency %d to %d", s.GetMinConcurrency(), s.GetMaxConcurrency())
	}
	if s.GetShadow() {
		text += ", shadow"
	}
	return text
}
