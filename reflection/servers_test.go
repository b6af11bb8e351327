package reflection_test

import (
	"errors"
	"io"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	refv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	refv1alpha "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
)

// serve runs a server on loopback and returns a connection to it.
func serve(t testing.TB, register func(*grpc.Server)) *grpc.ClientConn {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
	register(s)
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(lis) }()
	cc, err := grpc.NewClient(lis.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cc.Close(); s.Stop(); <-done })
	return cc
}

// liar is a reflection service that answers what it was told to.
type liar struct {
	refv1.UnimplementedServerReflectionServer

	services []string
	file     func(name string) ([][]byte, bool)   // by file name
	symbol   func(symbol string) ([][]byte, bool) // by symbol
	hang     <-chan struct{}
	onStream func()
}

func (l *liar) answer(req *refv1.ServerReflectionRequest) *refv1.ServerReflectionResponse {
	resp := &refv1.ServerReflectionResponse{OriginalRequest: req}
	files, ok := [][]byte(nil), false
	switch r := req.GetMessageRequest().(type) {
	case *refv1.ServerReflectionRequest_ListServices:
		list := &refv1.ListServiceResponse{}
		for _, s := range l.services {
			list.Service = append(list.Service, &refv1.ServiceResponse{Name: s})
		}
		resp.MessageResponse = &refv1.ServerReflectionResponse_ListServicesResponse{ListServicesResponse: list}
		return resp
	case *refv1.ServerReflectionRequest_FileByFilename:
		files, ok = l.file(r.FileByFilename)
	case *refv1.ServerReflectionRequest_FileContainingSymbol:
		files, ok = l.symbol(r.FileContainingSymbol)
	}
	if !ok {
		resp.MessageResponse = &refv1.ServerReflectionResponse_ErrorResponse{ErrorResponse: &refv1.ErrorResponse{
			ErrorCode: int32(codes.NotFound), ErrorMessage: "not found",
		}}
		return resp
	}
	resp.MessageResponse = &refv1.ServerReflectionResponse_FileDescriptorResponse{
		FileDescriptorResponse: &refv1.FileDescriptorResponse{FileDescriptorProto: files},
	}
	return resp
}

func (l *liar) ServerReflectionInfo(stream refv1.ServerReflection_ServerReflectionInfoServer) error {
	if l.onStream != nil {
		l.onStream()
	}
	for {
		req, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if l.hang != nil {
			select {
			case <-l.hang:
			case <-stream.Context().Done():
				return status.FromContextError(stream.Context().Err()).Err()
			}
		}
		if err := stream.Send(l.answer(req)); err != nil {
			return err
		}
	}
}

// alpha serves a liar by the older version of the protocol only.
type alpha struct {
	refv1alpha.UnimplementedServerReflectionServer

	liar *liar
}

func (a *alpha) ServerReflectionInfo(stream refv1alpha.ServerReflection_ServerReflectionInfoServer) error {
	for {
		req, err := stream.Recv()
		if err != nil {
			return nil //nolint:nilerr // the end
		}
		var v1 refv1.ServerReflectionRequest
		recode(req, &v1)
		var resp refv1alpha.ServerReflectionResponse //nolint:staticcheck // the older version is the point
		recode(a.liar.answer(&v1), &resp)
		if err := stream.Send(&resp); err != nil {
			return err
		}
	}
}

// recode uses that both versions are the same on the wire.
func recode(from, to proto.Message) {
	b, err := proto.Marshal(from)
	if err == nil {
		err = proto.Unmarshal(b, to)
	}
	if err != nil {
		panic(err)
	}
}

// library answers with one file at a time and leaves it to the client to ask
// for imports, as some servers do.
func library(services []string, files ...*descriptorpb.FileDescriptorProto) *liar {
	byName, bySymbol := map[string][]byte{}, map[string][]byte{}
	for _, f := range files {
		b, err := proto.Marshal(f)
		if err != nil {
			panic(err)
		}
		byName[f.GetName()] = b
		for _, s := range f.GetService() {
			bySymbol[f.GetPackage()+"."+s.GetName()] = b
		}
	}
	find := func(m map[string][]byte) func(string) ([][]byte, bool) {
		return func(name string) ([][]byte, bool) {
			b, ok := m[name]
			return [][]byte{b}, ok
		}
	}
	return &liar{services: services, file: find(byName), symbol: find(bySymbol)}
}

func serveLiar(t testing.TB, l *liar) *grpc.ClientConn {
	t.Helper()
	return serve(t, func(s *grpc.Server) { refv1.RegisterServerReflectionServer(s, l) })
}

func serveAlpha(t testing.TB, l *liar) *grpc.ClientConn {
	t.Helper()
	return serve(t, func(s *grpc.Server) { refv1alpha.RegisterServerReflectionServer(s, &alpha{liar: l}) })
}
