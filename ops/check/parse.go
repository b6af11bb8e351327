package check

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/gctl-dev/gctl/fleet"
)

// The limits of a file. The YAML library works recursively, so its nesting is
// bounded before it sees the file.
const (
	maxSize   = 1 << 20
	maxNested = 50
	maxChecks = 1000
	maxTold   = 100      // mistakes
	maxTwice  = 64 << 10 // the library allows a key to stand twice in quadratic time
)

// Problem is a mistake in a file of checks.
type Problem struct {
	Line, Column int // from 1; 0 where it is about the whole file
	What, Hint   string
}

// Parse reads a file of checks. ${env:NAME} in any string is replaced by the
// environment's variable, whose value no report will show; names stay as they are
// written. Mistakes are all told at once, in one *fleet.Error of kind Usage.
func Parse(path string, data []byte, getenv func(string) string) (*File, error) {
	r := &reader{path: path, file: &File{Path: path}, getenv: getenv, names: map[string]int{}}
	if root := r.tree(data); root != nil {
		r.root(root)
	}
	if len(r.problems) > 0 {
		return nil, r.mistakes()
	}
	return r.file, nil
}

type reader struct {
	path     string
	file     *File
	getenv   func(string) string
	names    map[string]int // of checks, with their lines
	problems []Problem
}

// mistakes is the error of everything that is wrong.
func (r *reader) mistakes() error {
	slices.SortStableFunc(r.problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	e := &fleet.Error{Kind: fleet.Usage, What: fmt.Sprintf("%s has %d mistakes", r.path, len(r.problems)), Hint: "gctl check --schema prints a JSON schema for editors"}
	if len(r.problems) == 1 {
		e.What = r.path + " has a mistake"
	}
	for i, p := range r.problems {
		if i == maxTold {
			e.Details = append(e.Details, fmt.Sprintf("and %d more", len(r.problems)-i))
			break
		}
		line := r.path + ": " + p.What
		if p.Line > 0 {
			line = fmt.Sprintf("%s:%d:%d: %s", r.path, p.Line, p.Column, p.What)
		}
		if p.Hint != "" {
			line += " (" + p.Hint + ")"
		}
		e.Details = append(e.Details, r.file.Redact(line))
	}
	return e
}

func (r *reader) problemf(at *token.Position, hint, format string, args ...any) {
	p := Problem{What: fmt.Sprintf(format, args...), Hint: hint}
	if at != nil {
		p.Line, p.Column = at.Line, at.Column
	}
	r.problems = append(r.problems, p)
}

func place(n ast.Node) *token.Position { return n.GetToken().Position }

// tree parses the YAML; nil where it is none, or empty.
func (r *reader) tree(data []byte) (root ast.Node) {
	if at, err := bounded(data); err != nil {
		r.problemf(at, "", "%v", err)
		return nil
	}
	// The library is known to panic on some malformed files.
	defer func() {
		if p := recover(); p != nil {
			root = nil
			r.problemf(nil, "", "this is no YAML that can be read (%v)", p)
		}
	}()
	parsed, err := parser.ParseBytes(data, 0)
	if err != nil && len(data) <= maxTwice { // a key that stands twice should not hide the other mistakes
		if again, stillWrong := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey()); stillWrong == nil {
			parsed, err = again, nil
		}
	}
	if err != nil {
		var y yaml.Error
		if errors.As(err, &y) && y.GetToken() != nil {
			r.problemf(y.GetToken().Position, "", "%s", y.GetMessage())
		} else {
			r.problemf(nil, "", "%v", err)
		}
		return nil
	}
	if len(parsed.Docs) != 1 || parsed.Docs[0].Body == nil {
		r.problemf(nil, "gctl check --init SERVICE writes a first file", "there are no checks in it")
		return nil
	}
	refused := false
	for _, t := range []ast.NodeType{ast.AnchorType, ast.AliasType, ast.TagType} {
		for _, n := range ast.Filter(t, parsed.Docs[0].Body) {
			refused = true
			r.problemf(place(n), "", "anchors, aliases and tags are not supported")
		}
	}
	if refused { // whatever else is wrong may come of these
		return nil
	}
	return parsed.Docs[0].Body
}

// bounded says where the file is more than the YAML library is given to read.
func bounded(data []byte) (*token.Position, error) {
	if len(data) > maxSize {
		return nil, fmt.Errorf("the file is larger than %d MiB", maxSize>>20)
	}
	nested := 0
	for n, line := range bytes.Split(data, []byte("\n")) {
		nested += bytes.Count(line, []byte("{")) + bytes.Count(line, []byte("["))
		nested = max(0, nested-bytes.Count(line, []byte("}"))-bytes.Count(line, []byte("]")))
		if indent := len(line) - len(bytes.TrimLeft(line, " \t-?:")); nested > maxNested || indent > 4*maxNested {
			return &token.Position{Line: n + 1, Column: 1}, errors.New("the line is nested too deeply")
		}
	}
	return nil, nil //nolint:nilnil // nothing is wrong
}

func (r *reader) root(root ast.Node) {
	top, ok := r.mapping(root, "the file", []string{"checks"})
	if !ok {
		return
	}
	checks, ok := top["checks"]
	if !ok {
		r.problemf(place(root), "gctl check --init SERVICE writes a first file", `the key "checks" is missing`)
		return
	}
	list, ok := checks.node.(*ast.SequenceNode)
	if !ok {
		r.problemf(place(checks.node), "checks:\n  - name: ...", "checks is no list")
		return
	}
	if len(list.Values) == 0 || len(list.Values) > maxChecks {
		r.problemf(place(list), "", "there are %d checks; 1 to %d can be", len(list.Values), maxChecks)
		return
	}
	for _, n := range list.Values {
		r.check(n)
	}
}

