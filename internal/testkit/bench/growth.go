package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"time"
)

const soakTitle = "Soak"

// growth is what a process' metrics said of its size.
type growth struct {
	name    string
	metrics string // host:port; empty: this process, which keeps a record of all calls, so that only its goroutines count

	times              []float64 // seconds
	goroutines, memory []float64 // numbers, and MiB
}

// series is one figure over time.
type series struct {
	name          string
	times, values []float64
}

func (g *growth) series() []series {
	all := []series{{"goroutines", g.times, g.goroutines}}
	if g.metrics != "" {
		all = append(all, series{"resident MiB", g.times, g.memory})
	}
	return all
}

// look reads the metrics once.
func (g *growth) look(ctx context.Context) error {
	if g.metrics == "" {
		g.times = append(g.times, float64(time.Now().UnixMilli())/1000)
		g.goroutines = append(g.goroutines, float64(runtime.NumGoroutine()))
		return nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+g.metrics+"/metrics", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("metrics of %s: %w", g.name, err)
	}
	defer resp.Body.Close()
	found := map[string]float64{}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if name != "go_goroutines" && name != "process_resident_memory_bytes" {
			continue
		}
		if found[name], err = strconv.ParseFloat(value, 64); err != nil {
			return fmt.Errorf("metrics of %s: %w", g.name, err)
		}
	}
	if err := lines.Err(); err != nil || len(found) < 2 {
		return fmt.Errorf("metrics of %s: found %v (%w)", g.name, found, err)
	}
	g.times = append(g.times, float64(time.Now().UnixMilli())/1000)
	g.goroutines = append(g.goroutines, found["go_goroutines"])
	g.memory = append(g.memory, found["process_resident_memory_bytes"]/(1<<20))
	return nil
}

// line is a series' line of least squares, and by how much its last third is above
// its first one.
type line struct {
	mean, highest, slope float64 // slope: a second
	grown                float64 // per cent
}

// line leaves out the first fifth.
func (s series) line() line {
	from := len(s.values) / 5
	times, values := s.times[from:], s.values[from:]
	n := float64(len(values))
	if n < 2 {
		return line{}
	}
	var l line
	var meanTime, up, down float64
	for i, v := range values {
		meanTime += times[i] / n
		l.mean += v / n
		l.highest = max(l.highest, v)
	}
	for i, v := range values {
		dt := times[i] - meanTime
		up += dt * (v - l.mean)
		down += dt * dt
	}
	if down > 0 {
		l.slope = up / down
	}
	// Medians, since a sample may fall into a burst of calls.
	third := max(1, len(values)/3)
	first, last := median(values[:third]), median(values[len(values)-third:])
	if first > 0 {
		l.grown = 100 * (last - first) / first
	}
	return l
}
