package output

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// toYAML returns the JSON document raw as block YAML, keys in their order.
// Strings that could be read as something else are quoted as in JSON, whose
// strings YAML 1.2 takes as they are, escapes included.
func toYAML(raw []byte) ([]byte, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	w := yamlWriter{dec: dec}
	w.buf.WriteString("---")
	if err := w.value(0, false); err != nil {
		return nil, err
	}
	w.buf.WriteByte('\n')
	return w.buf.Bytes(), nil
}

type yamlWriter struct {
	dec *json.Decoder
	buf bytes.Buffer
}

// value writes the next value behind what introduces it: a key, a dash or the
// start of the document. In a list the first line of a nested block stands
// behind its dash.
func (w *yamlWriter) value(indent int, inList bool) error {
	tok, err := w.dec.Token()
	if err != nil {
		return err
	}
	switch delim, nested := tok.(json.Delim); {
	case !nested:
		text, err := scalar(tok)
		if err != nil {
			return err
		}
		w.buf.WriteByte(' ')
		w.buf.Write(text)
		return nil
	case !w.dec.More():
		w.buf.WriteString(map[json.Delim]string{'{': " {}", '[': " []"}[delim])
	default:
		if err := w.block(delim, indent, inList); err != nil {
			return err
		}
	}
	_, err = w.dec.Token() // the end of the block
	return err
}

func (w *yamlWriter) block(delim json.Delim, indent int, inList bool) error {
	for first := true; w.dec.More(); first = false {
		if first && inList {
			w.buf.WriteByte(' ')
		} else {
			fmt.Fprintf(&w.buf, "\n%*s", indent, "")
		}
		if delim == '[' {
			w.buf.WriteByte('-')
			if err := w.value(indent+2, true); err != nil {
				return err
			}
			continue
		}
		key, err := w.dec.Token()
		if err != nil {
			return err
		}
		text, err := scalar(key)
		if err != nil {
			return err
		}
		w.buf.Write(text)
		w.buf.WriteByte(':')
		if err := w.value(indent+2, false); err != nil {
			return err
		}
	}
	return nil
}

func scalar(tok json.Token) ([]byte, error) {
	if s, ok := tok.(string); ok && plain(s) {
		return []byte(s), nil
	}
	return encode(tok)
}

// plain tells whether s is a string in every YAML without quotes.
func plain(s string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_/"
	if s == "" || !strings.ContainsRune(letters, rune(s[0])) || strings.Trim(s, letters+"0123456789.-+:") != "" || s[len(s)-1] == ':' {
		return false
	}
	return !slices.Contains([]string{"true", "false", "yes", "no", "on", "off", "y", "n", "null"}, strings.ToLower(s))
}
