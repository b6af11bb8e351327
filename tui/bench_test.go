package tui

import (
	"fmt"
	"slices"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
)

// press is a key as the terminal sends it.
func press(r rune) tea.KeyPressMsg { return tea.KeyPressMsg(tea.Key{Code: r, Text: string(r)}) }

func enter() tea.KeyPressMsg { return tea.KeyPressMsg(tea.Key{Code: tea.KeyEnter}) }

func sizes(b *testing.B, do func(b *testing.B, rows int)) {
	for _, rows := range []int{100, 10_000, 100_000} {
		b.Run(fmt.Sprint(rows), func(b *testing.B) { do(b, rows) })
	}
}

// BenchmarkKey is Update and View for a key that moves the cursor.
func BenchmarkKey(b *testing.B) {
	sizes(b, func(b *testing.B, rows int) {
		run := open(b, crowd(rows), Options{}, 200, 50)
		b.ReportAllocs()
		took := make([]time.Duration, 0, b.N)
		for i := 0; b.Loop(); i++ {
			key := 'j'
			if i/rows%2 == 1 {
				key = 'k'
			}
			start := time.Now()
			run.send(press(key))
			run.m.View()
			took = append(took, time.Since(start))
		}
		report(b, took)
	})
}

// BenchmarkPage is Update and View for a key that changes all lines.
func BenchmarkPage(b *testing.B) {
	sizes(b, func(b *testing.B, rows int) {
		run := open(b, crowd(rows), Options{}, 200, 50)
		b.ReportAllocs()
		took := make([]time.Duration, 0, b.N)
		for i := 0; b.Loop(); i++ {
			key := tea.KeyPressMsg(tea.Key{Code: tea.KeyPgDown})
			if i%2 == 1 {
				key = tea.KeyPressMsg(tea.Key{Code: tea.KeyPgUp})
			}
			start := time.Now()
			run.send(key)
			run.m.View()
			took = append(took, time.Since(start))
		}
		report(b, took)
	})
}

// BenchmarkFilter is a keystroke in the filter until its rows are drawn.
func BenchmarkFilter(b *testing.B) {
	sizes(b, func(b *testing.B, rows int) {
		run := open(b, crowd(rows), Options{}, 200, 50)
		run.send(press('/'))
		took := make([]time.Duration, 0, b.N)
		for i := 0; b.Loop(); i++ {
			key := press('0')
			if i%6 == 5 { // what was typed is taken away again
				b.StopTimer()
				for range 5 {
					run.send(tea.KeyPressMsg(tea.Key{Code: tea.KeyBackspace}))
				}
				settle(b, run)
				b.StartTimer()
				continue
			}
			start := time.Now()
			run.send(key)
			settle(b, run)
			run.m.View()
			took = append(took, time.Since(start))
		}
		report(b, took)
	})
}

// BenchmarkKeys is a thousand keys at once.
func BenchmarkKeys(b *testing.B) {
	sizes(b, func(b *testing.B, rows int) {
		run := open(b, crowd(rows), Options{}, 200, 50)
		for b.Loop() {
			for i := range 1000 {
				key := 'j'
				if i >= 500 {
					key = 'k'
				}
				run.send(press(key))
				run.m.View()
			}
		}
	})
}

// BenchmarkSnapshot is a new snapshot in which one service changed, until it is
// drawn.
func BenchmarkSnapshot(b *testing.B) {
	sizes(b, func(b *testing.B, rows int) {
		run := open(b, crowd(rows), Options{}, 200, 50)
		d := crowd(1)
		d.Whole = false
		for i := 0; b.Loop(); i++ {
			d.REDs[0].Rate = float64(i)
			run.m.o.Store.Apply(d)
			run.m.o.Store.Flush()
			settle(b, run)
			run.m.View()
		}
	})
}

func report(b *testing.B, took []time.Duration) {
	b.Helper()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}
