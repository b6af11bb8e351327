package control_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	controlv1 "github.com/gctl-dev/gctl/api/gctl/control/v1"
	"github.com/gctl-dev/gctl/svc/kit/control"
)

// knob is a resource in the model of the fuzzer: set takes 1 or 2, and 0 to
// release; get returns what the instance does, and "0" stands for what is
// configured.
type knob struct {
	resource string
	set      func(ctx context.Context, value int, m *controlv1.Mutation) (*controlv1.Change, error)
	get      func() string

	passing bool      // it exists only while it is set
	does    [3]string // what get returns for each value
	value   int
	expires time.Time // of a change in force
	etag    string
	first   string
	seen    map[string]bool
}

func knobs(s *control.Server, i *instance) []*knob {
	fault := func(name string) *knob {
		codes := []int32{0, 1, 2}
		return &knob{
			resource: "fault/" + name, passing: true, does: [3]string{"", "a.B/C: 1 %, Canceled", "a.B/C: 1 %, Unknown"},
			set: func(ctx context.Context, value int, m *controlv1.Mutation) (*controlv1.Change, error) {
				r := &controlv1.SetFaultRequest{Name: name, Mutation: m}
				if value > 0 {
					r.Fault = &controlv1.Fault{Method: "a.B/C", Percentage: 1, Code: codes[value]}
				}
				response, err := s.SetFault(ctx, r)
				return response.GetChange(), err
			},
			get: func() string {
				if f, ok := i.faults.Get(name); ok {
					return f.String()
				}
				return ""
			},
		}
	}
	return []*knob{
		{
			resource: "breaker/user/read", does: [3]string{none.String(), open.String(), shut.String()},
			set: func(ctx context.Context, value int, m *controlv1.Mutation) (*controlv1.Change, error) {
				response, err := s.SetBreakerOverride(ctx, &controlv1.SetBreakerOverrideRequest{Name: "user/read", Override: none + controlv1.BreakerOverride(value), Mutation: m})
				return response.GetChange(), err
			},
			get: func() string { return i.breakers.override("user/read").String() },
		},
		{
			resource: "limit/rate/default", does: [3]string{"100", "1", "2"},
			set: func(ctx context.Context, value int, m *controlv1.Mutation) (*controlv1.Change, error) {
				r := &controlv1.SetLimitRequest{Name: "rate/default", Mutation: m}
				if value > 0 {
					r.Settings = &controlv1.LimitSettings{Rate: float64(value), Burst: 1}
				}
				response, err := s.SetLimit(ctx, r)
				return response.GetChange(), err
			},
			get: func() string { return fmt.Sprint(i.limits.settings("rate/default").GetRate()) },
		},
		{
			resource: "log_level", does: [3]string{"INFO", "DEBUG", "WARN"},
			set: func(ctx context.Context, value int, m *controlv1.Mutation) (*controlv1.Change, error) {
				level := []controlv1.LogLevel{0, controlv1.LogLevel_LOG_LEVEL_DEBUG, controlv1.LogLevel_LOG_LEVEL_WARN}[value]
				response, err := s.SetLogLevel(ctx, &controlv1.SetLogLevelRequest{Level: level, Mutation: m})
				return response.GetChange(), err
			},
			get: func() string { return i.level.Level().String() },
		},
		{
			resource: "serving", does: [3]string{"true", "false", "false"},
			set: func(ctx context.Context, value int, m *controlv1.Mutation) (*controlv1.Change, error) {
				response, err := s.SetServing(ctx, &controlv1.SetServingRequest{Serving: value == 0, Mutation: m})
				return response.GetChange(), err
			},
			get: func() string { return fmt.Sprint(i.isServing()) },
		},
		fault("a"), fault("b"),
	}
}

