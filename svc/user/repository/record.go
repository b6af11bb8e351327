package repository

import (
	"encoding/json"
	"time"
)

// record is a user as stores write it where it is not in columns. That outlives
// the program: names stay.
type record struct {
	ID          string            `json:"id"`
	Email       string            `json:"email"`
	DisplayName string            `json:"display_name"`
	Role        Role              `json:"role"`
	State       State             `json:"state"`
	Phone       string            `json:"phone,omitempty"`
	Chat        string            `json:"chat,omitempty"`
	Groups      []string          `json:"groups,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Created     time.Time         `json:"created"`
	Updated     time.Time         `json:"updated"`
	Revision    int64             `json:"-"` // stands beside it
}

// Encode returns a user as JSON, without its revision. Equal users have equal
// JSON.
func Encode(u User) ([]byte, error) { return json.Marshal(record(u)) }

// Decode reads what Encode wrote.
func Decode(data []byte) (User, error) {
	var r record
	err := json.Unmarshal(data, &r)
	return User(r), err
}
