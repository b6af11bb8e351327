package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/gctl-dev/gctl/svc/user/repository"
)

// read runs an operation that may be done twice: once more, on a new
// connection, where the one it got turns out to be dead.
func (s *Store) read(ctx context.Context, do func(context.Context) error) error {
	return s.limited(ctx, func(ctx context.Context) error {
		err := do(ctx)
		if !broken(err) || ctx.Err() != nil {
			return err
		}
		s.pool.Reset() // its siblings will not be better
		return do(ctx)
	})
}

// begin begins a transaction, which nothing keeps from being tried twice.
func (s *Store) begin(ctx context.Context) (pgx.Tx, error) {
	tx, err := s.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted})
	if !broken(err) || ctx.Err() != nil {
		return tx, err
	}
	s.pool.Reset()
	return s.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted})
}

// limited runs do within the store's time limit and says what its error means.
func (s *Store) limited(ctx context.Context, do func(context.Context) error) error {
	own, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	err := do(own)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil: // the caller's deadline, or the caller is gone
		return ctx.Err()
	case over(own):
		return fmt.Errorf("%w: no answer within %s: %w", repository.ErrSlow, s.timeout, err)
	default:
		return fault(err)
	}
}

// over tells whether the time of a context is over. The driver may notice by a
// deadline of its connection, a moment before the context's timer does.
func over(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(deadline)
}

// broken tells whether an error is that of a connection, and not an answer: a
// server that goes down says so, which is as good as a dead one.
func broken(err error) bool {
	var answer *pgconn.PgError
	switch {
	case err == nil, errors.Is(err, pgx.ErrNoRows), own(err):
		return false
	case errors.As(err, &answer):
		return strings.HasPrefix(answer.Code, "57P")
	}
	var connect *pgconn.ConnectError
	return !errors.As(err, &connect) // a new one would not help
}

// refusal is an error of the one who asked, to be returned as it is.
type refusal struct{ error }

// own tells whether an error is one of a Repository's, not of PostgreSQL.
func own(err error) bool {
	var refused refusal
	var taken *repository.TakenError
	return errors.As(err, &refused) || errors.As(err, &taken) || errors.Is(err, repository.ErrNotFound) ||
		errors.Is(err, repository.ErrTooOld) || errors.Is(err, repository.ErrReused)
}

// fault says what an error of PostgreSQL means for the store
// (https://www.postgresql.org/docs/current/errcodes-appendix.html).
func fault(err error) error {
	var refused refusal
	var answer *pgconn.PgError
	switch {
	case errors.As(err, &refused):
		return refused.error
	case own(err):
		return err
	case !errors.As(err, &answer):
		return fmt.Errorf("%w: %w", repository.ErrAway, err)
	}
	switch answer.Code {
	case "53100", "53200", "53400": // disk, memory, a configured limit
		return fmt.Errorf("%w: %w", repository.ErrFull, err)
	case "57014": // statement_timeout
		return fmt.Errorf("%w: %w", repository.ErrSlow, err)
	case "55P03", "25006", "25P03", "40001", "40P01": // lock_timeout, read-only, idle too long, conflicts
		return fmt.Errorf("%w: %w", repository.ErrAway, err)
	}
	switch answer.Code[:min(2, len(answer.Code))] {
	case "08", "28", "3D", "53", "57", "58": // connection, authorisation, no such database, resources, shutdown, system
		return fmt.Errorf("%w: %w", repository.ErrAway, err)
	default:
		return err
	}
}
