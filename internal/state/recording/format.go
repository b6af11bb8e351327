// Package recording keeps what a fleet.Store sees in a ring on disk, and plays it
// back.
//
// # Format
//
// A recording is a folder of segments. The name of a segment is the time at which
// it begins, in UTC, with the ending of its format:
//
//	20260301T120000.000Z.v1.rec
//
// A segment is a gzip stream (RFC 1952) of lines, each ended by a line feed:
//
//	<CRC-32 (IEEE) of the JSON, eight hex digits> <JSON>
//
// so that zcat shows it. The first line is {"format":"gctl-recording","version":1};
// every other line is one delta: what changed at "at". The first delta of a
// segment is whole ("whole":true): all that was known, with the last events; so
// each segment can be read alone, and the ring forgets by removing the oldest one.
// "from" of a fact is its place, from 1, among the "provenances" of its line.
// Keys that hold nothing are left out. A number that is not known is null, an
// infinite one "+Inf" or "-Inf"; times are RFC 3339 with nanoseconds, durations
// nanoseconds. A reader ignores keys that it does not know.
//
// A file that was exported is several such streams one after another, its parts,
// as RFC 1952 allows: read as one it is a segment. Only the first part has the line
// with the format. Each begins with a whole delta, whose "known" are the events
// that stand in the parts before, so that each can be read alone; where the next
// one begins is told by an extra field of its gzip header, "gc", of 17 bytes: the
// size of the part (64 bits), the time at which it begins (nanoseconds since 1970,
// 64 bits; both little endian), and 1 if another part follows, else 0.
//
// The stream of a segment is flushed after every line. Of a process that was killed the last
// segment has no end, and its last line may be torn: a reader stops there and says
// so. A writer never continues a segment of another process.
package recording

