package stack

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestAServerComesUpTakesFaultsAndLeavesNothing(t *testing.T) {
	_, err := findPostgres()
	need(t, err)
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil { // the server may run as another user
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", dir)
	p, err := StartPostgres(t.Context(), PostgresOptions{Settings: map[string]string{"max_connections": "17"}})
	if err != nil {
		t.Fatal(err)
	}
	url, err := p.Database(t.Context())
	if err != nil || !strings.HasSuffix(url, "/test1?sslmode=disable") || !strings.Contains(url, "app:"+p.Password()+"@127.0.0.1:") {
		t.Errorf("URL = %q, %v", url, err)
	}
	if out, err := p.SQL(t.Context(), "test1", "CREATE TABLE t (n int); INSERT INTO t VALUES (42); SHOW max_connections"); err != nil || out != "17" {
		t.Errorf("SQL = %q, %v", out, err)
	}
	if _, err := p.SQL(t.Context(), "test1", "SELECT nonsense"); err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("error = %v, want PostgreSQL's words", err)
	}

	if err := p.Pause(); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := p.SQL(short, "test1", "SELECT 1"); err == nil {
		t.Error("a server that is stopped answers")
	}
	if err := p.Resume(); err != nil {
		t.Fatal(err)
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.SQL(t.Context(), "test1", "SELECT 1"); err == nil {
		t.Error("a server that was killed answers")
	}
	if err := p.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if out, err := p.SQL(t.Context(), "test1", "SELECT n FROM t"); err != nil || out != "42" {
		t.Errorf("after the death of the server: %q, %v", out, err)
	}
	if err := errors.Join(p.Pause(), p.Stop()); err != nil { // a paused one ends, too
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(os.Getenv("TMPDIR"), "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestAServerThatCannotStartSaysWhy(t *testing.T) {
	_, err := findPostgres()
	need(t, err)
	_, err = StartPostgres(t.Context(), PostgresOptions{Settings: map[string]string{"nonsense": "1"}})
	if err == nil || !strings.Contains(err.Error(), `"nonsense"`) {
		t.Errorf("error = %v, want PostgreSQL's words", err)
	}
}
