package commands

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// past is an EventReader of one answer.
type past struct {
	list fleet.EventList
	err  error
}

func (p past) Events(context.Context, string, time.Time, time.Time) (fleet.EventList, error) {
	return p.list, p.err
}

func TestEventsFromOthersWhoRemember(t *testing.T) {
	f, run := withCatalog(&fakeCatalog{instances: shop}, map[string]string{"XDG_STATE_HOME": t.TempDir()})
	now := f.Now()
	started := fleet.Event{At: now.Add(-time.Minute), Kind: fleet.ProcessStarted, Service: "user", Instance: "user-1\x1b[31m", Exact: true}
	readers := func(list ...fleet.EventReader) {
		f.Past = func(context.Context) ([]fleet.EventReader, error) { return list, nil }
	}
	readers(past{err: fleet.ErrNoHistory})
	if r := run(t.Context(), "events"); r.code != 1 || !strings.Contains(r.err, "nothing is known of the past") || !strings.Contains(r.err, "hint: gctl record") {
		t.Errorf("who knows the present only: %+v", r)
	}
	readers(past{err: errors.New("refused")}, past{list: fleet.EventList{
		Events: []fleet.Event{started}, From: now.Add(-2 * time.Minute),
		Gaps: []fleet.Gap{{From: now.Add(-time.Hour), To: now.Add(-time.Minute)}, {From: now.Add(-30 * time.Second), To: now}},
	}})
	r := run(t.Context(), "events")
	if r.code != 0 || !strings.Contains(r.out, "happened  process_started  user") || strings.Contains(r.out, "\x1b") {
		t.Errorf("events = %+v", r)
	}
	for _, want := range []string{"warning: refused", "note: nothing was recorded before ", "note: nothing was recorded from ", "note: nothing was recorded after 2026-02-28T23:59:30Z"} {
		if !strings.Contains(r.err, want) {
			t.Errorf("stderr lacks %q:\n%s", want, r.err)
		}
	}
}

// untilSeen calls then when the text has been written.
type untilSeen struct {
	io.Writer

	text string
	then func()
}

func (w *untilSeen) Write(p []byte) (int, error) {
	if strings.Contains(string(p), w.text) {
		defer w.then()
	}
	return w.Writer.Write(p)
}

func TestWatchingSaysEventsAsTheyCome(t *testing.T) {
	f, run := withCatalog(&fakeCatalog{instances: shop}, map[string]string{"XDG_STATE_HOME": t.TempDir()})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f.Sources = func(context.Context) ([]fleet.Source, error) {
		return []fleet.Source{{Name: fleet.CatalogFeed, Watch: func(ctx context.Context, feed *fleet.Feed) error {
			feed.Say(fleet.Facts{Instances: shop[:1], Notes: []string{fleet.Hidden}})
			if _, err := feed.Wait(ctx, 0); err != nil {
				return err
			}
			feed.Say(fleet.Facts{Instances: shop[1:2]})
			if _, err := feed.Wait(ctx, 1); err != nil {
				return err
			}
			<-ctx.Done()
			return ctx.Err()
		}}}, nil
	}
	f.Streams.Out = &untilSeen{Writer: f.Streams.Out, text: "instance_added", then: cancel} // as ctrl-c does
	r := run(ctx, "events", "--watch", "user", "--since", "1h", "-o", "jsonl")
	if r.code != 130 || !strings.Contains(r.out, `"event":"instance_removed","service":"user","instance":"user-1"`) || !strings.Contains(r.out, `"event":"instance_added"`) {
		t.Errorf("result = %+v", r)
	}
	for _, want := range []string{"watching catalog: 1 services, 1 instances", "note: " + fleet.Hidden, "note: nothing is known of the past"} {
		if !strings.Contains(r.err, want) {
			t.Errorf("stderr lacks %q:\n%s", want, r.err)
		}
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]int64{"500MB": 500 << 20, "1.5GB": 3 << 29, "64KiB": 64 << 10, "100b": 100} {
		var s size
		if err := s.Set(text); err != nil || int64(s) != want {
			t.Errorf("%s is %d, %v; want %d", text, s, err, want)
		}
	}
	for _, text := range []string{"", "5", "MB", "-1MB", "0MB", "1e99GB", "NaNMB", "lots"} {
		var s size
		if err := s.Set(text); err == nil {
			t.Errorf("%q is a size of %d", text, s)
		}
	}
	for n, want := range map[int64]string{0: "0B", 1023: "1023B", 1536: "1.5KB", 256 << 20: "256MB", 1 << 30: "1GB"} {
		if s := size(n); s.String() != want {
			t.Errorf("%d is %s, want %s", n, s.String(), want)
		}
	}
}
