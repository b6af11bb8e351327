package channelz

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc"
	channelzpb "google.golang.org/grpc/channelz/grpc_channelz_v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/gctl-dev/gctl/fleet"
)

// reading is the reading of one process.
type reading struct {
	client channelzpb.ChannelzClient
	limits Limits
	own    string // our address

	unread  int
	sockets []wanted // to be read at last, all at once
}

// wanted is a connection and where it belongs.
type wanted struct {
	id int64
	to *[]fleet.Socket
}

// all fills the tree.
func (r *reading) all(ctx context.Context, tree *fleet.ChannelTree) error {
	channels, err := r.topChannels(ctx)
	if err != nil {
		return err
	}
	if tree.Channels, err = r.readChannels(ctx, channels); err != nil {
		return err
	}
	if tree.Servers, err = r.servers(ctx); err != nil {
		return err
	}
	if err := r.readSockets(ctx); err != nil {
		return err
	}
	tree.Unread, tree.Now = r.unread, now(tree)
	return nil
}

// now tells the time by the clock of the process: it has just received our own
// question.
func now(tree *fleet.ChannelTree) time.Time {
	var last time.Time
	for _, s := range tree.Servers {
		for i := range s.Sockets {
			if at := s.Sockets[i].LastReceived; at.After(last) {
				last = at
			}
		}
	}
	if last.IsZero() {
		return time.Now()
	}
	return last
}

// take cuts a list to what the limit leaves and counts the rest as unread.
func take[T any](r *reading, list []T, limit *int) []T {
	n := min(len(list), *limit)
	*limit -= n
	r.unread += len(list) - n
	return list[:n]
}

// topChannels reads page after page.
func (r *reading) topChannels(ctx context.Context) ([]*channelzpb.Channel, error) {
	var all []*channelzpb.Channel
	var from int64
	for {
		var p peer.Peer
		page, err := r.client.GetTopChannels(ctx, &channelzpb.GetTopChannelsRequest{StartChannelId: from}, grpc.Peer(&p))
		if err != nil {
			return nil, err
		}
		r.own = own(&p)
		all = append(all, take(r, page.GetChannel(), &r.limits.Channels)...)
		next := from
		for _, c := range page.GetChannel() {
			next = max(next, c.GetRef().GetChannelId()+1)
		}
		if page.GetEnd() || next == from {
			return all, nil
		}
		if r.limits.Channels == 0 {
			r.unread++ // at least one more
			return all, nil
		}
		from = next
	}
}

// readChannels reads what is under the channels, nested channels after those
// they are in.
func (r *reading) readChannels(ctx context.Context, level []*channelzpb.Channel) ([]fleet.Channel, error) {
	var found []*channelzpb.Channel
	parents := map[int64]int64{}
	seen := map[int64]bool{}
	for len(level) > 0 {
		found = append(found, level...)
		var inside []int64
		for _, c := range level {
			seen[c.GetRef().GetChannelId()] = true
			for _, ref := range c.GetChannelRef() {
				if id := ref.GetChannelId(); !seen[id] { // a cycle would be a lie
					seen[id] = true
					parents[id] = c.GetRef().GetChannelId()
					inside = append(inside, id)
				}
			}
		}
		inside = take(r, inside, &r.limits.Channels)
		var err error
		level, err = each(ctx, inside, func(ctx context.Context, id int64) (*channelzpb.Channel, error) {
			answer, err := r.client.GetChannel(ctx, &channelzpb.GetChannelRequest{ChannelId: id})
			return answer.GetChannel(), err
		})
		if err != nil {
			return nil, err
		}
	}
	channels := make([]fleet.Channel, len(found))
	for i, c := range found {
		channels[i] = newChannel(c, parents[c.GetRef().GetChannelId()])
	}
	return channels, r.readSubchannels(ctx, found, channels)
}

