package control_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	controlv1 "github.com/gctl-dev/gctl/api/gctl/control/v1"
	"github.com/gctl-dev/gctl/svc/kit/control"
	"github.com/gctl-dev/gctl/svc/kit/fault"
)

// start returns a server that is called without a network.
func start(t *testing.T, options control.Options) *control.Server {
	t.Helper()
	s, err := control.New(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func lasts(ttl time.Duration) *controlv1.Mutation {
	return &controlv1.Mutation{Reason: "test", Ttl: durationpb.New(ttl), Etag: "*"}
}

func force(t *testing.T, s *control.Server, o controlv1.BreakerOverride, ttl time.Duration) *controlv1.Change {
	t.Helper()
	response, err := s.SetBreakerOverride(t.Context(), &controlv1.SetBreakerOverrideRequest{Name: "user/read", Override: o, Mutation: lasts(ttl)})
	if err != nil {
		t.Fatal(err)
	}
	return response.GetChange()
}

func setLevel(t *testing.T, s *control.Server, l controlv1.LogLevel, ttl time.Duration) *controlv1.SetLogLevelResponse {
	t.Helper()
	response, err := s.SetLogLevel(t.Context(), &controlv1.SetLogLevelRequest{Level: l, Mutation: lasts(ttl)})
	if err != nil {
		t.Fatal(err)
	}
	return response
}

func inForce(t *testing.T, s *control.Server) []string {
	t.Helper()
	response, err := s.ListChanges(t.Context(), &controlv1.ListChangesRequest{})
	if err != nil {
		t.Fatal(err)
	}
	list := []string{}
	for _, c := range response.GetChanges() {
		list = append(list, c.GetResource())
	}
	return list
}

// pass lets time go by, and what is due then happen.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestAChangeEndsToTheMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newInstance()
		s := start(t, i.options())
		force(t, s, open, 24*time.Hour)
		setLevel(t, s, controlv1.LogLevel_LOG_LEVEL_DEBUG, time.Second)

		pass(time.Second - 1)
		if i.level.Level() != slog.LevelDebug {
			t.Error("too early")
		}
		pass(1)
		if i.level.Level() != slog.LevelInfo {
			t.Error("too late")
		}
		force(t, s, shut, 30*time.Hour/2) // replaces
		pass(15*time.Hour - 1)
		if got := i.breakers.override("user/read"); got != shut {
			t.Errorf("override = %v", got)
		}
		pass(1)
		if got := i.breakers.override("user/read"); got != none {
			t.Errorf("override = %v, want what is configured", got)
		}
		pass(24 * time.Hour) // the end of the one that was replaced
		if list := inForce(t, s); len(list) != 0 {
			t.Errorf("in force: %v", list)
		}
	})
}

func TestClosingLeavesChangesAsTheyAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newInstance()
		s := start(t, i.options())
		force(t, s, open, time.Minute)
		s.Close()
		s.Close()
		pass(time.Hour)
		if got := i.breakers.override("user/read"); got != open {
			t.Errorf("override = %v", got)
		}
		_, err := s.SetLogLevel(t.Context(), &controlv1.SetLogLevelRequest{Level: controlv1.LogLevel_LOG_LEVEL_DEBUG, Mutation: lasts(time.Minute)})
		if status.Code(err) != codes.Unavailable || i.level.Level() != slog.LevelInfo {
			t.Errorf("after the end: %v", err)
		}
	})
}

func TestARevertThatFailsIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newInstance()
		s := start(t, i.options())
		before := force(t, s, open, time.Minute).GetEtag()
		i.breakers.refuseWith(errors.New("not now"))
		pass(time.Minute + 3*time.Second)
		if got := i.breakers.override("user/read"); got != open || !slices.Equal(inForce(t, s), []string{"breaker/user/read"}) {
			t.Errorf("override = %v", got)
		}
		if n := strings.Count(i.log.String(), "could not be reverted"); n != 4 {
			t.Errorf("said %d times:\n%s", n, i.log)
		}
		i.breakers.refuseWith(nil)
		pass(time.Second)
		if got := i.breakers.override("user/read"); got != none || len(inForce(t, s)) != 0 {
			t.Errorf("override = %v", got)
		}

		if force(t, s, open, time.Minute).GetEtag() == before {
			t.Error("an etag was given twice")
		}
		i.breakers.refuseWith(status.Error(codes.NotFound, "gone"))
		pass(time.Minute)
		if list := inForce(t, s); len(list) != 0 {
			t.Errorf("a breaker that is gone keeps %v", list)
		}
	})
}

