package commands

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"google.golang.org/grpc"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/config"
	"github.com/gctl-dev/gctl/reflection"
	"github.com/gctl-dev/gctl/rpc"
)

// target is what a method is called on: how to connect, where the schema comes
// from, and, as they become known, the method and the connection.
type target struct {
	f       *Factory
	context config.Context
	options rpc.Options
	headers headerSet
	given   *reflection.Schema // by --proto or --protoset
	service string             // by --service
	locator *reflection.Locator
	located *reflection.Located

	protocol rpc.Protocol
	opened   *rpc.Conn  // speaks gRPC; nil until it is known to where, or if that is not wanted
	called   connection // of the method, nil until it is known to where

	catalogTime time.Duration
	failed      error // why the instance of --addr could not be reached
}

// connection is what the method is called over: an *rpc.Conn or an *rpc.Web.
type connection interface {
	Ready(ctx context.Context) error
	Call(ctx context.Context, inv *rpc.Invocation) (*rpc.Result, error)
	Plaintext() bool
	Close() error
}

// adjust makes the address of --unix one that everything understands.
func (c *connFlags) adjust(g *Global) error {
	if c.unix && g.Addr == "" {
		return &fleet.Error{Kind: fleet.Usage, What: "--unix needs --addr", Hint: "pass the path of the socket with --addr"}
	}
	if c.unix && !strings.HasPrefix(g.Addr, "unix:") {
		g.Addr = "unix:" + g.Addr
	}
	return nil
}

