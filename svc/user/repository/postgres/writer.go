package postgres

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gctl-dev/gctl/svc/user/repository"
)

// writer is a transaction that holds the lock of the store. It looks at what it
// has loaded and gathers its statements: a write takes four round trips,
// however many users it stores.
type writer struct {
	tx     pgx.Tx
	last   int64                      // number of the last change, its own ones included
	now    time.Time                  // by the clock of the server, which all instances share
	users  map[string]repository.User // those that were loaded, as they are by now
	owners map[string]string          // their IDs by e-mail, in lower case
	before *repository.User           // what the request created earlier
	batch  pgx.Batch
}

// asked is what a writer loads with the lock.
type asked struct {
	ids, emails []string
	request     repository.Request
}

// lock takes the lock of the store, and then reads: nobody changes anything
// before the end of the transaction.
func (w *writer) lock(ctx context.Context, a asked) error {
	var b pgx.Batch
	b.Queue("SELECT last, clock_timestamp() FROM store FOR UPDATE").QueryRow(func(row pgx.Row) error {
		err := row.Scan(&w.last, &w.now)
		w.now = w.now.UTC()
		return err
	})
	if a.request.ID != "" {
		b.Queue("SELECT hash, content, revision FROM requests WHERE id = $1 AND at > clock_timestamp() - $2::interval",
			a.request.ID, repository.RequestsKept).QueryRow(func(row pgx.Row) error { return w.repeated(row, a.request) })
	}
	w.queueLoad(&b, a.ids, a.emails)
	return w.tx.SendBatch(ctx, &b).Close()
}

// load reads the users with these IDs or e-mails.
func (w *writer) load(ctx context.Context, ids, emails []string) error {
	var b pgx.Batch
	w.queueLoad(&b, ids, emails)
	return w.tx.SendBatch(ctx, &b).Close()
}

func (w *writer) queueLoad(b *pgx.Batch, ids, emails []string) {
	folded := make([]string, len(emails))
	for i, e := range emails {
		folded[i] = fold(e)
	}
	b.Queue("SELECT "+columns+" FROM users WHERE id = ANY($1) OR lower(email) = ANY($2)", ids, folded).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			u, err := scan(rows)
			if err != nil {
				return err
			}
			w.users[u.ID], w.owners[fold(u.Email)] = u, u.ID
		}
		return rows.Err()
	})
}

// fold is lower() under the collation "C".
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// repeated reads what the request created earlier.
func (w *writer) repeated(row pgx.Row, r repository.Request) error {
	var hash, content []byte
	var revision int64
	err := row.Scan(&hash, &content, &revision)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil
	case err != nil:
		return err
	case !bytes.Equal(hash, r.Hash):
		return repository.ErrReused
	}
	u, err := repository.Decode(content)
	u.Revision = revision
	w.before = &u
	return err
}

// remember keeps what a request created, and forgets what is old.
func (w *writer) remember(r repository.Request, u repository.User) error {
	if r.ID == "" {
		return nil
	}
	content, err := repository.Encode(u)
	if err != nil {
		return err
	}
	w.batch.Queue("DELETE FROM requests WHERE at <= $1", w.now.Add(-repository.RequestsKept))
	w.batch.Queue("INSERT INTO requests (id, hash, content, revision, at) VALUES ($1, $2, $3, $4, $5)",
		r.ID, r.Hash, content, u.Revision, w.now)
	return nil
}

// put creates or replaces a user. It returns a *TakenError, with nothing
// written, if another one has the e-mail.
func (w *writer) put(u repository.User) (repository.User, error) {
	if owner, taken := w.owners[fold(u.Email)]; taken && owner != u.ID {
		return u, &repository.TakenError{Field: "email", Value: u.Email}
	}
	kind := repository.Created
	u.Created, u.Updated = w.now, w.now
	if old, exists := w.users[u.ID]; exists {
		kind, u.Created = repository.Updated, old.Created
		delete(w.owners, fold(old.Email))
	}
	if err := w.record(kind, u); err != nil {
		return u, err
	}
	u.Revision = w.last
	w.users[u.ID], w.owners[fold(u.Email)] = u, u.ID
	groups, labels := u.Groups, u.Labels
	if groups == nil {
		groups = []string{} // so that queries always find an array and an object
	}
	if labels == nil {
		labels = map[string]string{}
	}
	w.batch.Queue("INSERT INTO users ("+columns+") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"+
		" ON CONFLICT (id) DO UPDATE SET ("+columns+") = ROW (excluded.*)",
		u.ID, u.Email, u.DisplayName, u.Role, u.State, u.Phone, u.Chat, groups, labels, u.Created, u.Updated, u.Revision)
	return u, nil
}

// remove deletes a user.
func (w *writer) remove(u repository.User) error {
	w.batch.Queue("DELETE FROM users WHERE id = $1", u.ID)
	delete(w.users, u.ID)
	delete(w.owners, fold(u.Email))
	return w.record(repository.Deleted, u)
}

// record appends a change. Every keptChanges/10 changes it forgets the old
// ones.
func (w *writer) record(kind repository.ChangeKind, u repository.User) error {
	content, err := repository.Encode(u)
	if err != nil {
		return err
	}
	w.last++
	w.batch.Queue("INSERT INTO changes (seq, kind, content, at) VALUES ($1, $2, $3, $4)", w.last, kind, content, w.now)
	if w.last%(keptChanges/10) == 0 {
		w.batch.Queue("DELETE FROM changes WHERE seq <= $1", w.last-keptChanges)
	}
	return nil
}

// commit sends what was gathered and commits it. The notification goes out with
// the commit.
func (w *writer) commit(ctx context.Context) error {
	if w.batch.Len() == 0 {
		return nil
	}
	w.batch.Queue("UPDATE store SET last = $1", w.last)
	w.batch.Queue("SELECT pg_notify($1, $2)", channel, strconv.FormatInt(w.last, 10))
	if err := w.tx.SendBatch(ctx, &w.batch).Close(); err != nil {
		return err
	}
	return w.tx.Commit(ctx)
}
