package consul

import (
	"time"

	"github.com/gctl-dev/gctl/discovery/consul"
)

// Impatient is a catalog that waits for nothing long, and reads no more than a
// megabyte.
func Impatient(address string, patience time.Duration) (*Catalog, error) {
	client, err := consul.New(consul.Config{Address: address, Timeout: patience, WaitTime: patience, MaxAnswer: 1 << 20})
	return &Catalog{client: client, now: time.Now}, err
}
