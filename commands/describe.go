package commands

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/term"
	"github.com/gctl-dev/gctl/reflection"
)

const describeLong = `Describe services, methods and messages as they would stand in a .proto file.

Without an argument every gRPC service of the catalog is listed, or those of
--addr, --proto or --protoset. The argument is a service of the catalog, which
describes all that it serves, or a symbol: a gRPC service, a method, a message,
an enum, a field. Symbols may be written as methods are in "gctl call": in full,
by the end of their name, and in any case where nothing else matches. A method
is followed by its messages.

What is shown is what the servers say now; what they said earlier is shown, with
a note, where they do not answer. Instances of a service that serve different
schemas are reported. The reflection service itself is not listed.

Exit codes: 0 done; 1 nobody could be asked; 2 an unknown or ambiguous name.`

type describeOptions struct {
	f      *Factory
	conn   connFlags
	schema schemaFlags

	symbol      string // empty for the list
	template    bool
	protosetOut string
}

func newDescribe(f *Factory) *cobra.Command {
	o := &describeOptions{f: f}
	cmd := &cobra.Command{
		Use:   "describe [SYMBOL|SERVICE]",
		Short: "Describe services, methods and messages",
		Long:  describeLong,
		Example: `  gctl describe
  gctl describe user
  gctl describe UserService.GetUser
  gctl describe UserService.GetUser --template > request.json
  gctl describe user.v1.User -o json --jq '.fields[].name'
  gctl --addr 127.0.0.1:9090 describe
  gctl describe --protoset user.protoset UserService
  gctl describe UserService --protoset-out user.protoset`,
		Args:              args(0, 1),
		ValidArgsFunction: firstOnly(completeSymbols(f)),
		RunE: func(cmd *cobra.Command, given []string) error {
			if len(given) > 0 {
				o.symbol = given[0]
			}
			return o.run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&o.template, "template", false, "print a JSON request with every field, to fill in")
	flags.StringVar(&o.protosetOut, "protoset-out", "", "write what was asked for, and all it imports, to `file` as a FileDescriptorSet")
	o.conn.register(flags)
	o.schema.register(flags)
	return cmd
}

func (o *describeOptions) run(ctx context.Context) error {
	switch {
	case o.template && o.symbol == "":
		return &fleet.Error{Kind: fleet.Usage, What: "--template needs the name of a method or message", Hint: "gctl describe METHOD --template"}
	case o.template && o.protosetOut != "":
		return &fleet.Error{Kind: fleet.Usage, What: "--template contradicts --protoset-out", Hint: "leave one of them out"}
	}
	if err := o.conn.check(); err != nil {
		return err
	}
	if err := o.conn.adjust(&o.f.Global); err != nil {
		return err
	}
	t, err := o.conn.target(ctx, o.f, &o.schema, "")
	if err != nil {
		return err
	}
	defer t.close()
	loc, err := t.newLocator()
	if err != nil {
		return err
	}
	d := &describe{describeOptions: o, target: t, f: o.f, loc: loc}
	if err := d.find(ctx); err != nil {
		return err
	}
	switch {
	case o.protosetOut != "":
		return d.writeProtoset()
	case o.template:
		return d.printTemplate() //nolint:contextcheck // the printer has it
	}
	return d.print() //nolint:contextcheck // the printer has it
}

// describe is one run of the command: first what was asked for is found, then it
// is printed.
type describe struct {
	*describeOptions
	*target

	f      *Factory
	loc    *reflection.Locator
	found  []described // gRPC services, or the one symbol
	single bool        // the user named one symbol
}

// described is a declaration and the service of the catalog that has it.
type described struct {
	service string
	desc    protoreflect.Descriptor
}

// isReflection tells whether a gRPC service is the one that says what there is.
func isReflection(sd protoreflect.ServiceDescriptor) bool {
	return slices.Contains([]protoreflect.FullName{"grpc.reflection.v1", "grpc.reflection.v1alpha"}, sd.FullName().Parent())
}

func (d *describe) add(service string, s *reflection.Schema) {
	for i, p := range s.Problems() {
		if i == 5 && !d.f.Global.Verbose {
			d.f.Notef("warning: and %d more problems; -v prints them", len(s.Problems())-i)
			break
		}
		d.f.Notef("warning: schema%s: %s", of(service), p)
	}
	for _, sd := range s.Services() {
		if !isReflection(sd) {
			d.found = append(d.found, described{service, sd})
		}
	}
}

func of(service string) string {
	if service == "" {
		return ""
	}
	return " of " + service
}

func (d *describe) writeProtoset() error {
	descs := make([]protoreflect.Descriptor, 0, len(d.found))
	for _, f := range d.found {
		descs = append(descs, f.desc)
	}
	var set bytes.Buffer // a failure must not cost the file that is there
	if err := reflection.WriteProtoset(&set, descs...); err != nil {
		return err
	}
	if err := os.WriteFile(d.protosetOut, set.Bytes(), 0o644); err != nil { //nolint:gosec // a schema for anybody
		return &fleet.Error{What: "cannot write the protoset", Err: err}
	}
	d.f.Notef("wrote %s", d.protosetOut)
	return nil
}

func (d *describe) printTemplate() error {
	md, ok := d.found[0].desc.(protoreflect.MessageDescriptor)
	if m, isMethod := d.found[0].desc.(protoreflect.MethodDescriptor); isMethod && d.single {
		md, ok = m.Input(), true
	}
	if !ok || !d.single {
		return &fleet.Error{
			Kind: fleet.Usage, What: d.symbol + " is neither a method nor a message, so it has no template",
			Hint: "name a method, as in gctl describe UserService.GetUser --template",
		}
	}
	p, err := d.f.Printer()
	if err != nil {
		return err
	}
	text, err := reflection.Template(md)
	if err != nil {
		return err
	}
	return p.Value(rawJSON(text))
}

// print prints the text of one symbol or of a service of the catalog, or a table
// of all services.
func (d *describe) print() error {
	p, err := d.f.Printer()
	if err != nil {
		return err
	}
	switch {
	case d.single && p.Structured():
		return p.Value(newSymbolDoc(d.found[0]))
	case d.single && p.Format() == "name":
		_, err := fmt.Fprintln(d.f.Streams.Out, term.CleanLine(string(d.found[0].desc.FullName())))
		return err
	case d.single || d.symbol != "" && p.Format() == "":
		return d.printText(d.f.Streams.Out)
	}
	rows := make([]describeRow, 0, len(d.found))
	for _, f := range d.found {
		rows = append(rows, newDescribeRow(f))
	}
	return describeTable.Print(p, rows, nil)
}

func (d *describe) printText(w io.Writer) error {
	for i, f := range d.found {
		for j, desc := range withMessages(f.desc) {
			text, err := reflection.Text(desc)
			if err != nil {
				return err
			}
			if i+j > 0 {
				text = "\n" + text
			}
			if _, err := fmt.Fprintln(w, term.Clean(text)); err != nil {
				return err
			}
		}
	}
	return nil
}

// withMessages adds to a method what it takes and returns.
func withMessages(d protoreflect.Descriptor) []protoreflect.Descriptor {
	m, ok := d.(protoreflect.MethodDescriptor)
	if !ok {
		return []protoreflect.Descriptor{d}
	}
	out := []protoreflect.Descriptor{d, m.Input()}
	if m.Output() != m.Input() {
		out = append(out, m.Output())
	}
	return out
}
