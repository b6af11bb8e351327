package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/gctl-dev/gctl/svc/user/repository"
)

// write runs do in a transaction that holds the write lock, and wakes the
// watchers once what do recorded is committed.
func (s *Store) write(ctx context.Context, do func(*sql.Tx) error) error {
	return fault(ctx, s.transact(ctx, do))
}

func (s *Store) transact(ctx context.Context, do func(*sql.Tx) error) error {
	// Writers of this process queue here: SQLite's own waiting is a poll.
	select {
	case s.writing <- struct{}{}:
		defer func() { <-s.writing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	if err := do(tx); err != nil {
		return err
	}
	var last int64
	if err := tx.QueryRowContext(ctx, "SELECT coalesce(max(seq), 0) FROM changes").Scan(&last); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	s.latest.Saw(last)
	return nil
}

// Create implements repository.Repository.
func (s *Store) Create(ctx context.Context, u repository.User, r repository.Request) (repository.User, error) {
	err := s.write(ctx, func(tx *sql.Tx) error {
		if before, found, err := repeated(ctx, tx, r, s.now()); err != nil || found {
			u = before
			return err
		}
		if _, err := get(ctx, tx, u.ID); !errors.Is(err, repository.ErrNotFound) {
			if err == nil {
				err = &repository.TakenError{Field: "id", Value: u.ID}
			}
			return err
		}
		var err error
		if u, err = s.store(ctx, tx, repository.Created, u); err != nil {
			return err
		}
		return remember(ctx, tx, r, u)
	})
	return u, err
}

// Update implements repository.Repository.
func (s *Store) Update(ctx context.Context, id string, change func(*repository.User) error) (repository.User, error) {
	var u repository.User
	err := s.write(ctx, func(tx *sql.Tx) error {
		old, err := get(ctx, tx, id)
		if err != nil {
			return err
		}
		u = old
		if err := change(&u); err != nil {
			return err
		}
		u.ID, u.Created = old.ID, old.Created
		u, err = s.store(ctx, tx, repository.Updated, u)
		return err
	})
	return u, err
}

// Delete implements repository.Repository.
func (s *Store) Delete(ctx context.Context, id string, allow func(repository.User) error) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		u, err := get(ctx, tx, id)
		if err != nil {
			return err
		}
		if allow != nil {
			if err := allow(u); err != nil {
				return err
			}
		}
		if _, err := record(ctx, tx, repository.Deleted, u, s.now()); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "DELETE FROM users WHERE id = ?", id)
		return err
	})
}

// Put implements repository.Repository.
func (s *Store) Put(ctx context.Context, users []repository.User) ([]repository.PutResult, error) {
	results := make([]repository.PutResult, len(users))
	err := s.write(ctx, func(tx *sql.Tx) error {
		for i, u := range users {
			r, err := s.put(ctx, tx, u)
			if err != nil {
				return err
			}
			results[i] = r
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

// put stores one user of a Put; its error ends the transaction.
func (s *Store) put(ctx context.Context, tx *sql.Tx, u repository.User) (repository.PutResult, error) {
	kind := repository.Updated
	old, err := get(ctx, tx, u.ID)
	switch {
	case errors.Is(err, repository.ErrNotFound):
		kind = repository.Created
	case err != nil:
		return repository.PutResult{}, err
	default:
		u.Created = old.Created
	}
	stored, err := s.store(ctx, tx, kind, u)
	var taken *repository.TakenError
	if err != nil && !errors.As(err, &taken) {
		return repository.PutResult{}, err
	}
	return repository.PutResult{User: stored, Created: err == nil && kind == repository.Created, Err: err}, nil
}

// store writes a user and its change. It returns a *TakenError, with nothing
// written, if another user has the e-mail.
func (s *Store) store(ctx context.Context, tx *sql.Tx, kind repository.ChangeKind, u repository.User) (repository.User, error) {
	var other string
	err := tx.QueryRowContext(ctx, "SELECT id FROM users WHERE email = ? AND id <> ?", u.Email, u.ID).Scan(&other)
	if err == nil {
		return u, &repository.TakenError{Field: "email", Value: u.Email}
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return u, err
	}
	u.Updated = s.now().UTC().Round(0)
	if kind == repository.Created {
		u.Created = u.Updated
	}
	if u.Revision, err = record(ctx, tx, kind, u, u.Updated); err != nil {
		return u, err
	}
	return u, insert(ctx, tx, u)
}
