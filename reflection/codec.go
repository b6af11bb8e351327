package reflection

import "encoding/binary"

// writer and reader are the primitives of the binary forms: unsigned varints,
// and strings with their length before them.
type writer struct{ b []byte }

func (w *writer) count(n int) { w.b = binary.AppendUvarint(w.b, uint64(n)) }

func (w *writer) str(s string) {
	w.count(len(s))
	w.b = append(w.b, s...)
}

func (w *writer) strs(list []string) {
	w.count(len(list))
	for _, s := range list {
		w.str(s)
	}
}

// reader reads b. The strings of its beginning are parts of one string, text:
// thousands of small ones would cost more than the rest of the work.
type reader struct {
	b    []byte
	text string
	at   int
	bad  bool
}

func newReader(b []byte, text int) *reader {
	return &reader{b: b, text: string(b[:min(text, len(b))])}
}

// fail makes all that follows empty.
func (r *reader) fail() int {
	r.bad, r.at = true, len(r.b)
	return 0
}

func (r *reader) number() int {
	v, n := binary.Uvarint(r.b[r.at:])
	if n <= 0 || v > 1<<31 {
		return r.fail()
	}
	r.at += n
	return int(v)
}

// count reads the length of what follows, which is at least that many bytes.
func (r *reader) count() int {
	n := r.number()
	if n > len(r.b)-r.at {
		return r.fail()
	}
	return n
}

func (r *reader) bytes() []byte {
	n := r.count()
	r.at += n
	return r.b[r.at-n : r.at : r.at]
}

func (r *reader) str() string {
	b := r.bytes()
	if r.at <= len(r.text) {
		return r.text[r.at-len(b) : r.at]
	}
	return string(b)
}

func (r *reader) strs() []string {
	n := r.count()
	if n == 0 {
		return nil
	}
	out := make([]string, n)
	for i := range out {
		out[i] = r.str()
	}
	return out
}

// done tells whether everything was read, and as it was written.
func (r *reader) done() bool { return !r.bad && r.at == len(r.b) }
