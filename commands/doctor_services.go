package commands

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/pflag"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/config"
	"github.com/gctl-dev/gctl/internal/term"
	"github.com/gctl-dev/gctl/reflection"
	"github.com/gctl-dev/gctl/rpc"
)

const (
	doctorWorkers = 32              // instances that are examined at once
	doctorLimit   = 2 * time.Second // for each instance: a hanging one holds up nobody
)

// examination is a doctor's visit to a fleet.
type examination struct {
	f       *Factory
	context config.Context
	catalog fleet.Catalog
	opts    rpc.Options
	headers metadata.MD // for reflection
	slots   chan struct{}

	mu        sync.Mutex
	reflected map[string][]fleet.Instance // of each service, the instances whose schema can be read
}

func newExamination(ctx context.Context, f *Factory, c config.Context, catalog fleet.Catalog) (*examination, error) {
	x := &examination{
		f: f, context: c, catalog: catalog,
		slots: make(chan struct{}, doctorWorkers), reflected: map[string][]fleet.Instance{},
	}
	var flags connFlags // the context decides alone
	flags.register(pflag.NewFlagSet("doctor", pflag.ContinueOnError))
	var err error
	if x.opts, err = flags.options(&c); err != nil {
		return nil, err
	}
	if err := x.opts.Check(); err != nil {
		return nil, err
	}
	x.opts.ConnectTimeout = doctorLimit
	headers, err := flags.headerSet(ctx, &c, f.Getenv)
	x.headers, x.opts.ProbeHeaders = headers.reflect, headers.reflect
	return x, err
}

// services examines all services in parallel and returns their rows in the
// order of the names.
func (x *examination) services(ctx context.Context, services []fleet.Service) []checkRow {
	rows := make([][]checkRow, len(services))
	var all sync.WaitGroup
	for i, s := range services {
		all.Go(func() { rows[i] = x.service(ctx, s.Name) })
	}
	all.Wait()
	return slices.Concat(rows...)
}

// with runs fn when one of the slots is free.
func (x *examination) with(fn func()) {
	x.slots <- struct{}{}
	defer func() { <-x.slots }()
	fn()
}

func (x *examination) service(ctx context.Context, name string) []checkRow {
	var list fleet.InstanceList
	var err error
	x.with(func() { list, err = x.catalog.Instances(ctx, name) })
	if err != nil {
		return []checkRow{failedCheck("service", name, err)}
	}
	if len(list.Instances) == 0 {
		return []checkRow{{Check: "service", Name: name, State: stateOK, Found: "no instances" + filtered(x.f)}}
	}
	findings := make([]checkRow, len(list.Instances))
	var all sync.WaitGroup
	for i, in := range list.Instances {
		all.Go(func() { x.with(func() { findings[i] = x.instance(ctx, in) }) })
	}
	all.Wait()
	rows := together(findings)
	x.with(func() {
		if row, differ := x.compare(ctx, name); differ {
			rows = append(rows, row)
		}
	})
	return rows
}

// together joins the rows of instances with which the same is the matter.
func together(rows []checkRow) []checkRow {
	var out []checkRow
	for _, r := range rows {
		i := slices.IndexFunc(out, func(o checkRow) bool {
			return o.Name == r.Name && o.State == r.State && o.Found == r.Found && o.Fix == r.Fix
		})
		if i < 0 {
			out = append(out, r)
			continue
		}
		out[i].Instances = append(out[i].Instances, r.Instances...)
	}
	return out
}

// instance examines one instance.
func (x *examination) instance(ctx context.Context, in fleet.Instance) checkRow {
	report := rpc.Explain(ctx, in, x.opts)
	row := checkRow{Check: "service", Name: in.Service, Instances: []string{in.ID}}
	if timeIsOver(ctx) {
		row.State, row.Found = stateUnknown, "there was no time to look"
		return row
	}
	row.State, row.Found, row.Fix = x.verdict(in, report)
	if report.Reflection && row.State == stateOK {
		x.mu.Lock()
		x.reflected[in.Service] = append(x.reflected[in.Service], in)
		x.mu.Unlock()
	}
	if in.Catalog == fleet.Maintenance {
		row.State, row.Found, row.Fix = stateMaintenance, "in maintenance; "+row.Found, ""
	}
	return row
}

// timeIsOver tells whether the time of the run is over. A connection may notice the
// deadline of ctx a moment before ctx does.
func timeIsOver(ctx context.Context) bool {
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		<-ctx.Done()
	}
	return ctx.Err() != nil
}

// verdict turns a report into a state, what was found, and what to do.
func (x *examination) verdict(in fleet.Instance, r *rpc.Report) (state, found, fix string) {
	if !r.GRPC {
		f := r.Fault()
		if f == nil {
			return stateFault, "no verdict in time", "gctl explain " + term.Quote(in.Addr)
		}
		if speaksOther(f.Cause) && !in.GRPC && in.Meta[fleet.MetaGRPCServices] == "" {
			return stateNoGRPC, f.What, ""
		}
		return stateFault, f.What, x.fix(in, f)
	}
	words := []string{cmp.Or(r.Speaks, "gRPC")}
	state = stateOK
	for _, s := range r.Steps {
		switch f := s.Finding; {
		case f == nil:
			if s.Name == "reflection" || s.Name == "health" {
				words = append(words, strings.Replace(s.Detail, "lists", "reflection lists", 1))
			}
		case f.Cause == rpc.CauseNoReflection, f.Cause == rpc.CauseNoHealth:
			words = append(words, f.What)
		default:
			words = append(words, f.What)
			state, fix = stateFault, x.fix(in, f)
		}
	}
	return state, strings.Join(words, "; "), fix
}

