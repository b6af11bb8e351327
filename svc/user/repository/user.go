// Package repository is the user directory as the service's own code knows it:
// the domain type, what can be asked of a store, and how a store says no. Each
// store is a sub-package; repositorytest is the suite that all of them pass.
package repository

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// User is a person in the directory.
type User struct {
	ID          string
	Email       string
	DisplayName string
	Role        Role
	State       State
	Phone       string // at most one of Phone and Chat is set
	Chat        string
	Groups      []string
	Labels      map[string]string
	Created     time.Time // the store sets it
	Updated     time.Time // the store sets it
	Revision    int64     // number of the last change; the store sets it
}

// Role is what a user may do.
type Role string

// The roles.
const (
	Member Role = "member"
	Editor Role = "editor"
	Admin  Role = "admin"
)

// State is whether a user may do it now.
type State string

// The states.
const (
	Active    State = "active"
	Invited   State = "invited"
	Suspended State = "suspended"
)

// Change is one change of one user. Changes are numbered by Seq in the order
// in which they were committed, over all processes that share the store.
type Change struct {
	Seq  int64
	Kind ChangeKind
	User User // as it was after the change, or before it was deleted
	At   time.Time
}

// ChangeKind is what was done to a user.
type ChangeKind string

// The kinds of change.
const (
	Created ChangeKind = "created"
	Updated ChangeKind = "updated"
	Deleted ChangeKind = "deleted"
)

// How a store says no.
var (
	// ErrNotFound: there is no user with the ID.
	ErrNotFound = errors.New("no such user")
	// ErrTooOld: changes behind the given number have been forgotten.
	ErrTooOld = errors.New("changes that old are no longer kept")
	// ErrReused: another request had the ID of this one.
	ErrReused = errors.New("the request ID belongs to another request")
)

// What may be the matter with a store. Other errors of a Repository, but those
// of contexts, are defects.
var (
	// ErrAway: the store cannot be reached, or does not take the work now.
	// Nothing says that a write was not done.
	ErrAway = errors.New("the store is away")
	// ErrSlow: the store did not answer in time. A write may have been done.
	ErrSlow = errors.New("the store is slow")
	// ErrFull: the store has no room for the work. Nothing was written.
	ErrFull = errors.New("the store is full")
)

// Request names a creation, so that its repetition creates nothing. The zero
// value names none.
type Request struct {
	ID   string
	Hash []byte // of what is asked for
}

// RequestsKept is how long a store remembers the requests that created users.
const RequestsKept = 24 * time.Hour

// TakenError is a value that another user has: of the field "id" or "email".
type TakenError struct{ Field, Value string }

// Error names the field and the value.
func (e *TakenError) Error() string { return fmt.Sprintf("%s %q is taken", e.Field, e.Value) }

// Repository stores users. All methods may be called concurrently, by several
// processes over one store. An acknowledged write survives the death of the
// process.
type Repository interface {
	// Identity returns what tells this store from all others: the numbers of
	// its changes mean nothing elsewhere. It never changes.
	Identity() string
	// Address returns where the users are, as a URL without a password.
	Address() string
	// Create adds a user. A *TakenError says that ID or e-mail is in use. A
	// request that has created a user before gets that one, as it was then, or
	// ErrReused if its hash is another one.
	Create(ctx context.Context, u User, r Request) (User, error)
	// Get returns one user, or ErrNotFound.
	Get(ctx context.Context, id string) (User, error)
	// GetMany returns those of the users that exist, in the order of ids.
	GetMany(ctx context.Context, ids []string) ([]User, error)
	// Update applies change to the present user and stores the result, with
	// no other write in between. An error of change is returned as it is.
	Update(ctx context.Context, id string, change func(*User) error) (User, error)
	// Delete removes a user if allow, where there is one, has no error about it.
	Delete(ctx context.Context, id string, allow func(User) error) error
	// Put creates or replaces users in one transaction. A user that cannot be
	// stored has its error in its result and does not hinder the others; the
	// error of Put itself says that nothing was stored.
	Put(ctx context.Context, users []User) ([]PutResult, error)
	// List returns the users that a query selects.
	List(ctx context.Context, q Query) ([]User, error)
	// Position returns the number of the last change, 0 before the first.
	Position(ctx context.Context) (int64, error)
	// Changes returns at most limit changes with a number greater than after,
	// in order, or ErrTooOld.
	Changes(ctx context.Context, after int64, limit int) ([]Change, error)
	// Wait returns nil as soon as there may be changes behind after, whoever
	// made them, or ctx's error.
	Wait(ctx context.Context, after int64) error
	// Close releases the store. Waiting calls return.
	Close() error
}

// PutResult is what became of one user of a Put.
type PutResult struct {
	User    User // as stored
	Created bool // false: replaced
	Err     error
}
