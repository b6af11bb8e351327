package fleet

import "time"

// clockAhead is how far another clock may be ahead of this one before what it says
// is not believed.
const clockAhead = 2 * time.Second

// believe takes out of facts what cannot be, since it is said to have been in the
// future: the clock of who said it is ahead. Since when a breaker is in its
// state is then unknown; an answer is of now at the latest.
func (f *Facts) believe(now time.Time) {
	believeOrigin(&f.Provenance, now)
	for i := range f.Health {
		believeOrigin(&f.Health[i].Provenance, now)
	}
	for i := range f.Breakers {
		b := &f.Breakers[i]
		believeOrigin(&b.Provenance, now)
		if b.Since.After(now.Add(clockAhead)) {
			b.Since = time.Time{}
		}
	}
	for i := range f.REDs {
		believeOrigin(&f.REDs[i].Provenance, now)
	}
	for i := range f.Dependencies {
		believeOrigin(&f.Dependencies[i].Provenance, now)
		believeOrigin(&f.Dependencies[i].RED.Provenance, now)
	}
	for i := range f.SLOs {
		believeOrigin(&f.SLOs[i].Provenance, now)
	}
}

func believeOrigin(p *Provenance, now time.Time) {
	if p.At.After(now) {
		p.At = now
	}
}