// speaksOther tells causes that a server has which is well and simply speaks
// another protocol.
func speaksOther(c rpc.Cause) bool {
	switch c {
	case rpc.CauseNoHTTP2, rpc.CauseNotGRPC, rpc.CauseHangsUp, rpc.CauseNoAnswer, rpc.CauseTLS:
		return true
	default:
		return false
	}
}

// fix returns the line that ends a trouble, ready to paste where there is one:
// how a fleet is reached is the context's to say.
func (x *examination) fix(in fleet.Instance, f *rpc.Finding) string {
	flags := map[rpc.Cause]string{
		rpc.CausePlainServer: "--plaintext",
		rpc.CauseTLSServer:   "--plaintext=false",
		rpc.CauseUnknownCA:   "--cacert FILE",
		rpc.CauseClientCert:  "--cert FILE --key FILE",
		rpc.CauseWrongName:   "--servername NAME",
	}[f.Cause]
	switch {
	case flags == "":
		return cmp.Or(f.Hint, "gctl explain "+term.Quote(in.Addr))
	case x.f.Global.Addr != "":
		return f.Hint
	case f.Cause == rpc.CauseTLSServer && x.context.TLS.Plaintext == nil:
		return f.Hint // this instance's meta is wrong, and the context is all services'
	case f.Cause == rpc.CausePlainServer && x.context.TLS != (config.TLS{}):
		return "the context asks for TLS: services in plaintext need a context of their own, with --plaintext"
	case x.context.Name != "":
		return "gctl context add " + x.context.Name + " " + flags
	default:
		return "gctl context add default --catalog " + defaultConsul(x.f) + " " + flags + " && gctl context use default"
	}
}

// defaultConsul is the URL of the catalog that is asked where no context is.
func defaultConsul(f *Factory) string {
	addr := cmp.Or(f.Getenv("CONSUL_HTTP_ADDR"), "127.0.0.1:8500")
	if rest, secure := strings.CutPrefix(addr, "https://"); secure {
		return "consul+https://" + rest
	}
	return "consul://" + strings.TrimPrefix(addr, "http://")
}

// compare tells whether the instances of a service serve different schemas.
func (x *examination) compare(ctx context.Context, service string) (checkRow, bool) {
	x.mu.Lock()
	instances := slices.Clone(x.reflected[service])
	x.mu.Unlock()
	if len(instances) < 2 {
		return checkRow{}, false
	}
	slices.SortFunc(instances, func(a, b fleet.Instance) int { return cmp.Compare(a.ID, b.ID) })
	l := x.locator()
	l.Catalog = fixed{x.catalog, instances}
	variants, err := l.Compare(ctx, service)
	if err != nil {
		return failedCheck("service", service, err), true
	}
	variants = slices.DeleteFunc(variants, func(v reflection.Variant) bool { return v.Err != nil })
	if len(variants) < 2 {
		return checkRow{}, false
	}
	row := checkRow{
		Check: "service", Name: service, State: stateFault, Found: "the instances serve different schemas",
		Fix: "gctl call --instance ID chooses one until all run the same version",
	}
	for _, v := range variants[1:] { // the first is what most serve
		for _, in := range v.Instances {
			row.Instances = append(row.Instances, in.ID)
		}
	}
	return row, true
}

// fixed is a catalog whose instances are known already.
type fixed struct {
	fleet.Catalog
	instances []fleet.Instance
}

// Instances returns the known instances.
func (c fixed) Instances(_ context.Context, service string) (fleet.InstanceList, error) {
	return fleet.InstanceList{Service: service, Instances: c.instances}, nil
}

func (x *examination) locator() *reflection.Locator {
	return &reflection.Locator{
		Catalog: x.catalog, Headers: x.headers, Timeout: doctorLimit,
		Open: func(_ context.Context, in fleet.Instance) (grpc.ClientConnInterface, func(), error) {
			conn, err := rpc.Dial([]fleet.Instance{in}, x.opts)
			if err != nil {
				return nil, nil, err
			}
			return conn, func() { _ = conn.Close() }, nil
		},
	}
}

// firstCall proposes a call that probably works: a method that needs no
// arguments, of a service whose schema can be read.
func (x *examination) firstCall(ctx context.Context) string {
	prefix := "gctl "
	switch {
	case x.f.Global.Addr != "":
		prefix += "--addr " + x.f.Global.Addr + " "
	case x.f.Global.Context != "":
		prefix += "--context " + x.f.Global.Context + " "
	}
	services := make([]string, 0, len(x.reflected))
	for s := range x.reflected {
		services = append(services, s)
	}
	slices.Sort(services)
	best, bestScore := "", -1
	for _, s := range services[:min(len(services), 8)] {
		l := x.locator()
		l.Catalog = fixed{x.catalog, x.reflected[s]}
		schema, _, err := l.Service(ctx, s)
		if err != nil {
			continue
		}
		for _, sd := range schema.Services() {
			for i := range sd.Methods().Len() {
				if m := sd.Methods().Get(i); inviting(m) > bestScore {
					best, bestScore = string(sd.FullName())+"/"+string(m.Name()), inviting(m)
				}
			}
		}
	}
	if best == "" {
		return ""
	}
	return prefix + "call " + best
}
