package internal

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	userv1 "github.com/gctl-dev/gctl/svc/user/api"
	"github.com/gctl-dev/gctl/svc/user/repository"
)

// orderable are the fields that order_by may name.
var orderable = []repository.Field{
	repository.FieldID, repository.FieldEmail, repository.FieldDisplayName, repository.FieldRole,
	repository.FieldState, repository.FieldCreated, repository.FieldUpdated,
}

// parseQuery reads filter, order and page token. The error lists all of them
// that are wrong.
func parseQuery(r *userv1.ListUsersRequest) (repository.Query, error) {
	var q repository.Query
	var wrong violations
	var err error
	q.Where, err = parseFilter(r.GetFilter())
	wrong.add("filter", err)
	q.Order, err = parseOrder(r.GetOrderBy())
	wrong.add("order_by", err)
	if r.GetPageToken() != "" && err == nil { // a token is read by the order
		q.After, err = parsePageToken(r, q.Order)
		wrong.add("page_token", err)
	}
	return q, wrong.err()
}

// parseOrder reads "field [asc|desc], ..." (https://google.aip.dev/132).
func parseOrder(text string) ([]repository.Order, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	var order []repository.Order
	for term := range strings.SplitSeq(text, ",") {
		words := strings.Fields(term)
		if len(words) == 0 || len(words) > 2 {
			return nil, errors.New(`want fields joined by commas, for example "display_name desc, create_time"`)
		}
		o := repository.Order{Field: repository.Field(words[0])}
		if !slices.Contains(orderable, o.Field) {
			return nil, errors.New("cannot order by " + words[0])
		}
		if slices.ContainsFunc(order, func(earlier repository.Order) bool { return earlier.Field == o.Field }) {
			return nil, errors.New(words[0] + " stands there twice")
		}
		if len(words) == 2 {
			if words[1] != "asc" && words[1] != "desc" {
				return nil, errors.New(words[1] + " is neither asc nor desc")
			}
			o.Descending = words[1] == "desc"
		}
		order = append(order, o)
	}
	return order, nil
}

// A page token holds the place of the page's last user in the order, not a
// count: inserts and deletes between two pages neither repeat nor skip others.
type token struct {
	Query []byte     `json:"q"` // hash of filter and order: a token fits only its own list
	ID    string     `json:"i"`
	Keys  []tokenKey `json:"k,omitempty"`
}

// tokenKey is the last user's value of one field of the order.
type tokenKey struct {
	Text string `json:"s,omitempty"`
	Nano int64  `json:"n,omitempty"`
}

// odd tells whether a value is in the token that no user has.
func (t token) odd() bool {
	return strings.ContainsRune(t.ID, 0) || slices.ContainsFunc(t.Keys, func(k tokenKey) bool { return strings.ContainsRune(k.Text, 0) })
}

func queryHash(r *userv1.ListUsersRequest) []byte {
	sum := sha256.Sum256([]byte(r.GetFilter() + "\x00" + r.GetOrderBy()))
	return sum[:8]
}

func pageToken(r *userv1.ListUsersRequest, order []repository.Order, last repository.User) string {
	t := token{Query: queryHash(r), ID: last.ID}
	for _, o := range order {
		switch v := last.SortKey(o.Field).(type) {
		case string:
			t.Keys = append(t.Keys, tokenKey{Text: v})
		case int64:
			t.Keys = append(t.Keys, tokenKey{Nano: v})
		}
	}
	var data bytes.Buffer
	write := json.NewEncoder(&data)
	write.SetEscapeHTML(false)              // it would be longer
	if err := write.Encode(t); err != nil { // strings, numbers and bytes always do
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(bytes.TrimSpace(data.Bytes()))
}

func parsePageToken(r *userv1.ListUsersRequest, order []repository.Order) (*repository.User, error) {
	data, err := base64.RawURLEncoding.DecodeString(r.GetPageToken())
	if err != nil {
		return nil, errors.New("not a token of this service")
	}
	var t token
	if err := json.Unmarshal(data, &t); err != nil || t.odd() {
		return nil, errors.New("not a token of this service")
	}
	if !slices.Equal(t.Query, queryHash(r)) || len(t.Keys) != len(order) {
		return nil, errors.New("belongs to a list with another filter or order")
	}
	u := &repository.User{ID: t.ID}
	for i, o := range order {
		switch k := t.Keys[i]; o.Field {
		case repository.FieldEmail:
			u.Email = k.Text
		case repository.FieldDisplayName:
			u.DisplayName = k.Text
		case repository.FieldRole:
			u.Role = repository.Role(k.Text)
		case repository.FieldState:
			u.State = repository.State(k.Text)
		case repository.FieldCreated:
			u.Created = time.Unix(0, k.Nano)
		case repository.FieldUpdated:
			u.Updated = time.Unix(0, k.Nano)
		}
	}
	return u, nil
}
