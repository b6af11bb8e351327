package internal

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
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

// parseQuery reads filter, order and page token.
func parseQuery(r *userv1.ListUsersRequest) (repository.Query, error) {
	var q repository.Query
	var err error
	if q.Where, err = parseFilter(r.GetFilter()); err != nil {
		return q, err
	}
	if q.Order, err = parseOrder(r.GetOrderBy()); err != nil {
		return q, err
	}
	if r.GetPageToken() != "" {
		q.After, err = parsePageToken(r, q.Order)
	}
	return q, err
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
			return nil, invalid("order_by", `want fields joined by commas, for example "display_name desc, create_time"`)
		}
		o := repository.Order{Field: repository.Field(words[0])}
		if !slices.Contains(orderable, o.Field) {
			return nil, invalid("order_by", "cannot order by "+words[0])
		}
		if slices.ContainsFunc(order, func(earlier repository.Order) bool { return earlier.Field == o.Field }) {
			return nil, invalid("order_by", words[0]+" stands there twice")
		}
		if len(words) == 2 {
			if words[1] != "asc" && words[1] != "desc" {
				return nil, invalid("order_by", words[1]+" is neither asc nor desc")
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
	data, err := json.Marshal(t)
	if err != nil { // strings, numbers and bytes always marshal
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(data)
}

func parsePageToken(r *userv1.ListUsersRequest, order []repository.Order) (*repository.User, error) {
	data, err := base64.RawURLEncoding.DecodeString(r.GetPageToken())
	if err != nil {
		return nil, invalid("page_token", "not a token of this service")
	}
	var t token
	if err := json.Unmarshal(data, &t); err != nil {
		return nil, invalid("page_token", "not a token of this service")
	}
	if !slices.Equal(t.Query, queryHash(r)) || len(t.Keys) != len(order) {
		return nil, invalid("page_token", "belongs to a list with another filter or order")
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
