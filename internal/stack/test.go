package stack

import (
	"context"
	"errors"
	"os"
)

// TB is the part of testing.TB that this package uses; it is declared here so that the package
// does not link the testing package.
type TB interface {
	Helper()
	Fatal(args ...any)
	Skip(args ...any)
	Error(args ...any)
	Cleanup(f func())
}

// Need skips the test loudly where the backend is missing, and fails it where
// CI=true: there a skipped test is a hole that nobody sees.
func Need(t TB, name string) {
	t.Helper()
	_, err := Find(name)
	need(t, err)
}

// need decides about a test by the error with which its backend was looked
// for.
func need(t TB, err error) {
	t.Helper()
	switch {
	case err == nil:
	case errors.Is(err, ErrMissing) && os.Getenv("CI") != "true":
		t.Skip("SKIPPED, NOT TESTED:", err)
	default:
		t.Fatal(err)
	}
}

// ConsulFor starts an agent for a test and stops it at the test's end.
func ConsulFor(t TB, opts ConsulOptions) *Consul {
	t.Helper()
	Need(t, "consul")
	c, err := StartConsul(context.Background(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// PostgresFor starts a server for a test and stops it at the test's end.
func PostgresFor(t TB, opts PostgresOptions) *Postgres {
	t.Helper()
	_, err := findPostgres()
	need(t, err)
	p, err := StartPostgres(context.Background(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	})
	return p
}
