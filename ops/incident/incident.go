// Package incident writes down what was seen and done in an incident, for those who
// were not there: a page of Markdown that a person reads and changes, and beside it
// the data that the page was made of.
//
// What stands in an incident came from outside: names, errors, notes. None of it
// breaks the page or gives orders to a terminal, and credentials in it are hidden.
// What is not known is said to be not known.
package incident

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/output"
	"github.com/gctl-dev/gctl/internal/state"
	"github.com/gctl-dev/gctl/internal/state/recording"
	"github.com/gctl-dev/gctl/ops/action"
	"github.com/gctl-dev/gctl/ops/why"
)

// Incident is what is known of one. Whatever is zero is left out, or said to be not
// known.
type Incident struct {
	Title    string
	Context  string    // the name of the context: which fleet it is
	Author   string    // who wrote it down
	Exported time.Time // when
	From, To time.Time
	Cursor   time.Time // the moment that was looked at closest; zero: none

	Report   *why.Report
	Events   []fleet.Event // in any order
	Notes    []Note
	Traces   []string // the IDs of those that were looked at
	Actions  []action.Entry
	Evidence []why.Evidence // that was looked at, beside that of the report

	// The fleet at From, Cursor and To; nil: not known.
	Start, AtCursor, End *fleet.Snapshot

	// Recording is exported from From to To, with its credentials hidden too; nil:
	// there is none.
	Recording *recording.Recording

	// Why it is not known what was done, and what was recorded: both could not be read.
	ActionsErr, RecordingErr error

	// Hide are the values that must not be shown wherever they stand, such as the
	// tokens of the context.
	Hide []string
}

// Note is what an operator remarked.
type Note struct {
	At     time.Time
	Author string
	Text   string // of one line or more
}

// The names of the files.
const (
	pageFile      = "incident.md"
	dataFile      = "incident.json"
	recordingFile = "incident.rec"
)

// Write makes the folder dir, which only its owner can read, with the page
// (incident.md), the data (incident.json) and what was recorded (incident.rec). The
// folder is there as a whole or not at all. If anything has this name already, it
// fails with fs.ErrExist.
func Write(ctx context.Context, dir string, in *Incident) (err error) {
	dir = filepath.Clean(dir)
	if err := free(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return fmt.Errorf("cannot write the incident: %w", err)
	}
	work, err := os.MkdirTemp(filepath.Dir(dir), ".new-*") // 0700
	if err != nil {
		return fmt.Errorf("cannot write the incident: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(work)
		}
	}()
	if err := in.fill(ctx, work); err != nil {
		return fmt.Errorf("cannot write the incident: %w", err)
	}
	// Of an empty folder that somebody made meanwhile nothing is lost; anything
	// else is not replaced by a folder.
	if err := os.Rename(work, dir); err != nil {
		return errors.Join(free(dir), fmt.Errorf("cannot write the incident: %w", err))
	}
	return nil
}

func free(dir string) error {
	_, err := os.Lstat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("cannot write the incident: %w", err)
	}
	return fmt.Errorf("cannot write the incident: %s: %w", dir, fs.ErrExist)
}

// fill writes the files of a folder.
func (in *Incident) fill(ctx context.Context, dir string) error {
	doc := newDocument(in)
	hide := newRedactor(in.Hide)
	if in.Recording != nil {
		if err := in.record(ctx, filepath.Join(dir, recordingFile), doc, hide); err != nil {
			return err
		}
	}
	data, safe, err := doc.safe(hide)
	if err != nil {
		return err
	}
	err = state.WriteFile(filepath.Join(dir, dataFile), false, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
	if err != nil {
		return err
	}
	return state.WriteFile(filepath.Join(dir, pageFile), false, func(w io.Writer) error { return safe.page(w, true) })
}

// record exports the recording. That there is none of that time is no failure of the
// rest.
func (in *Incident) record(ctx context.Context, path string, doc *document, hide *redactor) error {
	r := &recordingDoc{File: recordingFile, Missing: []string{}}
	doc.Recording = r
	err := state.WriteFile(path, false, func(w io.Writer) error {
		torn, err := in.Recording.ExportText(ctx, w, in.From, in.To, hide.json)
		for _, t := range torn {
			r.Missing = append(r.Missing, t.Error())
		}
		return err
	})
	if errors.Is(err, fleet.ErrNotFound) {
		r.File, r.Missing = "", append(r.Missing, err.Error())
		return nil
	}
	return err
}

// Markdown writes the page alone.
func Markdown(w io.Writer, in *Incident) error {
	_, safe, err := newDocument(in).safe(newRedactor(in.Hide))
	if err != nil {
		return fmt.Errorf("cannot write the incident: %w", err)
	}
	return safe.page(w, false)
}

// safe returns the document as JSON, and as it is read from that: with credentials
// hidden, so that both say the same.
func (d *document) safe(hide *redactor) ([]byte, *document, error) {
	raw, err := json.Marshal(d)
	if err != nil {
		return nil, nil, err
	}
	raw = hide.json(raw)
	var again document
	if err := json.Unmarshal(raw, &again); err != nil {
		return nil, nil, err
	}
	pretty, err := json.MarshalIndent(json.RawMessage(raw), "", "  ")
	if err != nil {
		return nil, nil, err
	}
	return append(output.EscapeJSON(pretty), '\n'), &again, nil
}
