package limit

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Kind says what a limit counts.
type Kind int

// The kinds of limits.
const (
	Rate        Kind = iota + 1 // calls a second, of each caller
	Concurrency                 // calls in flight, of all callers together
)

// String returns the kind as it is written in metrics.
func (k Kind) String() string {
	switch k {
	case Rate:
		return "rate"
	case Concurrency:
		return "concurrency"
	default:
		return "Kind(" + strconv.Itoa(int(k)) + ")"
	}
}

// Bounds on settings.
const (
	maxBurst       = 1_000_000
	maxConcurrency = 1_000_000
)

// Settings are what can be changed of a limit while it is in use.
type Settings struct {
	// Rate is how many calls a second each caller gets; 0 lets none in.
	Rate float64
	// Burst is how many calls of one caller may come at once.
	Burst int

	// MinConcurrency and MaxConcurrency are the bounds between which a
	// concurrency limit adapts. Equal bounds fix it.
	MinConcurrency, MaxConcurrency int

	// Shadow counts what would be refused and lets it in.
	Shadow bool
}

// check tells what is wrong with the settings of a limit of the given kind.
func (s *Settings) check(kind Kind) error {
	if kind == Concurrency {
		return s.checkConcurrency()
	}
	switch {
	case s.MinConcurrency != 0 || s.MaxConcurrency != 0:
		return errors.New("a rate limit has no bounds of concurrency")
	case math.IsNaN(s.Rate) || math.IsInf(s.Rate, 0) || s.Rate < 0:
		return errors.New("the rate must be a number of calls a second, 0 or more")
	case s.Burst < 0 || s.Burst > maxBurst:
		return fmt.Errorf("the burst must be between 0 and %d", maxBurst)
	case s.Rate > 0 && s.Burst == 0:
		return errors.New("a burst of 0 lets no call in at any rate: give at least 1, or set the rate to 0")
	}
	return nil
}

func (s *Settings) checkConcurrency() error {
	switch {
	case s.Rate != 0 || s.Burst != 0:
		return errors.New("a concurrency limit has no rate and no burst")
	case s.MinConcurrency < 1:
		return errors.New("the lower bound must be at least 1: with no call in flight nothing is learned")
	case s.MaxConcurrency > maxConcurrency:
		return fmt.Errorf("the upper bound must be at most %d", maxConcurrency)
	case s.MinConcurrency > s.MaxConcurrency:
		return fmt.Errorf("the lower bound %d is above the upper bound %d", s.MinConcurrency, s.MaxConcurrency)
	}
	return nil
}

// Limit is one limit as it is configured.
type Limit struct {
	Name     string // unique in a Set, for example "rate/default" or "concurrency"
	Kind     Kind
	Methods  string // "pkg.Service/Method", "pkg.Service/*" or "*"; a concurrency limit has "*"
	Settings Settings
}

// String returns the limit as ParseRate and ParseConcurrency read it.
func (l Limit) String() string {
	var b strings.Builder
	if l.Kind == Concurrency {
		fmt.Fprintf(&b, "%d..%d", l.Settings.MinConcurrency, l.Settings.MaxConcurrency)
	} else {
		rate := strconv.FormatFloat(l.Settings.Rate, 'f', -1, 64)
		fmt.Fprintf(&b, "%s=%s/s,burst=%d", l.Methods, rate, l.Settings.Burst)
	}
	if l.Settings.Shadow {
		b.WriteString(",shadow")
	}
	return b.String()
}

func (l Limit) check() error {
	if l.Name == "" {
		return errors.New("a limit has no name")
	}
	if l.Kind != Rate && l.Kind != Concurrency {
		return fmt.Errorf("limit %s: unknown kind %d", l.Name, int(l.Kind))
	}
	if err := checkPattern(l.Methods); err != nil {
		return fmt.Errorf("limit %s: %w", l.Name, err)
	}
	if l.Kind == Concurrency && l.Methods != everything {
		return fmt.Errorf("limit %s: a concurrency limit covers all methods, %q", l.Name, everything)
	}
	if err := l.Settings.check(l.Kind); err != nil {
		return fmt.Errorf("limit %s: %w", l.Name, err)
	}
	return nil
}
