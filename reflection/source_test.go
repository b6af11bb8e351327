package reflection_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/interop"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	grpcreflection "google.golang.org/grpc/reflection"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/gctl-dev/gctl/reflection"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const shopFile = "shop/v1/shop.proto"

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func shopFromProto(t testing.TB) *reflection.Schema {
	t.Helper()
	return must[*reflection.Schema](t)(reflection.FromProtoFiles([]string{"testdata"}, []string{shopFile}))
}

// shopSet returns the files of the shop without comments.
func shopSet(t testing.TB) []*descriptorpb.FileDescriptorProto {
	t.Helper()
	var buf bytes.Buffer
	if err := reflection.WriteProtoset(&buf, shopFromProto(t).Services()[0]); err != nil {
		t.Fatal(err)
	}
	var set descriptorpb.FileDescriptorSet
	if err := proto.Unmarshal(buf.Bytes(), &set); err != nil {
		t.Fatal(err)
	}
	return set.GetFile()
}

var shopServices = []string{"shop.v1.CartService", "shop.v1.OrderService"}

// sources delivers the same schema by every way there is.
func sources() map[string]func(t *testing.T) *reflection.Schema {
	fromServer := func(t *testing.T, cc *grpc.ClientConn) *reflection.Schema {
		return must[*reflection.Schema](t)(reflection.FromServer(t.Context(), cc, reflection.ServerOptions{}))
	}
	v1 := func(t *testing.T) *reflection.Schema {
		return fromServer(t, serveLiar(t, library(shopServices, shopSet(t)...)))
	}
	return map[string]func(t *testing.T) *reflection.Schema{
		"proto files": func(t *testing.T) *reflection.Schema { return shopFromProto(t) },
		"protoset": func(t *testing.T) *reflection.Schema {
			data := must[[]byte](t)(proto.Marshal(&descriptorpb.FileDescriptorSet{File: shopSet(t)}))
			path := filepath.Join(t.TempDir(), "shop.protoset")
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			return must[*reflection.Schema](t)(reflection.FromProtosets([]string{path}))
		},
		"reflection v1": v1,
		"reflection v1alpha": func(t *testing.T) *reflection.Schema {
			return fromServer(t, serveAlpha(t, library(shopServices, shopSet(t)...)))
		},
		"cache": func(t *testing.T) *reflection.Schema {
			data := must[[]byte](t)(v1(t).MarshalBinary())
			return must[*reflection.Schema](t)(reflection.Unmarshal(data))
		},
	}
}

func TestEverySourceGivesTheSameSchema(t *testing.T) {
	want := shopFromProto(t)
	for name, open := range sources() {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			if p := s.Problems(); len(p) > 0 {
				t.Errorf("Problems = %q", p)
			}
			if s.Hash() != want.Hash() || len(s.Hash()) != 64 {
				t.Errorf("Hash = %s, want %s", s.Hash(), want.Hash())
			}
			var names []string
			for _, sd := range s.Services() {
				names = append(names, string(sd.FullName()))
			}
			if !slices.Equal(names, shopServices) {
				t.Errorf("Services = %v", names)
			}
			checkMethod(t, s)
			checkText(t, s)
			checkTemplate(t, s)
			checkTypes(t, s)
			checkRanges(t, s)
		})
	}
}

func checkMethod(t *testing.T, s *reflection.Schema) {
	t.Helper()
	md := must[protoreflect.MethodDescriptor](t)(s.FindMethod("OrderService.SyncOrders", ""))
	if md.FullName() != "shop.v1.OrderService.SyncOrders" || !md.IsStreamingClient() || !md.IsStreamingServer() {
		t.Errorf("FindMethod = %v", md)
	}
	if got := md.Input().Fields().ByName("lines").Message().Fields().ByName("replaced").Message(); got != md.Input() {
		t.Errorf("a type that holds itself resolves to %v", got.FullName())
	}
	if got := md.Input().Fields().ByName("created").Message().FullName(); got != "google.protobuf.Timestamp" {
		t.Errorf("created is a %s", got)
	}
}

func checkText(t *testing.T, s *reflection.Schema) {
	t.Helper()
	for name, want := range map[string]string{
		"shop.v1.OrderService":          "rpc GetOrder ( .shop.v1.GetOrderRequest ) returns ( .shop.v1.Order );",
		"shop.v1.OrderService.GetOrder": "rpc GetOrder ( .shop.v1.GetOrderRequest ) returns ( .shop.v1.Order );",
		"OrderService/GetOrder":         "rpc GetOrder ( .shop.v1.GetOrderRequest ) returns ( .shop.v1.Order );",
		"shop.v1.Order.Line":            "int64 quantity = 2;",
		"Order":                         "map<string, .shop.v1.Money> totals = 4;",
		"shop.v1.Order.State":           "STATE_PAID = 1;",
		"shop.v1.Order.STATE_PAID":      "STATE_PAID = 1;",
		"shop.v1.Order.payer":           "oneof payer",
		"shop.v1.Order.discount":        "optional double discount = 9;",
		"Money":                         `[default = "EUR"]`,
		"shop.v1.note":                  "optional string note = 100;",
		".shop.v1.getorderrequest":      "string id = 1;",
	} {
		d, err := s.FindSymbol(name)
		if err != nil {
			t.Errorf("FindSymbol(%s): %v", name, err)
			continue
		}
		if text := must[string](t)(reflection.Text(d)); !strings.Contains(text, want) {
			t.Errorf("Text(%s) lacks %q:\n%s", name, want, text)
		}
	}
}

