package commands

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	grpcreflection "google.golang.org/grpc/reflection"
	refpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/state"
	"github.com/gctl-dev/gctl/internal/testkit"
	"github.com/gctl-dev/gctl/reflection"
)

// evolving is a server whose schema changes while it runs. It keeps what it is
// sent and answers with an empty message.
type evolving struct {
	t     *testing.T
	mu    sync.Mutex
	files protodesc.Resolver
	got   [][]byte
	asked int // how often reflection was
}

func (e *evolving) GetServiceInfo() map[string]grpc.ServiceInfo {
	return map[string]grpc.ServiceInfo{"shop.Orders": {}}
}

func (e *evolving) FindFileByPath(path string) (protoreflect.FileDescriptor, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.files.FindFileByPath(path)
}

func (e *evolving) FindDescriptorByName(name protoreflect.FullName) (protoreflect.Descriptor, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.asked++
	return e.files.FindDescriptorByName(name)
}

// has tells whether the method of an RPC is in the schema.
func (e *evolving) has(stream grpc.ServerStream) bool {
	method, _ := grpc.MethodFromServerStream(stream)
	e.mu.Lock()
	defer e.mu.Unlock()
	_, err := e.files.FindDescriptorByName(protoreflect.FullName(strings.ReplaceAll(strings.TrimPrefix(method, "/"), "/", ".")))
	return err == nil
}

// become changes the schema.
func (e *evolving) become(source string) {
	e.t.Helper()
	dir := e.t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "shop.proto"), []byte(source), 0o600); err != nil {
		e.t.Fatal(err)
	}
	schema, err := reflection.FromProtoFiles([]string{dir}, []string{"shop.proto"})
	if err != nil {
		e.t.Fatal(err)
	}
	var buf bytes.Buffer
	var set descriptorpb.FileDescriptorSet
	if err := reflection.WriteProtoset(&buf, schema.Services()[0]); err != nil {
		e.t.Fatal(err)
	}
	if err := proto.Unmarshal(buf.Bytes(), &set); err != nil {
		e.t.Fatal(err)
	}
	files, err := protodesc.NewFiles(&set)
	if err != nil {
		e.t.Fatal(err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.files = files
}

func (e *evolving) serve() string {
	_, addr := testkit.Server{
		NoReflection: true,
		Register: func(s *grpc.Server) {
			refpb.RegisterServerReflectionServer(s, grpcreflection.NewServerV1(grpcreflection.ServerOptions{Services: e, DescriptorResolver: e}))
		},
		Options: []grpc.ServerOption{grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
			if !e.has(stream) {
				return status.Error(codes.Unimplemented, "unknown method")
			}
			var m emptypb.Empty // its unknown fields are the request
			if err := stream.RecvMsg(&m); err != nil {
				return err
			}
			e.mu.Lock()
			e.got = append(e.got, m.ProtoReflect().GetUnknown())
			e.mu.Unlock()
			stream.SetTrailer(metadata.Pairs("x", "y"))
			return stream.SendMsg(&emptypb.Empty{})
		})},
	}.Start(e.t)
	return addr
}

const shopHead = `syntax = "proto3"; package shop; `

func TestAStaleSchemaNeverSendsAWrongRequest(t *testing.T) {
	e := &evolving{t: t}
	e.become(shopHead + `service Orders { rpc Get(Req) returns (Req); } message Req { string id = 1; }`)
	addr := e.serve()
	cache := state.NewCache(t.TempDir())
	catalog := &fakeCatalog{instances: []fleet.Instance{{ID: "1", Service: "orders", Addr: addr, Version: "v1", Catalog: fleet.Passing}}}
	call := func(args ...string) result {
		f, run := withCatalog(catalog, nil)
		f.Cache = func() (reflection.Cache, error) { return cache, nil }
		return run(t.Context(), append([]string{"call"}, args...)...)
	}
	step := func(code int, wire string, asked int, args ...string) result {
		t.Helper()
		before, sent := e.asked, len(e.got)
		got := call(args...)
		if got.code != code {
			t.Fatalf("%q: exit code %d, want %d: %s", args, got.code, code, got.err)
		}
		if e.asked-before != asked {
			t.Errorf("%q: reflection was asked %d times, want %d", args, e.asked-before, asked)
		}
		switch {
		case wire == "" && len(e.got) != sent:
			t.Errorf("%q: something was sent: %q", args, e.got[sent:])
		case wire != "" && (len(e.got) != sent+1 || string(e.got[sent]) != wire):
			t.Errorf("%q: sent %q, want %q", args, e.got[sent:], wire)
		}
		return got
	}
	step(0, "\x0a\x01a", 1, "Get", "-d", `{"id":"a"}`)
	step(0, "\x0a\x01b", 0, "Get", "-d", `{"id":"b"}`) // warm: no reflection
	got := step(2, "", 1, "Get", "-d", `{"email":"c"}`)
	if !strings.Contains(got.err, `unknown field "email"`) {
		t.Errorf("stderr %s", got.err)
	}

	e.become(shopHead + `service Orders { rpc Get(Req) returns (Req); rpc Put(Req) returns (Req); }
		message Req { string id = 1; string email = 7; }`)
	step(0, "\x3a\x01d", 1, "Get", "-d", `{"email":"d"}`) // a new field
	step(0, "\x3a\x01e", 0, "Get", "-d", `{"email":"e"}`)

	e.become(shopHead + `service Orders { rpc Put(Req) returns (Req); rpc Del(Req) returns (Req); } message Req { string id = 1; }`)
	step(0, "\x0a\x01f", 1, "Del", "-d", `{"id":"f"}`) // a new method
	step(2, "", 1, "Get", "-d", `{"id":"g"}`)          // a method that is gone, seen by the last

	e.become(shopHead + `service Orders { rpc Del(Req) returns (Req); } message Req { string id = 9; }`)
	catalog.instances[0].Version = "v2"
	step(0, "\x4a\x01h", 1, "Del", "-d", `{"id":"h"}`) // a field with another number, told by the version alone
	step(0, "\x4a\x01i", 0, "Del", "-d", `{"id":"i"}`)

	e.become(shopHead + `service Orders { rpc Put(Req) returns (Req); } message Req { string id = 9; }`)
	catalog.instances[0].Version = "v3"
	step(2, "", 1, "Del", "-d", `{"id":"j"}`) // a method that is gone, told by the version

	const head = shopHead + `service Orders { rpc Up(stream Req) returns (Req); } message Req { `
	e.become(head + `string id = 1; }`)
	step(0, "\x0a\x01k", 1, "Up", "-d", `{"id":"k"}`)
	e.become(head + `string id = 5; string email = 7; }`)
	step(0, "\x2a\x01l", 1, "Up", "-d", `{"id":"l"} {"email":"m"}`) // the second tells that the first was wrong
	e.become(head + `string id = 5; string note = 8; }`)
	step(0, "\x42\x01n", 1, "Up", "-d", `{"note":"n"}`, "--allow-unknown-fields")
	step(0, "\x42\x01o", 0, "Up", "-d", `{"note":"o"}`, "--allow-unknown-fields")

	e.become(shopHead + `service Orders { rpc Upload(stream Req) returns (Req); } message Req { string id = 5; }`)
	got = step(76, "", 1, "Up", "-d", `{"id":"p"}`) // a method that is gone, told by the server
	if !strings.Contains(got.err, "any more; did you mean shop.Orders/Upload?") {
		t.Errorf("stderr %s", got.err)
	}
	step(2, "", 1, "Up", "-d", `{"id":"q"}`)
	step(0, "\x2a\x01r", 0, "Upload", "-d", `{"id":"r"}`)
}
