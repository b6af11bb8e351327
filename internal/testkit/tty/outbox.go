package tty

import (
	"io"
	"sync"
	"time"
)

// escSilence follows a lone escape. Bubble Tea waits 50 ms for the rest of a
// sequence; a busy machine may need longer to let it.
const escSilence = 250 * time.Millisecond

// outbox is what the terminal has to send to the program. It takes any amount
// at once, as the emulator must not wait for a program that does not read.
type outbox struct {
	mu     sync.Mutex
	items  []item
	filled chan struct{} // holds a token when there may be items
	closed chan struct{}
}

type item struct {
	bytes   []byte
	silence time.Duration // that has to follow
}

func (o *outbox) init() {
	o.filled, o.closed = make(chan struct{}, 1), make(chan struct{})
}

func (o *outbox) put(bytes []byte, silence time.Duration) {
	o.mu.Lock()
	o.items = append(o.items, item{bytes, silence})
	o.mu.Unlock()
	select {
	case o.filled <- struct{}{}:
	default:
	}
}

func (o *outbox) close() { close(o.closed) }

// send writes what is put until the box is closed or the program is gone.
func (o *outbox) send(program io.Writer) {
	for {
		select {
		case <-o.filled:
		case <-o.closed:
			return
		}
		o.mu.Lock()
		items := o.items
		o.items = nil
		o.mu.Unlock()
		for _, it := range items {
			if _, err := program.Write(it.bytes); err != nil {
				return
			}
			if it.silence > 0 && !o.pause(it.silence) {
				return
			}
		}
	}
}

// pause keeps silent for a while, and returns false if the box is closed.
func (o *outbox) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-o.closed:
		return false
	}
}
