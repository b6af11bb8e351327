package check

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/output"
	"github.com/gctl-dev/gctl/ops/health"
)

// value is a value of the file, of which the part that its shape says is set.
type value struct {
	text       string
	texts      []string
	pairs      map[string]string
	duration   time.Duration
	comparison *Comparison
	least      health.Least
	count      int
	yes        bool
	json       []byte
}

// read reads a value as its field describes it, and tells whether it could.
func (r *reader) read(n ast.Node, f field, v *value) bool {
	before := len(r.problems)
	switch f.shape {
	case pairs:
		r.readPairs(n, f, v)
	case texts:
		r.readTexts(n, f, v)
	case anything:
		r.readAnything(n, v)
	default:
		if s, ok := r.scalar(n, f.name); ok {
			if err := v.parse(s, f); err != nil {
				r.problemf(place(n), "", "%s: %v", f.name, err)
			}
			r.allowed(n, f, s)
		}
	}
	return len(r.problems) == before
}

// parse reads the text of a scalar.
func (v *value) parse(s string, f field) (err error) {
	v.text = s
	switch f.shape {
	case duration:
		v.duration, err = time.ParseDuration(s)
		if err != nil || v.duration <= 0 {
			err = fmt.Errorf("%q is no duration such as 300ms", s)
		}
	case comparison:
		v.comparison, err = parseComparison(s, f.unit)
	case amount:
		v.least, err = health.ParseLeast(s)
	case count:
		v.count, err = strconv.Atoi(s)
		if err != nil || v.count < 0 {
			err = fmt.Errorf("%q is no number from 0", s)
		}
	case yesNo:
		v.yes, err = strconv.ParseBool(s)
		if err != nil {
			err = fmt.Errorf("%q is neither true nor false", s)
		}
	}
	if f.name == "jq" {
		var wrong *output.QueryError
		if errors.As(output.CheckQuery(s), &wrong) {
			err = fmt.Errorf("%q is no jq expression: %w", s, wrong.Err)
		}
	}
	return err
}

func (r *reader) allowed(n ast.Node, f field, s string) {
	if len(f.oneOf) == 0 || slices.Contains(f.oneOf, s) {
		return
	}
	hint := "one of " + strings.Join(f.oneOf, ", ")
	if near := fleet.Nearest(s, f.oneOf, 1); len(near) > 0 {
		hint = "did you mean " + near[0] + "?"
	}
	r.problemf(place(n), hint, "%s: %q is not known", f.name, s)
}

// scalar returns a string, number or boolean as it is written, the environment
// put in.
func (r *reader) scalar(n ast.Node, what string) (string, bool) {
	s, ok := written(n)
	if !ok {
		r.problemf(place(n), "", "%s is no single value", what)
		return "", false
	}
	if s = r.expand(n, s); s == "" {
		r.problemf(place(n), "", "%s is empty", what)
		return "", false
	}
	return s, true
}

// written is a scalar without the environment.
func written(n ast.Node) (string, bool) {
	switch x := n.(type) {
	case *ast.StringNode:
		return x.Value, true
	case *ast.LiteralNode:
		return x.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true
	default:
		return "", false
	}
}

func (r *reader) readTexts(n ast.Node, f field, v *value) {
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		list = &ast.SequenceNode{Values: []ast.Node{n}}
	}
	for _, item := range list.Values {
		if s, ok := r.scalar(item, f.name); ok {
			r.allowed(item, f, s)
			v.texts = append(v.texts, s)
		}
	}
}

func (r *reader) readPairs(n ast.Node, f field, v *value) {
	m, ok := r.mapping(n, f.name, nil)
	if !ok {
		return
	}
	v.pairs = map[string]string{}
	for key, e := range m {
		if s, ok := r.scalar(e.node, f.name+"."+key); ok {
			v.pairs[key] = s
		}
	}
}

// readAnything makes the JSON of a request, or of each of several.
func (r *reader) readAnything(n ast.Node, v *value) {
	var whole any
	if err := yaml.NodeToValue(n, &whole); err != nil {
		r.problemf(place(n), "", "data: %v", err)
		return
	}
	whole = r.expandAll(n, whole)
	messages, isList := whole.([]any)
	if !isList {
		messages = []any{whole}
	}
	for _, m := range messages {
		raw := plainJSON(m)
		if s, isText := m.(string); isText { // JSON as text
			raw = []byte(s)
		}
		if raw == nil {
			r.problemf(place(n), "", "data is nothing that JSON has")
			return
		}
		v.json = append(append(v.json, raw...), '\n')
	}
}

func (r *reader) expandAll(n ast.Node, v any) any {
	switch x := v.(type) {
	case string:
		return r.expand(n, x)
	case []any:
		for i := range x {
			x[i] = r.expandAll(n, x[i])
		}
	case map[string]any:
		for key := range x {
			x[key] = r.expandAll(n, x[key])
		}
	}
	return v
}

var envRef = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\$\{env:([^}]*)\}`) })

// expand puts the environment's variables in and remembers their values.
func (r *reader) expand(n ast.Node, s string) string {
	return envRef().ReplaceAllStringFunc(s, func(ref string) string {
		name := envRef().FindStringSubmatch(ref)[1]
		v := r.getenv(name)
		if v == "" {
			r.problemf(place(n), "set it, or leave it out", "the variable %s is not set", name)
			return ref // one mistake, not two
		}
		r.file.hide(v)
		return v
	})
}
