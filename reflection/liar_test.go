package reflection_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/reflection"
)

// good is the part of each lying server that must go on working.
func good() *descriptorpb.FileDescriptorProto {
	return file("good.v1", "GoodService", []string{"Ping"}, "id")
}

func field(name, typeName string, number int32, kind descriptorpb.FieldDescriptorProto_Type) *descriptorpb.FieldDescriptorProto {
	return &descriptorpb.FieldDescriptorProto{
		Name: new(name), Number: new(number), TypeName: new(typeName), Type: kind.Enum(),
		Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
	}
}

const (
	messageField = descriptorpb.FieldDescriptorProto_TYPE_MESSAGE
	enumField    = descriptorpb.FieldDescriptorProto_TYPE_ENUM
)

// fetch reads a liar's schema and checks that the good part is whole, in the
// schema and in its cached form.
func fetch(t *testing.T, l *liar, opts reflection.ServerOptions) *reflection.Schema {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s := must[*reflection.Schema](t)(reflection.FromServer(ctx, serveLiar(t, l), opts))
	data := must[[]byte](t)(s.MarshalBinary())
	for _, s := range []*reflection.Schema{s, must[*reflection.Schema](t)(reflection.Unmarshal(data))} {
		md := must[protoreflect.MethodDescriptor](t)(s.FindMethod("good.v1.GoodService/Ping", ""))
		if md.Input().Fields().ByName("id") == nil {
			t.Error("the good service lost a field")
		}
		for _, sd := range s.Services() {
			must[string](t)(reflection.Text(sd))
		}
	}
	return s
}

func wantProblem(t *testing.T, s *reflection.Schema, words ...string) {
	t.Helper()
	all := strings.Join(s.Problems(), "\n")
	for _, w := range words {
		if !strings.Contains(all, w) {
			t.Errorf("problems lack %q:\n%s", w, all)
		}
	}
}

func TestMissingImportCostsOnlyWhatNeedsIt(t *testing.T) {
	f := file("bad.v1", "BadService", []string{"Fine", "Lost"}, "id")
	f.Dependency = []string{"gone/away.proto", "never/used.proto"}
	f.MessageType[0].Field = append(f.GetMessageType()[0].GetField(),
		field("gone", ".gone.Away", 8, messageField), field("kind", ".gone.Away.Kind", 9, enumField))
	f.Service[0].Method[1].OutputType = new(".gone.Away")
	s := fetch(t, library(names(f, good()), f, good()), reflection.ServerOptions{})
	wantProblem(t, s, "bad/v1/badservice.proto: its import gone/away.proto, never/used.proto is missing", "gone.Away, gone.Away.Kind")
	md := must[protoreflect.MethodDescriptor](t)(s.FindMethod("Fine", ""))
	msg := dynamicpb.NewMessage(md.Input())
	msg.Set(md.Input().Fields().ByName("id"), protoreflect.ValueOfString("x"))
	msg.Set(md.Input().Fields().ByName("kind"), protoreflect.ValueOfEnum(7))
	if got := strings.Join(s.MissingTypes(md), " "); got != "gone.Away gone.Away.Kind" {
		t.Errorf("MissingTypes = %s", got)
	}
	if text := must[string](t)(reflection.Text(md.Input())); !strings.Contains(text, ".gone.Away gone = 8;") {
		t.Errorf("Text = %s", text)
	}
	must[[]byte](t)(reflection.Template(md.Input()))
	_, err := s.FindMethod("Lost", "")
	if fleet.KindOf(err) != fleet.Failed || !strings.Contains(err.Error(), "gone.Away") || len(detailsOf(err)) == 0 {
		t.Errorf("err = %v", err)
	}
	if _, err := s.FindSymbol("gone.Away"); !reflection.IsUnknown(err) {
		t.Errorf("a stand-in passes for the real thing: %v", err)
	}
}

func TestMissingExtendeeAndDefault(t *testing.T) {
	f := file("bad.v1", "BadService", []string{"Fine"}, "id")
	f.Syntax = new("proto2")
	f.Dependency = []string{"gone.proto"}
	kind := field("kind", ".gone.Kind", 5, enumField)
	kind.DefaultValue = new("KIND_A")
	f.MessageType[0].Field = append(f.GetMessageType()[0].GetField(), kind)
	ext := field("extra", "", 20001, descriptorpb.FieldDescriptorProto_TYPE_STRING)
	ext.TypeName, ext.Extendee = nil, new(".gone.Options")
	f.Extension = []*descriptorpb.FieldDescriptorProto{ext}
	s := fetch(t, library(names(f, good()), f, good()), reflection.ServerOptions{})
	must[protoreflect.MethodDescriptor](t)(s.FindMethod("Fine", ""))
	wantProblem(t, s, "gone.Kind", "gone.Options")
}

