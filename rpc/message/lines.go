package message

import (
	"io"
	"sort"
)

// lineCounter passes a reader on and remembers where its lines begin, so that
// an offset can be told as line and column.
type lineCounter struct {
	r      io.Reader
	read   int64
	before int     // lines forgotten
	last   int64   // where the last forgotten line began
	starts []int64 // where the lines after it began
}

func (l *lineCounter) Read(b []byte) (int, error) {
	n, err := l.r.Read(b)
	for i, c := range b[:n] {
		if c == '\n' {
			l.starts = append(l.starts, l.read+int64(i)+1)
		}
	}
	l.read += int64(n)
	return n, err
}

// position returns line and column of an offset that was not forgotten.
func (l *lineCounter) position(offset int64) (line, column int) {
	n := sort.Search(len(l.starts), func(i int) bool { return l.starts[i] > offset })
	begin := l.last
	if n > 0 {
		begin = l.starts[n-1]
	}
	return l.before + n + 1, int(offset-begin) + 1
}

// forget drops the lines before the one of offset: the input may be endless.
func (l *lineCounter) forget(offset int64) {
	n := sort.Search(len(l.starts), func(i int) bool { return l.starts[i] > offset })
	if n == 0 {
		return
	}
	l.before += n
	l.last = l.starts[n-1]
	l.starts = append(l.starts[:0], l.starts[n:]...)
}
