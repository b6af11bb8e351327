package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	controlv1 "github.com/gctl-dev/gctl/api/gctl/control/v1"
	"github.com/gctl-dev/gctl/svc/kit"
	hellov1 "github.com/gctl-dev/gctl/svc/kit/example/hello/api"
)

// patience is how long the test waits for what must happen.
const patience = 60 * time.Second

// build returns the path of the program.
func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hello")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// process is the running program.
type process struct {
	*exec.Cmd

	lines chan map[string]any // of its log
}

func start(t *testing.T, path string, args ...string) *process {
	t.Helper()
	p := &process{exec.Command(path, args...), make(chan map[string]any, 1000)}
	out, err := p.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Process.Kill() })
	go func() {
		defer close(p.lines)
		decoder := json.NewDecoder(out)
		for {
			line := map[string]any{}
			if decoder.Decode(&line) != nil {
				return
			}
			p.lines <- line
		}
	}()
	return p
}

// line waits for a line of the log.
func (p *process) line(t *testing.T, message string) map[string]any {
	t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case line, ok := <-p.lines:
			if !ok {
				t.Fatalf("it ended before it said %q", message)
			}
			if line["message"] == message {
				return line
			}
		case <-timeout:
			t.Fatalf("it does not say %q", message)
		}
	}
}

func dial(t *testing.T, addr any) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(fmt.Sprint(addr), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func page(ctx context.Context, t *testing.T, addr any) string {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://%v/metrics", addr), nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if ctx.Err() != nil {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%d: %v", response.StatusCode, err)
	}
	return string(data)
}

func TestHello(t *testing.T) {
	p := start(t, build(t), "--plaintext", "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", "--metrics-listen=127.0.0.1:0",
		"--drain-wait=0s", "--legacy-metrics", "--rate-limit=*=1000/s", "--concurrency-limit=10..100")
	serving := p.line(t, "serving")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	answer, err := hellov1.NewHelloServiceClient(dial(t, serving["address"])).Say(ctx, &hellov1.SayRequest{Name: "world"})
	if err != nil || answer.GetText() != "Hello, world!" {
		t.Errorf("%v, %v", answer, err)
	}
	limits, err := controlv1.NewControlServiceClient(dial(t, serving["admin_address"])).ListLimits(ctx, &controlv1.ListLimitsRequest{})
	if err != nil || len(limits.GetLimits()) != 2 || limits.GetLimits()[1].GetAdmitted() != 1 {
		t.Errorf("limits = %v, %v", limits, err)
	}
	for _, name := range documentedMetrics(t) {
		pattern := regexp.MustCompile(`(?m)^` + strings.ReplaceAll(name, "*", `\w*`) + `(_count)?[{ ]`)
		for !pattern.MatchString(page(ctx, t, serving["metrics_address"])) { // a call is measured once it has ended
			if ctx.Err() != nil {
				t.Fatalf("docs/kit.md names %s, /metrics does not have it", name)
			}
		}
	}
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.line(t, "stopped")
	if err := p.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
}

func TestTheExitCodesOfHello(t *testing.T) {
	path := build(t)
	for args, want := range map[string]int{"--help": 0, "--version": 0, "": 2, "--nonsense": 2, "--plaintext --listen=192.0.2.1:1": 1} {
		run := exec.CommandContext(t.Context(), path, strings.Fields(args)...)
		err := run.Run()
		if run.ProcessState == nil {
			t.Fatal(err)
		}
		if got := run.ProcessState.ExitCode(); got != want {
			t.Errorf("hello %s: exit code %d, want %d", args, got, want)
		}
	}
}

func doc(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../../../docs/kit.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// documentedMetrics returns the names in docs/kit.md that a server without
// connections to others has.
func documentedMetrics(t *testing.T) []string {
	t.Helper()
	_, table, _ := strings.Cut(doc(t), "\n## Metrics\n")
	table, _, _ = strings.Cut(table, "\n## ")
	var names []string
	for line := range strings.Lines(table) {
		if !strings.HasPrefix(line, "| `") || strings.Contains(line, "`grpc_client_") || strings.Contains(line, "`gobreaker__") || strings.Contains(line, "`kit_client_") {
			continue
		}
		cell, _, _ := strings.Cut(line[2:], " |")
		for _, name := range regexp.MustCompile("`([a-z_*]+)`").FindAllStringSubmatch(cell, -1) {
			names = append(names, name[1])
		}
	}
	if len(names) < 8 {
		t.Errorf("docs/kit.md names only %q", names)
	}
	return names
}

func TestTheDocumentShowsThisProgram(t *testing.T) {
	source, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(doc(t), "```go\n"+string(source)+"```\n") {
		t.Error("main.go is not in docs/kit.md as it is")
	}
	if lines := bytes.Count(source, []byte("\n")); lines >= 40 {
		t.Errorf("the smallest service has %d lines", lines)
	}
}

func TestTheDocumentShowsAllSettings(t *testing.T) {
	var want strings.Builder
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.SortFlags = false
	new(kit.Config).Flags(flags)
	flags.VisitAll(func(f *pflag.Flag) {
		value, usage := pflag.UnquoteUsage(f)
		fmt.Fprintf(&want, "| `%s` | %s", strings.TrimSpace("--"+f.Name+" "+value), usage)
		switch f.DefValue {
		case "", "false", "[]", "0s":
		default:
			fmt.Fprintf(&want, " (default `%s`)", f.DefValue)
		}
		want.WriteString(" |\n")
	})
	if !strings.Contains(doc(t), "|---|---|\n"+want.String()+"\n") {
		t.Errorf("docs/kit.md wants this table of settings:\n%s", want.String())
	}
}
