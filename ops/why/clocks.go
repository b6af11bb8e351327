package why

import "time"

// believe forgets since when something is, where that is said to be after the
// moment that is looked at: the clock of who said it is ahead.
func (f *Facts) believe() {
	unless := func(at *time.Time) {
		if at.After(f.At) {
			*at = time.Time{}
		}
	}
	for _, s := range f.Services {
		for i := range s.Instances {
			in := &s.Instances[i]
			unless(&in.Started)
			for j := range in.InForce {
				unless(&in.InForce[j].At)
			}
		}
		for i := range s.Breakers {
			unless(&s.Breakers[i].Since)
		}
	}
	// What was found by a search for what was, was at that moment at the latest.
	for i := range f.Traces {
		f.Traces[i].Start = atLatest(f.Traces[i].Start, f.At)
	}
	for i := range f.Events {
		f.Events[i].At = atLatest(f.Events[i].At, f.At)
	}
}

func atLatest(at, latest time.Time) time.Time {
	if at.After(latest) {
		return latest
	}
	return at
}
