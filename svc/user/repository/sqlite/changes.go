package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/gctl-dev/gctl/svc/user/repository"
)

// stored is a user as it stands in the table of changes, which outlives the
// program.
type stored struct {
	ID          string            `json:"id"`
	Email       string            `json:"email"`
	DisplayName string            `json:"display_name"`
	Role        repository.Role   `json:"role"`
	State       repository.State  `json:"state"`
	Phone       string            `json:"phone,omitempty"`
	Chat        string            `json:"chat,omitempty"`
	Groups      []string          `json:"groups,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Created     time.Time         `json:"created"`
	Updated     time.Time         `json:"updated"`
	Revision    int64             `json:"-"` // the change's number
}

// record appends a change and returns its number. Every keptChanges/10 changes
// it forgets the old ones.
func record(ctx context.Context, tx *sql.Tx, kind repository.ChangeKind, u repository.User, at time.Time) (int64, error) {
	data, err := json.Marshal(stored(u))
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
	return seq, err
}

// Changes implements repository.Repository.
func (s *Store) Changes(ctx context.Context, after int64, limit int) ([]repository.Change, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT seq, kind, user, at FROM changes WHERE seq > ? ORDER BY seq LIMIT ?", after, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	var changes []repository.Change
	for rows.Next() {
		var c repository.Change
		var u stored
		var user string
		var at int64
		if err := rows.Scan(&c.Seq, &c.Kind, &user, &at); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(user), &u); err != nil {
			return nil, err
		}
		c.At = time.Unix(0, at).UTC()
		c.User = repository.User(u)
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
	for {
		s.mu.Lock()
		last, waiter := s.last, s.waiter
		s.mu.Unlock()
		if last > after {
			return nil
		}
		select {
		case <-waiter:
		case <-s.done:
			return sql.ErrConnDone
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// saw wakes the waiting calls if seq is new.
func (s *Store) saw(seq int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if seq > s.last {
		s.last = seq
		close(s.waiter)
		s.waiter = make(chan struct{})
	}
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
				s.saw(seq)
			}
		}
	}
}