func TestImportUnderAnotherPathIsFound(t *testing.T) {
	f := file("bad.v1", "BadService", []string{"Fine"})
	f.Dependency = []string{"vendor/path/good.proto"} // served as good/v1/goodservice.proto
	f.MessageType[0].Field = []*descriptorpb.FieldDescriptorProto{field("good", ".good.v1.Msg", 1, messageField)}
	s := fetch(t, library(names(f, good()), f, good()), reflection.ServerOptions{})
	md := must[protoreflect.MethodDescriptor](t)(s.FindMethod("Fine", ""))
	if m := md.Input().Fields().ByName("good").Message(); reflection.Missing(m) || m.Fields().Len() != 1 {
		t.Errorf("good is %v", m)
	}
}

func TestImportCycles(t *testing.T) {
	a := file("a.v1", "AService", []string{"A"})
	b := file("b.v1", "BService", []string{"B"})
	self := file("self.v1", "SelfService", []string{"S"})
	a.Dependency, b.Dependency, self.Dependency = []string{b.GetName()}, []string{a.GetName()}, []string{self.GetName()}
	a.MessageType[0].Field = []*descriptorpb.FieldDescriptorProto{field("b", ".b.v1.Msg", 1, messageField)}
	s := fetch(t, library(names(a, b, self, good()), a, b, self, good()), reflection.ServerOptions{})
	wantProblem(t, s, "import cycle")
}

func TestImportsThatNeverEnd(t *testing.T) {
	g := good()
	l := library(names(g), g)
	l.services = append(l.services, "endless.v1.EndlessService")
	endless := func(n int) *descriptorpb.FileDescriptorProto {
		f := file(fmt.Sprintf("endless.v%d", n), "EndlessService", []string{"E"})
		f.Name = new(fmt.Sprintf("endless%d.proto", n))
		f.Dependency = []string{fmt.Sprintf("endless%d.proto", 2*n), fmt.Sprintf("endless%d.proto", 2*n+1)}
		return f
	}
	known := l.symbol
	l.symbol = func(s string) ([][]byte, bool) {
		if strings.HasPrefix(s, "endless") {
			b, _ := proto.Marshal(endless(1))
			return [][]byte{b}, true
		}
		return known(s)
	}
	l.file = func(name string) ([][]byte, bool) {
		var n int
		_, _ = fmt.Sscanf(name, "endless%d.proto", &n)
		b, _ := proto.Marshal(endless(n))
		return [][]byte{b}, true
	}
	s := fetch(t, l, reflection.ServerOptions{MaxFiles: 300})
	wantProblem(t, s, "cut off after 300 files")
}

func TestImportsOnMorePathsThanThereIsTime(t *testing.T) {
	var files []*descriptorpb.FileDescriptorProto
	const layers = 40 // of two files, each of which imports both of the next
	path := func(layer, side int) string { return fmt.Sprintf("layer%d_%d.proto", layer, side) }
	for layer := range layers {
		for side := range 2 {
			f := file(fmt.Sprintf("layer%d_%d", layer, side), "LayerService", []string{"L"}, "id")
			f.Name = new(path(layer, side))
			f.Dependency = []string{path(layer+1, 0), path(layer+1, 1)} // the last are missing
			for i := range 2 {
				f.MessageType[0].Field = append(f.GetMessageType()[0].GetField(),
					field(fmt.Sprintf("next%d", i), fmt.Sprintf(".layer%d_%d.Msg", layer+1, i), int32(i+2), messageField))
			}
			files = append(files, f)
		}
	}
	l := library(append([]string{"layer0_0.LayerService"}, names(good())...), append(files, good())...)
	// 2^40 paths never end; a second's work may take long under the race detector
	// on a busy machine.
	s := fetch(t, l, reflection.ServerOptions{Timeout: 2 * time.Minute})
	must[protoreflect.MethodDescriptor](t)(s.FindMethod("layer0_0.LayerService/L", ""))
	wantProblem(t, s, "layer40_0.Msg, layer40_1.Msg")
}

func TestGiantFiles(t *testing.T) {
	g, huge := good(), file("huge.v1", "HugeService", []string{"H"})
	for i := range 20000 {
		huge.MessageType = append(huge.GetMessageType(), &descriptorpb.DescriptorProto{Name: new(fmt.Sprintf("Message%d", i))})
	}
	l := library(names(g, huge), g, huge)
	s := fetch(t, l, reflection.ServerOptions{})
	must[protoreflect.MethodDescriptor](t)(s.FindMethod("HugeService/H", ""))
	s = fetch(t, l, reflection.ServerOptions{MaxBytes: 100_000})
	wantProblem(t, s, "too large")
	if s.HasService("huge.v1.HugeService") {
		t.Error("the limit was not kept")
	}
}

