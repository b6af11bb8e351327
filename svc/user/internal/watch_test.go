package internal

import (
	"context"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	userv1 "github.com/gctl-dev/gctl/svc/user/api"
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

func (*busy) Identity() string { return "busy" }

func (b *busy) Wait(context.Context, int64) error { return nil }

// recorder is a client that keeps what it is sent.
type recorder struct {
	grpc.ServerStreamingServer[userv1.UserChange]

	ctx  context.Context
	sent []*userv1.UserChange
}

func (r *recorder) Context() context.Context        { return r.ctx }
func (*recorder) SendHeader(metadata.MD) error      { return nil }
func (r *recorder) Send(c *userv1.UserChange) error { r.sent = append(r.sent, c); return nil }

// quiet has one change of u-1 behind many of others.
type quiet struct{ repository.Repository }

const changesOfOthers = 12_000

func (quiet) Identity() string { return "quiet" }

func (quiet) Changes(_ context.Context, after int64, limit int) ([]repository.Change, error) {
	var changes []repository.Change
	for seq := after + 1; seq <= changesOfOthers+1 && len(changes) < limit; seq++ {
		c := repository.Change{Seq: seq, Kind: repository.Updated, User: repository.User{ID: "u-2"}}
		if seq > changesOfOthers {
			c.User.ID = "u-1"
		}
		changes = append(changes, c)
	}
	return changes, nil
}

func (quiet) Wait(context.Context, int64) error { return repository.ErrAway }

func TestAWatchOfSomeUsersTellsHowFarItIs(t *testing.T) {
	r := &recorder{ctx: t.Context()}
	request := &userv1.WatchUsersRequest{Ids: []string{"u-1"}, Token: changeToken("quiet", 0)}
	if err := NewServer(quiet{}, nil).WatchUsers(request, r); status.Code(err) != codes.Unavailable {
		t.Errorf("WatchUsers = %v", err)
	}
	told := int64(0)
	for _, m := range r.sent {
		seq, err := parseChangeToken("token", m.GetToken(), "quiet")
		if err != nil || seq <= told || seq > told+checkpointEvery {
			t.Errorf("%v behind %d: %v", m, told, err)
		}
		told = seq
	}
	if n := len(r.sent); n != 13 || r.sent[n-1].GetUpdated().GetId() != "u-1" || r.sent[0].GetCheckpoint() == nil {
		t.Errorf("%d messages: %v", n, r.sent)
	}
}

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
