package controltest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	controlv1 "github.com/gctl-dev/gctl/api/gctl/control/v1"
)

func testListChanges(t *testing.T, c *client) {
	want := []string{}
	for _, s := range subjects(c.Fixture) {
		s.must(t, c, 0, mutation())
		want = append(want, s.resource)
	}
	slices.Sort(want)
	response, err := c.ListChanges(deadline(t), &controlv1.ListChangesRequest{})
	if err != nil {
		t.Fatal(err)
	}
	got := []string{}
	for _, change := range response.GetChanges() {
		got = append(got, change.GetResource())
	}
	if !slices.Equal(got, want) {
		t.Errorf("changes = %v, want %v", got, want)
	}
	for resource, there := range map[string]bool{"log_level": c.Level != nil, "serving": c.Serving != nil, "drain": c.Drains != nil} {
		if tag := response.GetEtags()[resource]; (tag != "") != there {
			t.Errorf("the etag of %s is %q", resource, tag)
		}
	}
}

func testLimits(t *testing.T, c *client) {
	response, err := c.ListLimits(deadline(t), &controlv1.ListLimitsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	kinds, last := map[string]controlv1.LimitKind{}, ""
	for _, limit := range response.GetLimits() {
		if limit.GetName() <= last || limit.GetEtag() == "" || limit.GetSettings() == nil || limit.GetKind() == 0 {
			t.Errorf("limit = %v behind %q", limit, last)
		}
		last = limit.GetName()
		kinds[last] = limit.GetKind()
	}
	set := func(name string, settings *controlv1.LimitSettings) error {
		_, err := c.SetLimit(deadline(t), &controlv1.SetLimitRequest{Name: name, Settings: settings, Mutation: mutation()})
		return err
	}
	wantCode(t, "an unknown limit", set("no/such", &controlv1.LimitSettings{Rate: 1, Burst: 1}), codes.NotFound)
	wantCode(t, "an unknown limit, released", set("no/such", nil), codes.NotFound)
	wantInvalid(t, "no name", set("", nil), "name")
	for name, bad := range map[string]map[string]*controlv1.LimitSettings{
		c.Limits.Rate: {
			"rate":            {Rate: -1, Burst: 1},
			"burst":           {Rate: 1},
			"min_concurrency": {Rate: 1, Burst: 1, MinConcurrency: 1},
			"max_concurrency": {Rate: 1, Burst: 1, MaxConcurrency: 1},
		},
		c.Limits.Concurrency: {
			"rate":            {Rate: 1, MinConcurrency: 1, MaxConcurrency: 1},
			"burst":           {Burst: 1, MinConcurrency: 1, MaxConcurrency: 1},
			"min_concurrency": {MaxConcurrency: 1},
			"max_concurrency": {MinConcurrency: 2, MaxConcurrency: 1},
		},
	} {
		if name == "" {
			continue
		}
		for field, settings := range bad {
			wantInvalid(t, fmt.Sprint(name, " with ", settings), set(name, settings), "settings."+field)
		}
	}
	if rate := c.Limits.Rate; rate != "" {
		if err := set(rate, &controlv1.LimitSettings{}); err != nil || c.Limits.Settings(rate).GetRate() != 0 {
			t.Errorf("a rate of 0: %v, %v", err, c.Limits.Settings(rate))
		}
		if kinds[rate] != controlv1.LimitKind_LIMIT_KIND_RATE {
			t.Errorf("%s is a %v", rate, kinds[rate])
		}
	}
}

// inject sets a fault, or ends it.
func (c *client) inject(t *testing.T, f *controlv1.Fault) error {
	t.Helper()
	_, err := c.SetFault(deadline(t), &controlv1.SetFaultRequest{Name: "f", Fault: f, Mutation: mutation()})
	return err
}

func testFault(t *testing.T, c *client) {
	service, _, _ := strings.Cut(c.Faults.Method, "/")
	for method, meets := range map[string]bool{"*": true, service + "/*": true, c.Faults.Method: true, service + "/Other": false, service + "s/*": false} {
		if err := c.inject(t, &controlv1.Fault{Method: method, Percentage: 100, Code: int32(codes.DataLoss)}); err != nil {
			t.Fatal(err)
		}
		err := c.Faults.Call(deadline(t))
		if (status.Code(err) == codes.DataLoss) != meets {
			t.Errorf("a fault of %s: %v", method, err)
		}
		if meets && !slices.ContainsFunc(status.Convert(err).Details(), func(d any) bool {
			info, ok := d.(*errdetails.ErrorInfo)
			return ok && info.GetReason() == "FAULT_INJECTED"
		}) {
			t.Errorf("%v does not say that it was injected", err)
		}
		if c.Faults.Health != nil {
			if err := c.Faults.Health(deadline(t)); err != nil {
				t.Errorf("a fault of %s meets health: %v", method, err)
			}
		}
		c.changes(t) // control is not met
	}
	if err := c.inject(t, &controlv1.Fault{Method: "*", Percentage: 100, Latency: durationpb.New(time.Minute)}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := c.Faults.Call(ctx); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("held up for a minute: %v", err)
	}
	if err := c.inject(t, nil); err != nil {
		t.Fatal(err)
	}
	if err := c.Faults.Call(deadline(t)); err != nil {
		t.Errorf("after its end: %v", err)
	}
}

func testBadFault(t *testing.T, c *client) {
	fault := func(change func(*controlv1.Fault)) *controlv1.Fault {
		f := &controlv1.Fault{Method: "*", Percentage: 100, Code: int32(codes.DataLoss)}
		change(f)
		return f
	}
	for what, f := range map[string]*controlv1.Fault{
		"no method":           fault(func(f *controlv1.Fault) { f.Method = "" }),
		"half a method":       fault(func(f *controlv1.Fault) { f.Method = "GetUser" }),
		"control":             fault(func(f *controlv1.Fault) { f.Method = "gctl.control.v1.ControlService/*" }),
		"no share":            fault(func(f *controlv1.Fault) { f.Percentage = 0 }),
		"more than all":       fault(func(f *controlv1.Fault) { f.Percentage = 101 }),
		"negative latency":    fault(func(f *controlv1.Fault) { f.Latency = durationpb.New(-time.Second) }),
		"endless latency":     fault(func(f *controlv1.Fault) { f.Latency = durationpb.New(time.Hour) }),
		"a code that is none": fault(func(f *controlv1.Fault) { f.Code = 17 }),
		"nothing":             fault(func(f *controlv1.Fault) { f.Code = 0 }),
	} {
		wantInvalid(t, what, c.inject(t, f), "fault")
	}
	for _, name := range []string{"", "A", "a b", "../a", strings.Repeat("a", 64)} {
		_, err := c.SetFault(deadline(t), &controlv1.SetFaultRequest{Name: name, Fault: fault(func(*controlv1.Fault) {}), Mutation: mutation()})
		wantInvalid(t, "the name "+name, err, "name")
	}
	if err := c.Faults.Call(deadline(t)); err != nil {
		t.Errorf("after bad requests: %v", err)
	}
}

func testMaxChanges(t *testing.T, c *client) {
	set := func(name string, fault *controlv1.Fault) error {
		_, err := c.SetFault(deadline(t), &controlv1.SetFaultRequest{Name: name, Fault: fault, Mutation: mutation()})
		return err
	}
	f := &controlv1.Fault{Method: "no.such.Service/*", Percentage: 1, Code: 1}
	for i := range c.MaxChanges {
		if err := set(fmt.Sprint("f", i), f); err != nil {
			t.Fatalf("change %d: %v", i, err)
		}
	}
	wantCode(t, "one more", set("more", f), codes.ResourceExhausted)
	if err := set("f0", f); err != nil {
		t.Errorf("one that is replaced: %v", err)
	}
	if err := set("f0", nil); err != nil {
		t.Errorf("one that is released: %v", err)
	}
	if err := set("more", f); err != nil {
		t.Errorf("in the room of the one released: %v", err)
	}
}
