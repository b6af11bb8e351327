package main

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/gctl-dev/gctl/svc/kit"
	"github.com/gctl-dev/gctl/svc/user"
	userv1 "github.com/gctl-dev/gctl/svc/user/api"
)

// ill is what is wrong with an instance: ID.json beside its program, read at each
// call.
type ill struct {
	Latency time.Duration `json:"latency"` // of each call
	Fail    float64       `json:"fail"`    // share of the calls
	Code    codes.Code    `json:"code"`
	Version string        `json:"version"` // of the program, when it starts
	Lacks   string        `json:"lacks"`   // method that it does not have, when it starts
}

func readIll(file string) ill {
	var i ill
	if data, err := os.ReadFile(file); err == nil {
		_ = json.Unmarshal(data, &i)
	}
	return i
}

// suffer is what happens to each call.
func suffer(file string) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
		if !strings.HasPrefix(info.FullMethod, "/user.v1.") {
			return handle(ctx, req)
		}
		i := readIll(file)
		if i.Latency > 0 {
			held := time.NewTimer(time.Duration(float64(i.Latency) * (0.7 + 0.6*rand.Float64())))
			defer held.Stop()
			select {
			case <-held.C:
			case <-ctx.Done():
				return nil, status.FromContextError(ctx.Err()).Err()
			}
		}
		if rand.Float64() < i.Fail {
			return nil, status.Error(i.Code, "something is broken")
		}
		return handle(ctx, req)
	}
}

// userd is the user service with what is wrong with it.
func userd() {
	var file string
	for _, a := range os.Args[1:] {
		if id, ok := strings.CutPrefix(a, "--instance="); ok {
			file = filepath.Join(filepath.Dir(os.Args[0]), id+".json")
		}
	}
	begin := readIll(file)
	if begin.Lacks != "" {
		forget(begin.Lacks)
	}
	if begin.Version == "" {
		begin.Version = "v1.4.0"
	}
	var store string
	app := kit.App{
		Name: "userd", Service: user.Name, Version: begin.Version, Short: "may be ill",
		ServerOptions: []grpc.ServerOption{grpc.ChainUnaryInterceptor(suffer(file))},
		Flags:         func(flags *pflag.FlagSet) { flags.StringVar(&store, "store", "", "") },
		Setup:         func(ctx context.Context, server *kit.Server) error { return user.Setup(ctx, server, store) },
	}
	os.Exit(app.Main(os.Args[1:]))
}

// forget makes this process one that was built before a method was there: it is
// neither served nor in what reflection says.
func forget(method string) {
	desc := &userv1.UserService_ServiceDesc
	desc.Methods = slices.DeleteFunc(slices.Clone(desc.Methods), func(m grpc.MethodDesc) bool { return m.MethodName == method })
	older := new(protoregistry.Files)
	protoregistry.GlobalFiles.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		if f.Services().ByName("UserService") != nil {
			f = without(f, method)
		}
		if err := older.RegisterFile(f); err != nil {
			panic(err)
		}
		return true
	})
	protoregistry.GlobalFiles = older
}

func without(f protoreflect.FileDescriptor, method string) protoreflect.FileDescriptor {
	p, ok := proto.Clone(protodesc.ToFileDescriptorProto(f)).(*descriptorpb.FileDescriptorProto)
	if !ok {
		panic("not a file")
	}
	for _, s := range p.GetService() {
		s.Method = slices.DeleteFunc(s.GetMethod(), func(m *descriptorpb.MethodDescriptorProto) bool { return m.GetName() == method })
	}
	made, err := protodesc.NewFile(p, protoregistry.GlobalFiles)
	if err != nil {
		panic(err)
	}
	return made
}
