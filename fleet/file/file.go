package file

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// Options say which file it is and what to take from it.
type Options struct {
	Path string   // a path, or a file:// URL
	Tags []string // only instances with all of these tags
}

// Catalog implements fleet.Catalog. It reads the file each time it is asked.
type Catalog struct {
	path string
	tags []string
	now  func() time.Time
}

// New returns a catalog. The file is not read yet, so that a watch may begin
// before it exists.
func New(opts Options) (fleet.Catalog, error) {
	path := opts.Path
	if rest, ok := strings.CutPrefix(path, "file://"); ok {
		unescaped, err := url.PathUnescape(rest)
		if err != nil {
			return nil, &fleet.Error{What: "catalog " + opts.Path, Err: err, Hint: "a file catalog is written file:///path/fleet.yaml"}
		}
		path = unescaped
	}
	if path == "" {
		return nil, &fleet.Error{What: "the file catalog has no path", Hint: "a file catalog is written file:///path/fleet.yaml"}
	}
	return &Catalog{path: path, tags: opts.Tags, now: time.Now}, nil
}

// Services implements fleet.Catalog.
func (c *Catalog) Services(ctx context.Context) (fleet.ServiceList, error) {
	content, err := c.load()
	if err != nil {
		return fleet.ServiceList{}, err
	}
	var all []fleet.Instance
	for _, s := range content.services {
		all = append(all, content.byName[s.Name]...)
	}
	if content.check {
		all = checkAll(ctx, all)
	}
	if err := ctx.Err(); err != nil {
		return fleet.ServiceList{}, err
	}
	counts := map[string]*fleet.Service{}
	for _, s := range content.services {
		counts[s.Name] = s
	}
	for _, i := range all {
		counts[i.Service].Add(i.Catalog)
	}
	list := fleet.ServiceList{Services: make([]fleet.Service, 0, len(content.services)), Provenance: c.provenance("services")}
	for _, s := range content.services {
		list.Services = append(list.Services, *s)
	}
	return list, nil
}

// Instances implements fleet.Catalog.
func (c *Catalog) Instances(ctx context.Context, service string) (fleet.InstanceList, error) {
	content, err := c.load()
	if err != nil {
		return fleet.InstanceList{}, err
	}
	instances := content.byName[service]
	if content.check {
		instances = checkAll(ctx, instances)
	}
	if err := ctx.Err(); err != nil {
		return fleet.InstanceList{}, err
	}
	return fleet.InstanceList{Service: service, Instances: slices.Clip(instances), Provenance: c.provenance("services." + service)}, nil
}

func (c *Catalog) provenance(query string) fleet.Provenance {
	return fleet.Provenance{Source: "file " + c.path, Query: query, At: c.now()}
}

// load reads and understands the file.
func (c *Catalog) load() (*catalog, error) {
	data, err := c.read()
	if err != nil {
		return nil, err
	}
	return c.understand(data)
}

// understand parses what the file says and leaves out what the tags do not want.
func (c *Catalog) understand(data []byte) (*catalog, error) {
	content, err := parse(data)
	if err != nil {
		return nil, c.invalid(err)
	}
	if len(c.tags) > 0 {
		content.keep(c.tags)
	}
	return content, nil
}

func (c *Catalog) read() ([]byte, error) {
	// Opening a pipe could wait for ever, and what a device sends is no list.
	if info, err := os.Stat(c.path); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		return nil, c.unreadable(errors.New("it is not a regular file"))
	}
	file, err := os.Open(c.path)
	if err != nil {
		return nil, c.unreadable(err)
	}
	defer file.Close()
	// One byte too many is enough for parse to see that it is too large.
	data, err := io.ReadAll(io.LimitReader(file, maxSize+1))
	if err != nil {
		return nil, c.unreadable(err)
	}
	return data, nil
}

func (c *Catalog) unreadable(err error) error {
	e := &fleet.Error{What: "file catalog " + c.path + " cannot be read", Err: err}
	var p *fs.PathError
	if errors.As(err, &p) {
		e.Err = p.Err // its text repeats the path
	}
	if errors.Is(err, fs.ErrNotExist) {
		e.Hint = "create it, or correct the context's catalog (file:///path/fleet.yaml)"
	}
	return e
}

func (c *Catalog) invalid(err error) error {
	var s *SyntaxError
	where := c.path
	if errors.As(err, &s) {
		if s.Line > 0 {
			where = fmt.Sprintf("%s:%d:%d", c.path, s.Line, s.Column)
		}
		err = errors.New(s.Message)
	}
	return &fleet.Error{What: "file catalog " + where, Err: err,
		Hint: `it is written like this: services: {user: {instances: [{id: user-1, address: "127.0.0.1:9090"}]}}`}
}

// keep leaves out instances that lack one of the tags, and services that have
// none left.
func (c *catalog) keep(tags []string) {
	var services []*fleet.Service
	for _, s := range c.services {
		c.byName[s.Name] = slices.DeleteFunc(c.byName[s.Name], func(i fleet.Instance) bool {
			return slices.ContainsFunc(tags, func(t string) bool { return !slices.Contains(i.Tags, t) })
		})
		if len(c.byName[s.Name]) > 0 {
			services = append(services, summarize(s.Name, c.byName[s.Name]))
		}
	}
	slices.SortFunc(services, func(a, b *fleet.Service) int { return cmp.Compare(a.Name, b.Name) })
	c.services = services
}
