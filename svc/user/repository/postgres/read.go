package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/gctl-dev/gctl/svc/user/repository"
)

const columns = "id, email, display_name, role, state, phone, chat, groups, labels, created, updated, revision"

// Get implements repository.Repository.
func (s *Store) Get(ctx context.Context, id string) (repository.User, error) {
	var u repository.User
	err := s.read(ctx, func(ctx context.Context) error {
		var err error
		u, err = scan(s.pool.QueryRow(ctx, "SELECT "+columns+" FROM users WHERE id = $1", id))
		if errors.Is(err, pgx.ErrNoRows) {
			return repository.ErrNotFound
		}
		return err
	})
	return u, err
}

// GetMany implements repository.Repository.
func (s *Store) GetMany(ctx context.Context, ids []string) ([]repository.User, error) {
	return s.all(ctx, "SELECT "+columns+" FROM unnest($1::text[]) WITH ORDINALITY AS wanted (name, place)"+
		" JOIN users ON id = name ORDER BY place", ids)
}

// all returns the users of a query.
func (s *Store) all(ctx context.Context, query string, args ...any) ([]repository.User, error) {
	var users []repository.User
	err := s.read(ctx, func(ctx context.Context) error {
		rows, err := s.pool.Query(ctx, query, args...)
		if err != nil {
			return err
		}
		users, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (repository.User, error) { return scan(row) })
		return err
	})
	return users, err
}

func scan(row pgx.Row) (repository.User, error) {
	var u repository.User
	err := row.Scan(&u.ID, &u.Email, &u.DisplayName, &u.Role, &u.State, &u.Phone, &u.Chat,
		&u.Groups, &u.Labels, &u.Created, &u.Updated, &u.Revision)
	u.Created, u.Updated = u.Created.UTC(), u.Updated.UTC()
	return u, err
}
