package reflection_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/state"
	"github.com/gctl-dev/gctl/reflection"
)

// world is a catalog over liars, and counts who was asked what.
type world struct {
	t        testing.TB
	mu       sync.Mutex
	services map[string][]fleet.Instance
	marked   map[string]bool
	lists    atomic.Int64
	lookups  atomic.Int64
	streams  atomic.Int64
	cache    reflection.Cache
}

func newWorld(t testing.TB) *world {
	t.Helper()
	return &world{
		t: t, services: map[string][]fleet.Instance{}, marked: map[string]bool{},
		cache: state.NewCache(t.TempDir()),
	}
}

func (w *world) Services(context.Context) (fleet.ServiceList, error) {
	w.lists.Add(1)
	w.mu.Lock()
	defer w.mu.Unlock()
	var out fleet.ServiceList
	for name := range w.services {
		out.Services = append(out.Services, fleet.Service{Name: name, GRPC: w.marked[name]})
	}
	slices.SortFunc(out.Services, func(a, b fleet.Service) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

func (w *world) Instances(_ context.Context, service string) (fleet.InstanceList, error) {
	w.lookups.Add(1)
	w.mu.Lock()
	defer w.mu.Unlock()
	return fleet.InstanceList{Service: service, Instances: slices.Clone(w.services[service])}, nil
}

func (*world) Watch(context.Context, string, func(fleet.Update)) error { return errors.ErrUnsupported }

func (w *world) add(service string, addr string, meta map[string]string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	id := fmt.Sprintf("%s-%d", service, len(w.services[service])+1)
	w.services[service] = append(w.services[service], fleet.Instance{
		ID: id, Service: service, Addr: addr, Meta: meta, Catalog: fleet.Passing,
	})
}

// serve adds an instance whose reflection serves files.
func (w *world) serve(service string, meta map[string]string, files ...*descriptorpb.FileDescriptorProto) *liar {
	l := library(names(files...), files...)
	l.onStream = func() { w.streams.Add(1) }
	cc := serveLiar(w.t, l)
	w.add(service, strings.TrimPrefix(cc.Target(), "dns:///"), meta)
	return l
}

func (w *world) locator() *reflection.Locator {
	return &reflection.Locator{
		Catalog: w, Cache: w.cache, Scope: "test", Timeout: 5 * time.Second,
		Open: func(_ context.Context, in fleet.Instance) (grpc.ClientConnInterface, func(), error) {
			cc, err := grpc.NewClient(in.Addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
			return cc, func() { cc.Close() }, err
		},
	}
}

func names(files ...*descriptorpb.FileDescriptorProto) []string {
	var out []string
	for _, f := range files {
		for _, s := range f.GetService() {
			out = append(out, f.GetPackage()+"."+s.GetName())
		}
	}
	return out
}

// file declares a service with methods that take and return its own type Msg,
// which has the given fields.
func file(pkg, service string, methods []string, fields ...string) *descriptorpb.FileDescriptorProto {
	msg := &descriptorpb.DescriptorProto{Name: new("Msg")}
	for i, name := range fields {
		msg.Field = append(msg.Field, &descriptorpb.FieldDescriptorProto{
			Name: new(name), Number: new(int32(i + 1)),
			Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
			Type:  descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum(),
		})
	}
	sd := &descriptorpb.ServiceDescriptorProto{Name: new(service)}
	for _, m := range methods {
		sd.Method = append(sd.Method, &descriptorpb.MethodDescriptorProto{
			Name: new(m), InputType: new("." + pkg + ".Msg"), OutputType: new("." + pkg + ".Msg"),
		})
	}
	return &descriptorpb.FileDescriptorProto{
		Name: new(strings.ReplaceAll(pkg, ".", "/") + "/" + strings.ToLower(service) + ".proto"), Package: new(pkg), Syntax: new("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{msg}, Service: []*descriptorpb.ServiceDescriptorProto{sd},
	}
}

func userFile(fields ...string) *descriptorpb.FileDescriptorProto {
	return file("user.v1", "UserService", []string{"GetUser", "ListUsers"}, fields...)
}

func billFile() *descriptorpb.FileDescriptorProto {
	return file("billing.v1", "BillingService", []string{"GetBill"})
}

// hangs adds a service that accepts connections and never answers.
func (w *world) hangs(service string) {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { lis.Close() })
	w.add(service, lis.Addr().String(), nil)
}

// refuses adds a service that nothing listens for.
func (w *world) refuses(service string) {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	w.add(service, lis.Addr().String(), nil)
	lis.Close()
}

// libraryLike is library for a liar that is already served.
func libraryLike(l *liar, files ...*descriptorpb.FileDescriptorProto) *liar {
	n := library(names(files...), files...)
	n.onStream = l.onStream
	return n
}

func hint(err error) string {
	var e *fleet.Error
	if errors.As(err, &e) {
		return e.Hint
	}
	return ""
}

func detailsOf(err error) []string {
	var e *fleet.Error
	if errors.As(err, &e) {
		return e.Details
	}
	return nil
}
