package commands

import (
	"encoding/json"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gctl-dev/gctl/internal/output"
	"github.com/gctl-dev/gctl/reflection"
)

func rawJSON(text []byte) json.RawMessage { return json.RawMessage(text) }

// describeRow is a gRPC service as JSON.
type describeRow struct {
	Name           string      `json:"name"`
	CatalogService string      `json:"catalog_service"`
	Methods        []methodDoc `json:"methods"`
}

// methodDoc is a method as JSON; types are full names.
type methodDoc struct {
	Name            string `json:"name"`
	Input           string `json:"input"`
	Output          string `json:"output"`
	ClientStreaming bool   `json:"client_streaming"`
	ServerStreaming bool   `json:"server_streaming"`
}

var describeTable = output.Rows[describeRow]{
	Columns: []output.Column[describeRow]{
		{Name: "NAME", Cell: func(r describeRow) output.Cell { return output.Text(r.Name) }},
		{Name: "METHODS", Right: true, Cell: func(r describeRow) output.Cell { return output.Int(len(r.Methods)) }},
		{Name: "SERVICE", Cell: func(r describeRow) output.Cell { return output.Text(r.CatalogService) }},
		{Name: "METHOD NAMES", Wide: true, Cell: func(r describeRow) output.Cell {
			names := make([]string, 0, len(r.Methods))
			for _, m := range r.Methods {
				names = append(names, m.Name)
			}
			return output.Text(strings.Join(names, ","))
		}},
	},
	Key: func(r describeRow) string { return r.Name },
}

func newDescribeRow(d described) describeRow {
	row := describeRow{Name: string(d.desc.FullName()), CatalogService: d.service, Methods: []methodDoc{}}
	if sd, ok := d.desc.(protoreflect.ServiceDescriptor); ok {
		row.Methods = methodDocs(sd)
	}
	return row
}

func methodDocs(sd protoreflect.ServiceDescriptor) []methodDoc {
	out := make([]methodDoc, 0, sd.Methods().Len())
	for i := range sd.Methods().Len() {
		out = append(out, newMethodDoc(sd.Methods().Get(i)))
	}
	return out
}

func newMethodDoc(m protoreflect.MethodDescriptor) methodDoc {
	return methodDoc{
		Name: string(m.Name()), Input: string(m.Input().FullName()), Output: string(m.Output().FullName()),
		ClientStreaming: m.IsStreamingClient(), ServerStreaming: m.IsStreamingServer(),
	}
}

// symbolDoc is one symbol as JSON. Which lists it has depends on its kind.
type symbolDoc struct {
	Name           string      `json:"name"`
	Kind           string      `json:"kind"`
	CatalogService string      `json:"catalog_service"`
	File           string      `json:"file"`
	Proto          string      `json:"proto"` // the text of a .proto file
	Methods        []methodDoc `json:"methods,omitempty"`
	Method         *methodDoc  `json:"method,omitempty"`
	Fields         []fieldDoc  `json:"fields,omitempty"`
	Values         []valueDoc  `json:"values,omitempty"`
}

// fieldDoc is a field as JSON; the type is protobuf's, or the full name of a
// message or enum.
type fieldDoc struct {
	Name     string `json:"name"`
	JSONName string `json:"json_name"`
	Number   int32  `json:"number"`
	Type     string `json:"type"`
	Repeated bool   `json:"repeated"`
	Map      bool   `json:"map"`
	Oneof    string `json:"oneof,omitempty"`
}

type valueDoc struct {
	Name   string `json:"name"`
	Number int32  `json:"number"`
}

func newSymbolDoc(d described) symbolDoc {
	doc := symbolDoc{Name: string(d.desc.FullName()), CatalogService: d.service, File: d.desc.ParentFile().Path()}
	doc.Proto, _ = reflection.Text(d.desc) // what has no text still has the rest
	switch desc := d.desc.(type) {
	case protoreflect.ServiceDescriptor:
		doc.Kind, doc.Methods = "service", methodDocs(desc)
	case protoreflect.MethodDescriptor:
		m := newMethodDoc(desc)
		doc.Kind, doc.Method = "method", &m
	case protoreflect.MessageDescriptor:
		doc.Kind = "message"
		for i := range desc.Fields().Len() {
			doc.Fields = append(doc.Fields, newFieldDoc(desc.Fields().Get(i)))
		}
	case protoreflect.EnumDescriptor:
		doc.Kind = "enum"
		for i := range desc.Values().Len() {
			v := desc.Values().Get(i)
			doc.Values = append(doc.Values, valueDoc{string(v.Name()), int32(v.Number())})
		}
	case protoreflect.FieldDescriptor:
		doc.Kind, doc.Fields = "field", []fieldDoc{newFieldDoc(desc)}
		if desc.IsExtension() {
			doc.Kind = "extension"
		}
	case protoreflect.OneofDescriptor:
		doc.Kind = "oneof"
		for i := range desc.Fields().Len() {
			doc.Fields = append(doc.Fields, newFieldDoc(desc.Fields().Get(i)))
		}
	case protoreflect.EnumValueDescriptor:
		doc.Kind, doc.Values = "enum_value", []valueDoc{{string(desc.Name()), int32(desc.Number())}}
	}
	return doc
}

func newFieldDoc(fd protoreflect.FieldDescriptor) fieldDoc {
	doc := fieldDoc{
		Name: string(fd.Name()), JSONName: fd.JSONName(), Number: int32(fd.Number()), Type: fd.Kind().String(),
		Repeated: fd.IsList(), Map: fd.IsMap(),
	}
	switch {
	case fd.IsMap():
		doc.Type = "map<" + typeName(fd.MapKey()) + ", " + typeName(fd.MapValue()) + ">"
	default:
		doc.Type = typeName(fd)
	}
	if o := fd.ContainingOneof(); o != nil && !o.IsSynthetic() {
		doc.Oneof = string(o.Name())
	}
	return doc
}

func typeName(fd protoreflect.FieldDescriptor) string {
	switch {
	case fd.Message() != nil:
		return string(fd.Message().FullName())
	case fd.Enum() != nil:
		return string(fd.Enum().FullName())
	}
	return fd.Kind().String()
}
