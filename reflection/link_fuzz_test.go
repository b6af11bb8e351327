package reflection

import (
	"math"
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// FuzzLink gives link what a server may invent. Whatever comes out of it must
// work to the end: in the cache, as text, as a template, as a message.
func FuzzLink(f *testing.F) {
	s, err := FromProtoFiles([]string{"testdata"}, []string{"shop/v1/shop.proto"})
	if err != nil {
		f.Fatal(err)
	}
	set := &descriptorpb.FileDescriptorSet{}
	for _, e := range s.entries {
		p := &descriptorpb.FileDescriptorProto{}
		if err := proto.Unmarshal(e.raw, p); err != nil {
			f.Fatal(err)
		}
		set.File = append(set.File, p)
	}
	for seed := range uint64(200) {
		f.Add(seed, byte(seed%20))
	}
	f.Fuzz(func(t *testing.T, seed uint64, changes byte) {
		set := proto.CloneOf(set)
		rng := rand.New(rand.NewPCG(seed, 1))
		for range int(changes) + 1 {
			mutate(set.ProtoReflect(), rng)
		}
		s, err := link(set.GetFile(), nil)
		if err != nil {
			return
		}
		use(s)
		saved, err := s.MarshalBinary()
		if err != nil {
			return // it is not kept, then
		}
		again, err := Unmarshal(saved)
		if err != nil {
			t.Fatal(err)
		}
		if again.Hash() != s.Hash() {
			t.Fatal("the hash changes in the cache")
		}
		use(again)
		for i, sd := range s.Services() {
			was, err := Text(sd)
			is, err2 := Text(again.Services()[i])
			if was != is || (err == nil) != (err2 == nil) {
				t.Fatalf("%s becomes %s in the cache (%v, %v)", was, is, err, err2)
			}
		}
	})
}

// mutate changes one thing at random, anywhere below m.
func mutate(m protoreflect.Message, rng *rand.Rand) {
	fields := m.Descriptor().Fields()
	fd := fields.Get(rng.IntN(fields.Len()))
	switch {
	case rng.IntN(12) == 0:
		m.Clear(fd)
	case fd.IsMap():
	case fd.IsList():
		list := m.Mutable(fd).List()
		switch n := list.Len(); {
		case n == 0 || rng.IntN(15) == 0:
			list.Append(anyValue(list.NewElement(), fd, rng))
		case fd.Message() != nil && rng.IntN(10) > 0:
			mutate(list.Get(rng.IntN(n)).Message(), rng)
		case rng.IntN(2) == 0:
			list.Append(list.Get(rng.IntN(n)))
		default:
			list.Set(rng.IntN(n), anyValue(list.NewElement(), fd, rng))
		}
	case fd.Message() != nil:
		mutate(m.Mutable(fd).Message(), rng)
	default:
		m.Set(fd, anyValue(m.NewField(fd), fd, rng))
	}
}

// anyValue returns a value of fd's type: one that the shop has, or nonsense.
func anyValue(zero protoreflect.Value, fd protoreflect.FieldDescriptor, rng *rand.Rand) protoreflect.Value {
	words := []string{
		"", ".", "..", "x", "a b", "\x1b[2J", "proto2", "proto3", "editions", "shop.v1", ".shop.v1.Order", ".shop.v1.Order.State",
		".shop.v1.Order.Line", ".shop.v1.TotalsEntry", "shop/v1/shop.proto", "shop/v1/money.proto", ".google.protobuf.Any", "Order",
		".gone.Away", ".gone.Away.Inner", ".gone", "gone.proto", "google/protobuf/any.proto", "key", "value", "1", "-1", "nan", "id",
	}
	numbers := []int64{0, 1, 2, 3, -1, 19000, 1 << 28, 1<<29 - 1, 1 << 29, math.MaxInt32, math.MinInt32}
	number := numbers[rng.IntN(len(numbers))]
	switch fd.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(words[rng.IntN(len(words))])
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte(words[rng.IntN(len(words))]))
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(rng.IntN(2) == 0)
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(int32(number))
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(rng.IntN(20)))
	default:
		return zero
	}
}

// use does with a schema what commands do. It looks for panics only.
func use(s *Schema) {
	for _, sd := range s.Services() {
		_, _ = Text(sd)
		for i := range sd.Methods().Len() {
			md, err := s.FindMethod(string(sd.Methods().Get(i).FullName()), "")
			if err != nil {
				continue
			}
			_ = s.MissingTypes(md)
			_, _ = Template(md.Input())
			useMessage(s, md.Input())
		}
	}
	for _, name := range s.symbolNames() {
		if d, err := s.FindSymbol(name); err == nil {
			_, _ = Text(d)
		}
	}
}

func useMessage(s *Schema, md protoreflect.MessageDescriptor) {
	m := dynamicpb.NewMessage(md)
	_ = proto.UnmarshalOptions{Resolver: s.Types()}.Unmarshal([]byte("\x0a\x01a\x10\x01\x1a\x00"), m)
	_, _ = proto.Marshal(m)
}