func TestGarbage(t *testing.T) {
	g, f := good(), file("bad.v1", "BadService", []string{"B"})
	f.MessageType[0].Name = new("not a name\x1b[2J")
	l := library(names(g, f), g, f)
	l.services = append(l.services, "junk.v1.JunkService", "", "\x1b[2J", "wrong.v1.WrongFile", "absent.v1.Absent")
	known := l.symbol
	l.symbol = func(s string) ([][]byte, bool) {
		switch s {
		case "junk.v1.JunkService":
			return [][]byte{[]byte("\xff\xff\xff junk"), nil}, true
		case "wrong.v1.WrongFile": // the answer to another question
			return known("good.v1.GoodService")
		}
		return known(s)
	}
	s := fetch(t, l, reflection.ServerOptions{})
	wantProblem(t, s, "no file descriptor", "absent.v1.Absent", "bad/v1/badservice.proto", "wrong.v1.WrongFile")
}

func TestDuplicateSymbolsAndFiles(t *testing.T) {
	g, first := good(), file("dup.v1", "DupService", []string{"One"})
	second, third := file("dup.v1", "DupService", []string{"Two"}), file("dup.v1", "OtherService", []string{"Three"})
	second.Name = new("zzz.proto") // the same symbols in another file
	l := library(names(g, first, third), g, first)
	known := l.symbol
	l.symbol = func(s string) ([][]byte, bool) {
		if s == "dup.v1.OtherService" {
			var out [][]byte
			third.Name = first.Name // another file of the same name
			for _, f := range []*descriptorpb.FileDescriptorProto{second, third} {
				out = append(out, must[[]byte](t)(proto.Marshal(f)))
			}
			return out, true
		}
		return known(s)
	}
	s := fetch(t, l, reflection.ServerOptions{})
	must[protoreflect.MethodDescriptor](t)(s.FindMethod("DupService/One", ""))
	wantProblem(t, s, "zzz.proto", "came twice with different contents")
}

func TestServerThatListsNothingStillHasWhatIsWanted(t *testing.T) {
	g := good()
	l := library(nil, g)
	s := fetch(t, l, reflection.ServerOptions{Want: "good.v1.GoodService"})
	if len(s.Services()) != 1 {
		t.Errorf("services %v", s.Methods())
	}
}

func TestServerThatHangs(t *testing.T) {
	l := library(names(good()), good())
	l.hang = make(chan struct{})
	_, err := reflection.FromServer(t.Context(), serveLiar(t, l), reflection.ServerOptions{Timeout: 100 * time.Millisecond})
	if fleet.KindOf(err) != fleet.Failed || !strings.Contains(err.Error(), "did not answer within 100ms") {
		t.Errorf("err = %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := reflection.FromServer(ctx, serveLiar(t, l), reflection.ServerOptions{}); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("err = %v after a cancel", err)
	}
}

func TestServerWithoutReflection(t *testing.T) {
	_, err := reflection.FromServer(t.Context(), serve(t, func(*grpc.Server) {}), reflection.ServerOptions{})
	if !reflection.NoReflection(err) || fleet.KindOf(err) != fleet.Failed || !strings.Contains(hint(err), "--protoset") {
		t.Errorf("err = %v, hint %q", err, hint(err))
	}
}

func TestServerWithManyServices(t *testing.T) {
	var files []*descriptorpb.FileDescriptorProto
	for i := range 200 {
		files = append(files, file(fmt.Sprintf("many.v%d", i), "ManyService", []string{"Do"}, "id"))
	}
	cc := serveLiar(t, library(names(files...), files...))
	s := must[*reflection.Schema](t)(reflection.FromServer(t.Context(), cc, reflection.ServerOptions{}))
	if len(s.Services()) != 200 {
		t.Errorf("%d services", len(s.Services()))
	}
}

func TestTemplateThatNeverEnds(t *testing.T) {
	f := file("wide.v1", "WideService", []string{"W"})
	for i := range 12 { // each type holds the next twelve times
		m := &descriptorpb.DescriptorProto{Name: new(fmt.Sprintf("M%d", i))}
		for j := range 12 {
			if i < 11 {
				m.Field = append(m.Field, field(fmt.Sprintf("f%d", j), fmt.Sprintf(".wide.v1.M%d", i+1), int32(j+1), messageField))
			}
		}
		f.MessageType = append(f.GetMessageType(), m)
	}
	s := fetch(t, library(names(f, good()), f, good()), reflection.ServerOptions{})
	d := must[protoreflect.Descriptor](t)(s.FindSymbol("wide.v1.M0"))
	if _, err := reflection.Template(d.(protoreflect.MessageDescriptor)); err == nil {
		t.Error("a template of 12^11 fields was made")
	}
}