// ask tries one change, good or bad, and keeps the model up with it.
func (k *knob) ask(t *testing.T, value int, how byte, ttl time.Duration) {
	m := lasts(ttl)
	stale := false
	switch how % 5 {
	case 0:
		m.Etag = k.etag
	case 1:
		m.Etag = "*"
	case 2: // that of the beginning
		m.Etag, stale = k.first, k.first != k.etag
	case 3:
		m.Etag, stale = "", true
	case 4:
		m.ValidateOnly, m.Etag = true, ""
	}
	change, err := k.set(t.Context(), value, m)
	switch {
	case k.passing && value == 0 && k.value == 0:
		if status.Code(err) != codes.NotFound {
			t.Fatalf("%s is ended though it is not there: %v", k.resource, err)
		}
		return
	case stale:
		if status.Code(err) != codes.FailedPrecondition {
			t.Fatalf("%s on the state %q: %v", k.resource, m.GetEtag(), err)
		}
		return
	case err != nil:
		t.Fatalf("%s: %v", k.resource, err)
	case m.GetValidateOnly():
		if change.GetEtag() != k.etag {
			t.Fatalf("%s: validate_only says %q, want the present etag %q", k.resource, change.GetEtag(), k.etag)
		}
		return
	}
	if value > 0 || !k.expires.IsZero() {
		k.fresh(t, change.GetEtag())
	}
	k.value, k.expires, k.etag = value, time.Time{}, change.GetEtag()
	if value > 0 {
		k.expires = time.Now().Add(ttl)
	}
}

// fresh notes an etag, which must not have been given before.
func (k *knob) fresh(t *testing.T, etag string) {
	if k.seen[etag] {
		t.Fatalf("%s: the etag %q was given twice", k.resource, etag)
	}
	k.seen[etag] = true
}

// check compares the instance with the model.
func (k *knob) check(t *testing.T, listed map[string]*controlv1.Change) {
	reverted := !k.expires.IsZero() && !time.Now().Before(k.expires)
	if reverted {
		k.value, k.expires = 0, time.Time{}
	}
	change, err := k.set(t.Context(), 1, &controlv1.Mutation{Reason: "look", Ttl: lasts(time.Second).GetTtl(), ValidateOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if reverted {
		k.fresh(t, change.GetEtag())
		k.etag = change.GetEtag()
	}
	if change.GetEtag() != k.etag || k.get() != k.does[k.value] {
		t.Fatalf("%s does %s with the etag %s, want %s and %s", k.resource, k.get(), change.GetEtag(), k.does[k.value], k.etag)
	}
	c := listed[k.resource]
	if (c != nil) != (k.value > 0) || c != nil && (!c.GetExpireTime().AsTime().Equal(k.expires) || c.GetEtag() != k.etag) {
		t.Fatalf("%s: listed is %v, want until %v", k.resource, c, k.expires)
	}
}

// FuzzChanges makes, refuses and lets expire any sequence of changes, and after
// each compares what the instance does, which changes are in force and the etags
// with a model. Every three bytes are one step.
func FuzzChanges(f *testing.F) {
	f.Add([]byte{0, 1, 3, 0, 2, 250, 6, 0, 9, 1, 5, 1, 6, 0, 30})
	f.Add([]byte{4, 1, 0, 5, 4, 1, 4, 0, 1, 4, 7, 2, 6, 6, 6, 3, 10, 4, 3, 3, 3})
	f.Fuzz(func(t *testing.T, steps []byte) {
		synctest.Test(t, func(t *testing.T) {
			i := newInstance()
			options := i.options()
			options.Log = slog.New(slog.DiscardHandler)
			s := start(t, options)
			all := knobs(s, i)
			for _, k := range all {
				change, err := k.set(t.Context(), 1, &controlv1.Mutation{Reason: "look", Ttl: lasts(time.Second).GetTtl(), ValidateOnly: true})
				if err != nil {
					t.Fatal(err)
				}
				k.etag, k.first, k.seen = change.GetEtag(), change.GetEtag(), map[string]bool{change.GetEtag(): true}
			}
			for ; len(steps) >= 3; steps = steps[3:] {
				if which := int(steps[0]) % (len(all) + 1); which < len(all) {
					all[which].ask(t, int(steps[1])%3, steps[1]/3, time.Second+time.Duration(steps[2])*100*time.Millisecond)
				} else {
					pass(time.Duration(steps[2]) * 50 * time.Millisecond)
				}
				response, err := s.ListChanges(t.Context(), &controlv1.ListChangesRequest{})
				if err != nil {
					t.Fatal(err)
				}
				listed := map[string]*controlv1.Change{}
				for _, c := range response.GetChanges() {
					listed[c.GetResource()] = c
				}
				for _, k := range all {
					k.check(t, listed)
				}
			}
		})
	})
}
