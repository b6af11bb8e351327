package sqlite

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/svc/user/repository"
)

// List implements repository.Repository.
func (s *Store) List(ctx context.Context, q repository.Query) ([]repository.User, error) {
	var where []string
	var args []any
	for _, c := range q.Where {
		text, values, err := condition(c)
		if err != nil {
			return nil, err
		}
		where, args = append(where, text), append(args, values...)
	}
	order := slices.Concat(q.Order, []repository.Order{{Field: repository.FieldID}})
	if q.After != nil {
		text, values, err := behind(order, *q.After)
		if err != nil {
			return nil, err
		}
		where, args = append(where, text), append(args, values...)
	}
	query := "SELECT " + columns + " FROM users"
	if len(where) > 0 {
		query += " WHERE " + strings.Join(where, " AND ")
	}
	terms := make([]string, len(order))
	for i, o := range order {
		name, err := column(o.Field)
		if err != nil {
			return nil, err
		}
		terms[i] = name + " COLLATE BINARY"
		if o.Descending {
			terms[i] += " DESC"
		}
	}
	query += " ORDER BY " + strings.Join(terms, ", ") + " LIMIT ?"
	users, err := all(ctx, s.db, query, append(args, q.Limit)...)
	return users, fault(ctx, err)
}

// behind selects what comes after u: greater in the first field, or equal in
// it and greater in the second, and so on.
func behind(order []repository.Order, u repository.User) (string, []any, error) {
	var either []string
	var args []any
	for i, last := range order {
		var terms []string
		for _, o := range order[:i] {
			name, err := column(o.Field)
			if err != nil {
				return "", nil, err
			}
			terms, args = append(terms, name+" = ? COLLATE BINARY"), append(args, u.SortKey(o.Field))
		}
		name, err := column(last.Field)
		if err != nil {
			return "", nil, err
		}
		operator := " > "
		if last.Descending {
			operator = " < "
		}
		terms, args = append(terms, name+operator+"? COLLATE BINARY"), append(args, u.SortKey(last.Field))
		either = append(either, "("+strings.Join(terms, " AND ")+")")
	}
	return "(" + strings.Join(either, " OR ") + ")", args, nil
}

// column returns the column of a field that has one value. No name that comes
// from outside gets into a statement.
func column(f repository.Field) (string, error) {
	switch f {
	case repository.FieldID, repository.FieldEmail, repository.FieldDisplayName, repository.FieldRole, repository.FieldState:
		return string(f), nil
	case repository.FieldCreated:
		return "created", nil
	case repository.FieldUpdated:
		return "updated", nil
	default:
		return "", fmt.Errorf("field %q has no order", f)
	}
}

func condition(c repository.Condition) (string, []any, error) {
	switch c.Field {
	case repository.FieldGroups:
		return "EXISTS (SELECT 1 FROM json_each(groups) WHERE value = ?)", []any{c.Text}, only(c, repository.Contains)
	case repository.FieldLabels:
		return label(c)
	case repository.FieldCreated, repository.FieldUpdated:
		name, err := column(c.Field)
		if err != nil || c.Operator == repository.Contains {
			return "", nil, fmt.Errorf("operator %q on %s: %w", c.Operator, c.Field, err)
		}
		return name + " " + string(c.Operator) + " ?", []any{nanos(c.Time)}, nil
	default:
		name, err := column(c.Field)
		if err != nil {
			return "", nil, err
		}
		if c.Operator == repository.Contains {
			return "instr(lower(" + name + "), lower(?)) > 0", []any{c.Text}, nil
		}
		return name + " " + string(c.Operator) + " ?", []any{c.Text}, only(c, repository.Equal, repository.NotEqual)
	}
}

// nanos returns the nanoseconds since 1970 of a time, or for one that 64 bits
// cannot hold (before 1678, after 2262) the nearest that they can.
func nanos(t time.Time) int64 {
	switch {
	case t.Before(time.Unix(0, math.MinInt64)):
		return math.MinInt64
	case t.After(time.Unix(0, math.MaxInt64)):
		return math.MaxInt64
	default:
		return t.UnixNano()
	}
}

// label compares the value of one label. A user without the label has a value
// that is not equal to anything.
func label(c repository.Condition) (string, []any, error) {
	has := "EXISTS (SELECT 1 FROM json_each(labels) WHERE key = ?"
	switch c.Operator {
	case repository.Contains:
		return has + " AND instr(lower(value), lower(?)) > 0)", []any{c.Key, c.Text}, nil
	case repository.NotEqual:
		return "NOT " + has + " AND value = ?)", []any{c.Key, c.Text}, nil
	default:
		return has + " AND value = ?)", []any{c.Key, c.Text}, only(c, repository.Equal)
	}
}

func only(c repository.Condition, operators ...repository.Operator) error {
	if slices.Contains(operators, c.Operator) {
		return nil
	}
	return fmt.Errorf("operator %q on %s", c.Operator, c.Field)
}
