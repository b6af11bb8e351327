package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/svc/user/repository"
)

// errQuery: a query asks for what does not exist.
var errQuery = errors.New("query")

// List implements repository.Repository.
func (s *Store) List(ctx context.Context, q repository.Query) ([]repository.User, error) {
	var b builder
	for _, c := range q.Where {
		text, err := b.condition(c)
		if err != nil {
			return nil, err
		}
		b.where = append(b.where, text)
	}
	order := slices.Concat(q.Order, []repository.Order{{Field: repository.FieldID}})
	terms := make([]string, len(order))
	for i, o := range order {
		name, err := column(o.Field)
		if err != nil {
			return nil, err
		}
		terms[i] = name
		if o.Descending {
			terms[i] += " DESC"
		}
	}
	if q.After != nil {
		text, err := b.behind(order, *q.After)
		if err != nil {
			return nil, err
		}
		b.where = append(b.where, text)
	}
	query := "SELECT " + columns + " FROM users"
	if len(b.where) > 0 {
		query += " WHERE " + strings.Join(b.where, " AND ")
	}
	query += " ORDER BY " + strings.Join(terms, ", ") + " LIMIT " + b.arg(q.Limit)
	return s.all(ctx, query, b.args...)
}

// builder gathers what a query selects. No text from outside gets into a
// statement.
type builder struct {
	where []string
	args  []any
}

// arg adds a value and returns what stands for it.
func (b *builder) arg(value any) string {
	b.args = append(b.args, value)
	return "$" + strconv.Itoa(len(b.args))
}

// behind selects what comes after u: greater in the first field, or equal in
// it and greater in the second, and so on.
func (b *builder) behind(order []repository.Order, u repository.User) (string, error) {
	var equal, either []string
	for _, o := range order {
		name, err := column(o.Field)
		if err != nil {
			return "", err
		}
		operator := " > "
		if o.Descending {
			operator = " < "
		}
		value := b.arg(sortKey(u, o.Field))
		either = append(either, "("+strings.Join(append(slices.Clone(equal), name+operator+value), " AND ")+")")
		equal = append(equal, name+" = "+value)
	}
	return "(" + strings.Join(either, " OR ") + ")", nil
}

func sortKey(u repository.User, f repository.Field) any {
	key := u.SortKey(f)
	if nanos, ok := key.(int64); ok {
		return time.Unix(0, nanos)
	}
	return key
}

// column returns the column of a field that has one value.
func column(f repository.Field) (string, error) {
	switch f {
	case repository.FieldID, repository.FieldEmail, repository.FieldDisplayName, repository.FieldRole, repository.FieldState:
		return string(f), nil
	case repository.FieldCreated:
		return "created", nil
	case repository.FieldUpdated:
		return "updated", nil
	default:
		return "", fmt.Errorf("%w: field %q has no order", errQuery, f)
	}
}

func (b *builder) condition(c repository.Condition) (string, error) {
	switch c.Field {
	case repository.FieldGroups:
		return b.arg(c.Text) + " = ANY (groups)", only(c, repository.Contains)
	case repository.FieldLabels:
		return b.label(c)
	case repository.FieldCreated, repository.FieldUpdated:
		name, err := column(c.Field)
		if err != nil {
			return "", err
		}
		return name + " " + string(c.Operator) + " " + b.arg(micros(c)), only(c, repository.Equal, repository.NotEqual,
			repository.Less, repository.LessEqual, repository.Greater, repository.GreaterEqual)
	default:
		name, err := column(c.Field)
		if err != nil {
			return "", err
		}
		value := b.arg(c.Text) + "::text"
		if c.Operator == repository.Contains {
			return "strpos(lower(" + name + `), lower(` + value + ` COLLATE "C")) > 0`, nil
		}
		if c.Field == repository.FieldEmail { // as its index has it
			name, value = "lower(email)", `lower(`+value+` COLLATE "C")`
		}
		return name + " " + string(c.Operator) + " " + value, only(c, repository.Equal, repository.NotEqual)
	}
}

// label compares the value of one label. A user without the label has a value
// that is not equal to anything.
func (b *builder) label(c repository.Condition) (string, error) {
	label := "(labels ->> " + b.arg(c.Key) + "::text)"
	value := b.arg(c.Text) + "::text"
	switch c.Operator {
	case repository.Contains:
		return "strpos(lower(" + label + ` COLLATE "C"), lower(` + value + ` COLLATE "C")) > 0`, nil
	case repository.NotEqual:
		return label + " IS DISTINCT FROM " + value, nil
	default:
		return label + " = " + value, only(c, repository.Equal)
	}
}

// micros returns the time of a condition in the grain of the columns, which is
// a microsecond: what is finer is rounded so that the comparison says the same.
func micros(c repository.Condition) time.Time {
	floor := c.Time.Truncate(time.Microsecond)
	if c.Operator == repository.Less || c.Operator == repository.GreaterEqual {
		if floor.Before(c.Time) {
			return floor.Add(time.Microsecond)
		}
	}
	return floor
}

func only(c repository.Condition, operators ...repository.Operator) error {
	if slices.Contains(operators, c.Operator) {
		return nil
	}
	return fmt.Errorf("%w: operator %q on %s", errQuery, c.Operator, c.Field)
}
