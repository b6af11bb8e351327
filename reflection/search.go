package reflection

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gctl-dev/gctl/fleet"
)

const (
	searchWorkers = 32
	// searchGrace is how long a search that has its answer waits for others, who
	// may have the same name. Whoever hangs does not hold it up longer.
	searchGrace = 300 * time.Millisecond
	// searchLimit bounds the whole search, for fleets that hang by the hundred.
	searchLimit = 10 * time.Second
)

// search looks for one method in the whole catalog.
type search struct {
	l             *Locator
	index         *fleetIndex // what is known, from the cache and by asking
	name, service string      // service is empty once a service of the catalog was chosen by it
	chosen        bool        // the user named the service of the catalog
	known, marked []string    // services of the catalog, and those that it says speak gRPC

	mu      sync.Mutex
	schemas map[string]*Schema // by service of the catalog, fetched in this run
	errs    map[string]error   // who did not answer
}

func (l *Locator) newSearch(name, service string) *search {
	return &search{
		l: l, index: l.loadIndex(), name: name, service: service,
		schemas: map[string]*Schema{}, errs: map[string]error{},
	}
}

func (s *search) method(outer context.Context) (found *Located, err error) {
	ctx, cancel := context.WithTimeout(outer, searchLimit)
	defer cancel()
	waves, err := s.waves(ctx)
	if err != nil {
		return nil, err
	}
	if len(waves) == 0 {
		return nil, &fleet.Error{What: "the catalog lists no service", Hint: "gctl doctor shows what is reachable"}
	}
	for _, names := range waves {
		if s.l.Schema != nil {
			found, err = s.given(ctx, names)
		} else {
			found, err = s.wave(ctx, names)
		}
		if err == nil || !IsUnknown(err) {
			return found, err
		}
	}
	if outer.Err() != nil {
		return nil, outer.Err()
	}
	return nil, s.unknown(err)
}

// waves returns the services of the catalog to ask: the one that the user
// named, or those that are said to speak gRPC and then the others.
func (s *search) waves(ctx context.Context) ([][]string, error) {
	list, err := s.l.Catalog.Services(ctx)
	if err != nil {
		if s.service == "" {
			return nil, err
		}
		s.known, s.service, s.chosen = []string{s.service}, "", true // it may be allowed to read this one
		return [][]string{s.known}, nil
	}
	var marked, others []string
	for _, sv := range list.Services {
		s.known = append(s.known, sv.Name)
		if sv.GRPC || sv.Meta[fleet.MetaGRPCServices] != "" {
			marked = append(marked, sv.Name)
		} else {
			others = append(others, sv.Name)
		}
	}
	s.marked = marked
	s.index.keep(func(name string) bool { return slices.Contains(s.known, name) })
	if slices.Contains(s.known, s.service) {
		only := s.service
		s.service, s.chosen = "", true
		s.index.keep(func(name string) bool { return name == only })
		return [][]string{{only}}, nil
	}
	return slices.DeleteFunc([][]string{marked, others}, func(w []string) bool { return len(w) == 0 }), nil
}

// wave asks some services: those who publish the name, or else all of them.
func (s *search) wave(ctx context.Context, names []string) (*Located, error) {
	candidates, err := s.lookup(ctx, names)
	if err != nil {
		return nil, err
	}
	if narrowed := s.publishers(candidates); len(narrowed) > 0 {
		s.ask(ctx, narrowed, s.l.Headers)
		found, err := s.resolve()
		if err == nil || !IsUnknown(err) {
			s.save(false)
			return found, err
		}
		if err := s.failure(narrowed); err != nil {
			return nil, err
		}
	}
	s.ask(ctx, candidates, s.headers())
	found, err := s.resolve()
	s.save(!s.chosen)
	return found, err
}

// lookup finds the instances of services. It is an error if the catalog has no
// answer for any of them.
func (s *search) lookup(ctx context.Context, names []string) ([]candidate, error) {
	out, errs := make([]candidate, len(names)), make([]error, len(names))
	each(len(names), func(i int) { out[i], errs[i] = s.l.candidate(ctx, names[i]) })
	failed := 0
	for i, err := range errs {
		if err != nil {
			failed++
			s.errs[names[i]] = err
		}
	}
	if failed == len(names) && failed > 0 {
		return nil, errs[0]
	}
	return slices.DeleteFunc(out, func(c candidate) bool { return len(c.instances) == 0 }), nil
}

