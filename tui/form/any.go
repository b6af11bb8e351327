package form

import (
	"errors"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// setType chooses the type of an Any, by its URL or by its name. What was in it
// stays if the type does. A type that nobody knows has its bytes instead of
// fields.
func (f *Form) setType(n *node, text string) error {
	url := strings.TrimSpace(text)
	if !strings.Contains(url, "/") {
		url = urlPrefix + url
	}
	name := protoreflect.FullName(url[strings.LastIndexByte(url, '/')+1:])
	if !name.IsValid() {
		return errors.New("google.protobuf.Any wants the name of a message, such as google.protobuf.Duration, or its type URL")
	}
	before := n.url
	n.touch()
	n.set, n.open, n.url = true, true, url
	md := f.types.message(url)
	if len(n.kids) > 0 && f.types.message(before) == md && md != nil {
		return nil
	}
	for _, kid := range n.kids {
		f.forget(kid)
	}
	if md == nil {
		md = (*wrapperspb.BytesValue)(nil).ProtoReflect().Descriptor()
	}
	n.kids = []*node{f.content(n, md, nil)}
	f.load(n.kids[0])
	return nil
}

// note says that the type of a URL is unknown, and which may have been meant; ""
// for a type that is known.
func (r *resolver) note(url string) string {
	if url == "" || r.message(url) != nil {
		return ""
	}
	note, ready := r.notes[url]
	if !ready {
		var names []string
		for _, known := range r.urls() {
			names = append(names, strings.TrimPrefix(known, urlPrefix))
		}
		note = "the schema does not have this type: its value is bytes" + meant(url[strings.LastIndexByte(url, '/')+1:], names)
		r.notes[url] = note
	}
	return note
}
