package reflection

import (
	"fmt"
	"io"
	"slices"

	"github.com/fullstorydev/grpcurl"
	"github.com/jhump/protoreflect/desc" //nolint:staticcheck // what grpcurl's library takes
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/gctl-dev/gctl/fleet"
)

// Text returns d as it would stand in a .proto file, without a newline at the
// end. Names in it are full names.
func Text(d protoreflect.Descriptor) (text string, err error) {
	defer recoverTo(&err, "cannot show "+string(d.FullName()))
	wrapped, err := desc.WrapDescriptor(d)
	if err != nil {
		return "", fmt.Errorf("cannot show %s: %w", d.FullName(), err)
	}
	return grpcurl.GetDescriptorText(wrapped, nil)
}

// maxTemplate bounds the number of fields of a template: types that hold each
// other many times over grow without end.
const maxTemplate = 5000

// Template returns a JSON document of the message with every field in it, as a
// form to fill in.
func Template(md protoreflect.MessageDescriptor) (text []byte, err error) {
	defer recoverTo(&err, "cannot make a template of "+string(md.FullName()))
	if n := templateFields(md, nil, maxTemplate); n >= maxTemplate {
		return nil, &fleet.Error{What: fmt.Sprintf("a template of %s would have more than %d fields", md.FullName(), maxTemplate)}
	}
	wrapped, err := desc.WrapMessage(md)
	if err != nil {
		return nil, fmt.Errorf("cannot make a template of %s: %w", md.FullName(), err)
	}
	out, err := grpcurl.NewJSONFormatter(true, nil)(grpcurl.MakeTemplate(wrapped))
	return []byte(out), err
}

// templateFields counts the fields of a template, up to limit.
func templateFields(md protoreflect.MessageDescriptor, path []protoreflect.FullName, limit int) int {
	if slices.Contains(path, md.FullName()) {
		return 1
	}
	path = append(path, md.FullName())
	n := 1
	for i := 0; i < md.Fields().Len() && n < limit; i++ {
		n++
		if m := md.Fields().Get(i).Message(); m != nil {
			n += templateFields(m, path, limit-n)
		}
	}
	return n
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
