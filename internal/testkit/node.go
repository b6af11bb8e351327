package testkit

import (
	"bufio"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

//go:embed node/package.json node/package-lock.json node/server.js node/test.proto node/things.proto
var nodeFiles embed.FS

//go:embed connect/package.json connect/package-lock.json connect/server.js
var connectFiles embed.FS

// NodeServer starts the interop test service on grpc-js until the test ends
// and returns its address. Its modules are installed once, into the user's
// cache. Without Node the test is skipped, with CI=true it fails.
func NodeServer(t testing.TB) string {
	t.Helper()
	needNode(t)
	dir := nodeModules(t, nodeFiles, "node", "package.json", "package-lock.json", "server.js", "test.proto", "things.proto")
	return startNode(t, 1, filepath.Join(dir, "server.js"))[0]
}

// ConnectServer starts the interop test service on connect-node until the test
// ends, as NodeServer does, and returns its addresses in plaintext: of HTTP/1.1
// and of HTTP/2. It speaks Connect and gRPC-Web.
func ConnectServer(t testing.TB) (http1, http2 string) {
	t.Helper()
	needNode(t)
	schema := filepath.Join(t.TempDir(), "test.binpb")
	if err := os.WriteFile(schema, TestProtoset(t), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := nodeModules(t, connectFiles, "connect", "package.json", "package-lock.json", "server.js")
	addrs := startNode(t, 2, filepath.Join(dir, "server.js"), schema)
	return addrs[0], addrs[1]
}

func needNode(t testing.TB) {
	t.Helper()
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatalf("%s is missing", program)
			}
			t.Skipf("SKIPPED: %s is missing, no server in another language is tested", program)
		}
	}
}

// startNode runs a program that prints ports and ends when its stdin does, and
// returns its addresses.
func startNode(t testing.TB, ports int, args ...string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", args...)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stdin.Close(); _ = cmd.Wait() })
	lines := bufio.NewReader(stdout)
	addrs := make([]string, ports)
	for i := range addrs {
		port, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("the Node server did not start: %v", err)
		}
		addrs[i] = "127.0.0.1:" + strings.TrimSpace(port)
	}
	return addrs
}

// nodeModules returns a folder with a server and its modules, by the lockfile.
func nodeModules(t testing.TB, from embed.FS, folder string, names ...string) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	files, sum := map[string][]byte{}, sha256.New()
	for _, name := range names {
		if files[name], err = from.ReadFile(folder + "/" + name); err != nil {
			t.Fatal(err)
		}
		sum.Write(files[name])
	}
	dir := filepath.Join(cache, "gctl", "testkit", folder+"-"+hex.EncodeToString(sum.Sum(nil)[:8]))
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	t.Log("installing the modules of the Node server, the first time only")
	if err := os.MkdirAll(filepath.Dir(dir), 0o750); err != nil {
		t.Fatal(err)
	}
	fresh, err := os.MkdirTemp(filepath.Dir(dir), "new-") //nolint:usetesting // it is renamed, so it must be there
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(fresh, name), files[name], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	install := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir = fresh
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	if err := os.Rename(fresh, dir); err != nil {
		_ = os.RemoveAll(fresh) // another test was first
	}
	return dir
}

// TestProtoset returns a FileDescriptorSet with the interop test service.
func TestProtoset(t testing.TB) []byte {
	t.Helper()
	set := &descriptorpb.FileDescriptorSet{}
	seen := map[string]bool{}
	var add func(fd protoreflect.FileDescriptor)
	add = func(fd protoreflect.FileDescriptor) {
		if seen[fd.Path()] {
			return
		}
		seen[fd.Path()] = true
		for i := range fd.Imports().Len() {
			add(fd.Imports().Get(i).FileDescriptor)
		}
		set.File = append(set.File, protodesc.ToFileDescriptorProto(fd))
	}
	add(testpb.File_grpc_testing_test_proto)
	data, err := proto.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
