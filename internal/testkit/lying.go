package testkit

import (
	"errors"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	refpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// RegisterLyingReflection registers a reflection service that does not have the
// file with most messages of grpc.testing.TestService, lists a service that does
// not exist and has escape sequences in its name, and answers some questions
// with garbage.
func RegisterLyingReflection(s *grpc.Server) {
	service := testpb.File_grpc_testing_test_proto
	refpb.RegisterServerReflectionServer(s, &lyingReflection{
		services: []string{"grpc.testing.TestService", "evil.\x1b[2JService", "garbage.Service"},
		files: map[string][]byte{
			service.Path():             fileBytes(service),
			"grpc/testing/empty.proto": fileBytes(testpb.File_grpc_testing_empty_proto),
			"grpc.testing.TestService": fileBytes(service),
			"garbage.Service":          []byte("\xff\xff\xff\xff"),
		},
	})
}

func fileBytes(f protoreflect.FileDescriptor) []byte {
	b, err := proto.Marshal(protodesc.ToFileDescriptorProto(f))
	if err != nil {
		panic(err) // it is a generated file
	}
	return b
}

type lyingReflection struct {
	refpb.UnimplementedServerReflectionServer

	services []string
	files    map[string][]byte // by path or symbol
}

func (l *lyingReflection) ServerReflectionInfo(stream refpb.ServerReflection_ServerReflectionInfoServer) error {
	for {
		req, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.Send(l.answer(req)); err != nil {
			return err
		}
	}
}

func (l *lyingReflection) answer(req *refpb.ServerReflectionRequest) *refpb.ServerReflectionResponse {
	if _, ok := req.GetMessageRequest().(*refpb.ServerReflectionRequest_ListServices); ok {
		list := &refpb.ListServiceResponse{}
		for _, name := range l.services {
			list.Service = append(list.Service, &refpb.ServiceResponse{Name: name})
		}
		return &refpb.ServerReflectionResponse{
			MessageResponse: &refpb.ServerReflectionResponse_ListServicesResponse{ListServicesResponse: list},
		}
	}
	if file := l.files[req.GetFileByFilename()+req.GetFileContainingSymbol()]; file != nil {
		return &refpb.ServerReflectionResponse{
			MessageResponse: &refpb.ServerReflectionResponse_FileDescriptorResponse{
				FileDescriptorResponse: &refpb.FileDescriptorResponse{FileDescriptorProto: [][]byte{file}},
			},
		}
	}
	return &refpb.ServerReflectionResponse{
		MessageResponse: &refpb.ServerReflectionResponse_ErrorResponse{
			ErrorResponse: &refpb.ErrorResponse{ErrorCode: int32(codes.NotFound), ErrorMessage: "not \x1b[31mfound"},
		},
	}
}
