package file

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/gctl-dev/gctl/fleet"
)

// document is the file as it is written.
type document struct {
	Check    text               `yaml:"check"`
	Services map[string]service `yaml:"services"`
}

type service struct {
	Tags      []string          `yaml:"tags"`
	Meta      map[string]string `yaml:"meta"`
	Instances []instance        `yaml:"instances"`
}

type instance struct {
	ID      text              `yaml:"id"`
	Address text              `yaml:"address"`
	Tags    []string          `yaml:"tags"`
	Meta    map[string]string `yaml:"meta"`
	Status  text              `yaml:"status"`

	at *token.Position
}

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (in *instance) UnmarshalYAML(node ast.Node) error {
	type plain instance // without this method
	if err := yaml.NodeToValue(node, (*plain)(in), yaml.Strict()); err != nil {
		return err
	}
	in.at = node.GetToken().Position
	return nil
}

// text is a string that remembers where it stands.
type text struct {
	value string
	at    *token.Position
}

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (t *text) UnmarshalYAML(node ast.Node) error {
	if err := yaml.NodeToValue(node, &t.value); err != nil {
		return err
	}
	t.at = node.GetToken().Position
	return nil
}

// A SyntaxError says what is wrong in the file, and where.
type SyntaxError struct {
	Line, Column int // from 1; 0 where it is about the whole file
	Message      string
}

// Error implements error.
func (e *SyntaxError) Error() string {
	if e.Line == 0 {
		return e.Message
	}
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Message)
}

func errorAt(at *token.Position, format string, args ...any) error {
	e := &SyntaxError{Message: fmt.Sprintf(format, args...)}
	if at != nil {
		e.Line, e.Column = at.Line, at.Column
	}
	return e
}

// catalog is what a file says.
type catalog struct {
	check    bool             // instances are to be checked by TCP
	services []*fleet.Service // sorted by name, without counts
	byName   map[string][]fleet.Instance
}

// parse reads a file.
func parse(data []byte) (*catalog, error) {
	if err := checkShape(data); err != nil {
		return nil, err
	}
	doc, err := decode(data)
	if err != nil {
		return nil, err
	}
	c := &catalog{byName: map[string][]fleet.Instance{}}
	switch doc.Check.value {
	case "", "tcp":
		c.check = true
	case "none":
	default:
		return nil, errorAt(doc.Check.at, "check %q is neither tcp nor none", doc.Check.value)
	}
	for _, name := range slices.Sorted(maps.Keys(doc.Services)) {
		if name == "" {
			return nil, errorAt(nil, "a service has an empty name")
		}
		instances, err := doc.Services[name].build(name)
		if err != nil {
			return nil, err
		}
		c.byName[name] = instances
		c.services = append(c.services, summarize(name, instances))
	}
	return c, nil
}

func decode(data []byte) (doc document, err error) {
	// The library is known to panic on some malformed files.
	defer func() {
		if p := recover(); p != nil {
			err = errorAt(nil, "this is no YAML that can be read (%v)", p)
		}
	}()
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return doc, located(err)
	}
	var body ast.Node
	for _, d := range file.Docs {
		switch {
		case d.Body == nil || d.Body.Type() == ast.NullType:
		case body != nil:
			return doc, errorAt(d.Body.GetToken().Position, "there is more than one document")
		default:
			body = d.Body
		}
	}
	if body == nil {
		return doc, nil // an empty list is a list
	}
	if found := findSpecial(body); found != nil {
		return doc, errorAt(found.GetToken().Position, "anchors, aliases and tags are not supported")
	}
	return doc, located(yaml.NodeToValue(body, &doc, yaml.Strict()))
}

// located turns the library's errors into ours.
func located(err error) error {
	if err == nil {
		return nil
	}
	var y yaml.Error
	if errors.As(err, &y) && y.GetToken() != nil {
		return errorAt(y.GetToken().Position, "%s", y.GetMessage())
	}
	return &SyntaxError{Message: err.Error()}
}

// build checks the instances of a service and joins them with what the service
// says for all.
func (s service) build(name string) ([]fleet.Instance, error) {
	instances := make([]fleet.Instance, 0, len(s.Instances))
	seen := map[string]bool{}
	for n := range s.Instances {
		in := &s.Instances[n]
		i, err := in.build(name)
		if err != nil {
			return nil, err
		}
		if seen[i.ID] {
			return nil, errorAt(in.at, "service %s has two instances with the ID %q", name, i.ID)
		}
		seen[i.ID] = true
		i.Tags = slices.Compact(slices.Sorted(slices.Values(slices.Concat(s.Tags, in.Tags))))
		i.Meta = maps.Clone(s.Meta)
		if i.Meta == nil {
			i.Meta = map[string]string{}
		}
		maps.Copy(i.Meta, in.Meta)
		i.Version, i.Zone = i.Meta[fleet.MetaVersion], i.Meta[fleet.MetaZone]
		instances = append(instances, i)
	}
	slices.SortFunc(instances, func(a, b fleet.Instance) int { return cmp.Compare(a.ID, b.ID) })
	return instances, nil
}

func (in *instance) build(name string) (fleet.Instance, error) {
	if in.Address.value == "" {
		return fleet.Instance{}, errorAt(in.at, "an instance of %s has no address", name)
	}
	if !isAddress(in.Address.value) {
		return fleet.Instance{}, errorAt(in.Address.at, "address %q is neither HOST:PORT nor unix:PATH", in.Address.value)
	}
	status := fleet.Status(cmp.Or(in.Status.value, string(fleet.Passing)))
	switch status {
	case fleet.Passing, fleet.Warning, fleet.Critical, fleet.Maintenance:
	default:
		return fleet.Instance{}, errorAt(in.Status.at, "status %q is none of passing, warning, critical, maintenance", in.Status.value)
	}
	return fleet.Instance{
		ID: cmp.Or(in.ID.value, in.Address.value), Service: name, Addr: in.Address.value, Catalog: status,
	}, nil
}

func isAddress(s string) bool {
	if path, ok := strings.CutPrefix(s, "unix:"); ok {
		return path != ""
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil || host == "" {
		return false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}

// summarize gathers what is true of all instances, and all their tags.
func summarize(name string, instances []fleet.Instance) *fleet.Service {
	s := &fleet.Service{Name: name}
	for n, i := range instances {
		s.Tags = append(s.Tags, i.Tags...)
		if n == 0 {
			s.Meta = maps.Clone(i.Meta)
		}
		maps.DeleteFunc(s.Meta, func(k, v string) bool { got, ok := i.Meta[k]; return !ok || got != v })
	}
	slices.Sort(s.Tags)
	s.Tags = slices.Compact(s.Tags)
	return s
}
