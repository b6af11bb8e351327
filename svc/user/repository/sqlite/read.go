package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/gctl-dev/gctl/svc/user/repository"
)

const columns = "id, email, display_name, role, state, phone, chat, groups, labels, created, updated, revision"

// querier is what a database and a transaction have in common.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Get implements repository.Repository.
func (s *Store) Get(ctx context.Context, id string) (repository.User, error) {
	u, err := get(ctx, s.db, id)
	return u, fault(ctx, err)
}

// GetMany implements repository.Repository.
func (s *Store) GetMany(ctx context.Context, ids []string) ([]repository.User, error) {
	list, err := json.Marshal(ids)
	if err != nil {
		return nil, err
	}
	users, err := all(ctx, s.db, "SELECT "+columns+
		" FROM (SELECT key AS place, value AS wanted FROM json_each(?)) JOIN users ON id = wanted ORDER BY place", string(list))
	return users, fault(ctx, err)
}

func get(ctx context.Context, q querier, id string) (repository.User, error) {
	u, err := scan(q.QueryRowContext(ctx, "SELECT "+columns+" FROM users WHERE id = ?", id))
	if errors.Is(err, sql.ErrNoRows) {
		return u, repository.ErrNotFound
	}
	return u, err
}

func all(ctx context.Context, q querier, query string, args ...any) ([]repository.User, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	var users []repository.User
	for rows.Next() {
		u, err := scan(rows)
		if err != nil {
			return nil, err
		}
		users = append(users, u)
	}
	return users, rows.Err()
}

func scan(row interface{ Scan(into ...any) error }) (repository.User, error) {
	var u repository.User
	var groups, labels string
	var created, updated int64
	err := row.Scan(&u.ID, &u.Email, &u.DisplayName, &u.Role, &u.State, &u.Phone, &u.Chat,
		&groups, &labels, &created, &updated, &u.Revision)
	if err != nil {
		return u, err
	}
	u.Created, u.Updated = time.Unix(0, created).UTC(), time.Unix(0, updated).UTC()
	return u, errors.Join(json.Unmarshal([]byte(groups), &u.Groups), json.Unmarshal([]byte(labels), &u.Labels))
}

func insert(ctx context.Context, tx *sql.Tx, u repository.User) error {
	if u.Groups == nil {
		u.Groups = []string{} // so that queries always find an array and an object
	}
	if u.Labels == nil {
		u.Labels = map[string]string{}
	}
	groups, err := json.Marshal(u.Groups)
	if err != nil {
		return err
	}
	labels, err := json.Marshal(u.Labels)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "REPLACE INTO users ("+columns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		u.ID, u.Email, u.DisplayName, u.Role, u.State, u.Phone, u.Chat, string(groups), string(labels),
		u.Created.UnixNano(), u.Updated.UnixNano(), u.Revision)
	return err
}
