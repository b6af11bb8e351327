package invoke

import (
	"context"
	"encoding/base64"
	"fmt"
	"go/format"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/gctl-dev/gctl/fleet"
)

func base64Of(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// program is the call as a program in Go, by the generated client of the package
// that the schema names.
func (p *page) program(ctx context.Context, instance string, request []byte) (string, error) {
	md := p.method.Desc
	g := &generated{imports: map[string]string{}, plaintext: true, addr: "localhost:9090"}
	for i, in := range p.method.Instances {
		if in.ID == instance || instance == "" && i == 0 {
			g.addr = in.Addr
		}
	}
	if p.method.Grpcurl != nil { // it knows how the instance is reached
		line, err := p.grpcurl(ctx, instance, request)
		if err != nil {
			return "", err
		}
		g.plaintext = slices.Contains(strings.Fields(line), "-plaintext")
	}
	service, err := g.name(md.Parent().(protoreflect.ServiceDescriptor)) //nolint:forcetypeassert // a method's parent is one
	if err != nil {
		return "", err
	}
	input, err := g.name(md.Input())
	if err != nil {
		return "", err
	}
	g.client = service[:strings.IndexByte(service, '.')+1] + "New" + service[strings.IndexByte(service, '.')+1:] + "Client"
	g.input, g.method, g.request = input, camel(string(md.Name())), literal(string(request))
	text, err := format.Source([]byte(g.source(md)))
	return string(text), err
}

// generated is what the program is made of.
type generated struct {
	imports                              map[string]string // names by path
	addr, client, input, method, request string
	plaintext                            bool
}

// name is the Go name of something in a schema, as protoc-gen-go makes it.
func (g *generated) name(d protoreflect.Descriptor) (string, error) {
	file := d.ParentFile()
	o, _ := file.Options().(*descriptorpb.FileOptions)
	at, name, named := strings.Cut(o.GetGoPackage(), ";")
	if at == "" {
		return "", &fleet.Error{What: "the schema of " + string(d.FullName()) + " names no Go package", Hint: "copy it as a command of gctl"}
	}
	if !named {
		name = strings.NewReplacer("-", "_", ".", "_").Replace(path.Base(at))
	}
	for other, taken := range g.imports {
		if taken == name && other != at {
			name += strconv.Itoa(len(g.imports) + 1)
		}
	}
	if was, ok := g.imports[at]; ok {
		name = was
	}
	g.imports[at] = name
	inside := strings.TrimPrefix(string(d.FullName()), string(file.Package())+".")
	parts := strings.Split(inside, ".")
	for i := range parts {
		parts[i] = camel(parts[i])
	}
	return name + "." + strings.Join(parts, "_"), nil
}

// camel is a name as protoc-gen-go writes it (google.golang.org/protobuf,
// internal/strs.GoCamelCase).
func camel(name string) string {
	var b strings.Builder
	up := true
	for i := range len(name) {
		switch c := name[i]; {
		case c == '_' && i == 0:
			b.WriteByte('X')
		case c == '_' && i+1 < len(name) && name[i+1] >= 'a' && name[i+1] <= 'z':
			up = true
			continue
		case up && c >= 'a' && c <= 'z':
			b.WriteByte(c - 'a' + 'A')
		default:
			b.WriteByte(c)
		}
		up = name[i] == '_' || name[i] >= '0' && name[i] <= '9'
	}
	return b.String()
}

// literal is a text in Go's source, readable where that is possible.
func literal(text string) string {
	if strconv.CanBackquote(text) {
		return "`" + text + "`"
	}
	return strconv.Quote(text)
}

const dial = `conn, err := grpc.NewClient(%q, grpc.WithTransportCredentials(%s))
	if err != nil {
		return err
	}
	defer conn.Close()
	client := %s(conn)
	request := &%s{}
	if err := protojson.Unmarshal([]byte(%s), request); err != nil {
		return err
	}
`

const receive = `for {
		answer, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		fmt.Println(protojson.Format(answer))
	}
`

// source is the program, not formatted.
func (g *generated) source(md protoreflect.MethodDescriptor) string {
	use := map[string]string{"context": "", "log": "", "fmt": "", "google.golang.org/grpc": "", "google.golang.org/protobuf/encoding/protojson": ""}
	maps.Copy(use, g.imports)
	credentials := "insecure.NewCredentials()"
	use["google.golang.org/grpc/credentials/insecure"] = ""
	if !g.plaintext {
		delete(use, "google.golang.org/grpc/credentials/insecure")
		credentials = "credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12})"
		use["crypto/tls"], use["google.golang.org/grpc/credentials"] = "", ""
	}
	body := fmt.Sprintf(dial, g.addr, credentials, g.client, g.input, g.request)
	answers := md.IsStreamingServer()
	if answers {
		use["errors"], use["io"] = "", ""
	}
	switch {
	case md.IsStreamingClient():
		body += "stream, err := client." + g.method + "(ctx)\nif err != nil {\nreturn err\n}\n"
		body += "if err := stream.Send(request); err != nil {\nreturn err\n}\n"
		if answers {
			body += "if err := stream.CloseSend(); err != nil {\nreturn err\n}\n" + receive
			break
		}
		body += "answer, err := stream.CloseAndRecv()\n" + "if err != nil {\nreturn err\n}\nfmt.Println(protojson.Format(answer))\nreturn nil\n"
	case answers:
		body += "stream, err := client." + g.method + "(ctx, request)\nif err != nil {\nreturn err\n}\n" + receive
	default:
		body += "answer, err := client." + g.method + "(ctx, request)\nif err != nil {\nreturn err\n}\nfmt.Println(protojson.Format(answer))\nreturn nil\n"
	}
	return "package main\n\n" + importsOf(use) + "\nfunc main() {\nif err := call(context.Background()); err != nil {\nlog.Fatal(err)\n}\n}\n\nfunc call(ctx context.Context) error {\n" + body + "}\n"
}

// importsOf is the declaration of imports, those of the standard library first.
func importsOf(use map[string]string) string {
	var std, others []string
	for _, at := range slices.Sorted(maps.Keys(use)) {
		line := strings.TrimSpace(use[at] + " " + strconv.Quote(at))
		if strings.Contains(at, ".") {
			others = append(others, line)
		} else {
			std = append(std, line)
		}
	}
	return "import (\n" + strings.Join(std, "\n") + "\n\n" + strings.Join(others, "\n") + "\n)\n"
}
