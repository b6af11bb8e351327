package limit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/metadata"

	"github.com/gctl-dev/gctl/svc/kit/identity"
)

// ErrUnknown is returned for a limit that does not exist.
var ErrUnknown = errors.New("no such limit")

const (
	defaultMaxCallers = 10_000
	maxCallerBytes    = 256 // of a caller's name; it is the key of a bucket
)

// Options say what a Set has.
type Options struct {
	// Limits are any number of rates, and one concurrency at most. A call must
	// pass every rate limit that covers its method.
	Limits []Limit

	// CallerHeader is the metadata key, for example "x-caller", in which a
	// trusted peer names whom it calls for. Empty: there is none.
	CallerHeader string

	// TrustCaller tells whose CallerHeader is believed, by the identity in the
	// peer's certificate, "" without one. It must be set where CallerHeader is:
	// who may choose a name may choose a new one for every call.
	TrustCaller func(identity string) bool

	// MaxCallers is how many callers a rate limit tells apart; 10,000 if it is
	// 0. While there are more of them than that, those that come late share one
	// bucket.
	MaxCallers int
}

// Set is the limits of one server. Its interceptors go into the server's chain,
// its Status, Set and Reset are for the control API, and it is a
// prometheus.Collector. It is safe for concurrent use.
type Set struct {
	options     Options
	rates       []*rateLimit // the most special first
	concurrency *concurrency // nil without one
}

// Status is a limit as it is now.
type Status struct {
	Name     string
	Kind     Kind
	Methods  string
	Settings Settings

	Current  int // calls that may be in flight; 0 of a rate
	InFlight int

	// Calls since the start. In shadow mode the rejected ones were let in.
	Admitted, Rejected int64
}

// New checks the options.
func New(options Options) (*Set, error) {
	if options.CallerHeader != "" && options.TrustCaller == nil {
		return nil, fmt.Errorf("the header %s names callers: say whose is believed", options.CallerHeader)
	}
	if options.MaxCallers < 0 {
		return nil, errors.New("a negative number of callers")
	}
	options.MaxCallers = cmp.Or(options.MaxCallers, defaultMaxCallers)
	s := &Set{options: options}
	names := map[string]bool{}
	for _, l := range options.Limits {
		if err := l.check(); err != nil {
			return nil, err
		}
		if names[l.Name] {
			return nil, fmt.Errorf("limit %s is given twice", l.Name)
		}
		names[l.Name] = true
		switch {
		case l.Kind == Rate:
			s.rates = append(s.rates, newRateLimit(l, options.MaxCallers))
		case s.concurrency != nil:
			return nil, fmt.Errorf("limit %s: there is a concurrency limit already, %s", l.Name, s.concurrency.name)
		default:
			s.concurrency = newConcurrency(l)
		}
	}
	slices.SortFunc(s.rates, func(a, b *rateLimit) int {
		return cmp.Or(cmp.Compare(generality(a.methods), generality(b.methods)), strings.Compare(a.name, b.name))
	})
	return s, nil
}

// Status returns all limits, sorted by name.
func (s *Set) Status() []Status {
	var all []Status
	for _, r := range s.rates {
		all = append(all, r.status())
	}
	if s.concurrency != nil {
		all = append(all, s.concurrency.status())
	}
	slices.SortFunc(all, func(a, b Status) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Set replaces the settings of a limit, as a whole and at once. The error is
// ErrUnknown, or says what is wrong with the settings; then nothing has changed.
func (s *Set) Set(name string, settings Settings) error {
	return s.change(name, func(kind Kind, _ Settings) (Settings, error) {
		return settings, settings.check(kind)
	})
}

// Check tells what Set would answer, and changes nothing.
func (s *Set) Check(name string, settings Settings) error {
	for _, status := range s.Status() {
		if status.Name == name {
			return settings.check(status.Kind)
		}
	}
	return fmt.Errorf("%w: %s", ErrUnknown, name)
}

// Reset puts the configured settings of a limit back. The error is ErrUnknown.
func (s *Set) Reset(name string) error {
	return s.change(name, func(_ Kind, configured Settings) (Settings, error) { return configured, nil })
}

func (s *Set) change(name string, settings func(Kind, Settings) (Settings, error)) error {
	for _, r := range s.rates {
		if r.name != name {
			continue
		}
		next, err := settings(Rate, r.configured)
		if err == nil {
			r.set(next, time.Now())
		}
		return err
	}
	if c := s.concurrency; c != nil && c.name == name {
		next, err := settings(Concurrency, c.configured)
		if err == nil {
			c.set(next)
		}
		return err
	}
	return fmt.Errorf("%w: %s", ErrUnknown, name)
}

// caller returns whose bucket a call takes from.
func (s *Set) caller(ctx context.Context) string {
	if name := s.Caller(ctx); name != "" {
		return name
	}
	return printable(identity.Caller(ctx))
}

// Caller returns whom a call is for: whom a trusted peer names in CallerHeader,
// else the identity in the certificate that the server verified, or "" without
// one. It is UTF-8 and has at most 256 bytes.
func (s *Set) Caller(ctx context.Context) string {
	id := identity.Of(ctx)
	if s.options.CallerHeader != "" && s.options.TrustCaller(id) {
		if values := metadata.ValueFromIncomingContext(ctx, s.options.CallerHeader); len(values) > 0 && values[0] != "" {
			return printable(values[0])
		}
	}
	return printable(id)
}

// printable makes a name fit for a bucket and for an error.
func printable(name string) string {
	return strings.ToValidUTF8(name[:min(len(name), maxCallerBytes)], "?")
}

// take takes a token of every rate limit that covers the method. If one refuses,
// the tokens of the others are given back.
func (s *Set) take(ctx context.Context, method string) error {
	if len(s.rates) == 0 || exempt(method) {
		return nil
	}
	now := time.Now()
	var caller string
	var room [4]pass // mostly enough, and needs no allocation
	passed := room[:0]
	for _, r := range s.rates {
		if !covers(r.methods, method) {
			continue
		}
		if caller == "" {
			caller = s.caller(ctx)
		}
		v := r.take(caller, now)
		if v.refused && !v.shadow {
			r.counts.rejected.Add(1)
			for _, p := range passed {
				p.undo(now)
			}
			return rateRefused(r.name, r.methods, caller, v.wait)
		}
		passed = append(passed, pass{r, v})
	}
	for _, p := range passed {
		p.count()
	}
	return nil
}

// pass is a rate limit that has let a call in.
type pass struct {
	by *rateLimit
	verdict
}

func (p pass) count() {
	if p.refused {
		p.by.counts.shadowed.Add(1)
	} else {
		p.by.counts.admitted.Add(1)
	}
}

func (p pass) undo(now time.Time) {
	if p.reservation != nil {
		p.reservation.CancelAt(now)
	}
}
