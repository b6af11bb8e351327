package commands

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/config"
	"github.com/gctl-dev/gctl/internal/state"
	"github.com/gctl-dev/gctl/ops/action"
	"github.com/gctl-dev/gctl/ops/incident"
)

// A recording is of one fleet: what follows is not written into the folder that was
// named for it, nor is that the past of another.
func TestANamedRecordingEndsWithItsContext(t *testing.T) {
	f, _ := withCatalog(&fakeCatalog{instances: shop}, map[string]string{"XDG_STATE_HOME": t.TempDir()})
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte("current: a\ncontexts:\n  a: {catalog: consul://127.0.0.1:1}\n  b: {catalog: consul://127.0.0.1:2}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	f.Config = func() (*config.File, error) { return file, nil }
	f.Context = func() (config.Context, error) { return file.Select(f.Global.Context) }
	f.Sources = func(context.Context) ([]fleet.Source, error) { return nil, nil }
	named := filepath.Join(t.TempDir(), "incident")
	o := &dashOptions{f: f, record: named}
	note := func() (string, bool) {
		t.Helper()
		options, err := o.prepare(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer options.Store.Close()
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if !options.RecordNow {
			dir, err := options.Record(ended)
			if err != nil || dir == named {
				t.Errorf("%s is recorded to %q: %v", options.Context, dir, err)
			}
		}
		return options.Note, options.RecordNow
	}
	if text, records := note(); text != "" || !records {
		t.Errorf("at first: %q, %v", text, records)
	}
	if err := o.enter("b"); err != nil {
		t.Fatal(err)
	}
	if text, records := note(); !strings.Contains(text, named) || !strings.Contains(text, "has ended: it is of a") || records {
		t.Errorf("of b: %q, %v", text, records)
	}
	if err := o.enter("a"); err != nil {
		t.Fatal(err)
	}
	if text, records := note(); text != "" || records {
		t.Errorf("again of a: %q, %v", text, records)
	}
	if _, err := os.Stat(named); err == nil {
		t.Error("something was written to the folder")
	}
}

// What cannot be read of an incident is told; only what is not there is nothing.
func TestAnExportSaysWhatItCouldNotRead(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, broken := range map[string]bool{"nothing there": false, "not readable": true} {
		home := t.TempDir()
		f, _ := withCatalog(&fakeCatalog{instances: shop}, map[string]string{"XDG_STATE_HOME": home})
		o := &dashOptions{f: f, record: filepath.Join(home, "recording")}
		f.ControlPlane = func() (fleet.ControlPlane, error) { return nil, nil } //nolint:nilnil // nobody is asked
		f.Actions = func() (action.Journal, error) { return state.NewJournal(filepath.Join(home, "actions.jsonl")), nil }
		if broken {
			if err := os.WriteFile(o.record, []byte("no recording"), 0o600); err != nil {
				t.Fatal(err)
			}
			f.Actions = func() (action.Journal, error) { return nil, errors.New("permission denied") }
		}
		now := time.Date(2026, 3, 1, 14, 0, len(name), 0, time.UTC)
		in := &incident.Incident{Exported: now, From: now.Add(-time.Hour), To: now}
		if _, err := o.export(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		if (in.ActionsErr != nil) != broken || (in.RecordingErr != nil) != broken {
			t.Errorf("%s: %v, %v", name, in.ActionsErr, in.RecordingErr)
		}
	}
}