func TestAChangeThatFailsIsNone(t *testing.T) {
	i := newInstance()
	s := start(t, i.options())
	for _, test := range []struct {
		err  error
		want codes.Code
	}{{errors.New("broken"), codes.Internal}, {status.Error(codes.Aborted, "busy"), codes.Aborted}} {
		i.breakers.refuseWith(test.err)
		_, err := s.SetBreakerOverride(t.Context(), &controlv1.SetBreakerOverrideRequest{Name: "user/read", Override: open, Mutation: lasts(time.Minute)})
		if status.Code(err) != test.want || len(inForce(t, s)) != 0 {
			t.Errorf("%v: %v, in force: %v", test.err, err, inForce(t, s))
		}
	}
	if !strings.Contains(i.log.String(), "change refused") {
		t.Errorf("log = %s", i.log)
	}
}

func TestTheTrailCannotBeSilenced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newInstance()
		options := i.options()
		options.Instance, options.Identity = "user-1", func(context.Context) string { return "spiffe://example.org/\x1b[2Jops" }
		s := start(t, options)
		ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs("x-request-id", "r-42"))
		if _, err := s.SetLogLevel(ctx, &controlv1.SetLogLevelRequest{Level: controlv1.LogLevel_LOG_LEVEL_ERROR, Mutation: lasts(time.Minute)}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.SetServing(ctx, &controlv1.SetServingRequest{Mutation: &controlv1.Mutation{Reason: "no etag", Ttl: durationpb.New(time.Minute)}}); status.Code(err) != codes.FailedPrecondition {
			t.Fatal(err)
		}
		if _, err := s.SetServing(ctx, &controlv1.SetServingRequest{Mutation: &controlv1.Mutation{Reason: "only to know", Ttl: durationpb.New(time.Minute), ValidateOnly: true}}); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		lines := slices.Collect(strings.Lines(i.log.String()))
		for n, words := range [][]string{
			{`msg="change made"`, "instance=user-1", "resource=log_level", "old=info", "new=error", "reason=test", `actor="spiffe://example.org/ [2Jops"`, "ttl=1m0s", "request_id=r-42", "etag="},
			{`msg="change refused"`, "resource=serving", "old=serving", "new=not_serving", `reason="no etag"`, "code=FailedPrecondition"},
			{`msg="change reverted"`, "resource=log_level", "old=error", "new=info", "reason=test", "request_id=r-42"},
		} {
			for _, word := range words {
				if n >= len(lines) || !strings.Contains(lines[n], word) {
					t.Errorf("line %d has no %s:\n%s", n, word, i.log)
				}
			}
		}
		if len(lines) != 3 {
			t.Errorf("%d lines:\n%s", len(lines), i.log)
		}
	})
}

func TestAnEtagShowsWhatOthersChanged(t *testing.T) {
	i := newInstance()
	s := start(t, i.options())
	read := func() string {
		response, err := s.ListChanges(t.Context(), &controlv1.ListChangesRequest{})
		if err != nil {
			t.Fatal(err)
		}
		return response.GetEtags()["log_level"]
	}
	tag := read()
	i.level.Set(slog.LevelWarn)
	if read() == tag {
		t.Error("the etag is that of another level")
	}
	released, err := s.SetLogLevel(t.Context(), &controlv1.SetLogLevelRequest{Mutation: lasts(time.Minute)})
	if err != nil || i.level.Level() != slog.LevelInfo || released.GetLevel() != controlv1.LogLevel_LOG_LEVEL_INFO || read() == tag {
		t.Errorf("%v, %v", released, err)
	}
}

func TestNoTwoProcessesShareEtags(t *testing.T) {
	seen := map[string]bool{}
	for range 2 {
		response, err := start(t, newInstance().options()).ListChanges(t.Context(), &controlv1.ListChangesRequest{})
		if err != nil || len(response.GetEtags()) != 3 {
			t.Fatal(response, err)
		}
		for resource, tag := range response.GetEtags() {
			if seen[tag] {
				t.Errorf("the etag of %s was given twice", resource)
			}
			seen[tag] = true
		}
	}
}

