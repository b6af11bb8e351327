package commands

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/ops/why"
	"github.com/gctl-dev/gctl/reflection"
	"github.com/gctl-dev/gctl/rpc"
)

// sources are what why can ask in this context: what package main opens, and what
// the instances themselves can be asked.
func (o *whyOptions) sources(ctx context.Context) (*why.Sources, error) {
	cc, err := o.f.Context()
	if err != nil {
		return nil, err
	}
	s := &why.Sources{}
	if o.f.Why != nil {
		s = o.f.Why()
	}
	s.Map = NamesOf(cc)
	s.Catalog = func(context.Context) (fleet.Catalog, error) { return o.f.Catalog() }
	if o.f.Traces != nil && s.Traces == nil {
		s.Traces = o.openTraces
	}
	s.Events, s.Recording = o.openEvents, o.openRecording
	asking := &whyAsking{schemas: map[string]*reflection.Schema{}}
	if asking.options, err = o.conn.options(&cc); err != nil {
		return nil, err
	}
	headers, err := o.conn.headerSet(ctx, &cc, o.f.Getenv)
	if err != nil {
		return nil, err
	}
	asking.headers = headers
	if o.f.Prober != nil && s.Health == nil {
		s.Health = func(context.Context) (fleet.Prober, error) {
			return o.f.Prober(ProbeOptions{RPC: asking.options, Headers: headers.reflect, Timeout: time.Second})
		}
	}
	s.Schemas = func(context.Context) (why.SchemaReader, error) { return asking, nil }
	s.Calls = func(context.Context) (why.CallProber, error) { return asking, nil }
	s.Certificates = func(context.Context) (why.CertificateReader, error) { return asking, nil }
	return s, nil
}

// openTraces opens the traces. That none are configured is no failure here.
func (o *whyOptions) openTraces(ctx context.Context) (fleet.TraceReader, error) {
	r, err := o.f.Traces(ctx)
	if err != nil && !o.f.tracesConfigured() {
		return nil, why.ErrAbsent
	}
	return r, err
}

func (f *Factory) tracesConfigured() bool {
	c, err := f.Context()
	return err != nil || c.Jaeger.URL != ""
}

// whyAsking asks instances for their schema and makes small calls of them.
type whyAsking struct {
	options rpc.Options
	headers headerSet

	mu      sync.Mutex
	schemas map[string]*reflection.Schema // by instance
}

// CertificateEnds implements why.CertificateReader.
func (a *whyAsking) CertificateEnds(ctx context.Context, in fleet.Instance) (time.Time, error) {
	if strings.HasPrefix(in.Addr, "unix:") || in.Meta[fleet.MetaTLS] == "false" || a.options.Plaintext != nil && *a.options.Plaintext {
		return time.Time{}, why.ErrAbsent
	}
	return rpc.CertificateEnds(ctx, in, a.options)
}

// Schema implements why.SchemaReader.
func (a *whyAsking) Schema(ctx context.Context, in fleet.Instance) (hash string, methods []string, err error) {
	conn, err := rpc.Dial([]fleet.Instance{in}, a.options)
	if err != nil {
		return "", nil, err
	}
	defer conn.Close()
	s, err := a.schema(ctx, conn, in)
	if err != nil {
		return "", nil, err
	}
	for _, m := range s.Methods() {
		methods = append(methods, m.String())
	}
	return s.Hash(), methods, nil
}

func (a *whyAsking) schema(ctx context.Context, conn *rpc.Conn, in fleet.Instance) (*reflection.Schema, error) {
	key := in.Service + "\x00" + in.ID
	a.mu.Lock()
	s := a.schemas[key]
	a.mu.Unlock()
	if s != nil {
		return s, nil
	}
	if err := conn.Ready(ctx); err != nil {
		return nil, err
	}
	s, err := reflection.FromServer(ctx, conn, reflection.ServerOptions{Headers: a.headers.reflect, Timeout: time.Second})
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.schemas[key] = s
	return s, nil
}

// An instance is called so often, unless that takes long; a call that takes longer
// than probeLimit is slow, and no more need be known.
const (
	probes     = 3
	probeLong  = 250 * time.Millisecond
	probeLimit = 700 * time.Millisecond
)

// ProbeCall implements why.CallProber: it calls a method that its schema declares
// to have no side effects with an empty request.
func (a *whyAsking) ProbeCall(ctx context.Context, in fleet.Instance) (why.ProbeFact, error) {
	conn, err := rpc.Dial([]fleet.Instance{in}, a.options)
	if err != nil {
		return why.ProbeFact{}, err
	}
	defer conn.Close()
	s, err := a.schema(ctx, conn, in)
	if err != nil {
		return why.ProbeFact{}, err
	}
	method := harmless(s)
	if method == nil {
		return why.ProbeFact{}, fleet.ErrNotFound
	}
	p := why.ProbeFact{Method: string(method.Parent().FullName()) + "/" + string(method.Name()), Code: codes.OK.String()}
	if err := conn.Ready(ctx); err != nil { // the way there is not what is measured
		return p, err
	}
	var took []float64
	for begun := time.Now(); p.Tries < probes && (p.Tries == 0 || time.Since(begun) < probeLong); p.Tries++ {
		start := time.Now()
		result, err := conn.Call(ctx, &rpc.Invocation{
			Method: method, Headers: a.headers.rpc, MaxTime: probeLimit,
			Next:      func() (proto.Message, error) { return dynamicpb.NewMessage(method.Input()), nil },
			OnMessage: func(proto.Message) error { return nil },
		})
		if err != nil {
			return p, err
		}
		took = append(took, time.Since(start).Seconds())
		if code := rpc.CodeName(result.Status.Code()); fleet.IsFailure(code) {
			p.Failed, p.Code = p.Failed+1, code
		}
	}
	slices.Sort(took)
	p.Seconds = why.Num(took[len(took)/2])
	return p, nil
}

// harmless finds a unary method that is declared to change nothing, in a service
// that is the instance's own; nil if there is none. A list wants no more of a
// request than that it is there, so it is the best.
func harmless(s *reflection.Schema) protoreflect.MethodDescriptor {
	var found protoreflect.MethodDescriptor
	for _, service := range s.Services() {
		if strings.HasPrefix(string(service.FullName()), "grpc.") || strings.HasPrefix(string(service.FullName()), "gctl.control.") {
			continue
		}
		methods := service.Methods()
		for i := range methods.Len() {
			m := methods.Get(i)
			o, ok := m.Options().(*descriptorpb.MethodOptions)
			if ok && !m.IsStreamingClient() && !m.IsStreamingServer() && o.GetIdempotencyLevel() == descriptorpb.MethodOptions_NO_SIDE_EFFECTS {
				if strings.HasPrefix(string(m.Name()), "List") {
					return m
				}
				if found == nil {
					found = m
				}
			}
		}
	}
	return found
}
