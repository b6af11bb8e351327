package recording

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"

	"github.com/gctl-dev/gctl/fleet"
)

// RoundTrip writes a delta and reads it again.
func RoundTrip(d *fleet.Delta) (fleet.Delta, error) {
	raw, err := json.Marshal(encode(d))
	if err != nil {
		return fleet.Delta{}, err
	}
	return decodeLine(raw)
}

// DecodeLine reads a line behind its checksum.
func DecodeLine(raw []byte) (fleet.Delta, error) { return decodeLine(raw) }

// WriteTo writes a whole segment.
func WriteTo(out io.Writer, deltas ...*fleet.Delta) error {
	zip := gzip.NewWriter(out)
	err := writeLine(zip, header{formatName, formatVersion})
	for _, d := range deltas {
		err = errors.Join(err, writeLine(zip, encode(d)))
	}
	return errors.Join(err, zip.Close())
}

// Line is a delta as a segment has it.
func Line(d *fleet.Delta) (string, error) {
	raw, err := json.Marshal(encode(d))
	return string(raw), err
}

// Parts writes a file of a part for each delta.
func Parts(deltas ...*fleet.Delta) ([]byte, error) {
	var out bytes.Buffer
	w := partWriter{out: &out}
	for _, d := range deltas {
		if err := w.begin(d.At, d); err != nil {
			return nil, err
		}
	}
	err := w.end(false)
	return out.Bytes(), err
}
