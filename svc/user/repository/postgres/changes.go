package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/gctl-dev/gctl/svc/user/repository"
)

// Position implements repository.Repository.
func (s *Store) Position(ctx context.Context) (int64, error) {
	var last int64
	err := s.read(ctx, func(ctx context.Context) error {
		return s.pool.QueryRow(ctx, "SELECT last FROM store").Scan(&last)
	})
	return last, err
}

// Changes implements repository.Repository.
func (s *Store) Changes(ctx context.Context, after int64, limit int) ([]repository.Change, error) {
	var changes []repository.Change
	err := s.read(ctx, func(ctx context.Context) error {
		rows, err := s.pool.Query(ctx, "SELECT seq, kind, content, at FROM changes WHERE seq > $1 ORDER BY seq LIMIT $2", after, limit)
		if err != nil {
			return err
		}
		changes, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (repository.Change, error) {
			var c repository.Change
			var content []byte
			if err := row.Scan(&c.Seq, &c.Kind, &content, &c.At); err != nil {
				return c, err
			}
			var err error
			c.User, err = repository.Decode(content)
			c.User.Revision, c.At = c.Seq, c.At.UTC()
			return c, err
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return changes, s.gap(ctx, after, changes)
}

// gap returns ErrTooOld if changes behind after are missing, or if the store
// never got as far as after.
func (s *Store) gap(ctx context.Context, after int64, changes []repository.Change) error {
	if len(changes) > 0 {
		if changes[0].Seq != after+1 {
			return repository.ErrTooOld
		}
		return nil
	}
	last, err := s.Position(ctx)
	if err == nil && after > last {
		return repository.ErrTooOld
	}
	return err
}

// Wait implements repository.Repository.
func (s *Store) Wait(ctx context.Context, after int64) error {
	return s.latest.Wait(ctx, after, s.done)
}
