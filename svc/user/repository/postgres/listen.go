package postgres

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	channel      = "user_changes"
	pollInterval = time.Second     // for what listening missed
	listenCheck  = 5 * time.Second // how long silence is trusted
	firstPause   = 100 * time.Millisecond
	longestPause = 5 * time.Second
)

// poll looks for changes that no notification told of. A look that fails is
// made up for by the next one.
func (s *Store) poll(ctx context.Context) {
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

// listen hears of the changes of all instances, and connects anew, with growing
// pauses, when its connection breaks.
func (s *Store) listen(ctx context.Context) {
	pause := firstPause
	for ctx.Err() == nil {
		start := time.Now()
		_ = s.hear(ctx) // meanwhile poll does the work
		if time.Since(start) > longestPause {
			pause = firstPause
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause/2 + rand.N(pause)): //nolint:gosec // spreads the instances
		}
		pause = min(2*pause, longestPause)
	}
}

// hear listens on a connection of its own until that breaks.
func (s *Store) hear(ctx context.Context) error {
	config := s.pool.Config().ConnConfig
	config.Tracer = nil
	conn, err := s.subscribe(ctx, config)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // it is of no more use
	for {
		// After LISTEN, for what came before it; later to find out whether the
		// server is still there.
		if err := s.look(ctx, conn); err != nil {
			return err
		}
		for quiet := false; !quiet; {
			if quiet, err = s.await(ctx, conn); err != nil {
				return err
			}
		}
	}
}

func (s *Store) subscribe(ctx context.Context, config *pgx.ConnConfig) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		return nil, errors.Join(err, conn.Close(ctx))
	}
	return conn, nil
}

// await takes one notification, or says that there was none for a while.
func (s *Store) await(ctx context.Context, conn *pgx.Conn) (quiet bool, err error) {
	waiting, cancel := context.WithTimeout(ctx, listenCheck)
	defer cancel()
	n, err := conn.WaitForNotification(waiting)
	if err != nil {
		if waiting.Err() != nil && ctx.Err() == nil {
			return true, nil
		}
		return false, err
	}
	if seq, err := strconv.ParseInt(n.Payload, 10, 64); err == nil {
		s.latest.Saw(seq)
	}
	return false, nil
}

func (s *Store) look(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	var last int64
	err := conn.QueryRow(ctx, "SELECT last FROM store").Scan(&last)
	if err == nil {
		s.latest.Saw(last)
	}
	return err
}
