package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gctl-dev/gctl/svc/user/repository"
)

const rollbackTimeout = time.Second

// write runs do in a transaction that holds the lock of the store and has
// loaded what asked says, commits what do recorded, and wakes the watchers.
func (s *Store) write(ctx context.Context, asked asked, do func(context.Context, *writer) error) error {
	var w *writer
	err := s.limited(ctx, func(ctx context.Context) error {
		tx, err := s.begin(ctx)
		if err != nil {
			return err
		}
		defer rollback(ctx, tx)
		w = &writer{tx: tx, users: map[string]repository.User{}, owners: map[string]string{}}
		if err := w.lock(ctx, asked); err != nil {
			return err
		}
		if err := do(ctx, w); err != nil {
			return err
		}
		return w.commit(ctx)
	})
	if err == nil {
		s.latest.Saw(w.last)
	}
	return err
}

// rollback ends a transaction that was not committed; after a commit it does
// nothing.
func rollback(ctx context.Context, tx pgx.Tx) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
	defer cancel()
	_ = tx.Rollback(ctx) // what fails here ends with the connection
}

// Create implements repository.Repository.
func (s *Store) Create(ctx context.Context, u repository.User, r repository.Request) (repository.User, error) {
	err := s.write(ctx, asked{ids: []string{u.ID}, emails: []string{u.Email}, request: r}, func(_ context.Context, w *writer) error {
		if w.before != nil {
			u = *w.before
			return nil
		}
		if _, exists := w.users[u.ID]; exists {
			return &repository.TakenError{Field: "id", Value: u.ID}
		}
		var err error
		if u, err = w.put(u); err != nil {
			return err
		}
		return w.remember(r, u)
	})
	return u, err
}

// Update implements repository.Repository.
func (s *Store) Update(ctx context.Context, id string, change func(*repository.User) error) (repository.User, error) {
	var u repository.User
	err := s.write(ctx, asked{ids: []string{id}}, func(ctx context.Context, w *writer) error {
		old, exists := w.users[id]
		if !exists {
			return repository.ErrNotFound
		}
		u = old
		if err := change(&u); err != nil {
			return refusal{err}
		}
		u.ID = old.ID
		if err := w.load(ctx, nil, []string{u.Email}); err != nil {
			return err
		}
		var err error
		u, err = w.put(u)
		return err
	})
	return u, err
}

// Delete implements repository.Repository.
func (s *Store) Delete(ctx context.Context, id string, allow func(repository.User) error) error {
	return s.write(ctx, asked{ids: []string{id}}, func(_ context.Context, w *writer) error {
		u, exists := w.users[id]
		if !exists {
			return repository.ErrNotFound
		}
		if allow != nil {
			if err := allow(u); err != nil {
				return refusal{err}
			}
		}
		return w.remove(u)
	})
}

// Put implements repository.Repository.
func (s *Store) Put(ctx context.Context, users []repository.User) ([]repository.PutResult, error) {
	var a asked
	for _, u := range users {
		a.ids, a.emails = append(a.ids, u.ID), append(a.emails, u.Email)
	}
	results := make([]repository.PutResult, len(users))
	err := s.write(ctx, a, func(_ context.Context, w *writer) error {
		for i, u := range users {
			_, exists := w.users[u.ID]
			stored, err := w.put(u)
			if err != nil && !own(err) {
				return err
			}
			results[i] = repository.PutResult{User: stored, Created: err == nil && !exists, Err: err}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}