func (r *reading) readSubchannels(ctx context.Context, found []*channelzpb.Channel, channels []fleet.Channel) error {
	var ids []int64
	var owners []int
	for i, c := range found {
		refs := take(r, c.GetSubchannelRef(), &r.limits.Subchannels)
		for _, ref := range refs {
			ids, owners = append(ids, ref.GetSubchannelId()), append(owners, i)
		}
	}
	subs, err := eachOrNil(ctx, ids, func(ctx context.Context, id int64) (*channelzpb.Subchannel, error) {
		answer, err := r.client.GetSubchannel(ctx, &channelzpb.GetSubchannelRequest{SubchannelId: id})
		return answer.GetSubchannel(), err
	})
	if err != nil {
		return err
	}
	for i, s := range subs {
		if s != nil {
			to := &channels[owners[i]]
			to.Subchannels = append(to.Subchannels, newSubchannel(s))
		}
	}
	index := make([]int, len(channels))
	for i, s := range subs {
		if s == nil {
			continue
		}
		sub := &channels[owners[i]].Subchannels[index[owners[i]]]
		index[owners[i]]++
		for _, ref := range take(r, s.GetSocketRef(), &r.limits.Sockets) {
			r.sockets = append(r.sockets, wanted{ref.GetSocketId(), &sub.Sockets})
		}
	}
	return nil
}

// servers reads the servers and which connections they have.
func (r *reading) servers(ctx context.Context) ([]fleet.ChannelServer, error) {
	var found []*channelzpb.Server
	var from int64
	for {
		page, err := r.client.GetServers(ctx, &channelzpb.GetServersRequest{StartServerId: from})
		if err != nil {
			return nil, err
		}
		found = append(found, take(r, page.GetServer(), &r.limits.Servers)...)
		next := from
		for _, s := range page.GetServer() {
			next = max(next, s.GetRef().GetServerId()+1)
		}
		if page.GetEnd() || next == from || r.limits.Servers == 0 {
			break
		}
		from = next
	}
	servers := make([]fleet.ChannelServer, len(found))
	for i, s := range found {
		servers[i] = newServer(s)
		if err := r.serverSockets(ctx, s.GetRef().GetServerId(), &servers[i].Sockets); err != nil {
			return nil, err
		}
	}
	return servers, nil
}

func (r *reading) serverSockets(ctx context.Context, server int64, to *[]fleet.Socket) error {
	var from int64
	for {
		page, err := r.client.GetServerSockets(ctx, &channelzpb.GetServerSocketsRequest{ServerId: server, StartSocketId: from})
		if gone(err) {
			return nil
		}
		if err != nil {
			return err
		}
		next := from
		for _, ref := range page.GetSocketRef() {
			next = max(next, ref.GetSocketId()+1)
		}
		for _, ref := range take(r, page.GetSocketRef(), &r.limits.Sockets) {
			r.sockets = append(r.sockets, wanted{ref.GetSocketId(), to})
		}
		if page.GetEnd() || next == from {
			return nil
		}
		if r.limits.Sockets == 0 {
			r.unread++ // at least one more
			return nil
		}
		from = next
	}
}

func (r *reading) readSockets(ctx context.Context) error {
	ids := make([]int64, len(r.sockets))
	for i := range r.sockets {
		ids[i] = r.sockets[i].id
	}
	sockets, err := eachOrNil(ctx, ids, func(ctx context.Context, id int64) (*channelzpb.Socket, error) {
		answer, err := r.client.GetSocket(ctx, &channelzpb.GetSocketRequest{SocketId: id, Summary: true})
		return answer.GetSocket(), err
	})
	if err != nil {
		return err
	}
	for i, s := range sockets {
		if s != nil {
			to := r.sockets[i].to
			*to = append(*to, newSocket(s, r.own))
		}
	}
	return nil
}

// gone tells that something has ended while it was read.
func gone(err error) bool { return status.Code(err) == codes.NotFound }

// eachOrNil reads all side by side. What has ended meanwhile is nil.
func eachOrNil[T any](ctx context.Context, ids []int64, read func(context.Context, int64) (*T, error)) ([]*T, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	found := make([]*T, len(ids))
	var once sync.Once
	var failed error
	fleet.Each(len(ids), func(i int) {
		one, err := read(ctx, ids[i])
		switch {
		case err == nil:
			found[i] = one
		case !gone(err):
			once.Do(func() { failed = err; cancel() })
		}
	})
	return found, failed
}

// each is eachOrNil without what has ended.
func each[T any](ctx context.Context, ids []int64, read func(context.Context, int64) (*T, error)) ([]*T, error) {
	found, err := eachOrNil(ctx, ids, read)
	n := 0
	for _, f := range found {
		if f != nil {
			found[n] = f
			n++
		}
	}
	return found[:n], err
}
