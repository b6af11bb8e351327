package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gctl-dev/gctl/internal/stack"
	"github.com/gctl-dev/gctl/svc/user/repository"
	"github.com/gctl-dev/gctl/svc/user/repository/postgres"
)

// bound is far more than the limits in these tests, and far less than for ever.
const bound = 20 * time.Second

func person(id string) repository.User {
	return repository.User{ID: id, Email: id + "@example.com", DisplayName: id, Role: repository.Member, State: repository.Active}
}

// operations are what a fault must not hold up.
func operations(s *postgres.Store) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"get": func(ctx context.Context) error { _, err := s.Get(ctx, "u-1"); return err },
		"list": func(ctx context.Context) error {
			_, err := s.List(ctx, repository.Query{Limit: 10})
			return err
		},
		"put": func(ctx context.Context) error {
			_, err := s.Put(ctx, []repository.User{person("u-1")})
			return err
		},
		"position": func(ctx context.Context) error { _, err := s.Position(ctx); return err },
	}
}

// serving opens a store and has it serve one of each.
func serving(t *testing.T, store string, o postgres.Options) *postgres.Store {
	t.Helper()
	s := open(t, store, o)
	if _, err := s.Put(t.Context(), []repository.User{person("u-1")}); err != nil {
		t.Fatal(err)
	}
	expect(t, s, "before", nil)
	return s
}

// expect runs every operation, in bounded time.
func expect(t *testing.T, s *postgres.Store, when string, want error) {
	t.Helper()
	for name, run := range operations(s) {
		start := time.Now()
		if err := run(t.Context()); !errors.Is(err, want) {
			t.Errorf("%s, %s = %v, want %v", when, name, err, want)
		}
		if took := time.Since(start); took > bound {
			t.Errorf("%s, %s took %v", when, name, took)
		}
	}
}

// recovers waits until the store serves again.
func recovers(t *testing.T, s *postgres.Store) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	for name, run := range operations(s) {
		for run(ctx) != nil {
			if ctx.Err() != nil {
				t.Fatalf("%s does not recover: %v", name, run(t.Context()))
			}
		}
	}
}

func TestADatabaseThatDiesIsAwayAndComesBack(t *testing.T) {
	server := stack.PostgresFor(t, stack.PostgresOptions{})
	s := serving(t, database(t, server), postgres.Options{})
	waited := make(chan error, 1)
	go func() { waited <- s.Wait(t.Context(), 2) }()
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	expect(t, s, "killed", repository.ErrAway)
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	recovers(t, s)
	if err := <-waited; err != nil { // it heard of recovers' writes
		t.Errorf("Wait = %v", err)
	}
}

// A restart between two calls costs none of them, though every connection of
// the pool is dead.
func TestARestartBetweenCallsIsNotNoticed(t *testing.T) {
	server := stack.PostgresFor(t, stack.PostgresOptions{})
	s := serving(t, database(t, server), postgres.Options{})
	for range 3 {
		if err := server.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := server.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		expect(t, s, "after", nil)
	}
}

func TestADatabaseThatHangsIsSlowAndComesBack(t *testing.T) {
	server := stack.PostgresFor(t, stack.PostgresOptions{})
	s := serving(t, database(t, server), postgres.Options{Timeout: 300 * time.Millisecond})
	if err := server.Pause(); err != nil {
		t.Fatal(err)
	}
	expect(t, s, "hanging", repository.ErrSlow)
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := s.Get(short, "u-1"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with a deadline: %v", err)
	}
	if err := server.Resume(); err != nil {
		t.Fatal(err)
	}
	recovers(t, s)
}

func TestTooManyConnectionsIsAwayAndComesBack(t *testing.T) {
	server := stack.PostgresFor(t, stack.PostgresOptions{})
	store := database(t, server)
	s := serving(t, store+"&pool_max_conns=1", postgres.Options{})
	limit := func(n int) {
		t.Helper()
		sql := fmt.Sprintf("ALTER ROLE app CONNECTION LIMIT %d; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'", n)
		if _, err := server.SQL(t.Context(), "postgres", sql); err != nil {
			t.Fatal(err)
		}
	}
	limit(0)
	expect(t, s, "no connection left", repository.ErrAway)
	limit(-1)
	recovers(t, s)
}