// publishers returns the candidates whose meta names the gRPC service that is
// looked for.
func (s *search) publishers(candidates []candidate) []candidate {
	svc, _ := splitMethod(cleanName(s.name))
	if svc == "" {
		svc = cleanName(s.service)
	}
	if svc == "" {
		return nil
	}
	for _, match := range serviceMatches(svc) {
		var out []candidate
		for _, c := range candidates {
			if slices.ContainsFunc(c.published, match) {
				out = append(out, c)
			}
		}
		if len(out) > 0 {
			return out
		}
	}
	return nil
}

// headers are those for services of which nobody said that they are meant.
func (s *search) headers() metadata.MD {
	if s.chosen || len(s.known) == 1 {
		return s.l.Headers
	}
	return s.l.Search
}

// ask fetches the schemas of candidates that were not asked yet, in parallel.
func (s *search) ask(ctx context.Context, candidates []candidate, headers metadata.MD) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	want, _ := splitMethod(cleanName(s.name))
	if !strings.Contains(want, ".") {
		want = ""
	}
	timeout := askTimeout
	if s.chosen || len(s.known) == 1 {
		timeout = askAloneTimeout
	}
	var grace *time.Timer
	each(len(candidates), func(i int) {
		c := candidates[i]
		if s.wasAsked(c.service) || ctx.Err() != nil {
			return
		}
		schema, err := s.l.ask(ctx, c, question{want, timeout, headers})
		s.mu.Lock()
		defer s.mu.Unlock()
		if err != nil {
			s.errs[c.service] = err
			return
		}
		s.schemas[c.service] = schema
		s.index.put(c.service, schema.Methods(), &c)
		if _, _, err := s.index.resolve(s.l.Schema, s.name, s.service); err == nil && grace == nil {
			grace = time.AfterFunc(searchGrace, cancel)
		}
	})
	if grace != nil {
		grace.Stop()
	}
}

func (s *search) wasAsked(service string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.schemas[service] != nil || s.errs[service] != nil
}

// resolve finds the method among everything known by now.
func (s *search) resolve() (*Located, error) {
	where, m, err := s.index.resolve(nil, s.name, s.service)
	if err != nil {
		return nil, err
	}
	if len(where) > 1 {
		return nil, several(m, where)
	}
	schema := s.schemas[where[0]]
	fromCache := schema == nil
	if fromCache {
		schema = s.l.loadSchema(where[0])
	}
	if schema == nil {
		return nil, nobody(m)
	}
	md, err := schema.FindMethod(m.String(), "")
	if err != nil {
		return nil, err
	}
	return &Located{Service: where[0], Method: md, Schema: schema, FromCache: fromCache}, nil
}

// given finds out who serves a method of the schema that the user gave: who
// publishes its gRPC service, who lists it, or the only one there is.
func (s *search) given(ctx context.Context, names []string) (*Located, error) {
	md, err := s.l.Schema.FindMethod(s.name, s.service)
	if err != nil {
		return nil, err
	}
	m := MethodName{Service: string(md.Parent().FullName()), Method: string(md.Name())}
	candidates, err := s.lookup(ctx, names)
	if err != nil {
		return nil, err
	}
	var where []string
	for _, c := range candidates {
		if slices.Contains(c.published, m.Service) {
			where = append(where, c.service)
		}
	}
	if len(where) == 0 && (s.chosen || len(s.known) == 1) {
		where = names
	}
	if len(where) == 0 {
		s.ask(ctx, candidates, s.headers())
		where, _, _ = s.index.resolve(s.l.Schema, m.String(), "")
		s.save(!s.chosen)
	}
	return s.here(where, m, md)
}

func (s *search) here(where []string, m MethodName, md protoreflect.MethodDescriptor) (*Located, error) {
	switch len(where) {
	case 0:
		return nil, nobody(m)
	case 1:
		return &Located{Service: where[0], Method: md, Schema: s.l.Schema}, nil
	default:
		return nil, several(m, where)
	}
}

// save keeps what was learned, for the runs to come.
func (s *search) save(complete bool) {
	x := s.l.loadIndex()
	x.keep(func(name string) bool { return s.chosen || slices.Contains(s.known, name) })
	for _, service := range slices.Sorted(maps.Keys(s.schemas)) {
		e := &s.index.entries[s.index.find(service)]
		x.put(service, s.schemas[service].Methods(), &candidate{versions: e.versions, published: e.published})
		s.l.saveSchema(service, s.schemas[service])
	}
	x.complete = x.complete || complete && len(s.schemas) > 0
	s.l.saveIndex(x)
}

// each calls do for 0 to n-1, a bounded number at a time.
func each(n int, do func(i int)) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, searchWorkers)
	for i := range n {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			do(i)
		})
	}
	wg.Wait()
}
