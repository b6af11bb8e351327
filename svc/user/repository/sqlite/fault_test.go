package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/svc/user/repository"
)

func openStore(t *testing.T) (s *Store, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "users.db")
	s, err := Open(t.Context(), "sqlite://"+path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, path
}

func user(n int) repository.User {
	return repository.User{ID: fmt.Sprintf("u-%d", n), Email: fmt.Sprintf("u-%d@example.com", n), Role: repository.Member, State: repository.Active}
}

// Runs inside the package: the limit on pages is a setting of one connection.
func TestAFullFileSaysSoAndServesAgainOnceThereIsRoom(t *testing.T) {
	s, _ := openStore(t)
	s.db.SetMaxOpenConns(1)
	if _, err := s.db.ExecContext(t.Context(), "PRAGMA max_page_count = 20"); err != nil {
		t.Fatal(err)
	}
	var err error
	n := 0
	for ; err == nil && n < 10_000; n++ {
		_, err = s.Create(t.Context(), user(n), repository.Request{})
	}
	if !errors.Is(err, repository.ErrFull) {
		t.Fatalf("after %d users: %v, want that the store is full", n, err)
	}
	if _, err := s.Get(t.Context(), "u-0"); err != nil {
		t.Errorf("a read of a full store: %v", err)
	}
	if last, err := s.Position(t.Context()); err != nil || last != int64(n-1) {
		t.Errorf("position %d, %v after %d users", last, err, n-1)
	}
	if _, err := s.db.ExecContext(t.Context(), "PRAGMA max_page_count = 10000"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create(t.Context(), user(n), repository.Request{}); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

func TestALockThatIsNotGivenBackEndsWithTheDeadlineOrTheBusyTimeout(t *testing.T) {
	s, path := openStore(t)
	other, err := sql.Open("sqlite", dsn(path))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	tx, err := other.BeginTx(t.Context(), nil) // takes the write lock
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if _, err := s.Create(t.Context(), user(1), repository.Request{}); !errors.Is(err, repository.ErrAway) {
		t.Errorf("Create = %v, want that the store does not take it now", err)
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.Create(short, user(1), repository.Request{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Create = %v, want the deadline", err)
	}
	if took := time.Since(start); took > 3*busyTimeout {
		t.Errorf("took %v", took)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create(t.Context(), user(1), repository.Request{}); err != nil {
		t.Errorf("once the lock is free: %v", err)
	}
}

func TestRequestsAreForgottenAfterADay(t *testing.T) {
	s, _ := openStore(t)
	now := time.Now()
	s.now = func() time.Time { return now }
	request := func(n int) repository.Request {
		return repository.Request{ID: fmt.Sprint("request-", n), Hash: []byte{byte(n)}}
	}
	for n := range 3 {
		if _, err := s.Create(t.Context(), user(n), request(n)); err != nil {
			t.Fatal(err)
		}
	}
	now = now.Add(repository.RequestsKept - time.Second)
	if u, err := s.Create(t.Context(), user(9), request(0)); err != nil || u.ID != "u-0" {
		t.Errorf("within the day: %+v, %v", u, err)
	}
	now = now.Add(2 * time.Second)
	if u, err := s.Create(t.Context(), user(9), request(0)); err != nil || u.ID != "u-9" {
		t.Errorf("after the day: %+v, %v", u, err)
	}
	var kept int
	if err := s.db.QueryRowContext(t.Context(), "SELECT count(*) FROM requests").Scan(&kept); err != nil || kept != 1 {
		t.Errorf("%d requests kept, %v", kept, err)
	}
}
