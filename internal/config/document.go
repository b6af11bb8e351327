package config

import (
	"errors"
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

// contexts returns the lines of the key contexts and of the contexts below it.
func (d *document) contexts() (whole span, each map[string]span, found bool, err error) {
	top, err := d.tree()
	if err != nil || top == nil {
		return span{}, nil, false, err
	}
	whole, found = d.spans(top, len(d.lines))["contexts"]
	if !found {
		return span{}, nil, false, nil
	}
	for _, v := range top.Values {
		if m, ok := v.Value.(*ast.MappingNode); ok && v.Key.GetToken().Value == "contexts" && !m.IsFlowStyle {
			each = d.spans(m, whole.to)
		}
	}
	return whole, each, true, nil
}

func (d *document) put(c Context) error {
	whole, each, found, err := d.contexts()
	if err != nil {
		return err
	}
	if !found {
		d.lines = append(d.lines, "contexts:")
		whole = span{to: len(d.lines)}
	}
	at, replace := each[c.Name]
	if !replace {
		at = span{from: whole.to, to: whole.to, indent: 2}
		for _, sibling := range each {
			at.indent = sibling.indent
		}
	}
	block, err := yaml.MarshalWithOptions(map[string]Context{c.Name: c}, yaml.IndentSequence(true))
	if err != nil {
		return err
	}
	lines := strings.Split(strings.TrimSpace(string(block)), "\n")
	for i := range lines {
		lines[i] = strings.Repeat(" ", at.indent) + lines[i]
	}
	d.lines = slices.Replace(d.lines, at.from, at.to, lines...)
	return nil
}

func (d *document) remove(name string) error {
	whole, each, _, err := d.contexts()
	if err != nil {
		return err
	}
	at, ok := each[name]
	if !ok {
		return nil
	}
	if len(each) == 1 {
		at = whole
	}
	d.lines = slices.Delete(d.lines, at.from, at.to)
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
