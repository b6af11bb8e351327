package control

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	controlv1 "github.com/gctl-dev/gctl/api/gctl/control/v1"
)

const (
	// retryAfter is when a revert that failed is tried again.
	retryAfter = time.Second
	// maxVersions bounds what is remembered of faults that have ended.
	maxVersions = 1000

	faultPrefix = "fault/"
)

// ledger is the one place for changes: which are in force, how each is undone,
// and which etag every resource has. Its lock makes changes one after the other.
type ledger struct {
	trail   trail
	limit   int                   // of leases
	changed func(resource string) // called after each change, with mu held

	mu       sync.Mutex
	closed   bool
	leases   map[string]*lease
	nonce    []byte // tells the etags of one process from those of the next
	counter  uint64
	versions map[string]uint64 // counter at the last change of a resource
	floor    uint64            // version of faults that are no longer in versions
}

// lease is a change in force.
type lease struct {
	entry

	target target
	timer  *time.Timer // nil for what lasts
}

// wish is what somebody asks for.
type wish struct {
	resource string
	mutation *controlv1.Mutation
	actor    string
	value    string // as people read it
	release  bool   // back to what is configured
	lasting  bool   // never reverts
}

// target is a resource that can be changed. The ledger calls its functions with
// the lock held.
type target struct {
	read   func() string // the value now, as people read it
	apply  func() error
	revert func() error // to what is configured
}

func newLedger(options Options, changed func(string)) *ledger {
	nonce := make([]byte, 16)
	_, _ = rand.Read(nonce) // never fails
	return &ledger{
		trail: trail{options.Log}, limit: options.MaxChanges, changed: changed,
		leases: map[string]*lease{}, versions: map[string]uint64{}, nonce: nonce,
	}
}

// change makes the wish come true, or only checks it. find looks for the target
// and refuses what is wrong with the wish; then, after a change and in any case
// with the lock held, is called to read what the response says.
func (l *ledger) change(ctx context.Context, w wish, find func() (target, error), then func()) (*controlv1.Change, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	e := entry{requestID: requestID(ctx), change: &controlv1.Change{
		Resource: w.resource, Value: w.value, Reason: clean(w.mutation.GetReason()), Actor: clean(w.actor),
		SetTime: timestamppb.New(now),
	}}
	if !w.release && !w.lasting {
		e.ttl = w.mutation.GetTtl().AsDuration()
		e.change.ExpireTime = timestamppb.New(now.Add(e.ttl))
	}
	t, err := l.admit(w, &e, find)
	if err == nil && !w.mutation.GetValidateOnly() {
		err = l.put(ctx, w, e, t)
	}
	if err != nil {
		if !w.mutation.GetValidateOnly() && !errors.Is(err, errJoin) {
			l.trail.refused(ctx, e, err)
		}
		return nil, err
	}
	then()
	return proto.CloneOf(e.change), nil
}

// admit checks all that can be checked before the change; mu is held.
func (l *ledger) admit(w wish, e *entry, find func() (target, error)) (target, error) {
	if l.closed {
		return target{}, stopping()
	}
	t, err := find()
	if err != nil {
		return target{}, err
	}
	e.old = t.read()
	e.change.Etag = l.etag(w.resource, e.old)
	given := w.mutation.GetEtag()
	if given != e.change.GetEtag() && given != "*" && (given != "" || !w.mutation.GetValidateOnly()) {
		return target{}, mismatch(given, e.change.GetEtag())
	}
	if l.leases[w.resource] == nil && !w.release && !w.lasting && len(l.leases) >= l.limit {
		return target{}, fail(codes.ResourceExhausted, ReasonTooMany,
			fmt.Sprintf("%d changes are in force: release one, or wait until one reverts", len(l.leases)), nil)
	}
	return t, nil
}

// put makes a change that was admitted; mu is held.
func (l *ledger) put(ctx context.Context, w wish, e entry, t target) error {
	do := t.apply
	if w.release {
		do = t.revert
	}
	if err := do(); err != nil {
		return partError(err)
	}
	before := l.leases[w.resource]
	if before != nil && before.timer != nil {
		before.timer.Stop()
	}
	delete(l.leases, w.resource)
	if !w.release || before != nil || t.read() != e.old {
		l.bump(w.resource)
	}
	e.change.Etag = l.etag(w.resource, t.read())
	if !w.release {
		held := &lease{entry: e, target: t}
		if !w.lasting {
			held.timer = time.AfterFunc(e.ttl, func() { l.expire(held) }) //nolint:contextcheck // it reverts long after the RPC
		}
		l.leases[w.resource] = held
	}
	l.trail.made(ctx, e)
	l.changed(w.resource)
	return nil
}

// expire reverts a change at its end, unless it was replaced or released.
func (l *ledger) expire(held *lease) {
	l.mu.Lock()
	defer l.mu.Unlock()
	resource := held.change.GetResource()
	if l.closed || l.leases[resource] != held {
		return
	}
	e := entry{old: held.change.GetValue(), change: proto.CloneOf(held.change), requestID: held.requestID}
	if err := held.target.revert(); err != nil && status.Code(err) != codes.NotFound {
		l.trail.stuck(e, err)
		held.timer.Reset(retryAfter)
		return
	}
	delete(l.leases, resource)
	l.bump(resource)
	e.change.Value = held.target.read()
	e.change.Etag = l.etag(resource, e.change.GetValue())
	l.trail.reverted(e)
	l.changed(resource)
}

// changes returns copies of the changes in force, by resource.
func (l *ledger) changes() []*controlv1.Change {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]*controlv1.Change, 0, len(l.leases))
	for _, resource := range slices.Sorted(maps.Keys(l.leases)) {
		list = append(list, proto.CloneOf(l.leases[resource].change))
	}
	return list
}

// held returns the sorted names of the changes in force to resources with a prefix;
// mu is held.
func (l *ledger) held(prefix string) []string {
	var names []string
	for _, resource := range slices.Sorted(maps.Keys(l.leases)) {
		if name, ok := strings.CutPrefix(resource, prefix); ok {
			names = append(names, name)
		}
	}
	return names
}

// bump gives a resource a new version; mu is held. What has ended under a name
// that anybody may choose cannot be remembered for ever: the floor makes sure
// that an etag from before is never right again.
func (l *ledger) bump(resource string) {
	l.counter++
	l.versions[resource] = l.counter
	if len(l.versions) <= maxVersions {
		return
	}
	for name := range l.versions {
		if strings.HasPrefix(name, faultPrefix) && l.leases[name] == nil && name != resource {
			delete(l.versions, name)
			l.floor = l.counter
		}
	}
}

// etag returns the etag of a resource with a value; mu is held. The version is in
// it, so that it differs although the value is one of before, and the value, so
// that it differs although somebody else changed it.
func (l *ledger) etag(resource, value string) string {
	version, ok := l.versions[resource]
	if !ok && strings.HasPrefix(resource, faultPrefix) {
		version = l.floor
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%x %q %d %q", l.nonce, resource, version, value))
	return hex.EncodeToString(sum[:8])
}

// close forgets all changes without reverting them.
func (l *ledger) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, held := range l.leases {
		if held.timer != nil {
			held.timer.Stop()
		}
	}
	clear(l.leases)
}
