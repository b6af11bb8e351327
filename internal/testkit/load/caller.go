package load

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/gctl-dev/gctl/svc/kit"
)

// Caller is a process that calls a service through the kit's client: discovery,
// balancer, breaker, retries, deadlines, telemetry. It serves nothing itself.
type Caller struct {
	Conn   *grpc.ClientConn
	server *kit.Server
	log    *events
}

// Event is what the caller logged of a breaker or of an instance.
type Event struct {
	Time     time.Time `json:"-"`
	Message  string    `json:"message"` // "breaker", "instance ejected", ...
	State    string    `json:"state"`   // of a breaker: "closed", "open", "half-open"
	Breaker  string    `json:"breaker"`
	Endpoint string    `json:"endpoint"`
	Reason   string    `json:"reason"`
	Detail   string    `json:"detail"`
}

// NewCaller returns a caller of the target; its instances are in the catalog of
// the Consul agent, or, where that is empty, in the target.
func NewCaller(ctx context.Context, consul string, target kit.Target) (*Caller, error) {
	c := &Caller{log: &events{}}
	var err error
	c.server, err = kit.New(ctx, kit.Options{
		Config:  kit.Config{Listen: "127.0.0.1:0", Plaintext: true, Consul: consul},
		Service: "caller", LogTo: c.log,
	})
	if err != nil {
		return nil, err
	}
	if c.Conn, err = c.server.Dial(target); err != nil { //nolint:contextcheck // the connection outlives ctx
		_ = c.server.Close()
		return nil, err
	}
	return c, nil
}

// Close closes the connection.
func (c *Caller) Close() error { return c.server.Close() }

// Events returns what became of breakers and instances so far.
func (c *Caller) Events() []Event {
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	return append([]Event(nil), c.log.list...)
}

// Opened returns the first event since then of a breaker that opened.
func (c *Caller) Opened(since time.Time) (Event, bool) {
	for _, e := range c.Events() {
		if e.Message == "breaker" && e.State == "open" && e.Time.After(since) {
			return e, true
		}
	}
	return Event{}, false
}

// events reads the lines of a log.
type events struct {
	mu   sync.Mutex
	list []Event
}

// Write implements io.Writer: the log writes whole lines.
func (l *events) Write(data []byte) (int, error) {
	now := time.Now()
	for line := range bytes.Lines(data) {
		var e Event
		if json.Unmarshal(line, &e) != nil || e.Message != "breaker" && !strings.HasPrefix(e.Message, "instance ") {
			continue
		}
		e.Time = now
		l.mu.Lock()
		l.list = append(l.list, e)
		l.mu.Unlock()
	}
	return len(data), nil
}
