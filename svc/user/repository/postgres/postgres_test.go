package postgres_test

import (
	"net/url"
	"strings"
	"sync"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"

	"github.com/gctl-dev/gctl/internal/stack"
	"github.com/gctl-dev/gctl/svc/user/repository"
	"github.com/gctl-dev/gctl/svc/user/repository/postgres"
	"github.com/gctl-dev/gctl/svc/user/repository/repositorytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// database makes an empty database.
func database(t *testing.T, server *stack.Postgres) string {
	t.Helper()
	store, err := server.Database(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// open opens a store until the end of the test.
func open(t *testing.T, store string, o postgres.Options) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), store, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestRepository(t *testing.T) {
	server := stack.PostgresFor(t, stack.PostgresOptions{})
	repositorytest.Run(t, func(t *testing.T) func() repository.Repository {
		t.Helper()
		store := database(t, server)
		return func() repository.Repository {
			s, err := postgres.Open(t.Context(), store, postgres.Options{})
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
	})
}

func TestSeveralInstancesMayOpenANewDatabaseAtOnce(t *testing.T) {
	server := stack.PostgresFor(t, stack.PostgresOptions{})
	for range 5 {
		store := database(t, server)
		identities := make([]string, 8)
		var openers sync.WaitGroup
		for i := range identities {
			openers.Go(func() {
				s, err := postgres.Open(t.Context(), store, postgres.Options{})
				if err != nil {
					t.Error(err)
					return
				}
				identities[i] = s.Identity()
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		openers.Wait()
		for _, id := range identities {
			if id == "" || id != identities[0] {
				t.Errorf("identities %q", identities)
			}
		}
	}
}

func TestSpansHaveStatementsAndNoValues(t *testing.T) {
	server := stack.PostgresFor(t, stack.PostgresOptions{})
	spans := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	s := open(t, database(t, server), postgres.Options{TracerProvider: provider})
	repositorytest.ExpectSpans(t, s, provider, spans, "postgresql")
	if _, err := s.Get(t.Context(), "u-1"); err != nil {
		t.Fatal(err)
	}
	if more := spans.GetSpans(); len(more) > 0 {
		t.Errorf("a call without a trace made %d spans", len(more))
	}
}

func TestRequestsAreForgottenAfterADay(t *testing.T) {
	server := stack.PostgresFor(t, stack.PostgresOptions{})
	s := open(t, database(t, server), postgres.Options{})
	create := func(id, request string) string {
		u, err := s.Create(t.Context(), person(id), repository.Request{ID: request, Hash: []byte(request)})
		if err != nil {
			t.Fatal(err)
		}
		return u.ID
	}
	age := func(interval string) {
		if _, err := server.SQL(t.Context(), "test1", "UPDATE requests SET at = at - interval '"+interval+"'"); err != nil {
			t.Fatal(err)
		}
	}
	create("u-1", "r-1")
	create("u-2", "r-2")
	age("23 hours")
	if id := create("u-9", "r-1"); id != "u-1" {
		t.Errorf("within the day: %s", id)
	}
	age("1 hour")
	if id := create("u-9", "r-1"); id != "u-9" {
		t.Errorf("after the day: %s", id)
	}
	if kept, err := server.SQL(t.Context(), "test1", "SELECT count(*) FROM requests"); err != nil || kept != "1" {
		t.Errorf("%s requests kept, %v", kept, err)
	}
}

func TestOpenSaysWhatIsWrongAndNoPassword(t *testing.T) {
	server := stack.PostgresFor(t, stack.PostgresOptions{})
	newer := database(t, server)
	if _, err := server.SQL(t.Context(), "test1", "CREATE TABLE migrations (version int); INSERT INTO migrations VALUES (99); GRANT ALL ON migrations TO app"); err != nil {
		t.Fatal(err)
	}
	wrong, err := url.Parse(database(t, server))
	if err != nil {
		t.Fatal(err)
	}
	wrong.User = url.UserPassword("app", "s3cret")
	nobody := *wrong
	nobody.Host = "127.0.0.1:1"
	for store, want := range map[string]string{
		"mysql://app:s3cret@localhost/x":                                       "not of the form postgres://",
		"postgres://app:s3c/ret@localhost/x":                                   "not of the form postgres://",
		"postgres://app:s3cret@localhost:port/x":                               "not of the form postgres://",
		"postgres://app:s3cret@localhost/x?sslmode=x":                          "the PostgreSQL database cannot be used: failed to configure TLS (sslmode is invalid)",
		"postgres://localhost/x?user=app&password=s3cret&connect_timeout=soon": `cannot be used: invalid connect_timeout (strconv.ParseInt: parsing "soon": invalid syntax)`,
		"postgres://app:s3cret@%zz/x":                                          "not of the form postgres://",
		newer:                                                                  "schema version 99 is newer",
		wrong.String():                                                         "password authentication failed",
		nobody.String():                                                        "connection refused",
		server.URL("absent"):                                                   `database "absent" does not exist`,
	} {
		s, err := postgres.Open(t.Context(), store, postgres.Options{})
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open = %v, want %q", err, want)
			continue
		}
		for _, secret := range []string{"s3c", server.Password()} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the error shows the password: %v", err)
			}
		}
	}
}

// What the log says of a store has no password, wherever the URL has it.
func TestAddressShowsNoPassword(t *testing.T) {
	server := stack.PostgresFor(t, stack.PostgresOptions{})
	inUser := database(t, server)
	u, err := url.Parse(inUser)
	if err != nil {
		t.Fatal(err)
	}
	want := "postgres://" + u.User.Username() + "@" + u.Host + u.Path
	q := u.Query()
	q.Set("user", u.User.Username())
	q.Set("password", server.Password())
	inQuery := *u
	inQuery.User, inQuery.RawQuery = nil, q.Encode()
	for _, store := range []string{inUser, inQuery.String()} {
		s, err := postgres.Open(t.Context(), store, postgres.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Address(); got != want || strings.Contains(got, server.Password()) {
			t.Errorf("Address = %q, want %q", got, want)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
