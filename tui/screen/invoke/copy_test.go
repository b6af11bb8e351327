package invoke_test

import (
	"context"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gctl-dev/gctl/fleet"
	userv1 "github.com/gctl-dev/gctl/svc/user/api"
	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
)

// copied is what is copied as the n-th of the choices.
func (d *desk) copied(n int) string {
	d.t.Helper()
	d.said = nil
	d.run(d.s.Copy(d.look))
	d.sees("copy the request as", "grpcurl")
	for range n {
		d.act(key.Down)
	}
	d.act(key.Enter)
	return d.clip()
}

func TestARequestIsCopiedAsACommand(t *testing.T) {
	d := opened(t, "Get")
	d.fill("id", "it's")
	d.fill("password", "tiger")
	want := `gctl call shop.v1.Shop/Get --service shop -d '{"id":"it'\''s"}' --context test`
	if got := d.copied(0); got != want {
		t.Errorf("the command is\n%s\nwant\n%s", got, want)
	}
	if words := screen.Words(want); words[6] != `{"id":"it's"}` {
		t.Errorf("a shell reads %q", words)
	}
	if got := d.copied(1); !strings.HasPrefix(got, "grpcurl -plaintext 127.0.0.1:") {
		t.Errorf("as grpcurl it is %s", got)
	}
	if got := d.copied(3); got != "{\n  \"id\": \"it's\"\n}\n" {
		t.Errorf("as JSON it is %s", got)
	}
	d.run(d.s.Copy(d.look))
	d.sees("copy the request as")
	d.act(key.Enter)
	d.says("without the secret password")
}

func TestAnAnswerIsCopied(t *testing.T) {
	d := opened(t, "Get")
	d.fill("id", "o-1")
	d.act(key.Send)
	d.sees("✓ OK")
	if got := d.copied(4); got != "{\n  \"id\": \"o-1\"\n}\n" {
		t.Errorf("the answer is copied as %q", got)
	}
	if e := d.s.Evidence(d.look); len(e) != 1 || e[0].Value != "OK" || e[0].Commands[0] != `gctl call shop.v1.Shop/Get --service shop -d '{"id":"o-1"}'` {
		t.Errorf("the evidence is %+v", e)
	}
}

func TestASchemaWithoutAGoPackage(t *testing.T) {
	d := opened(t, "Get")
	d.run(d.s.Copy(d.look))
	d.sees("copy the request as")
	d.act(key.Down, key.Down, key.Enter)
	d.says("names no Go package")
}

func TestTheProgramsOfAllKindsCompile(t *testing.T) {
	service := userv1.File_svc_user_api_user_proto.Services().ByName("UserService")
	if err := os.MkdirAll("testdata", 0o700); err != nil { // inside the module, where the packages are found
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("testdata", "programs-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		os.RemoveAll(dir)
		os.Remove("testdata") // unless another run has something in it
	})
	vet := []string{"vet"}
	for _, name := range []protoreflect.Name{"GetUser", "WatchUsers", "ImportUsers", "SyncUsers"} {
		d := sit(t, "user user.v1.UserService/"+string(name), func(d *desk) {
			d.look.Env.Method = func(context.Context, string, string) (*screen.Method, error) {
				return &screen.Method{Service: "user", Desc: service.Methods().ByName(name), Instances: []fleet.Instance{{ID: "user-1", Addr: "127.0.0.1:9090"}}}, nil
			}
		})
		d.sees("FORM")
		program := d.copied(2)
		if _, err := parser.ParseFile(token.NewFileSet(), "", program, 0); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, program)
		}
		into := filepath.Join(dir, strings.ToLower(string(name)))
		vet = append(vet, "./"+into)
		if err := os.Mkdir(into, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(into, "main.go"), []byte(program), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.CommandContext(t.Context(), "go", vet...).CombinedOutput(); err != nil {
		t.Errorf("the programs do not compile: %v\n%s", err, out)
	}
}
