package tui

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/fleet"
)

// A recording that was asked for just before the end does not keep the dashboard from
// ending, though its command never ran.
func TestARecordingWhoseCommandNeverRunsEnds(t *testing.T) {
	store := fleet.NewStore(t.Context(), fleet.StoreOptions{})
	defer store.Close()
	ended := false
	m, err := newModel(t.Context(), Options{Store: store, RecordNow: true, Record: func(ctx context.Context) (string, error) {
		<-ctx.Done()
		ended = true
		return "/some/where", nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	m.Init()
	m.close()
	if !ended || m.recorder.failure() != nil {
		t.Errorf("ended %v, %v", ended, m.recorder.failure())
	}
}

// That a recording has failed is seen until another one begins.
func TestARecordingThatFailsIsSeenToHaveFailed(t *testing.T) {
	fails := true
	run := open(t, trouble(), Options{Record: func(ctx context.Context) (string, error) {
		if fails {
			return "", errors.New("the disk is full")
		}
		<-ctx.Done()
		return "", nil
	}}, 120, 24)
	run.send(press('R'))
	saysSoon(t, run, "not recorded: the disk is full")
	run.send(unsayMsg{run.m.say.number})
	saysSoon(t, run, "✗ REC failed")
	fails = false
	run.send(press('R'))
	saysSoon(t, run, "● REC")
	if strings.Contains(text(run), "failed") {
		t.Errorf("it still has failed:\n%s", text(run))
	}
}

// quits is a terminal on which q is pressed when something has begun.
type quits struct {
	begun <-chan struct{}
	done  bool
}

func (q *quits) Read(p []byte) (int, error) {
	if q.done {
		return 0, io.EOF
	}
	<-q.begun
	q.done = true
	return copy(p, "q"), nil
}

// What was not written at the end is told when the dashboard is gone.
func TestRunFailsWhereTheRecordingIsNotWhole(t *testing.T) {
	store := fleet.NewStore(t.Context(), fleet.StoreOptions{})
	defer store.Close()
	begun := make(chan struct{})
	err := Run(t.Context(), Options{
		Store: store, RecordNow: true, Out: io.Discard, In: &quits{begun: begun}, Width: 80, Height: 24, Environ: []string{"TERM=xterm"},
		Record: func(ctx context.Context) (string, error) {
			close(begun)
			<-ctx.Done()
			return "", &fleet.Error{What: "the disk is full", Hint: "make room"}
		},
	})
	var told *fleet.Error
	if !errors.As(err, &told) || !strings.Contains(err.Error(), "not recorded") || !strings.Contains(err.Error(), "the disk is full") || told.Hint != "make room" {
		t.Errorf("it ends with %v", err)
	}
	if errors.Is(err, tea.ErrInterrupted) {
		t.Error("it was interrupted")
	}
}
