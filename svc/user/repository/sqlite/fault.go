package sqlite

import (
	"context"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/gctl-dev/gctl/svc/user/repository"
)

// fault says what an error of SQLite means for the store. Other errors, and
// those of the caller's context, stay as they are.
func fault(ctx context.Context, err error) error {
	var e *sqlite.Error
	if err == nil || !errors.As(err, &e) {
		return err
	}
	if ctx.Err() != nil { // it was interrupted
		return ctx.Err()
	}
	switch e.Code() & 0xff { // without what only explains it further
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_TOOBIG:
		return fmt.Errorf("%w: %w", repository.ErrFull, err)
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL, // somebody keeps the lock
		sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		return fmt.Errorf("%w: %w", repository.ErrAway, err)
	default:
		return err
	}
}
