package notes_test

import (
	"sync"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/tui/notes"
)

func TestNotesAreSortedByTimeAndAListStaysAsItIs(t *testing.T) {
	var n notes.Notes
	at := time.Date(2026, 3, 1, 14, 0, 0, 0, time.UTC)
	n.Add(notes.Note{At: at, Text: "b"})
	before := n.List()
	n.Add(notes.Note{At: at.Add(-time.Minute), Text: "a"})
	n.Add(notes.Note{At: at, Text: "c"})
	if len(before) != 1 || before[0].Text != "b" {
		t.Errorf("a list that was handed out became %v", before)
	}
	if list := n.List(); len(list) != 3 || list[0].Text != "a" || list[1].Text != "b" || list[2].Text != "c" {
		t.Errorf("notes in the order %v", list)
	}
}

func TestNotesMayBeAddedFromAnywhere(t *testing.T) {
	var n notes.Notes
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				n.Add(notes.Note{Text: "x"})
				_ = n.List()
			}
		})
	}
	all.Wait()
	if got := len(n.List()); got != 400 {
		t.Errorf("%d notes of 400", got)
	}
}
