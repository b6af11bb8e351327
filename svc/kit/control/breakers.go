package control

import (
	"context"
	"slices"
	"strings"

	controlv1 "github.com/gctl-dev/gctl/api/gctl/control/v1"
)

const breakerPrefix = "breaker/"

// ListBreakers implements gctl.control.v1.ControlService.
func (s *Server) ListBreakers(ctx context.Context, r *controlv1.ListBreakersRequest) (*controlv1.ListBreakersResponse, error) {
	if s.options.Breakers == nil {
		return nil, noPart("breakers")
	}
	if err := s.check(ctx, r); err != nil {
		return nil, err
	}
	return &controlv1.ListBreakersResponse{Breakers: s.breakers(r.GetTarget())}, nil
}

// SetBreakerOverride implements gctl.control.v1.ControlService.
func (s *Server) SetBreakerOverride(ctx context.Context, r *controlv1.SetBreakerOverrideRequest) (*controlv1.SetBreakerOverrideResponse, error) {
	breakers := s.options.Breakers
	if breakers == nil {
		return nil, noPart("breakers")
	}
	var err error
	response := &controlv1.SetBreakerOverrideResponse{}
	response.Change, err = s.change(ctx, r, wish{
		resource: breakerPrefix + r.GetName(), mutation: r.GetMutation(), value: overrideName(r.GetOverride()),
		release: r.GetOverride() == controlv1.BreakerOverride_BREAKER_OVERRIDE_NONE,
	}, func() (target, error) {
		if findBreaker(breakers, r.GetName()) == nil {
			return target{}, unknown("breaker", r.GetName(), namesOf(breakers.List()))
		}
		override := func(o controlv1.BreakerOverride) func() error {
			return func() error { return breakers.Override(r.GetName(), o) }
		}
		return target{
			read:   func() string { return overrideName(findBreaker(breakers, r.GetName()).GetOverride()) },
			apply:  override(r.GetOverride()),
			revert: override(controlv1.BreakerOverride_BREAKER_OVERRIDE_NONE),
		}, nil
	}, func() { response.Breaker = s.withEtag(findBreaker(breakers, r.GetName())) })
	if err != nil {
		return nil, err
	}
	return response, nil
}

// breakers returns the breakers towards a target, or all, by name.
func (s *Server) breakers(towards string) []*controlv1.Breaker {
	s.ledger.mu.Lock()
	defer s.ledger.mu.Unlock()
	list := s.options.Breakers.List()
	if towards != "" {
		list = slices.DeleteFunc(list, func(b *controlv1.Breaker) bool { return b.GetTarget() != towards })
	}
	for _, b := range list {
		s.withEtag(b)
	}
	slices.SortFunc(list, func(a, b *controlv1.Breaker) int { return strings.Compare(a.GetName(), b.GetName()) })
	return list
}

// withEtag fills in the etag; the lock of the ledger is held.
func (s *Server) withEtag(b *controlv1.Breaker) *controlv1.Breaker {
	if b != nil {
		b.Etag = s.ledger.etag(breakerPrefix+b.GetName(), overrideName(b.GetOverride()))
	}
	return b
}

func findBreaker(breakers Breakers, name string) *controlv1.Breaker {
	for _, b := range breakers.List() {
		if b.GetName() == name {
			return b
		}
	}
	return nil
}

// overrideName is an override as people read it: "forced_open".
func overrideName(o controlv1.BreakerOverride) string {
	if o == controlv1.BreakerOverride_BREAKER_OVERRIDE_UNSPECIFIED {
		o = controlv1.BreakerOverride_BREAKER_OVERRIDE_NONE
	}
	return strings.ToLower(strings.TrimPrefix(o.String(), "BREAKER_OVERRIDE_"))
}
