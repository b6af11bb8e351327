package reflection

import (
	"fmt"
	"io"
	"strings"

	"github.com/jhump/protoreflect/desc" //nolint:staticcheck // what the printer takes
	"github.com/jhump/protoreflect/desc/protoprint"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/gctl-dev/gctl/fleet"
)

// textPrinter prints as grpcurl does.
var textPrinter = &protoprint.Printer{Compact: true, OmitComments: protoprint.CommentsNonDoc, SortElements: true, ForceFullyQualifiedNames: true}

// Text returns d as it would stand in a .proto file, without a newline at the
// end. Names in it are full names.
func Text(d protoreflect.Descriptor) (text string, err error) {
	defer recoverTo(&err, "cannot show "+string(d.FullName()))
	wrapped, err := desc.WrapDescriptor(d)
	if err != nil {
		return "", fmt.Errorf("cannot show %s: %w", d.FullName(), err)
	}
	text, err = textPrinter.PrintProtoToString(wrapped)
	return strings.TrimSuffix(text, "\n"), err
}

// WriteProtoset writes the files that declare the descriptors, and all they
// import, as a FileDescriptorSet, each file after its imports. Descriptors
// of different schemas that disagree about a file are a usage error.
func WriteProtoset(w io.Writer, ds ...protoreflect.Descriptor) error {
	set := &descriptorpb.FileDescriptorSet{}
	seen := map[string]*descriptorpb.FileDescriptorProto{}
	same := map[protoreflect.FileDescriptor]bool{}
	var conflict error
	var add func(f protoreflect.FileDescriptor)
	add = func(f protoreflect.FileDescriptor) {
		if same[f] || f.IsPlaceholder() {
			return
		}
		same[f] = true
		for i := range f.Imports().Len() {
			add(f.Imports().Get(i).FileDescriptor)
		}
		p := protodesc.ToFileDescriptorProto(f)
		if have := seen[f.Path()]; have != nil {
			if !proto.Equal(have, p) {
				conflict = &fleet.Error{
					Kind: fleet.Usage, What: "services of the catalog disagree about the file " + f.Path(),
					Hint: "choose one with --service",
				}
			}
			return
		}
		seen[f.Path()] = p
		set.File = append(set.File, p)
	}
	for _, d := range ds {
		add(d.ParentFile())
	}
	if conflict != nil {
		return conflict
	}
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(set)
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

// recoverTo turns a panic into an error: the libraries below were written for
// the output of compilers, and descriptors come from anywhere.
func recoverTo(err *error, what string) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%s: %v", what, r)
	}
}
