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
	with := func(m *controlv1.Mutation, name string, settings *controlv1.LimitSettings) error {
		_, err := c.SetLimit(deadline(t), &controlv1.SetLimitRequest{Name: name, Settings: settings, Mutation: m})
		return err
	}
	set := func(name string, settings *controlv1.LimitSettings) error { return with(mutation(), name, settings) }
	for what, m := range map[string]*controlv1.Mutation{"set": mutation(), "only validated": mutation(validateOnly), "on an old state": mutation(etag("old"))} {
		wantCode(t, "an unknown limit, "+what, with(m, "no/such", &controlv1.LimitSettings{Rate: 1, Burst: 1}), codes.NotFound)
		wantCode(t, "an unknown limit, released, "+what, with(m, "no/such", nil), codes.NotFound)
	}
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
	for method, meets := range map[string]bool{"*": true, service + "/*": true, c.Faults.Method: true, c.Faults.Other: false} {
		if method == "" {
			continue
		}
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

// A fault that no call can meet looks like one that does no harm. The error says
// what was meant, or what there is.
func testUnservedFault(t *testing.T, c *client) {
	service, method, _ := strings.Cut(c.Faults.Method, "/")
	for bad, says := range map[string]string{
		"no.such.Service/*":         service,
		"no.such.Service/NoSuch":    service,
		"no.such.Service/" + method: c.Faults.Method,
		service + "s/" + method:     c.Faults.Method,
		service + "/NoSuch":         method,
	} {
		for what, m := range map[string]*controlv1.Mutation{"set": mutation(), "only validated": mutation(validateOnly)} {
			_, err := c.SetFault(deadline(t), &controlv1.SetFaultRequest{
				Name: "f", Fault: &controlv1.Fault{Method: bad, Percentage: 100, Code: int32(codes.DataLoss)}, Mutation: m,
			})
			wantInvalid(t, bad+", "+what, err, "fault.method")
			if text := status.Convert(err).Message(); !strings.Contains(text, says) {
				t.Errorf("%s: %q does not say %s", bad, text, says)
			}
		}
	}
	if all := c.changes(t); len(all) != 0 {
		t.Errorf("changes = %v", all)
	}
}

// A fault that has ended cannot be ended: whoever mistypes its name would think that
// it is over.
func testUnknownFault(t *testing.T, c *client) {
	end := func(name string, m *controlv1.Mutation) error {
		_, err := c.SetFault(deadline(t), &controlv1.SetFaultRequest{Name: name, Mutation: m})
		return err
	}
	refused := func(what, name string) {
		t.Helper()
		wantCode(t, what, end(name, mutation()), codes.NotFound)
		wantCode(t, what+", only validated", end(name, mutation(validateOnly)), codes.NotFound)
		wantCode(t, what+", on an old state", end(name, mutation(etag("old"))), codes.NotFound)
	}
	refused("a fault that never was", "f")
	if err := c.inject(t, &controlv1.Fault{Method: c.Faults.Method, Percentage: 100, Code: int32(codes.DataLoss)}); err != nil {
		t.Fatal(err)
	}
	refused("another fault", "g")
	if err := c.Faults.Call(deadline(t)); status.Code(err) != codes.DataLoss {
		t.Errorf("after another was ended: %v", err)
	}
	if err := end("f", mutation()); err != nil {
		t.Errorf("the one that is there: %v", err)
	}
	refused("a fault that has ended", "f")
}

func testMaxChanges(t *testing.T, c *client) {
	set := func(name string, fault *controlv1.Fault) error {
		_, err := c.SetFault(deadline(t), &controlv1.SetFaultRequest{Name: name, Fault: fault, Mutation: mutation()})
		return err
	}
	f := &controlv1.Fault{Method: c.Faults.Method, Percentage: 1, Code: 1}
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