import (
	"errors"
	"math"
	"strconv"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

const (
	formatName    = "gctl-recording"
	formatVersion = 1
	ending        = ".v1.rec"
	nameLayout    = "20060102T150405.000Z"
)

type header struct {
	Format  string `json:"format"`
	Version int    `json:"version"`
}

// line is a delta as JSON.
type line struct {
	At           time.Time    `json:"at"`
	Whole        bool         `json:"whole,omitempty"`
	Provenances  []provenance `json:"provenances,omitempty"`
	Services     []service    `json:"services,omitempty"`
	Instances    []instance   `json:"instances,omitempty"`
	Health       []health     `json:"health,omitempty"`
	Breakers     []breaker    `json:"breakers,omitempty"`
	REDs         []red        `json:"reds,omitempty"`
	Dependencies []dependency `json:"dependencies,omitempty"`
	SLOs         []slo        `json:"slos,omitempty"`
	Gone         []gone       `json:"gone,omitempty"`
	Sources      []source     `json:"sources,omitempty"`
	Events       []event      `json:"events,omitempty"`
	Known        []event      `json:"known,omitempty"` // of the parts before
}

type service struct {
	Name string            `json:"name"`
	Tags []string          `json:"tags,omitempty"`
	Meta map[string]string `json:"meta,omitempty"`
	GRPC bool              `json:"grpc,omitempty"`
}

type provenance struct {
	Source string    `json:"source,omitempty"`
	Query  string    `json:"query,omitempty"`
	At     time.Time `json:"at,omitzero"`
	Feed   string    `json:"feed,omitempty"`
}

type instance struct {
	ID      string            `json:"id"`
	Service string            `json:"service"`
	Addr    string            `json:"address,omitempty"`
	Version string            `json:"version,omitempty"`
	Zone    string            `json:"zone,omitempty"`
	Tags    []string          `json:"tags,omitempty"`
	Meta    map[string]string `json:"meta,omitempty"`
	Catalog fleet.Status      `json:"catalog,omitempty"`
	GRPC    bool              `json:"grpc,omitempty"`
	Origin  int               `json:"from,omitempty"`
}

type health struct {
	Instance instance          `json:"instance"`
	Name     string            `json:"name,omitempty"`
	State    fleet.HealthState `json:"state"`
	Latency  time.Duration     `json:"latency,omitempty"`
	Error    string            `json:"error,omitempty"`
	Hint     string            `json:"hint,omitempty"`
	Origin   int               `json:"from,omitempty"`
}

type breaker struct {
	Caller    instance           `json:"caller"`
	Name      string             `json:"name"`
	Target    string             `json:"target,omitempty"`
	State     fleet.BreakerState `json:"state"`
	Ratio     number             `json:"ratio,omitzero"`
	Raw       string             `json:"raw,omitempty"`
	Override  fleet.Override     `json:"override,omitempty"`
	Flapping  bool               `json:"flapping,omitempty"`
	Since     time.Time          `json:"since,omitzero"`
	Trips     int64              `json:"trips,omitempty"`
	LastError string             `json:"last_error,omitempty"`
	NextProbe time.Time          `json:"next_probe,omitzero"`
	Counts    [4]int64           `json:"counts,omitzero"` // requests, successes, failures, consecutive failures
	ETag      string             `json:"etag,omitempty"`
	Origin    int                `json:"from,omitempty"`
}

type red struct {
	Service    string            `json:"service"`
	Method     string            `json:"method,omitempty"`
	Instance   string            `json:"instance,omitempty"`
	Caller     string            `json:"caller,omitempty"`
	Side       fleet.Side        `json:"side,omitempty"`
	Rate       number            `json:"rate"`
	ErrorRatio number            `json:"error_ratio"`
	Codes      map[string]number `json:"codes,omitempty"`
	P50        number            `json:"p50"` // seconds, as the other two
	P95        number            `json:"p95"`
	P99        number            `json:"p99"`
	Bound      number            `json:"bound,omitempty"`
	Window     time.Duration     `json:"window,omitempty"`
	Dialect    string            `json:"dialect,omitempty"`
	Notes      []string          `json:"notes,omitempty"`
	Unknown    []string          `json:"unknown,omitempty"`
	Origin     int               `json:"from,omitempty"`
}

type dependency struct {
	Caller string `json:"caller"`
	Callee string `json:"callee"`
	Method string `json:"method,omitempty"`
	RED    red    `json:"red"`
	Origin int    `json:"from,omitempty"`
}

type slo struct {
	Service    string        `json:"service"`
	Objective  number        `json:"objective"`
	Window     time.Duration `json:"window,omitempty"`
	BudgetLeft number        `json:"budget_left"`
	BurnRate   number        `json:"burn_rate"`
	BurnWindow time.Duration `json:"burn_window,omitempty"`
	Unknown    []string      `json:"unknown,omitempty"`
	Origin     int           `json:"from,omitempty"`
}

type gone struct {
	Kind    string    `json:"kind"`
	Service string    `json:"service"`
	Key     [4]string `json:"key"`
}

type source struct {
	Name    string             `json:"name"`
	Status  fleet.SourceStatus `json:"status"`
	Since   time.Time          `json:"since,omitzero"`
	At      time.Time          `json:"at,omitzero"`
	Turn    time.Time          `json:"turn,omitzero"`
	Error   string             `json:"error,omitempty"`
	Hint    string             `json:"hint,omitempty"`
	Dropped int                `json:"dropped,omitempty"`
	Missing []missing          `json:"missing,omitempty"`
	Notes   []string           `json:"notes,omitempty"`
}

type missing struct {
	Service  string `json:"service,omitempty"`
	Instance string `json:"instance,omitempty"`
	What     string `json:"what,omitempty"`
	Error    string `json:"error,omitempty"`
}

type event struct {
	At       time.Time       `json:"at"`
	Kind     fleet.EventKind `json:"kind"`
	Service  string          `json:"service,omitempty"`
	Instance string          `json:"instance,omitempty"`
	Subject  string          `json:"subject,omitempty"`
	From     string          `json:"was,omitempty"`
	To       string          `json:"is,omitempty"`
	Exact    bool            `json:"exact,omitempty"`
	Origin   int             `json:"from,omitempty"`
}

// number is a float64 that may be unknown or infinite.
type number float64

// MarshalJSON implements json.Marshaler.
func (n number) MarshalJSON() ([]byte, error) {
	f := float64(n)
	switch {
	case math.IsNaN(f):
		return []byte("null"), nil
	case math.IsInf(f, 1):
		return []byte(`"+Inf"`), nil
	case math.IsInf(f, -1):
		return []byte(`"-Inf"`), nil
	default:
		return strconv.AppendFloat(nil, f, 'g', -1, 64), nil
	}
}

// UnmarshalJSON implements json.Unmarshaler.
func (n *number) UnmarshalJSON(raw []byte) error {
	switch string(raw) {
	case "null":
		*n = number(math.NaN())
	case `"+Inf"`:
		*n = number(math.Inf(1))
	case `"-Inf"`:
		*n = number(math.Inf(-1))
	default:
		f, err := strconv.ParseFloat(string(raw), 64)
		if err != nil {
			return err
		}
		*n = number(f)
	}
	return nil
}

// textOf splits an error into what can be kept of it.
func textOf(err error) (text, hint string) {
	if err == nil {
		return "", ""
	}
	var e *fleet.Error
	if errors.As(err, &e) {
		hint = e.Hint
	}
	return err.Error(), hint
}

func errorOf(text, hint string) error {
	if text == "" {
		return nil
	}
	return &fleet.Error{What: text, Hint: hint}
}
