package repository

import "time"

// Query selects users, in order.
type Query struct {
	Where []Condition // all of them hold
	Order []Order     // then by ID
	// After continues behind this user, in the given order; nil for the
	// beginning. The user need not exist any more.
	After *User
	Limit int
}

// Field is a field that can be asked for.
type Field string

// The fields. Label conditions have the label's key beside the field.
const (
	FieldID          Field = "id"
	FieldEmail       Field = "email"
	FieldDisplayName Field = "display_name"
	FieldRole        Field = "role"
	FieldState       Field = "state"
	FieldGroups      Field = "groups"
	FieldLabels      Field = "labels"
	FieldCreated     Field = "create_time"
	FieldUpdated     Field = "update_time"
)

// Operator compares a field with a value.
type Operator string

// The operators. Contains is for a part of a text, without regard to case, and for one of the
// groups.
const (
	Equal        Operator = "="
	NotEqual     Operator = "!="
	Less         Operator = "<"
	LessEqual    Operator = "<="
	Greater      Operator = ">"
	GreaterEqual Operator = ">="
	Contains     Operator = ":"
)

// Condition is one comparison.
type Condition struct {
	Field    Field
	Key      string // of a label
	Operator Operator
	Text     string
	Time     time.Time // instead of Text for the fields that are times
}

// Order is one field to order by.
type Order struct {
	Field      Field
	Descending bool
}

// SortKey returns the value by which a user is ordered under f: a string, or
// the nanoseconds since 1970 of a time.
func (u User) SortKey(f Field) any {
	switch f {
	case FieldEmail:
		return u.Email
	case FieldDisplayName:
		return u.DisplayName
	case FieldRole:
		return string(u.Role)
	case FieldState:
		return string(u.State)
	case FieldCreated:
		return u.Created.UnixNano()
	case FieldUpdated:
		return u.Updated.UnixNano()
	default:
		return u.ID
	}
}
