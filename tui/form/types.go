package form

import (
	"cmp"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/gctl-dev/gctl/rpc/message"
)

// Types finds the types that Any values and extensions name. If it also has
// RangeMessages and RangeExtensionsByMessage, as *protoregistry.Types has, they
// say which there are to choose from; otherwise it is those of the files that
// the message's own file imports.
type Types interface {
	protoregistry.ExtensionTypeResolver
	protoregistry.MessageTypeResolver
}

// urlPrefix is what stands before a name that was typed without a host.
const urlPrefix = "type.googleapis.com/"

// resolver makes all types dynamic, and stands in for messages that nobody
// knows.
type resolver struct {
	given Types
	files []protoreflect.FileDescriptor // that the message's file reaches, itself the first
	all   []string                      // the URLs, once they were asked for
	seen  map[string]protoreflect.MessageDescriptor
	notes map[string]string // about unknown URLs
}

func newResolver(md protoreflect.MessageDescriptor, given Types) *resolver {
	if given == nil {
		given = protoregistry.GlobalTypes
	}
	r := &resolver{given: given, seen: map[string]protoreflect.MessageDescriptor{}, notes: map[string]string{}}
	seen := map[string]bool{}
	var add func(file protoreflect.FileDescriptor)
	add = func(file protoreflect.FileDescriptor) {
		if file == nil || seen[file.Path()] {
			return
		}
		seen[file.Path()] = true
		r.files = append(r.files, file)
		for i := range file.Imports().Len() {
			add(file.Imports().Get(i).FileDescriptor)
		}
	}
	add(md.ParentFile())
	return r
}

// message returns the type that a URL names, nil if nobody knows it.
func (r *resolver) message(url string) protoreflect.MessageDescriptor {
	md, known := r.seen[url]
	if !known {
		md = r.look(url)
		r.seen[url] = md
	}
	return md
}

func (r *resolver) look(url string) protoreflect.MessageDescriptor {
	mt, err := r.given.FindMessageByURL(url)
	if err != nil {
		mt, err = protoregistry.GlobalTypes.FindMessageByURL(url)
	}
	if err == nil {
		return mt.Descriptor()
	}
	name := protoreflect.FullName(url[strings.LastIndexByte(url, '/')+1:])
	for _, file := range r.files {
		if md := messageIn(file.Messages(), name); md != nil {
			return md
		}
	}
	return nil
}

// messageIn looks for a message among some and all inside them.
func messageIn(mds protoreflect.MessageDescriptors, name protoreflect.FullName) protoreflect.MessageDescriptor {
	for i := range mds.Len() {
		md := mds.Get(i)
		if md.FullName() == name && !md.IsMapEntry() {
			return md
		}
		if strings.HasPrefix(string(name), string(md.FullName())+".") {
			if found := messageIn(md.Messages(), name); found != nil {
				return found
			}
		}
	}
	return nil
}

// FindMessageByName implements protoregistry.MessageTypeResolver.
func (r *resolver) FindMessageByName(name protoreflect.FullName) (protoreflect.MessageType, error) {
	if md := r.message(string(name)); md != nil {
		return dynamicpb.NewMessageType(md), nil
	}
	return nil, protoregistry.NotFound
}

// FindMessageByURL implements protoregistry.MessageTypeResolver.
func (r *resolver) FindMessageByURL(url string) (protoreflect.MessageType, error) {
	if md := r.message(url); md != nil {
		return dynamicpb.NewMessageType(md), nil
	}
	return message.OpaqueType(), nil
}

// FindExtensionByName implements protoregistry.ExtensionTypeResolver.
func (r *resolver) FindExtensionByName(name protoreflect.FullName) (protoreflect.ExtensionType, error) {
	xt, err := r.given.FindExtensionByName(name)
	if err == nil {
		return dynamicExtension(xt), nil
	}
	return r.extensionIn(func(xd protoreflect.ExtensionDescriptor) bool { return xd.FullName() == name })
}

