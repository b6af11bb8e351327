package commands

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/term"
	"github.com/gctl-dev/gctl/tui/plain"
)

// changing is a catalog in which user-1 goes and another comes.
func changing(context.Context) ([]fleet.Source, error) {
	return []fleet.Source{{Name: fleet.CatalogFeed, Watch: func(ctx context.Context, feed *fleet.Feed) error {
		feed.Say(fleet.Facts{Instances: shop[:1]})
		if _, err := feed.Wait(ctx, 0); err != nil {
			return err
		}
		feed.Say(fleet.Facts{Instances: shop[1:2]})
		<-ctx.Done()
		return ctx.Err()
	}}}, nil
}

func TestPlainTellsLinesInAPipeAndOnATerminal(t *testing.T) {
	for _, onTerminal := range []bool{false, true} {
		f, run := withCatalog(&fakeCatalog{instances: shop}, map[string]string{"XDG_STATE_HOME": t.TempDir()})
		f.Sources = changing
		f.Metrics = func(context.Context, string) (MetricsSource, error) { return MetricsSource{}, errors.New("none") }
		f.Streams.OutTTY, f.Streams.Color = onTerminal, onTerminal
		out := f.Streams.Out
		ctx, cancel := context.WithCancel(t.Context())
		f.Streams.Out = &untilSeen{Writer: out, text: "was added", then: cancel} // as ctrl-c does
		r := run(ctx, "dash", "--plain")
		cancel()
		if r.code != 130 {
			t.Errorf("exit code %d: %s", r.code, r.err)
		}
		for _, want := range []string{"asking consul\n", "user user-1 was removed\n", "user user-2", "was added"} {
			if !strings.Contains(r.out, want) {
				t.Errorf("it lacks %q:\n%s", want, r.out)
			}
		}
		for line := range strings.Lines(r.out) {
			layout, at := time.RFC3339, line[:min(len(line), len("2026-03-01T00:00:00Z"))]
			if onTerminal {
				layout, at = time.TimeOnly, line[:min(len(line), len(time.TimeOnly))]
			}
			if _, err := time.Parse(layout, at); err != nil {
				t.Errorf("%v: %q", err, line)
			}
			if text := strings.ReplaceAll(line, "\x1b[32m", ""); !onTerminal && strings.Contains(text, "\x1b") || strings.Contains(text, "\x1b[H") {
				t.Errorf("control sequences: %q", line)
			}
		}
	}
}

func TestPlainRefusesWhatContradictsIt(t *testing.T) {
	for args, want := range map[string]string{
		"--snapshot":                     "--plain contradicts --snapshot",
		"--record x":                     "--plain contradicts --record",
		"--theme dark":                   "--plain contradicts --theme",
		"--window 5m":                    "--plain contradicts --window",
		"--size 80x24":                   "--plain contradicts --size",
		"-o json":                        "gctl events --watch -o jsonl",
		"--jq .":                         "it contradicts -o and --jq",
		"--screen trace/1":               "--plain has no screen trace/1",
		"--screen service":               "--screen service/NAME",
		"--screen service/usr":           "did you mean user?",
		"--screen services/x --size 1x1": "--plain contradicts --size",
	} {
		_, run := withCatalog(&fakeCatalog{instances: shop}, map[string]string{"XDG_STATE_HOME": t.TempDir()})
		if r := run(t.Context(), append([]string{"dash", "--plain"}, strings.Fields(args)...)...); r.code != 2 || !strings.Contains(r.err, want) || r.out != "" {
			t.Errorf("%s: %+v", args, r)
		}
	}
	_, run := withCatalog(&fakeCatalog{instances: shop}, map[string]string{"XDG_STATE_HOME": t.TempDir()})
	if r := run(t.Context(), "dash"); r.code != 2 || !strings.Contains(r.err, "gctl dash --plain") {
		t.Errorf("without a terminal it does not say what there is: %+v", r)
	}
}

// A recording is told and then it ends; --ascii keeps to ASCII.
func TestPlainTellsARecordingAndEnds(t *testing.T) {
	f, run := withCatalog(&fakeCatalog{instances: shop}, map[string]string{"XDG_STATE_HOME": t.TempDir()})
	dir := t.TempDir()
	at := f.Now().Add(-time.Hour)
	record(t, dir, func() time.Time { return at }, fleet.Event{At: at, Kind: fleet.InstanceCame, Service: "user", Instance: "user-1"})
	r := run(t.Context(), "dash", "--plain", "--replay", dir)
	if r.code != 0 || !strings.HasPrefix(r.out, "2026-02-28T23:00:00Z  gctl ") || !strings.Contains(r.out, "the recording ends: ") {
		t.Errorf("%+v", r)
	}
	if r := run(t.Context(), "dash", "--plain", "--replay", "nowhere"); r.code != 1 || !strings.Contains(r.err, "hint: ") {
		t.Errorf("%+v", r)
	}
	streams, _, out, _ := term.Test()
	f.Streams = streams
	p, err := f.Printer()
	if err != nil {
		t.Fatal(err)
	}
	o := &dashOptions{f: f, ascii: true}
	if err := o.plainLine(p, plain.Line{At: f.Now(), Text: "errors ×41\x1b[31m"}); err != nil || out.String() != "2026-03-01T00:00:00Z  errors x41\n" {
		t.Errorf("%q, %v", out, err)
	}
}
