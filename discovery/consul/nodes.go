package consul

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"maps"
)

// nodeEntry is the part of an element of an answer of /v1/internal/ui/nodes that
// is used here.
type nodeEntry struct {
	name, address, peer string
	services            []*nodeService
	checks              []*check
}

// nodeCache has what the services and checks of the last answer meant, by a hash of
// their text: most of the next answer is the same text, and need not be decoded.
type nodeCache struct {
	seed     maphash.Seed
	services memory[nodeService]
	checks   memory[check]
}

// turn begins a new answer.
func (c *nodeCache) turn() {
	if c.services.now == nil {
		c.seed = maphash.MakeSeed()
	}
	c.services.turn()
	c.checks.turn()
}

// end ends an answer: what was not in it is forgotten, unless it was torn.
func (c *nodeCache) end(whole bool) {
	c.services.end(whole)
	c.checks.end(whole)
}

type memory[T any] struct {
	last map[uint64]*T
	now  map[uint64]*T
}

func (m *memory[T]) turn() {
	m.last, m.now = m.now, make(map[uint64]*T, len(m.now))
}

func (m *memory[T]) end(whole bool) {
	if !whole {
		maps.Copy(m.now, m.last)
	}
	m.last = nil
}

func (m *memory[T]) of(seed maphash.Seed, raw []byte) (*T, error) {
	hash := maphash.Bytes(seed, raw)
	v := m.last[hash]
	if v == nil {
		v = new(T)
		if err := json.Unmarshal(raw, v); err != nil {
			return nil, err
		}
	}
	m.now[hash] = v
	return v, nil
}

// eachNode reads an answer of /v1/internal/ui/nodes, which may be null, while it is
// still coming. What is handed to use is valid until use returns, but for what its
// pointers point to, which nobody may change.
func eachNode(r io.Reader, seen *nodeCache, use func(*nodeEntry)) error {
	s := &scanner{r: r}
	var n nodeEntry
	return s.list(func() error {
		n = nodeEntry{services: n.services[:0], checks: n.checks[:0]}
		if err := s.object(func(key string) error { return n.field(s, seen, key) }); err != nil {
			return err
		}
		use(&n)
		return nil
	})
}

func (n *nodeEntry) field(s *scanner, seen *nodeCache, key string) error {
	switch key {
	case "Services":
		return gather(s, &n.services, &seen.services, seen.seed)
	case "Checks":
		return gather(s, &n.checks, &seen.checks, seen.seed)
	}
	raw, err := s.value()
	if err != nil {
		return err
	}
	switch key {
	case "Node":
		return json.Unmarshal(raw, &n.name)
	case "Address":
		return json.Unmarshal(raw, &n.address)
	case "PeerName":
		return json.Unmarshal(raw, &n.peer)
	default:
		return nil
	}
}

// gather reads a list of what is remembered.
func gather[T any](s *scanner, to *[]*T, m *memory[T], seed maphash.Seed) error {
	return s.list(func() error {
		raw, err := s.value()
		if err != nil {
			return err
		}
		v, err := m.of(seed, raw)
		*to = append(*to, v)
		return err
	})
}

// scanner finds where the values of a JSON text begin and end, and no more: what is
// inside is for the decoder to say.
type scanner struct {
	r        io.Reader
	buf      []byte
	pos, end int
}

const scanSize = 64 << 10

// more reads on, and keeps what begins at keep, which then begins at 0.
func (s *scanner) more(keep int) error {
	kept := copy(s.buf, s.buf[keep:s.end])
	s.pos, s.end = s.pos-keep, kept
	if s.end == len(s.buf) {
		s.buf = append(s.buf, make([]byte, max(scanSize, len(s.buf)))...)
	}
	for range 100 {
		n, err := s.r.Read(s.buf[s.end:])
		s.end += n
		switch {
		case n > 0:
			return nil
		case errors.Is(err, io.EOF):
			return io.ErrUnexpectedEOF
		case err != nil:
			return err
		}
	}
	return io.ErrNoProgress
}

// peek skips white space and returns the byte after it.
func (s *scanner) peek() (byte, error) {
	for {
		for ; s.pos < s.end; s.pos++ {
			switch b := s.buf[s.pos]; b {
			case ' ', '\n', '\r', '\t':
			default:
				return b, nil
			}
		}
		if err := s.more(s.pos); err != nil {
			return 0, err
		}
	}
}

func (s *scanner) expect(want byte) error {
	b, err := s.peek()
	if err == nil && b != want {
		err = fmt.Errorf("%q where %q belongs", b, want)
	}
	s.pos++
	return err
}

// list calls each for every element of a list, which reads it; for null, for none.
func (s *scanner) list(each func() error) error { return s.nested('[', ']', each) }

// object calls each for every field of an object, which reads its value.
func (s *scanner) object(each func(key string) error) error {
	return s.nested('{', '}', func() error {
		raw, err := s.value()
		if err != nil {
			return err
		}
		var key string
		if err := json.Unmarshal(raw, &key); err != nil {
			return err
		}
		if err := s.expect(':'); err != nil {
			return err
		}
		return each(key)
	})
}

func (s *scanner) nested(begin, end byte, each func() error) error {
	b, err := s.peek()
	if err != nil {
		return err
	}
	if b == 'n' {
		return s.null()
	}
	if err := s.expect(begin); err != nil {
		return err
	}
	if b, err = s.peek(); err != nil {
		return err
	}
	for b != end {
		if err := each(); err != nil {
			return err
		}
		if b, err = s.peek(); err != nil {
			return err
		}
		if b != end {
			if err := s.expect(','); err != nil {
				return err
			}
		}
	}
	s.pos++
	return nil
}

func (s *scanner) null() error {
	raw, err := s.value()
	if err == nil && string(raw) != "null" {
		err = fmt.Errorf("%.20q where a list or an object belongs", raw)
	}
	return err
}

// value returns the text of the next value. It is valid until the next call.
func (s *scanner) value() ([]byte, error) {
	if _, err := s.peek(); err != nil {
		return nil, err
	}
	begin, depth := s.pos, 0
	for {
		for s.pos < s.end {
			b := s.buf[s.pos]
			switch b {
			case '"':
				if err := s.text(&begin); err != nil {
					return nil, err
				}
			case '{', '[':
				depth++
				s.pos++
			case '}', ']':
				if depth == 0 {
					return s.scalar(begin)
				}
				depth--
				s.pos++
			case ',', ':', ' ', '\n', '\r', '\t':
				if depth == 0 {
					return s.scalar(begin)
				}
				s.pos++
				continue
			default:
				s.pos++
				continue
			}
			if depth == 0 {
				return s.buf[begin:s.pos], nil
			}
		}
		switch err := s.more(begin); {
		case errors.Is(err, io.ErrUnexpectedEOF) && depth == 0: // the end of the text ends a word too
			return s.scalar(0)
		case err != nil:
			return nil, err
		}
		begin = 0
	}
}

// scalar is a number or a word, which ends where something else begins.
func (s *scanner) scalar(begin int) ([]byte, error) {
	if begin == s.pos {
		return nil, errors.New("a value is missing")
	}
	return s.buf[begin:s.pos], nil
}

// text skips a string in what begins at begin.
func (s *scanner) text(begin *int) error {
	s.pos++
	escaped := false
	for {
		for ; s.pos < s.end; s.pos++ {
			switch b := s.buf[s.pos]; {
			case escaped:
				escaped = false
			case b == '\\':
				escaped = true
			case b == '"':
				s.pos++
				return nil
			}
		}
		if err := s.more(*begin); err != nil {
			return err
		}
		*begin = 0
	}
}
