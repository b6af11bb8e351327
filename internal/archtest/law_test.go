package archtest

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/gctl-dev/gctl"

func TestEveryImportObeysTheLaw(t *testing.T) {
	files := 0
	for path, rel := range goFiles(t) {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		files++
		for _, problem := range checkFile(t, path, filepath.ToSlash(filepath.Dir(rel))) {
			t.Error(problem)
		}
	}
	if files < 100 {
		t.Fatalf("read only %d files: the walk is broken", files)
	}
}

// goFiles returns the module's Go files: how to open each, and its path in the
// module.
func goFiles(t *testing.T) map[string]string {
	t.Helper()
	root := filepath.Join("..", "..")
	files := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		switch {
		case d.IsDir() && skipped(path, rel, d.Name()):
			return filepath.SkipDir
		case !d.IsDir() && strings.HasSuffix(path, ".go"):
			files[path] = rel
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// skipped leaves out what is not this module's Go: hidden folders, test data,
// and modules of their own.
func skipped(path, rel, name string) bool {
	if rel == "." {
		return false
	}
	if strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules" || name == "bin" {
		return true
	}
	_, err := os.Stat(filepath.Join(path, "go.mod"))
	return err == nil
}

func checkFile(t *testing.T, path, folder string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var problems []string
	if _, ok := roomOf(folder); !ok {
		problems = append(problems, folder+": no room of the law holds this folder")
	}
	for _, spec := range file.Imports {
		target, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		to, ours := strings.CutPrefix(target, module+"/")
		if !ours {
			continue
		}
		if p := check(folder, to); p != "" {
			problems = append(problems, p)
		}
	}
	return problems
}

func TestTheLawForbids(t *testing.T) {
	for _, c := range []struct{ from, to string }{
		{"fleet", "discovery"},
		{"fleet/consul", "fleet/file"},
		{"discovery", "fleet"},
		{"commands", "fleet/consul"},
		{"commands", "discovery"},
		{"svc/user", "fleet"},
		{"reflection", "rpc"},
		{"unknown/room", "fleet"},
		{"fleet", "unknown/room"},
	} {
		if check(c.from, c.to) == "" {
			t.Errorf("%s may import %s, the law should forbid it", c.from, c.to)
		}
	}
}

func TestTheLawAllows(t *testing.T) {
	for _, c := range []struct{ from, to string }{
		{"cmd/gctl", "fleet/consul"},
		{"commands", "internal/term"},
		{"fleet/consul", "discovery"},
		{"fleet/consul", "fleet"},
		{"rpc", "reflection"},
		{"svc/user/internal", "svc/user/api"},
		{"internal/testkit", "svc/user"},
	} {
		if p := check(c.from, c.to); p != "" {
			t.Error(p)
		}
	}
}
