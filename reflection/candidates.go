package reflection

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/metadata"

	"github.com/gctl-dev/gctl/fleet"
)

const (
	// For one service, unless Locator.Timeout says otherwise: one of many must
	// not hold up the others, the only one may take its time.
	askTimeout      = 3 * time.Second
	askAloneTimeout = 10 * time.Second

	askedInstances = 3 // of one service, until one answers
)

// candidate is a service of the catalog that may have what is looked for.
type candidate struct {
	service   string
	instances []fleet.Instance // the ones to ask, in this order
	published []string         // full names of gRPC services, from the meta
	versions  []string         // of all instances, not only of those to ask
}

// candidate looks a service up in the catalog.
func (l *Locator) candidate(ctx context.Context, service string) (candidate, error) {
	list, err := l.Catalog.Instances(ctx, service)
	if err != nil {
		return candidate{}, err
	}
	c := candidate{service: service}
	seen := map[string]bool{}
	for _, in := range list.Instances {
		if !slices.Contains(c.versions, in.Version) {
			c.versions = append(c.versions, in.Version)
		}
		for name := range strings.SplitSeq(in.Meta[fleet.MetaGRPCServices], ",") {
			if name = strings.TrimSpace(name); name != "" && !seen[name] {
				seen[name] = true
				c.published = append(c.published, name)
			}
		}
	}
	c.instances = someOf(list.Instances)
	return c, nil
}

// someOf returns a random few of the best instances: passing ones, or else ones
// with a warning, or else any. Of those that the catalog calls bad more are
// tried: most are gone.
func someOf(all []fleet.Instance) []fleet.Instance {
	for _, group := range []struct {
		good  func(fleet.Status) bool
		limit int
	}{
		{func(s fleet.Status) bool { return s == fleet.Passing }, askedInstances},
		{func(s fleet.Status) bool { return s == fleet.Warning }, askedInstances},
		{func(fleet.Status) bool { return true }, 4 * askedInstances},
	} {
		var some []fleet.Instance
		for _, in := range all {
			if group.good(in.Catalog) {
				some = append(some, in)
			}
		}
		if len(some) > 0 {
			rand.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
			return some[:min(len(some), group.limit)]
		}
	}
	return nil
}

// question is how a service is asked for its schema.
type question struct {
	want    string // a full name to begin with, may be empty
	timeout time.Duration
	headers metadata.MD
}

// ask fetches the schema of a candidate from the first of its instances that
// answers.
func (l *Locator) ask(ctx context.Context, c candidate, q question) (*Schema, error) {
	if l.Timeout > 0 {
		q.timeout = l.Timeout
	}
	ctx, cancel := context.WithTimeout(ctx, q.timeout)
	defer cancel()
	q.timeout /= time.Duration(max(1, len(c.instances))) // a hanging instance must leave time for the next
	var last error
	for _, in := range c.instances {
		schema, err := l.askInstance(ctx, in, q)
		if err == nil {
			return schema, nil
		}
		last = err
		if ctx.Err() != nil {
			break
		}
	}
	if last == nil {
		last = noInstances(c.service)
	}
	return nil, last
}

func (l *Locator) askInstance(ctx context.Context, in fleet.Instance, q question) (*Schema, error) {
	ctx, cancel := context.WithTimeout(ctx, q.timeout)
	defer cancel()
	cc, closeConn, err := l.Open(ctx, in)
	if err != nil {
		return nil, err
	}
	defer closeConn()
	schema, err := FromServer(ctx, cc, ServerOptions{Want: q.want, Headers: q.headers, Timeout: q.timeout})
	if err != nil {
		return nil, fmt.Errorf("instance %s: %w", in.ID, err)
	}
	return schema, nil
}
