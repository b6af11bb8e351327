package reflection

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// magic begins the binary form; it changes with the form. The CRC-32C of what
// follows comes next, and the length of the index.
const (
	magic   = "gctlsch2"
	headLen = len(magic) + 4 + 4
)

// MarshalBinary returns the schema in the form that Unmarshal reads quickly:
// a header, the index and the files.
func (s *Schema) MarshalBinary() ([]byte, error) {
	if s.raw != nil {
		return s.raw, nil
	}
	w := writer{b: make([]byte, headLen)}
	copy(w.b, magic)
	w.str(s.hash)
	w.strs(s.problems)
	w.count(len(s.services))
	for _, e := range s.services {
		w.str(e.name)
		w.strs(e.methods)
	}
	w.count(len(s.symbols))
	for _, e := range s.symbols {
		w.str(e.name)
		w.count(e.file)
	}
	w.count(len(s.exts))
	for _, e := range s.exts {
		w.str(e.extendee)
		w.count(int(e.number))
		w.str(e.name)
	}
	binary.LittleEndian.PutUint32(w.b[headLen-4:], uint32(len(w.b)-headLen))
	w.count(len(s.entries))
	for _, e := range s.entries {
		w.str(e.path)
		w.str(string(e.raw))
	}
	binary.LittleEndian.PutUint32(w.b[len(magic):], sum(w.b))
	if err := prove(w.b); err != nil {
		return nil, err
	}
	return w.b, nil
}

var errCorrupt = errors.New("not a schema of this version, or damaged")

// Unmarshal reads the binary form. It builds no descriptors: that happens when
// one is asked for, and only for the files that it needs. The schema keeps data.
func Unmarshal(data []byte) (*Schema, error) {
	if len(data) < headLen || string(data[:len(magic)]) != magic || binary.LittleEndian.Uint32(data[len(magic):]) != sum(data) {
		return nil, errCorrupt
	}
	r := newReader(data[headLen:], int(binary.LittleEndian.Uint32(data[headLen-4:])))
	s := &Schema{raw: data}
	s.hash, s.problems = r.str(), r.strs()
	s.services = make([]serviceEntry, r.count())
	for i := range s.services {
		s.services[i] = serviceEntry{name: r.str(), methods: r.strs()}
	}
	s.symbols = make([]symbolEntry, r.count())
	for i := range s.symbols {
		s.symbols[i] = symbolEntry{name: r.str(), file: r.number()}
	}
	s.exts = make([]extEntry, r.count())
	for i := range s.exts {
		s.exts[i] = extEntry{extendee: r.str(), number: int32(r.number()), name: r.str()}
	}
	s.entries = make([]fileEntry, r.count())
	for i := range s.entries {
		s.entries[i] = fileEntry{path: r.str(), raw: r.bytes()}
	}
	if !r.done() || !s.consistent() {
		return nil, errCorrupt
	}
	s.files = newLazyFiles(&s.index)
	return s, nil
}

func (x *index) consistent() bool {
	for _, e := range x.symbols {
		if e.file >= len(x.entries) {
			return false
		}
	}
	return true
}

func sum(b []byte) uint32 {
	return crc32.Checksum(b[len(magic)+4:], crc32.MakeTable(crc32.Castagnoli))
}

// prove reads the form back and builds every descriptor, so that what is saved
// is known to load.
func prove(b []byte) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the schema cannot be saved: %v", r)
		}
	}()
	s, err := Unmarshal(b)
	if err != nil {
		return err
	}
	for _, e := range s.entries {
		f, err := s.files.FindFileByPath(e.path)
		if err != nil {
			return fmt.Errorf("%s: %w", e.path, err)
		}
		touch(f.Messages())
		for i := range f.Services().Len() {
			f.Services().Get(i).Methods()
		}
	}
	return nil
}

func touch(messages protoreflect.MessageDescriptors) {
	for i := range messages.Len() {
		m := messages.Get(i)
		for j := range m.Fields().Len() {
			fd := m.Fields().Get(j)
			_, _, _ = fd.Message(), fd.Enum(), fd.Default()
		}
		touch(m.Messages())
	}
}
