package recording

import (
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
