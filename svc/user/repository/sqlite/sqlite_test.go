package sqlite_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/gctl-dev/gctl/svc/user/repository"
	"github.com/gctl-dev/gctl/svc/user/repository/repositorytest"
	"github.com/gctl-dev/gctl/svc/user/repository/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRepository(t *testing.T) {
	repositorytest.Run(t, func(t *testing.T) func() repository.Repository {
		t.Helper()
		// A path with everything that a URL could trip over.
		path := filepath.Join(t.TempDir(), "us ers%20?#.db")
		return func() repository.Repository {
			s, err := sqlite.Open(t.Context(), "sqlite://"+path, sqlite.Options{})
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
	})
}

func TestSeveralProcessesMayOpenANewFileAtOnce(t *testing.T) {
	for range 20 {
		path := "sqlite://" + filepath.Join(t.TempDir(), "users.db")
		var openers sync.WaitGroup
		for range 8 {
			openers.Go(func() {
				s, err := sqlite.Open(t.Context(), path, sqlite.Options{})
				if err != nil {
					t.Error(err)
					return
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		openers.Wait()
	}
}

func TestOnlyTheOwnerMayReadTheUsers(t *testing.T) {
	dir := t.TempDir()
	s, err := sqlite.Open(t.Context(), "sqlite://"+filepath.Join(dir, "users.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) < 2 { // the write-ahead log too
		t.Fatal(files, err)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", f, info.Mode(), err)
		}
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	newer := filepath.Join(t.TempDir(), "newer.db")
	db, err := sql.Open("sqlite", newer)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "PRAGMA user_version = 99"); err != nil {
		t.Fatal(err)
	}
	db.Close()
	for store, want := range map[string]string{
		"postgres://x":           "not of the form sqlite:///path/users.db",
		"sqlite://":              "not of the form sqlite:///path/users.db",
		"sqlite:///no/such/x.db": "no such file or directory",
		"sqlite://" + newer:      "schema version 99 is newer",
	} {
		s, err := sqlite.Open(t.Context(), store, sqlite.Options{})
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open(%q) = %v, want %q", store, err, want)
		}
	}
}

func TestAddressIsTheWholePath(t *testing.T) {
	t.Chdir(t.TempDir())
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.Open(t.Context(), "sqlite://users.db", sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if want := "sqlite://" + filepath.Join(dir, "users.db"); s.Address() != want {
		t.Errorf("Address = %q, want %q", s.Address(), want)
	}
}
