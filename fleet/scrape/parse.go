package scrape

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits on what one instance may send.
const (
	maxSeries = 200_000 // that are kept
	maxLabels = 64      // of one series
	maxText   = 8 << 10 // bytes of a name or a label's value
)

// sample is one line of an exposition.
type sample struct {
	name   string
	labels map[string]string
	value  float64
}

// parse reads the text formats of Prometheus and OpenMetrics, quoted UTF-8 names
// too (https://prometheus.io/docs/instrumenting/exposition_formats/), and keeps the
// series that are wanted. Timestamps, exemplars and comments are left out, as is a
// last line that does not end, whose number may have been cut off. Lines that it
// cannot read are counted; where there are no others it is an error.
func parse(text []byte, wanted func(name string) bool) (samples []sample, broken int, err error) {
	read := 0
	for {
		end := bytes.IndexByte(text, '\n')
		if end < 0 {
			break
		}
		line := bytes.TrimSpace(text[:end])
		text = text[end+1:]
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		s, err := parseLine(string(line), wanted)
		switch {
		case err != nil:
			broken++
			continue
		case s.name != "":
			if len(samples) == maxSeries {
				return nil, broken, fmt.Errorf("more than %d series about calls", maxSeries)
			}
			samples = append(samples, s)
		}
		read++
	}
	if read == 0 && (broken > 0 || len(bytes.TrimSpace(text)) > 0) {
		return nil, broken, errors.New("what it sends is no exposition of metrics")
	}
	return samples, broken, nil
}

var errLine = errors.New("no sample")

// parseLine reads one sample; one that is not wanted has no name.
func parseLine(line string, wanted func(string) bool) (s sample, err error) {
	name, rest := bareName(line)
	var labels map[string]string
	if strings.HasPrefix(rest, "{") {
		var inside string
		if name != "" && !wanted(name) { // most lines: its labels need no reading
			if rest, err = skipLabels(rest); err != nil {
				return s, err
			}
		} else if labels, inside, rest, err = parseLabels(rest[1:]); err != nil {
			return s, err
		}
		if name == "" {
			name = inside
		}
	}
	if name == "" || !strings.HasPrefix(rest, " ") && !strings.HasPrefix(rest, "\t") {
		return s, errLine
	}
	rest = strings.TrimLeft(rest, " \t")
	if end := strings.IndexAny(rest, " \t"); end >= 0 {
		rest = rest[:end]
	}
	if s.value, err = strconv.ParseFloat(rest, 64); err != nil && !errors.Is(err, strconv.ErrRange) {
		return s, errLine
	}
	if wanted(name) {
		s.name, s.labels = name, labels
	}
	return s, nil
}

// bareName reads a name without quotes.
func bareName(line string) (name, rest string) {
	i := 0
	for i < len(line) && (line[i] == '_' || line[i] == ':' || line[i] >= 'a' && line[i] <= 'z' || line[i] >= 'A' && line[i] <= 'Z' ||
		i > 0 && line[i] >= '0' && line[i] <= '9') {
		i++
	}
	if i > maxText {
		return "", line
	}
	return line[:i], strings.TrimLeft(line[i:], emptyBefore(line[i:]))
}

// emptyBefore allows blanks between a name and its labels, and keeps those before
// a value.
func emptyBefore(rest string) string {
	if strings.HasPrefix(strings.TrimLeft(rest, " \t"), "{") {
		return " \t"
	}
	return ""
}

// skipLabels finds the end of {...}.
func skipLabels(text string) (rest string, err error) {
	quoted := false
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == '}' && !quoted:
			return text[i+1:], nil
		}
	}
	return "", errLine
}

// parseLabels reads what stands between { and }, where a quoted name may come
// first. A comma behind the last label is allowed: Java's exporters write one.
func parseLabels(text string) (labels map[string]string, name, rest string, err error) {
	labels = map[string]string{}
	for {
		text = strings.TrimLeft(text, " \t")
		if strings.HasPrefix(text, "}") {
			return labels, name, text[1:], nil
		}
		var key string
		quotedKey := strings.HasPrefix(text, `"`)
		if quotedKey {
			key, text, err = quotedText(text)
		} else {
			key, text = bareName(text)
		}
		text = strings.TrimLeft(text, " \t")
		switch {
		case err != nil || key == "":
			return nil, "", "", errLine
		case strings.HasPrefix(text, "="):
			var value string
			if value, text, err = quotedText(strings.TrimLeft(text[1:], " \t")); err != nil {
				return nil, "", "", err
			}
			if labels[key] = value; len(labels) > maxLabels {
				return nil, "", "", errLine
			}
		case quotedKey && name == "":
			name = key
		default:
			return nil, "", "", errLine
		}
		text = strings.TrimLeft(text, " \t")
		if !strings.HasPrefix(text, ",") && !strings.HasPrefix(text, "}") {
			return nil, "", "", errLine
		}
		text = strings.TrimPrefix(text, ",")
	}
}

// quotedText reads "..." with the escapes \\, \" and \n.
func quotedText(text string) (value, rest string, err error) {
	if !strings.HasPrefix(text, `"`) {
		return "", "", errLine
	}
	var b strings.Builder
	for i := 1; i < len(text) && b.Len() <= maxText; i++ {
		switch c := text[i]; c {
		case '"':
			return strings.ToValidUTF8(b.String(), string(utf8.RuneError)), text[i+1:], nil
		case '\\':
			i++
			if i == len(text) {
				return "", "", errLine
			}
			switch text[i] {
			case 'n':
				b.WriteByte('\n')
			case '\\', '"':
				b.WriteByte(text[i])
			default:
				b.WriteByte('\\')
				b.WriteByte(text[i])
			}
		default:
			b.WriteByte(c)
		}
	}
	return "", "", errLine
}