func checkTemplate(t *testing.T, s *reflection.Schema) {
	t.Helper()
	md := must[protoreflect.MethodDescriptor](t)(s.FindMethod("SyncOrders", "")).Input()
	text := must[[]byte](t)(reflection.Template(md))
	for _, want := range []string{`"state": "STATE_UNSPECIFIED"`, `"quantity": "0"`, `"created": "1970`, `"discount": 0`, `"customer": ""`, `"mask": ""`, `"waits": [`, `"maybe": false`} {
		if !bytes.Contains(text, []byte(want)) {
			t.Errorf("Template lacks %s:\n%s", want, text)
		}
	}
	msg := dynamicpb.NewMessage(md)
	if err := (protojson.UnmarshalOptions{Resolver: s.Types()}).Unmarshal(text, msg); err != nil {
		t.Errorf("the template is not a request: %v", err)
	}
}

func checkTypes(t *testing.T, s *reflection.Schema) {
	t.Helper()
	md := must[protoreflect.MethodDescriptor](t)(s.FindMethod("GetOrder", "")).Output()
	const in = `{"extras":[{"@type":"type.googleapis.com/shop.v1.Money","[shop.v1.note]":"hi"}],"totals":{"a":{"currency":"CHF"}}}`
	msg := dynamicpb.NewMessage(md)
	if err := (protojson.UnmarshalOptions{Resolver: s.Types()}).Unmarshal([]byte(in), msg); err != nil {
		t.Fatal(err)
	}
	wire := must[[]byte](t)(proto.Marshal(msg))
	back := dynamicpb.NewMessage(md)
	if err := (proto.UnmarshalOptions{Resolver: s.Types()}).Unmarshal(wire, back); err != nil {
		t.Fatal(err)
	}
	out := must[[]byte](t)(protojson.MarshalOptions{Resolver: s.Types()}.Marshal(back))
	for _, want := range []string{`"[shop.v1.note]"`, `"CHF"`} {
		if !bytes.Contains(out, []byte(want)) {
			t.Errorf("%s lacks %s", out, want)
		}
	}
}

// checkRanges sees that what there is to choose from is complete.
func checkRanges(t *testing.T, s *reflection.Schema) {
	t.Helper()
	var names []string
	s.Types().RangeMessages(func(mt protoreflect.MessageType) bool {
		names = append(names, string(mt.Descriptor().FullName()))
		return true
	})
	for _, want := range []string{"shop.v1.Order", "shop.v1.Order.Line", "shop.v1.Money", "google.protobuf.Any"} {
		if !slices.Contains(names, want) {
			t.Errorf("%s is not among %q", want, names)
		}
	}
	if slices.ContainsFunc(names, func(name string) bool { return strings.HasSuffix(name, "Entry") }) {
		t.Errorf("entries of maps are no messages: %q", names)
	}
	var notes []string
	s.Types().RangeExtensionsByMessage("shop.v1.Money", func(xt protoreflect.ExtensionType) bool {
		notes = append(notes, string(xt.TypeDescriptor().FullName()))
		return true
	})
	s.Types().RangeExtensionsByMessage("shop.v1.Order", func(protoreflect.ExtensionType) bool {
		notes = append(notes, "one of another message")
		return true
	})
	if !slices.Equal(notes, []string{"shop.v1.note"}) {
		t.Errorf("the extensions are %q", notes)
	}
	calls := 0 // f ends it
	s.Types().RangeMessages(func(protoreflect.MessageType) bool { calls++; return calls < 3 })
	s.Types().RangeExtensionsByMessage("shop.v1.Money", func(protoreflect.ExtensionType) bool { calls++; return false })
	if calls != 4 {
		t.Errorf("%d calls", calls)
	}
}

func TestSchemaOfAServerNobodyHereWrote(t *testing.T) {
	cc := serve(t, func(s *grpc.Server) {
		testgrpc.RegisterTestServiceServer(s, interop.NewTestServer())
		grpcreflection.Register(s)
	})
	s := must[*reflection.Schema](t)(reflection.FromServer(t.Context(), cc, reflection.ServerOptions{}))
	md := must[protoreflect.MethodDescriptor](t)(s.FindMethod("TestService/FullDuplexCall", ""))
	if !md.IsStreamingClient() || len(s.Problems()) > 0 || !s.HasService("grpc.reflection.v1alpha.ServerReflection") {
		t.Errorf("method %v, problems %q, methods %v", md, s.Problems(), s.Methods())
	}
}
