package form_test

import (
	"sync"
	"testing"

	"github.com/jhump/protoreflect/desc"            //nolint:staticcheck // what the parser gives
	"github.com/jhump/protoreflect/desc/protoparse" //nolint:staticcheck // as the reflection package does
	"go.uber.org/goleak"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/gctl-dev/gctl/tui/form"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// schema is testdata, compiled once, with comments.
var schema = sync.OnceValues(func() (*protoregistry.Files, error) {
	p := protoparse.Parser{ImportPaths: []string{"testdata"}, IncludeSourceCodeInfo: true}
	compiled, err := p.ParseFiles("everything.proto")
	if err != nil {
		return nil, err
	}
	return protodesc.NewFiles(desc.ToFileDescriptorSet(compiled...))
})

// messageOf returns the descriptor of a message of testdata and its types.
func messageOf(t testing.TB, name protoreflect.FullName) (protoreflect.MessageDescriptor, *dynamicpb.Types) {
	t.Helper()
	files, err := schema()
	if err != nil {
		t.Fatal(err)
	}
	d, err := files.FindDescriptorByName(name)
	if err != nil {
		t.Fatal(err)
	}
	return d.(protoreflect.MessageDescriptor), dynamicpb.NewTypes(files)
}

// page is a form with short words for what tests do with it.
type page struct {
	*form.Form
	t testing.TB
}

func newPage(t testing.TB, name protoreflect.FullName) page {
	t.Helper()
	md, types := messageOf(t, name)
	return page{form.New(md, types), t}
}

// row returns the row at a path; oneofs are found by their label.
func (p page) row(path string) form.Row {
	p.t.Helper()
	for _, r := range p.Rows() {
		if r.ID != 0 && p.Path(r.ID) == path && r.Kind != form.Oneof || r.Kind == form.Oneof && r.Label == path {
			return r
		}
	}
	p.t.Fatalf("no row %q", path)
	return form.Row{}
}

func (p page) labels() []string {
	var labels []string
	for _, r := range p.Rows() {
		labels = append(labels, r.Label)
	}
	return labels
}

func (p page) open(paths ...string) page {
	p.t.Helper()
	for _, path := range paths {
		p.ok(p.Expand(p.row(path).ID))
	}
	return p
}

func (p page) ok(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p page) set(path, text string) {
	p.t.Helper()
	if err := p.Set(p.row(path).ID, text); err != nil {
		p.t.Fatalf("%s = %s: %v", path, text, err)
	}
}

func (p page) wantValue(path, want string) {
	p.t.Helper()
	if got := p.row(path); got.Value != want || !got.Set {
		p.t.Errorf("%s is %q (set: %v), want %q", path, got.Value, got.Set, want)
	}
}

func (p page) wantJSON(want string) {
	p.t.Helper()
	got, err := p.JSON()
	if err != nil {
		p.t.Fatal(err)
	}
	if compact(p.t, got) != compact(p.t, []byte(want)) {
		p.t.Errorf("the JSON is\n%s\nwant\n%s", got, want)
	}
}