func TestAFullDatabaseSaysSo(t *testing.T) {
	server := stack.PostgresFor(t, stack.PostgresOptions{})
	store := database(t, server)
	s := serving(t, store, postgres.Options{})
	crowd := make([]repository.User, 1000)
	for i := range crowd {
		crowd[i] = person(fmt.Sprintf("u-%d", i))
	}
	if _, err := s.Put(t.Context(), crowd); err != nil {
		t.Fatal(err)
	}
	run := func(sql string) {
		t.Helper()
		if _, err := server.SQL(t.Context(), "test1", sql); err != nil {
			t.Fatal(err)
		}
	}
	// No room to sort in: the server's own limit.
	sorted := repository.Query{Order: []repository.Order{{Field: repository.FieldRole}}, Limit: 1000}
	if _, err := s.List(t.Context(), sorted); err != nil {
		t.Fatal(err)
	}
	run("ALTER ROLE app SET temp_file_limit = 0; ALTER ROLE app SET work_mem = '64kB'; " +
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'")
	if _, err := s.List(t.Context(), sorted); !errors.Is(err, repository.ErrFull) {
		t.Errorf("without room to sort: %v", err)
	}
	run("ALTER ROLE app RESET ALL; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'")
	if _, err := s.List(t.Context(), sorted); err != nil {
		t.Errorf("with room to sort again: %v", err)
	}
	// No room to write to: a disk cannot be filled here without filling it for
	// others, so a trigger says what the server says then.
	run(`CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
		CREATE TRIGGER full_disk BEFORE INSERT ON changes FOR EACH ROW EXECUTE FUNCTION full_disk()`)
	if _, err := s.Put(t.Context(), crowd[:1]); !errors.Is(err, repository.ErrFull) {
		t.Errorf("without room to write: %v", err)
	}
	if _, err := s.Get(t.Context(), "u-1"); err != nil {
		t.Errorf("a read of a full store: %v", err)
	}
	run("DROP TRIGGER full_disk ON changes")
	if _, err := s.Put(t.Context(), crowd[:1]); err != nil {
		t.Errorf("with room to write again: %v", err)
	}
	if last, err := s.Position(t.Context()); err != nil || last != 1003 {
		t.Errorf("position %d, %v: what failed left changes", last, err)
	}
}

// An instance that hangs in the middle of a write, as one that is stopped
// does, loses its lock; meanwhile the others read, and their writes wait no
// longer than their limit.
func TestAnInstanceThatHangsGivesTheLockBack(t *testing.T) {
	server := stack.PostgresFor(t, stack.PostgresOptions{})
	store := database(t, server)
	s := serving(t, store, postgres.Options{Timeout: time.Second})
	hanging, err := pgx.Connect(t.Context(), store+"&idle_in_transaction_session_timeout=3000")
	if err != nil {
		t.Fatal(err)
	}
	defer hanging.Close(t.Context())
	if _, err := hanging.Exec(t.Context(), "BEGIN; SELECT last FROM store FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(t.Context(), "u-1"); err != nil {
		t.Errorf("a read: %v", err)
	}
	if _, err := s.Put(t.Context(), []repository.User{person("u-2")}); !errors.Is(err, repository.ErrSlow) && !errors.Is(err, repository.ErrAway) {
		t.Errorf("a write while the lock is held: %v", err)
	}
	recovers(t, s)
}

func TestAWriteThatHangsGivesTheLockBack(t *testing.T) {
	server := stack.PostgresFor(t, stack.PostgresOptions{})
	s := serving(t, database(t, server), postgres.Options{Timeout: 2 * time.Second})
	entered, release := make(chan struct{}), make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		_, err := s.Update(t.Context(), "u-1", func(*repository.User) error {
			close(entered)
			<-release
			return nil
		})
		ended <- err
	}()
	<-entered
	recovers(t, s) // while the update's process still does not end it
	close(release)
	if err := <-ended; !errors.Is(err, repository.ErrSlow) {
		t.Errorf("the update that hung = %v", err)
	}
	if last, err := s.Position(t.Context()); err != nil || last < 2 {
		t.Errorf("position %d, %v", last, err)
	}
}