// entry is a key of a mapping with its value.
type entry struct{ key, node ast.Node }

// mapping reads the keys of a mapping and complains of those that are not known.
// With no known keys any will do.
func (r *reader) mapping(n ast.Node, what string, known []string) (map[string]entry, bool) {
	var pairs []*ast.MappingValueNode
	switch m := n.(type) {
	case *ast.MappingNode:
		pairs = m.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{m}
	default:
		r.problemf(place(n), "", "%s is no mapping of keys", what)
		return nil, false
	}
	out := map[string]entry{}
	for _, pair := range pairs {
		key := pair.Key.GetToken().Value
		if len(known) > 0 && !slices.Contains(known, key) {
			hint := "known: " + strings.Join(known, ", ")
			if near := fleet.Nearest(key, known, 1); len(near) > 0 {
				hint = "did you mean " + near[0] + "?"
			}
			r.problemf(place(pair.Key), hint, "unknown key %q of %s", key, what)
			continue
		}
		if _, twice := out[key]; twice {
			r.problemf(place(pair.Key), "", "the key %q stands twice", key)
		}
		out[key] = entry{pair.Key, pair.Value}
	}
	return out, true
}

// check reads one element of the list.
func (r *reader) check(n ast.Node) {
	kinds := spec()
	known := []string{"name", "expect"}
	for _, k := range kinds {
		known = append(known, string(k.kind))
	}
	before := len(r.problems)
	m, ok := r.mapping(n, "a check", known)
	if !ok {
		return
	}
	misspelt := len(r.problems) > before
	c := Check{Line: place(n).Line, file: r.file}
	r.name(n, m, &c)
	kind := r.kind(m, kinds, &c)
	if kind == nil && !misspelt {
		r.problemf(place(n), "one of "+strings.Join(known[2:], ", "), "the check asks nothing")
	}
	if kind == nil {
		return
	}
	about := m[string(kind.kind)]
	switch v := (&value{}); {
	case kind.scalar == nil:
		r.fields(about, string(kind.kind), kind.about, &c)
	case r.read(about.node, field{name: string(kind.kind)}, v):
		kind.scalar(&c, v)
	}
	if expect, has := m["expect"]; has {
		r.fields(expect, "expect of "+string(kind.kind), kind.expect, &c)
	}
	r.complete(n, &c)
	r.file.Checks = append(r.file.Checks, c)
}

func (r *reader) name(n ast.Node, m map[string]entry, c *Check) {
	given, ok := m["name"]
	if !ok {
		r.problemf(place(n), "", "a check has no name")
		return
	}
	if !r.read(given.node, field{name: "name"}, &value{}) {
		return
	}
	c.Name, _ = written(given.node) // reports show it: the environment is not put in
	if first, taken := r.names[c.Name]; taken {
		r.problemf(place(given.node), "reports tell checks apart by their names", "the check on line %d has the name %q too", first, c.Name)
	}
	r.names[c.Name] = c.Line
}

// kind finds the kind of a check, nil where there is none.
func (r *reader) kind(m map[string]entry, kinds []kindSpec, c *Check) *kindSpec {
	var found *kindSpec
	for i := range kinds {
		given, ok := m[string(kinds[i].kind)]
		switch {
		case !ok:
		case found != nil:
			r.problemf(place(given.key), "make it two checks", "a check asks one thing: %s, or %s", found.kind, kinds[i].kind)
		default:
			found = &kinds[i]
			c.Kind = found.kind
		}
	}
	return found
}

// complete says what is missing for an answer to be judged.
func (r *reader) complete(n ast.Node, c *Check) {
	e := &c.Expect
	switch c.Kind {
	case Call:
		e.Code = cmp.Or(e.Code, "OK")
	case Health, Trace:
	case Metrics:
		if e.ErrorRatio == nil && e.Rate == nil && e.P50 == nil && e.P95 == nil && e.P99 == nil {
			r.problemf(place(n), "expect: {error_ratio: < 1%}", "%q expects nothing", c.Name)
		}
	case Breakers:
		if len(e.States) == 0 && e.Flapping == nil {
			r.problemf(place(n), "expect: {state: closed}", "%q expects nothing", c.Name)
		}
	case SLO:
		if e.BurnRate == nil && e.BudgetLeft == nil {
			r.problemf(place(n), "expect: {burn_rate: < 2}", "%q expects nothing", c.Name)
		}
	case PromQL:
		if e.Value == nil {
			r.problemf(place(n), "expect: {value: < 0.8}", "%q expects nothing", c.Name)
		}
	}
}

// fields reads a mapping by its description.
func (r *reader) fields(e entry, what string, fields []field, c *Check) {
	known := make([]string, 0, len(fields))
	for _, f := range fields {
		known = append(known, f.name)
	}
	m, ok := r.mapping(e.node, what, known)
	if !ok {
		return
	}
	for _, f := range fields {
		given, has := m[f.name]
		switch v := (&value{}); {
		case !has && f.required:
			r.problemf(place(e.key), "", "%s has no %s", what, f.name)
		case !has:
		case f.shape == mapping:
			r.fields(given, what+"."+f.name, f.fields, c)
		case r.read(given.node, f, v):
			f.set(c, v)
		}
	}
}
