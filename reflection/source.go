package reflection

import (
	"errors"
	"os"
	"strings"

	"github.com/jhump/protoreflect/desc"            //nolint:staticcheck // what the parser gives
	"github.com/jhump/protoreflect/desc/protoparse" //nolint:staticcheck // what grpcurl uses too
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/gctl-dev/gctl/fleet"
)

// FromProtosets reads files that hold a FileDescriptorSet, as protoc
// --descriptor_set_out and gctl describe --protoset-out write them. A file that
// cannot be read or parsed is a usage error; a set that lacks imports is not.
func FromProtosets(paths []string) (*Schema, error) {
	var protos []*descriptorpb.FileDescriptorProto
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, &fleet.Error{Kind: fleet.Usage, What: "cannot read the protoset", Err: err}
		}
		var set descriptorpb.FileDescriptorSet
		if err := proto.Unmarshal(data, &set); err != nil {
			return nil, &fleet.Error{
				Kind: fleet.Usage, What: path + " is not a protoset", Err: short(err),
				Hint: "a protoset comes from protoc --include_imports --descriptor_set_out=FILE; sources are given with --proto",
			}
		}
		if len(set.GetFile()) == 0 {
			return nil, &fleet.Error{Kind: fleet.Usage, What: "the protoset " + path + " is empty"}
		}
		protos = append(protos, set.GetFile()...)
	}
	return link(protos, nil)
}

// FromProtoFiles compiles .proto sources. importPaths are the folders that
// imports, and the files themselves, are looked for in; without any they are
// inferred from the files. Errors of the compiler are usage errors that name
// file, line and column.
func FromProtoFiles(importPaths, files []string) (*Schema, error) {
	names := files
	if len(importPaths) > 0 {
		var err error
		if names, err = protoparse.ResolveFilenames(importPaths, files...); err != nil {
			return nil, &fleet.Error{Kind: fleet.Usage, What: "cannot compile the proto files", Err: err, Hint: protoHint(err)}
		}
	}
	p := protoparse.Parser{ImportPaths: importPaths, InferImportPaths: len(importPaths) == 0, IncludeSourceCodeInfo: true}
	compiled, err := p.ParseFiles(names...)
	if err != nil {
		return nil, &fleet.Error{Kind: fleet.Usage, What: "cannot compile the proto files", Err: err, Hint: protoHint(err)}
	}
	return link(desc.ToFileDescriptorSet(compiled...).GetFile(), nil)
}

func protoHint(err error) string {
	if errors.Is(err, os.ErrNotExist) || strings.Contains(err.Error(), "no such file") {
		return "files and their imports are looked for in the folders of --import-path"
	}
	return ""
}
