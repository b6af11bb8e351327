package control

import (
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	controlv1 "github.com/gctl-dev/gctl/api/gctl/control/v1"
)

// WatchBreakers implements gctl.control.v1.ControlService.
func (s *Server) WatchBreakers(r *controlv1.WatchBreakersRequest, stream grpc.ServerStreamingServer[controlv1.WatchBreakersResponse]) error {
	if s.options.Breakers == nil {
		return noPart("breakers")
	}
	if err := s.check(stream.Context(), r); err != nil {
		return err
	}
	w := &watcher{dirty: map[string]bool{}, wake: make(chan struct{}, 1)}
	defer s.options.Breakers.Watch(w.mark)() // before the snapshot: nothing falls between
	defer s.watchers.add(w)()
	snapshot := s.breakers(r.GetTarget())
	if err := stream.Send(&controlv1.WatchBreakersResponse{Breakers: snapshot}); err != nil {
		return err
	}
	sent := map[string]*controlv1.Breaker{}
	for _, b := range snapshot {
		sent[b.GetName()] = b
	}
	for sequence := int64(1); ; {
		select {
		case <-stream.Context().Done():
			return status.FromContextError(stream.Context().Err()).Err()
		case <-s.options.Stopping:
			return stopping()
		case <-s.closed:
			return stopping()
		case <-w.wake:
		}
		changed := s.news(r.GetTarget(), w.take(), sent)
		if len(changed) == 0 {
			continue
		}
		if err := stream.Send(&controlv1.WatchBreakersResponse{Sequence: sequence, Breakers: changed}); err != nil {
			return err
		}
		sequence++
	}
}

// news returns those of the named breakers that differ from what was sent, and
// notes them as sent.
func (s *Server) news(towards string, names map[string]bool, sent map[string]*controlv1.Breaker) []*controlv1.Breaker {
	var changed []*controlv1.Breaker
	for _, b := range s.breakers(towards) {
		if names[b.GetName()] && !proto.Equal(sent[b.GetName()], b) {
			changed = append(changed, b)
			sent[b.GetName()] = b
		}
	}
	return changed
}

// watcher collects the names of breakers that changed while its client was busy
// with what it was sent before: a slow client gets the last state of each,
// holds up nobody, and costs no more memory than there are breakers.
type watcher struct {
	wake chan struct{} // holds one

	mu    sync.Mutex
	dirty map[string]bool
}

func (w *watcher) mark(name string) {
	w.mu.Lock()
	w.dirty[name] = true
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *watcher) take() map[string]bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	dirty := w.dirty
	w.dirty = map[string]bool{}
	return dirty
}

// watchers hear of the changes that the server itself makes: an etag is new even
// where the breaker says nothing.
type watchers struct {
	mu  sync.Mutex
	all map[*watcher]struct{}
}

func (s *watchers) add(w *watcher) (remove func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[*watcher]struct{}{}
	}
	s.all[w] = struct{}{}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.all, w)
	}
}

func (s *watchers) mark(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for w := range s.all {
		w.mark(name)
	}
}
