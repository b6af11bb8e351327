package reflection_test

import (
	"bytes"
	"fmt"
	"sync"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/gctl-dev/gctl/reflection"
)

func TestUnmarshalRefusesWhatIsDamaged(t *testing.T) {
	data := must[[]byte](t)(shopFromProto(t).MarshalBinary())
	for n := range data {
		if _, err := reflection.Unmarshal(data[:n]); err == nil {
			t.Fatalf("the first %d of %d bytes are accepted", n, len(data))
		}
	}
	for i := range data {
		damaged := bytes.Clone(data)
		damaged[i] ^= 0x10
		if _, err := reflection.Unmarshal(damaged); err == nil {
			t.Fatalf("a wrong byte %d is accepted", i)
		}
	}
	if _, err := reflection.Unmarshal(append(bytes.Clone(data), 0)); err == nil {
		t.Error("trailing bytes are accepted")
	}
}

func TestCachedSchemaIsSafeForConcurrentUse(t *testing.T) {
	data := must[[]byte](t)(shopFromProto(t).MarshalBinary())
	for range 20 {
		s := must[*reflection.Schema](t)(reflection.Unmarshal(data))
		var wg sync.WaitGroup
		for _, name := range []string{"GetOrder", "GetCart", "SyncOrders", "ImportOrders"} {
			wg.Go(func() {
				md, err := s.FindMethod(name, "")
				if err != nil {
					t.Error(err)
					return
				}
				if md.Output().Fields().Len() == 0 || s.Services() == nil {
					t.Error("no fields")
				}
				if _, err := s.FindSymbol("shop.v1.note"); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
}

func FuzzUnmarshal(f *testing.F) {
	data, err := shopFromProto(f).MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:20])
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := reflection.Unmarshal(data)
		if err == nil && len(s.Hash()) == 0 {
			t.Error("a schema without a hash")
		}
	})
}

// BenchmarkWarm is what a call with a cached schema costs before its request is
// read: the schema of a server with 40 services of 50 messages each.
func BenchmarkWarm(b *testing.B) {
	var files []*descriptorpb.FileDescriptorProto
	for i := range 40 {
		f := file(fmt.Sprintf("big.v%d", i), "BigService", []string{"Get", "List", "Watch", "Import"}, "id", "name", "email")
		for j := range 50 {
			m := &descriptorpb.DescriptorProto{Name: new(fmt.Sprintf("Type%d", j))}
			for k := range 10 {
				m.Field = append(m.Field, field(fmt.Sprintf("field_%d", k), fmt.Sprintf(".big.v%d.Msg", i), int32(k+1), messageField))
			}
			f.MessageType = append(f.GetMessageType(), m)
		}
		files = append(files, f)
	}
	cc := serveLiar(b, library(names(files...), files...))
	s := must[*reflection.Schema](b)(reflection.FromServer(b.Context(), cc, reflection.ServerOptions{}))
	data := must[[]byte](b)(s.MarshalBinary())
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		s := must[*reflection.Schema](b)(reflection.Unmarshal(data))
		md := must[protoreflect.MethodDescriptor](b)(s.FindMethod("big.v7.BigService/List", ""))
		if md.Input().Fields().Len() != 3 {
			b.Fatal("no fields")
		}
	}
}
