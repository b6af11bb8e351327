// Package postgres keeps users in a PostgreSQL database (13 or newer), which
// any number of instances share.
//
// Every write locks the one row of the table store first, appends to the table
// of changes and takes its numbers from that row: changes are numbered in
// commit order and without gaps. A commit notifies all instances, which also
// look by themselves once a second, for the time when their listening
// connection is broken.
//
// Nothing waits without end. Each operation has a limit in the program, each
// statement, lock and idle transaction one in the server, so that an instance
// that hangs in the middle of a write gives the lock back.
package postgres

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.opentelemetry.io/otel/trace"

	"github.com/gctl-dev/gctl/svc/user/repository"
	"github.com/gctl-dev/gctl/svc/user/repository/internal/latest"
)

const (
	defaultTimeout = 5 * time.Second // of one operation
	connectTimeout = 3 * time.Second
	pingTimeout    = time.Second // of a connection that was idle
	maxConns       = 8
	keptChanges    = 10_000
)

// Options say how a store is opened.
type Options struct {
	// Timeout is how long one operation may take, 5 s if 0.
	Timeout time.Duration
	// TracerProvider gets a span for each statement that serves a traced call;
	// nil for none.
	TracerProvider trace.TracerProvider
}

// Store is a repository in a PostgreSQL database.
type Store struct {
	pool     *pgxpool.Pool
	address  string
	timeout  time.Duration
	id       string
	latest   latest.Number
	stop     context.CancelFunc
	done     chan struct{} // closed when the store's goroutines have ended
	watchers sync.WaitGroup
}

var _ repository.Repository = (*Store)(nil)

// Open connects to the database of a URL,
// postgres://user:password@host:port/database?sslmode=verify-full, and brings
// its schema up to date. What the URL leaves out comes from libpq's environment
// variables and files (PGPASSWORD, ~/.pgpass); pool_max_conns=N says how many
// connections there may be. A database on another machine must show a certificate
// that can be verified (sslmode=verify-full), unless the URL itself has another
// sslmode. No error shows the password.
func Open(ctx context.Context, store string, o Options) (*Store, error) {
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	config, err := parse(store, o)
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	s := &Store{pool: pool, address: address(config.ConnConfig), timeout: o.Timeout, done: make(chan struct{})}
	if err := s.prepare(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("store: %w", err)
	}
	watching, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	s.watchers.Go(func() { s.poll(watching) })
	s.watchers.Go(func() { s.listen(watching) })
	return s, nil
}

// prepare brings the schema up to date and reads what the store keeps in
// memory.
func (s *Store) prepare(ctx context.Context) error {
	if err := migrate(ctx, s.pool); err != nil {
		return err
	}
	return s.read(ctx, func(ctx context.Context) error {
		var last int64
		err := s.pool.QueryRow(ctx, "SELECT id, last FROM store").Scan(&s.id, &last)
		s.latest.Saw(last)
		return err
	})
}

// Identity implements repository.Repository.
func (s *Store) Identity() string { return s.id }

// Address implements repository.Repository.
func (s *Store) Address() string { return s.address }

// Close stops the store's goroutines and closes its connections.
func (s *Store) Close() error {
	s.stop()
	s.watchers.Wait()
	close(s.done)
	s.pool.Close()
	return nil
}