// A change to what is configured is one all the same: its end gives a new etag.
func TestTheEndOfAChangeThatChangedNoValue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, newInstance().options())
		tag := setLevel(t, s, controlv1.LogLevel_LOG_LEVEL_INFO, time.Second).GetChange().GetEtag()
		pass(time.Second)
		response, err := s.ListChanges(t.Context(), &controlv1.ListChangesRequest{})
		if err != nil || response.GetEtags()["log_level"] == tag {
			t.Errorf("the etag is still %q, %v", tag, err)
		}
	})
}

// A change that is made at the moment when the one before it ends holds.
func TestAChangeAtTheEndOfTheOneBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newInstance()
		options := i.options()
		var wait time.Duration
		options.Serving = func(serving bool) {
			time.Sleep(wait) // until the first ends: its timer waits for this change
			for range 100 {
				runtime.Gosched()
			}
			i.setServing(serving)
		}
		s := start(t, options)
		for range 2 {
			if _, err := s.SetServing(t.Context(), &controlv1.SetServingRequest{Mutation: lasts(time.Minute)}); err != nil {
				t.Fatal(err)
			}
			wait = time.Minute
		}
		wait = 0
		synctest.Wait()
		if list := inForce(t, s); i.isServing() || len(list) != 1 {
			t.Errorf("serving = %v, in force: %v", i.isServing(), list)
		}
	})
}

func TestTheConfiguredLevelComesBackExactly(t *testing.T) {
	i := newInstance()
	i.level.Set(slog.LevelInfo + 2)
	s := start(t, i.options())
	setLevel(t, s, controlv1.LogLevel_LOG_LEVEL_DEBUG, time.Minute)
	back := setLevel(t, s, controlv1.LogLevel_LOG_LEVEL_UNSPECIFIED, time.Minute)
	if i.level.Level() != slog.LevelInfo+2 || back.GetLevel() != controlv1.LogLevel_LOG_LEVEL_WARN || back.GetChange().GetValue() != "info+2" {
		t.Errorf("level = %v, %v", i.level.Level(), back)
	}
}

// Anybody may choose the names of faults: what is remembered of them is bounded,
// and an etag of before is not right again.
func TestManyFaults(t *testing.T) {
	s := start(t, newInstance().options())
	set := func(name, etag string, f *controlv1.Fault) (string, error) {
		response, err := s.SetFault(t.Context(), &controlv1.SetFaultRequest{Name: name, Fault: f, Mutation: &controlv1.Mutation{
			Reason: "test", Ttl: durationpb.New(time.Minute), Etag: etag,
		}})
		return response.GetChange().GetEtag(), err
	}
	f := &controlv1.Fault{Method: "a.B/C", Percentage: 1, Code: 1}
	_, err := set("f0", "never right", f)
	first := etagOf(err)
	if first == "" {
		t.Fatal(err)
	}
	held, err := set("held", "*", f)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for n := range 1500 {
		name := fmt.Sprint("f", n)
		for _, fault := range []*controlv1.Fault{f, nil} {
			tag, err := set(name, "*", fault)
			if err != nil || seen[tag] {
				t.Fatal(name, err)
			}
			seen[tag] = true
		}
	}
	if remembered := control.Remembered(s); remembered > 1002 {
		t.Errorf("%d resources are remembered", remembered)
	}
	seen[first] = true
	for tag := range seen {
		if _, err := set("f0", tag, f); status.Code(err) != codes.FailedPrecondition {
			t.Fatalf("an old etag: %v", err)
		}
	}
	if _, err := set("held", held, f); err != nil {
		t.Errorf("what others do changes its etag: %v", err)
	}
}

// etagOf returns the present etag that an error tells.
func etagOf(err error) string {
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok && info.GetReason() == control.ReasonEtag {
			return info.GetMetadata()["etag"]
		}
	}
	return ""
}

func TestOptions(t *testing.T) {
	if _, err := control.New(control.Options{MaxChanges: -1}); err == nil {
		t.Error("a negative number of changes")
	}
	if _, err := control.New(control.Options{DrainDeadline: -1}); err == nil {
		t.Error("a negative deadline")
	}
	if _, err := control.New(control.Options{Faults: fault.New(fault.Options{})}); err == nil {
		t.Error("faults of nobody knows which services")
	}
}
