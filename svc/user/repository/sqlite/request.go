package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/gctl-dev/gctl/svc/user/repository"
)

// repeated returns the user that an earlier request with r's ID created, and
// whether there was one.
func repeated(ctx context.Context, tx *sql.Tx, r repository.Request, now time.Time) (repository.User, bool, error) {
	if r.ID == "" {
		return repository.User{}, false, nil
	}
	var hash []byte
	var user string
	var revision int64
	err := tx.QueryRowContext(ctx, "SELECT hash, user, revision FROM requests WHERE id = ? AND at > ?",
		r.ID, now.Add(-repository.RequestsKept).UnixNano()).Scan(&hash, &user, &revision)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return repository.User{}, false, nil
	case err != nil:
		return repository.User{}, false, err
	case !bytes.Equal(hash, r.Hash):
		return repository.User{}, false, repository.ErrReused
	}
	u, err := repository.Decode([]byte(user))
	u.Revision = revision
	return u, true, err
}

// remember keeps what a request created, and forgets what is old.
func remember(ctx context.Context, tx *sql.Tx, r repository.Request, u repository.User) error {
	if r.ID == "" {
		return nil
	}
	data, err := repository.Encode(u)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM requests WHERE at <= ?", u.Created.Add(-repository.RequestsKept).UnixNano()); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO requests (id, hash, user, revision, at) VALUES (?, ?, ?, ?, ?)",
		r.ID, r.Hash, string(data), u.Revision, u.Created.UnixNano())
	return err
}