// FindExtensionByNumber implements protoregistry.ExtensionTypeResolver.
func (r *resolver) FindExtensionByNumber(extendee protoreflect.FullName, number protoreflect.FieldNumber) (protoreflect.ExtensionType, error) {
	xt, err := r.given.FindExtensionByNumber(extendee, number)
	if err == nil {
		return dynamicExtension(xt), nil
	}
	return r.extensionIn(func(xd protoreflect.ExtensionDescriptor) bool {
		return xd.Number() == number && xd.ContainingMessage().FullName() == extendee
	})
}

// dynamicExtension returns an extension whose values are dynamic messages.
func dynamicExtension(xt protoreflect.ExtensionType) protoreflect.ExtensionType {
	return dynamicpb.NewExtensionType(xt.TypeDescriptor().Descriptor())
}

// extensionIn looks for an extension in the files.
func (r *resolver) extensionIn(is func(protoreflect.ExtensionDescriptor) bool) (protoreflect.ExtensionType, error) {
	var found protoreflect.ExtensionType
	for _, file := range r.files {
		eachExtension(file.Extensions(), file.Messages(), func(xd protoreflect.ExtensionDescriptor) {
			if found == nil && is(xd) {
				found = dynamicpb.NewExtensionType(xd)
			}
		})
	}
	if found == nil {
		return nil, protoregistry.NotFound
	}
	return found, nil
}

// eachExtension visits the extensions of a scope and of all inside it.
func eachExtension(xds protoreflect.ExtensionDescriptors, mds protoreflect.MessageDescriptors, visit func(protoreflect.ExtensionDescriptor)) {
	for i := range xds.Len() {
		visit(xds.Get(i))
	}
	for i := range mds.Len() {
		eachExtension(mds.Get(i).Extensions(), mds.Get(i).Messages(), visit)
	}
}

// extensions returns the known extensions of a message, ordered by name.
func (r *resolver) extensions(md protoreflect.MessageDescriptor) []protoreflect.ExtensionTypeDescriptor {
	if md.ExtensionRanges().Len() == 0 {
		return nil
	}
	var found []protoreflect.ExtensionTypeDescriptor
	seen := map[protoreflect.FieldNumber]bool{}
	add := func(xt protoreflect.ExtensionType) bool {
		td := xt.TypeDescriptor()
		if td.ContainingMessage().FullName() == md.FullName() && !seen[td.Number()] {
			seen[td.Number()] = true
			found = append(found, td)
		}
		return true
	}
	if ranger, ok := r.given.(interface {
		RangeExtensionsByMessage(extendee protoreflect.FullName, f func(protoreflect.ExtensionType) bool)
	}); ok {
		ranger.RangeExtensionsByMessage(md.FullName(), func(xt protoreflect.ExtensionType) bool {
			return add(dynamicExtension(xt))
		})
	}
	for _, file := range r.files {
		eachExtension(file.Extensions(), file.Messages(), func(xd protoreflect.ExtensionDescriptor) {
			add(dynamicpb.NewExtensionType(xd))
		})
	}
	slices.SortFunc(found, func(a, b protoreflect.ExtensionTypeDescriptor) int {
		return cmp.Compare(a.FullName(), b.FullName())
	})
	return found
}

// urls returns the type URLs that there are to choose from, ordered.
func (r *resolver) urls() []string {
	if r.all != nil {
		return r.all
	}
	urls := []string{}
	add := func(md protoreflect.MessageDescriptor) {
		if !md.IsMapEntry() && !md.IsPlaceholder() {
			urls = append(urls, urlPrefix+string(md.FullName()))
		}
	}
	if ranger, ok := r.given.(interface {
		RangeMessages(f func(protoreflect.MessageType) bool)
	}); ok {
		ranger.RangeMessages(func(mt protoreflect.MessageType) bool {
			add(mt.Descriptor())
			return true
		})
	}
	for _, file := range r.files {
		eachMessage(file.Messages(), add)
	}
	slices.Sort(urls)
	r.all = slices.Compact(urls)
	return r.all
}

// eachMessage visits messages and all inside them.
func eachMessage(mds protoreflect.MessageDescriptors, visit func(protoreflect.MessageDescriptor)) {
	for i := range mds.Len() {
		visit(mds.Get(i))
		eachMessage(mds.Get(i).Messages(), visit)
	}
}
