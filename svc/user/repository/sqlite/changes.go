package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/gctl-dev/gctl/svc/user/repository"
)

// record appends a change and returns its number. Every keptChanges/10 changes
// it forgets the old ones.
func record(ctx context.Context, tx *sql.Tx, kind repository.ChangeKind, u repository.User, at time.Time) (int64, error) {
	data, err := repository.Encode(u)
	if err != nil {
		return 0, err
	}
	result, err := tx.ExecContext(ctx, "INSERT INTO changes (kind, user, at) VALUES (?, ?, ?)", kind, string(data), at.UnixNano())
	if err != nil {
		return 0, err
	}
	seq, err := result.LastInsertId()
	if err != nil {
		return 0, err
	}
	if seq%(keptChanges/10) == 0 {
		_, err = tx.ExecContext(ctx, "DELETE FROM changes WHERE seq <= ?", seq-keptChanges)
	}
	return seq, err
}

// Position implements repository.Repository.
func (s *Store) Position(ctx context.Context) (int64, error) {
	var seq int64
	err := s.db.QueryRowContext(ctx, "SELECT seq FROM sqlite_sequence WHERE name = 'changes'").Scan(&seq)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return seq, fault(ctx, err)
}

// Changes implements repository.Repository.
func (s *Store) Changes(ctx context.Context, after int64, limit int) ([]repository.Change, error) {
	changes, err := s.changes(ctx, after, limit)
	return changes, fault(ctx, err)
}

func (s *Store) changes(ctx context.Context, after int64, limit int) ([]repository.Change, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT seq, kind, user, at FROM changes WHERE seq > ? ORDER BY seq LIMIT ?", after, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	var changes []repository.Change
	for rows.Next() {
		var c repository.Change
		var user string
		var at int64
		if err := rows.Scan(&c.Seq, &c.Kind, &user, &at); err != nil {
			return nil, err
		}
		if c.User, err = repository.Decode([]byte(user)); err != nil {
			return nil, err
		}
		c.At = time.Unix(0, at).UTC()
		c.User.Revision = c.Seq
		changes = append(changes, c)
	}
	if err := rows.Err(); err != nil {
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

// poll looks for the changes of other processes. A look that fails is made up
// for by the next one.
func (s *Store) poll(ctx context.Context) {
	defer close(s.done)
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if seq, err := s.Position(ctx); err == nil {
				s.latest.Saw(seq)
			}
		}
	}
}
