package internal

import (
	"context"
	"strings"
	"testing"

	userv1 "github.com/gctl-dev/gctl/svc/user/api"
	"github.com/gctl-dev/gctl/svc/user/repository"
)

// broken is a store with a bug.
type broken struct{ repository.Repository }

func (broken) Position(context.Context) (int64, error) { panic("a bug in the store") }

// startOnly is a client that sends its start and then nothing.
type startOnly struct {
	syncStream

	ctx  context.Context
	sent bool
}

func (s *startOnly) Context() context.Context { return s.ctx }

func (s *startOnly) Recv() (*userv1.SyncUsersRequest, error) {
	if s.sent {
		<-s.ctx.Done()
		return nil, s.ctx.Err()
	}
	s.sent = true
	return &userv1.SyncUsersRequest{Message: &userv1.SyncUsersRequest_Start{Start: &userv1.SyncStart{}}}, nil
}

// A panic in one of the goroutines of a sync must reach the goroutine of the
// handler: only there the server turns it into a status.
func TestAPanicInASyncIsTheHandlers(t *testing.T) {
	defer func() {
		text, _ := recover().(string)
		if !strings.Contains(text, "a bug in the store") || !strings.Contains(text, "sync_test.go") {
			t.Errorf("recovered %q, want the panic and where it was", text)
		}
	}()
	err := NewServer(broken{}, nil).SyncUsers(&startOnly{ctx: t.Context()})
	t.Errorf("SyncUsers returned %v", err)
}
