// Package sqlite keeps users in one SQLite file, which several processes on
// one machine may share.
//
// The file is in WAL mode with synchronous=NORMAL: a commit is in the file
// system before it is acknowledged, so the death of the process loses nothing;
// a power failure may lose the last commits, never the integrity of the file.
//
// Every write also appends to a table of changes, numbered in commit order.
// That table is how the watchers of one process learn what another process
// did: a goroutine of the store looks at the last number ten times a second,
// and writes of this process wake watchers at once.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/gctl-dev/gctl/svc/kit/telemetry/sqltrace"
	"github.com/gctl-dev/gctl/svc/user/repository"
	"github.com/gctl-dev/gctl/svc/user/repository/internal/latest"
)

const (
	pollInterval = 100 * time.Millisecond // for changes of other processes
	busyTimeout  = 5 * time.Second        // for the write lock
	keptChanges  = 10_000
	openConns    = 8
	busyPause    = 10 * time.Millisecond
)

// Store is a repository in a SQLite file.
type Store struct {
	db   *sql.DB
	path string
	now  func() time.Time
	stop context.CancelFunc
	done chan struct{}

	writing chan struct{} // holds one token while this process writes

	id     string
	latest latest.Number
}

// Options say how a store is opened.
type Options struct {
	// TracerProvider gets a span for each statement that serves a traced call;
	// nil for none.
	TracerProvider trace.TracerProvider
}

var _ repository.Repository = (*Store)(nil)

// Open opens or creates the file of a URL, sqlite:///absolute/path or
// sqlite://relative/path, and brings its schema up to date.
func Open(ctx context.Context, store string, o Options) (*Store, error) {
	path, ok := strings.CutPrefix(store, "sqlite://")
	if !ok || path == "" {
		return nil, &repository.AddressError{Problem: "not of the form sqlite:///path/users.db"}
	}
	if err := create(path); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	if o.TracerProvider == nil {
		o.TracerProvider = noop.NewTracerProvider()
	}
	db, err := sqltrace.Open("sqlite", dsn(path), "sqlite", o.TracerProvider)
	if err != nil {
		return nil, fmt.Errorf("store %s: %w", path, err)
	}
	db.SetMaxOpenConns(openConns)
	s := &Store{db: db, path: path, now: time.Now, done: make(chan struct{}), writing: make(chan struct{}, 1)}
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("store %s: %w", path, err), db.Close())
	}
	polling, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	go s.poll(polling)
	return s, nil
}

// create makes an empty file where there is none: SQLite would make one that
// everybody on the machine may read. A file that is there is not even opened:
// closing it would end the locks that this process holds on it.
func create(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return file.Close()
}

// prepare brings the schema up to date. While another process turns a new file
// to WAL mode, SQLite says that it is busy without waiting as it does
// otherwise, so the waiting is done here.
func (s *Store) prepare(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, busyTimeout)
	defer cancel()
	for {
		err := migrate(ctx, s.db)
		if err == nil {
			err = s.read(ctx)
		}
		var busy *sqlite.Error
		if !errors.As(err, &busy) || busy.Code()&0xff != sqlite3.SQLITE_BUSY {
			return err
		}
		select {
		case <-time.After(busyPause):
		case <-ctx.Done():
			return err
		}
	}
}

// read reads what the store keeps in memory.
func (s *Store) read(ctx context.Context) error {
	last, err := s.Position(ctx)
	if err != nil {
		return err
	}
	s.latest.Saw(last)
	return s.db.QueryRowContext(ctx, "SELECT id FROM store").Scan(&s.id)
}

// Identity implements repository.Repository.
func (s *Store) Identity() string { return s.id }

// Address implements repository.Repository.
func (s *Store) Address() string {
	path, err := filepath.Abs(s.path)
	if err != nil {
		path = s.path // the working directory is gone
	}
	return "sqlite://" + path
}

// dsn asks for write locks at the begin of a transaction: one that reads first
// and writes then could not wait for another writer.
func dsn(path string) string {
	q := url.Values{}
	q.Add("_pragma", fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()))
	q.Add("_pragma", "journal_mode(WAL)")
	q.Add("_pragma", "synchronous(NORMAL)")
	q.Set("_txlock", "immediate")
	return (&url.URL{Scheme: "file", Opaque: url.PathEscape(path), RawQuery: q.Encode()}).String()
}

// Close stops the store's goroutine and closes the file.
func (s *Store) Close() error {
	s.stop()
	<-s.done
	return s.db.Close()
}
