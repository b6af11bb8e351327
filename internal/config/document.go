package config

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// document is the text of the file as lines that can be replaced where the
// syntax tree says that a key stands. What is edited is the text, because no
// printed tree keeps all of a person's layout.
type document struct {
	lines []string
}

// span is a key's lines, [from, to), and the column at which the key stands.
type span struct {
	from, to, indent int
}

func newDocument(text []byte) (*document, error) {
	d := &document{}
	if s := strings.TrimRight(string(text), "\n"); s != "" {
		d.lines = strings.Split(s, "\n")
	}
	_, err := d.tree()
	return d, err
}

func (d *document) text() []byte { return []byte(strings.Join(d.lines, "\n") + "\n") }

// tree returns the top mapping of the document, nil if there is none.
func (d *document) tree() (*ast.MappingNode, error) {
	file, err := parser.ParseBytes(d.text(), 0)
	if err != nil {
		return nil, err
	}
	if len(file.Docs) != 1 {
		return nil, errors.New("more than one document")
	}
	top, _ := file.Docs[0].Body.(*ast.MappingNode)
	return top, nil
}

// spans returns the lines of each key of a block mapping that ends at line end.
// Comments and blank lines before a key belong to that key and not to the one
// before.
func (d *document) spans(m *ast.MappingNode, end int) map[string]span {
	out := map[string]span{}
	if m == nil {
		return out
	}
	for _, v := range slices.Backward(m.Values) {
		key := v.Key
		pos := key.GetToken().Position
		s := span{from: pos.Line - 1, to: end, indent: pos.Column - 1}
		end = s.from
		for s.to > s.from+1 && idle(d.lines[s.to-1]) {
			s.to--
		}
		out[key.GetToken().Value] = s
	}
	return out
}

func idle(line string) bool {
	line = strings.TrimSpace(line)
	return line == "" || strings.HasPrefix(line, "#")
}

// step is a key on the way to what is changed, and all that is to stand below it
// then: nil, or nothing at all, where it is to go.
type step struct {
	key   any
	value any
}

func (s step) name() string { return fmt.Sprint(s.key) }

func (s step) empty() bool {
	v := reflect.ValueOf(s.value)
	return !v.IsValid() || v.IsZero() || v.Kind() == reflect.Map && v.Len() == 0
}

// put writes what is below the last key of the way. A mapping that is not written as
// a block is written anew as a whole, so that all else in the text stays as it is.
func (d *document) put(way ...step) error {
	m, err := d.tree()
	if err != nil {
		return err
	}
	end, indent := len(d.lines), 0
	for i, s := range way {
		each := d.spans(m, end)
		at, found := each[s.name()]
		if !found {
			at = span{from: end, to: end, indent: indent}
			for _, sibling := range each {
				at.indent = sibling.indent
			}
		}
		below := block(m, s.name())
		if i == len(way)-1 || below == nil {
			return d.replace(at, s)
		}
		m, end, indent = below, at.to, at.indent+2
	}
	return nil
}

// remove takes out the last key of the way, and each above it under which nothing is
// left.
func (d *document) remove(way ...step) error {
	m, err := d.tree()
	if err != nil {
		return err
	}
	end := len(d.lines)
	for _, s := range way {
		at, found := d.spans(m, end)[s.name()]
		if !found {
			return nil
		}
		if s.empty() {
			d.lines = slices.Delete(d.lines, at.from, at.to)
			return nil
		}
		below := block(m, s.name())
		if below == nil {
			return d.replace(at, s)
		}
		m, end = below, at.to
	}
	return nil
}

// replace writes a key with all that is below it in place of the lines at.
func (d *document) replace(at span, s step) error {
	text, err := yaml.MarshalWithOptions(map[any]any{s.key: s.value}, yaml.IndentSequence(true))
	if err != nil {
		return err
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	for i := range lines {
		lines[i] = strings.Repeat(" ", at.indent) + lines[i]
	}
	d.lines = slices.Replace(d.lines, at.from, at.to, lines...)
	return nil
}

// block returns the mapping below a key, nil if that is not written as a block.
func block(m *ast.MappingNode, key string) *ast.MappingNode {
	if m == nil {
		return nil
	}
	for _, v := range m.Values {
		if below, ok := v.Value.(*ast.MappingNode); ok && v.Key.GetToken().Value == key && !below.IsFlowStyle {
			return below
		}
	}
	return nil
}

// current sets the key current, or takes it out for "".
func (d *document) current(name string) error {
	top, err := d.tree()
	if err != nil {
		return err
	}
	at := span{}
	var comment string
	if top != nil && len(top.Values) > 0 {
		at.from = top.Values[0].Key.GetToken().Position.Line - 1
		at.to = at.from
		if s, ok := d.spans(top, len(d.lines))["current"]; ok {
			at = s
			comment = regexp.MustCompile(`\s+#.*$`).FindString(d.lines[at.from])
		}
	}
	var line []string
	if name != "" {
		line = []string{"current: " + name + comment}
	}
	d.lines = slices.Replace(d.lines, at.from, at.to, line...)
	return nil
}