// target prepares a call. With --addr it starts to connect, so that this goes
// on while the schema and the request are read.
func (c *connFlags) target(ctx context.Context, f *Factory, s *schemaFlags, compress string) (*target, error) {
	cc, err := f.Context()
	if err != nil {
		return nil, err
	}
	t := &target{f: f, context: cc, service: s.service, protocol: rpc.GRPC}
	if c.web() {
		t.protocol = rpc.Protocol(c.protocol)
	}
	if t.options, err = c.options(&cc); err != nil {
		return nil, err
	}
	t.options.Compress = compress
	if f.Global.Addr != "" {
		catalog, err := f.Catalog()
		if err != nil {
			return nil, err
		}
		list, err := catalog.Instances(ctx, f.Global.Addr)
		if err != nil {
			return nil, err
		}
		if err := t.connect(list.Instances); err != nil {
			return nil, err
		}
	}
	if t.headers, err = c.headerSet(ctx, &cc, f.Getenv); err == nil {
		err = t.checkHeaders()
	}
	if err == nil {
		t.given, err = s.given()
	}
	if err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

// connect starts to connect to the instances, unless that was done.
func (t *target) connect(instances []fleet.Instance) error {
	if t.called != nil {
		return nil
	}
	opened, err := dial(instances, t.options, t.protocol)
	if err == nil {
		t.called = opened
		t.opened, _ = opened.(*rpc.Conn)
	}
	return err
}

func (t *target) close() {
	if t.called != nil {
		_ = t.called.Close()
	}
}

// locate finds the method and the service of the catalog that has it.
func (t *target) locate(ctx context.Context, method string) error {
	if t.given != nil && (t.f.Global.Addr != "" || t.knows(ctx, t.service)) {
		gRPCService := t.service
		if t.f.Global.Addr == "" {
			gRPCService = ""
		}
		md, err := t.given.FindMethod(method, gRPCService)
		if err != nil {
			return err
		}
		t.located = &reflection.Located{Service: t.service, Method: md, Schema: t.given}
		return nil
	}
	locator, err := t.newLocator()
	if err != nil {
		return err
	}
	t.locator = locator
	t.located, err = locator.Method(ctx, method, t.service)
	if t.protocol != rpc.GRPC {
		return t.noReflection(err)
	}
	if err != nil && t.failed != nil && fleet.KindOf(err) != fleet.Usage {
		return t.explainConnect(t.failed)
	}
	return err
}

// knows tells whether the catalog has a service of this name.
func (t *target) knows(ctx context.Context, service string) bool {
	catalog, err := t.f.Catalog()
	if err != nil || service == "" {
		return false
	}
	list, err := catalog.Instances(ctx, service)
	return err == nil && len(list.Instances) > 0
}

func (t *target) newLocator() (*reflection.Locator, error) {
	catalog, err := t.f.Catalog()
	if err != nil {
		return nil, err
	}
	scope, err := t.f.Scope()
	if err != nil {
		return nil, err
	}
	if t.options.Authority != "" { // it may choose among servers behind one address
		scope += "\x00authority " + t.options.Authority
	}
	var cache reflection.Cache
	if t.f.Cache != nil {
		cache, err = t.f.Cache()
	}
	if err != nil {
		t.f.Verbosef("no cache: %v", err)
		cache = nil
	}
	return &reflection.Locator{
		Catalog: catalog, Open: t.open, Cache: cache, Scope: scope, Headers: t.headers.reflect, Search: t.headers.search, Schema: t.given,
	}, nil
}

// open connects to an instance whose schema is wanted. The connection to the
// one of --addr is there already.
func (t *target) open(ctx context.Context, in fleet.Instance) (grpc.ClientConnInterface, func(), error) {
	conn, done := t.opened, func() {}
	if conn == nil || t.f.Global.Addr == "" {
		var err error
		if conn, err = rpc.Dial([]fleet.Instance{in}, t.options); err != nil {
			return nil, nil, err
		}
		done = func() { conn.Close() }
	}
	if err := t.explainConnect(conn.Ready(ctx)); err != nil {
		if t.f.Global.Addr != "" {
			t.failed = err
		}
		done()
		return nil, nil, err
	}
	return conn, done, nil
}

// few is how many instances a call may choose from: enough to survive one or
// two that died, not so many that a big service is asked for all of them.
const few = 3

// errNoInstance: the catalog has the service, but nobody who serves it.
var errNoInstance = errors.New("the catalog lists none")

// choose returns the instances of the located service that the call may go to,
// in the order in which they are tried.
func (t *target) choose(ctx context.Context, id string, all bool) ([]fleet.Instance, error) {
	start := time.Now()
	service := t.located.Service
	if t.f.Global.Addr != "" {
		service = t.f.Global.Addr
	}
	list, err := listInstances(ctx, t.f, service)
	t.catalogTime = time.Since(start)
	if err != nil {
		return nil, err
	}
	switch {
	case len(list.Instances) == 0:
		return nil, &fleet.Error{What: "no instance of " + service + " to call", Err: errNoInstance, Hint: "gctl services shows which have some"}
	case id != "":
		return chooseByID(list.Instances, id)
	case all:
		return list.Instances, nil
	}
	return t.passing(list), nil
}

func (t *target) passing(list fleet.InstanceList) []fleet.Instance {
	var passing []fleet.Instance
	for i := range list.Instances {
		if list.Instances[i].Catalog == fleet.Passing {
			passing = append(passing, list.Instances[i])
		}
	}
	limit := few
	if len(passing) == 0 {
		t.f.Notef("warning: no instance of %s passes its checks; trying all %d", list.Service, len(list.Instances))
		passing = append(passing, list.Instances...)
		limit = len(passing)
	}
	rand.Shuffle(len(passing), func(i, j int) { passing[i], passing[j] = passing[j], passing[i] }) // no secret hangs on it
	return passing[:min(limit, len(passing))]
}

func chooseByID(instances []fleet.Instance, id string) ([]fleet.Instance, error) {
	ids := make([]string, 0, len(instances))
	for i := range instances {
		if in := &instances[i]; in.ID == id || in.Addr == id {
			return instances[i : i+1], nil
		}
		ids = append(ids, instances[i].ID)
	}
	hint := didYouMean(id, ids, "")
	if hint == "" {
		hint = "instances: " + strings.Join(ids[:min(len(ids), 10)], ", ")
	}
	return nil, &fleet.Error{Kind: fleet.Usage, What: "no instance " + id + " of " + instances[0].Service, Hint: strings.TrimSpace(hint)}
}

// explainConnect gives a failed connection the hint that saves the choice which
// makes it work.
func (t *target) explainConnect(err error) error {
	var ce *rpc.ConnectError
	if !errors.As(err, &ce) || ce.Cause != rpc.CausePlainServer {
		return err
	}
	return ce.WithHint(t.saveHint())
}

// saveHint tells how to speak plaintext, now and from now on.
func (t *target) saveHint() string {
	name := t.context.Name
	if name == "" {
		name = "NAME"
	}
	return "if that is wanted, pass --plaintext, or save the choice: gctl context add " + name + " --plaintext"
}
