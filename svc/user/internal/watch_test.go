package internal

import (
	"context"
	"testing"

	"github.com/gctl-dev/gctl/svc/user/repository"
)

// busy is a store in which others write all the time: there is always one more
// change.
type busy struct {
	repository.Repository

	last int64
}

func (b *busy) Position(context.Context) (int64, error) {
	b.last++
	return b.last, nil
}

func (b *busy) Changes(_ context.Context, after int64, limit int) ([]repository.Change, error) {
	b.last += 2
	var changes []repository.Change
	for seq := after + 1; seq <= b.last && len(changes) < limit; seq++ {
		changes = append(changes, repository.Change{Seq: seq})
	}
	return changes, nil
}

func (b *busy) Wait(context.Context, int64) error { return nil }

func TestFollowEndsThoughOthersGoOnWriting(t *testing.T) {
	s := NewServer(&busy{last: 250}, nil)
	done := make(chan struct{})
	close(done)
	seen := int64(0)
	err := s.follow(t.Context(), 0, done, func(c repository.Change) error {
		if c.Seq != seen+1 || c.Seq > 1000 {
			t.Fatalf("change %d behind %d", c.Seq, seen)
		}
		seen = c.Seq
		return nil
	})
	if err != nil || seen < 251 {
		t.Errorf("the end came behind change %d: %v", seen, err)
	}
}
