package main

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"google.golang.org/grpc"
	channelz "google.golang.org/grpc/channelz/service"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	discovery "github.com/gctl-dev/gctl/discovery/consul"
	"github.com/gctl-dev/gctl/internal/stack"
	"github.com/gctl-dev/gctl/internal/testkit"
	"github.com/gctl-dev/gctl/svc/edge"
	"github.com/gctl-dev/gctl/svc/kit"
	"github.com/gctl-dev/gctl/svc/user"
)

func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) { // the links that setup makes, for gctl demo
	case "userd":
		testkit.Userd()
	case "edged":
		testkit.Edged()
	}
	testscript.Main(m, map[string]func(){"gctl": main, "tty": ttyMain})
}

// TestScripts runs gctl as its user does, by the scripts of the commands. Each
// script has a home of its own and these commands beside testscript's:
//
//	exits CODE PROGRAM ARG...      run it and compare the exit code
//	exec tty WIDTH PROGRAM ARG...  run it on a terminal; stdin is typed, where a
//	                               line "wait TEXT" waits until it has appeared
//	expand FILE...                 put the values of $VARIABLES into files
//	serve NAME [tls] [noreflection|lyingreflection] [nohealth|notserving] [channelz]
//	                               a grpc-go interop server; $NAME is its
//	                               address, $CA its certificate authority
//	userd NAME                     the user service; $NAME is its address
//	managed NAME [mtls]            a server of the kit with a control API that calls
//	                               itself; $NAME is its address, $NAME_ADMIN that of
//	                               its control API; with mtls there are $CA and, for
//	                               an operator and a mere caller, $OPERATOR_CERT,
//	                               $OPERATOR_KEY, $CALLER_CERT and $CALLER_KEY
//	stubborn NAME [TOKEN]          a control API that takes every change for possible
//	                               and never answers one; $NAME is its address, and
//	                               its list of changes wants the token
//	edge NAME TARGET [tls]         the edge in front of the user service at TARGET;
//	                               $NAME is the address of its HTTP server, $CA its
//	                               certificate authority, $SCHEMA a file with what it
//	                               serves as a protoset
//	http1 NAME TARGET              $NAME is a server of HTTP/1.1 only before TARGET
//	closed NAME                    $NAME is an address where nothing listens
//	hang NAME                      $NAME accepts connections and says nothing
//	html NAME                      $NAME answers every HTTP request with a web page
//	consul [acl]                   a Consul agent; $CONSUL_HTTP_ADDR is its address;
//	                               with ACLs, $ROOT_TOKEN may do everything and
//	                               without a token nothing may be seen
//	register SERVICE ID ADDR [TAG...] [KEY=VALUE...]
//	                               tell that agent about an instance, the pairs
//	                               being its meta
//	prometheus NAME [JOB=SERVICE...]
//	                               a Prometheus that scrapes the instances of the
//	                               services of the context demo; $NAME is its address
//	jaeger                         a Jaeger; $JAEGER is its URL, $OTLP where it takes
//	                               spans over gRPC
//	post URL FILE                  send a file with JSON by HTTP
//	eventually STREAM TEXT PROGRAM ARG...
//	                               run it until the text is in its output
func TestScripts(t *testing.T) { scripts(t, "script") }

// Scripts in which a busy machine would look like trouble in the fleet run when no
// other does.
func TestScriptsAlone(t *testing.T) { scripts(t, "alone") }

func scripts(t *testing.T, folder string) {
	t.Helper()
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("..", "..", "commands", "testdata", folder),
		Setup:               setup,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits": exits, "expand": expand, "eventually": eventually,
			"serve": serve, "userd": userd, "managed": managed, "stubborn": stubborn, "edge": startEdge, "http1": http1, "closed": closed, "hang": hang, "html": html,
			"consul": startConsul, "register": register, "prometheus": startPrometheus,
			"jaeger": startJaeger, "post": post,
		},
	})
}

type testKey struct{}

func setup(env *testscript.Env) error {
	home := filepath.Join(env.WorkDir, ".home")
	env.Vars = append(env.Vars,
		"HOME="+home,
		"XDG_CONFIG_HOME="+filepath.Join(home, "config"),
		"XDG_CACHE_HOME="+filepath.Join(home, "cache"),
		"XDG_STATE_HOME="+filepath.Join(home, "state"),
		"TERM=xterm-256color",
		"GORACE=atexit_sleep_ms=0", // under the race detector each run would end a second late
	)
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		return err
	}
	env.Setenv("ROOT", root)
	env.Values[testKey{}] = env.T().(testing.TB)
	own, err := os.Executable()
	if err != nil {
		return err
	}
	bin := filepath.Join(home, "bin")
	env.Setenv("PATH", bin+string(os.PathListSeparator)+env.Getenv("PATH"))
	return errors.Join(os.MkdirAll(bin, 0o700), os.Symlink(own, filepath.Join(bin, "userd")), os.Symlink(own, filepath.Join(bin, "edged")))
}

// tb is the test that the script is, for helpers that clean up at its end.
func tb(ts *testscript.TestScript) testing.TB { return ts.Value(testKey{}).(testing.TB) }

func need(ts *testscript.TestScript, neg bool, args []string, least int, usage string) {
	if neg || len(args) < least {
		ts.Fatalf("usage: %s", usage)
	}
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 2, "exits CODE PROGRAM ARG...")
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	switch {
	case err == nil && want != 0:
		ts.Fatalf("exit code 0, want %d", want)
	case errors.As(err, &exit) && exit.ExitCode() != want:
		ts.Fatalf("exit code %d, want %d", exit.ExitCode(), want)
	case err != nil && exit == nil:
		ts.Fatalf("%v", err)
	}
}

func expand(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 1, "expand FILE...")
	for _, name := range args {
		text := os.Expand(ts.ReadFile(name), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o600))
	}
}

func eventually(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 3, "eventually STREAM TEXT PROGRAM ARG...")
	deadline := time.Now().Add(time.Minute)
	for {
		err := ts.Exec(args[2], args[3:]...)
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		if strings.Contains(ts.ReadFile(args[0]), args[1]) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("never saw %q", args[1])
		}
	}
}

func serve(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 1, "serve NAME [tls] [noreflection] [nohealth|notserving] [channelz]")
	t := tb(ts)
	s := testkit.Server{}
	for _, option := range args[1:] {
		switch option {
		case "tls":
			ca := testkit.NewCA(t)
			s.TLS = &tls.Config{Certificates: []tls.Certificate{ca.Cert(t, []string{"127.0.0.1", "localhost"})}, MinVersion: tls.VersionTLS12}
			ts.Setenv("CA", ca.File)
		case "noreflection":
			s.NoReflection = true
		case "lyingreflection":
			s.NoReflection, s.Register = true, testkit.RegisterLyingReflection
		case "nohealth":
			s.NoHealth = true
		case "channelz":
			s.Register = func(s *grpc.Server) { channelz.RegisterChannelzServiceToServer(s) }
		case "notserving":
			s.NoHealth, s.Register = true, notServing
		default:
			ts.Fatalf("serve: unknown option %q", option)
		}
	}
	_, addr := s.Start(t)
	ts.Setenv(args[0], addr)
}

// notServing registers a health service that says no, and yes of one name.
func notServing(s *grpc.Server) {
	h := health.NewServer()
	h.SetServingStatus("", healthpb.HealthCheckResponse_NOT_SERVING)
	h.SetServingStatus("shop.v1.Shop", healthpb.HealthCheckResponse_SERVING)
	healthpb.RegisterHealthServer(s, h)
}

func userd(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 1, "userd NAME")
	t := tb(ts)
	server, err := kit.New(t.Context(), kit.Options{
		Config:   kit.Config{Plaintext: true, Instance: strings.ToLower(args[0])},
		Service:  user.Name,
		LogTo:    io.Discard,
		Listener: testkit.Listen(t),
	})
	ts.Check(err)
	service, err := user.New(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "users.db"), user.Options{Stopping: server.Stopping()})
	ts.Check(err)
	service.Register(server)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-done, service.Close()); err != nil {
			t.Error(err)
		}
	})
	ts.Setenv(args[0], server.Addr())
}

func startEdge(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 2, "edge NAME TARGET [tls]")
	t := tb(ts)
	conn, err := grpc.NewClient(args[1], grpc.WithTransportCredentials(insecure.NewCredentials()))
	ts.Check(err)
	t.Cleanup(func() { conn.Close() })
	e, err := edge.New(conn, edge.Options{Log: slog.New(slog.DiscardHandler)})
	ts.Check(err)
	listener := testkit.Listen(t)
	addr := listener.Addr().String()
	var config *tls.Config
	if slices.Contains(args, "tls") {
		ca := testkit.NewCA(t)
		ts.Setenv("CA", ca.File)
		config = &tls.Config{
			Certificates: []tls.Certificate{ca.Cert(t, []string{"127.0.0.1"})},
			MinVersion:   tls.VersionTLS13, NextProtos: []string{"h2", "http/1.1"},
		}
		listener = tls.NewListener(listener, config)
	}
	server := kit.NewHTTPServer(e.Handler(), config, slog.New(slog.DiscardHandler))
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Close()
		<-served
	})
	answer := httptest.NewRecorder()
	e.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/schema.binpb", http.NoBody))
	file := filepath.Join(t.TempDir(), "schema.binpb")
	ts.Check(os.WriteFile(file, answer.Body.Bytes(), 0o600))
	ts.Setenv("SCHEMA", file)
	ts.Setenv(args[0], addr)
}

// http1 is a reverse proxy as there are many, which knows no native gRPC.
func http1(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 2, "http1 NAME TARGET")
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: args[1]})
	proxy.FlushInterval = -1
	transport := &http.Transport{}
	proxy.Transport = transport
	server := httptest.NewServer(proxy)
	tb(ts).Cleanup(func() {
		server.Close()
		transport.CloseIdleConnections()
	})
	ts.Setenv(args[0], server.Listener.Addr().String())
}

func closed(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 1, "closed NAME")
	ts.Setenv(args[0], testkit.ClosedAddr(tb(ts)))
}

// hang needs no goroutine: the kernel accepts, and nobody answers.
func hang(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 1, "hang NAME")
	ts.Setenv(args[0], testkit.Listen(tb(ts)).Addr().String())
}

func html(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 1, "html NAME")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<html><title>Sign in\x1b[2J</title></html>")
	}))
	tb(ts).Cleanup(server.Close)
	ts.Setenv(args[0], server.Listener.Addr().String())
}

func startPrometheus(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 1, "prometheus NAME [JOB=SERVICE...]")
	targets := map[string][]string{}
	for _, pair := range args[1:] {
		job, service, _ := strings.Cut(pair, "=")
		ts.Check(ts.Exec("gctl", "--context", "demo", "instances", service, "--jq", ".[].meta.metrics"))
		targets[job] = strings.Fields(ts.ReadFile("stdout"))
	}
	ts.Setenv(args[0], stack.PrometheusFor(tb(ts), stack.PrometheusOptions{Targets: targets}).Addr)
}

const rootToken = "7f4e8d7a-0000-4000-8000-000000000001"

func startConsul(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 0, "consul [acl]")
	o := stack.ConsulOptions{}
	if slices.Contains(args, "acl") {
		o.HCL = `acl {
			enabled = true
			default_policy = "deny"
			tokens { initial_management = "` + rootToken + `" agent = "` + rootToken + `" }
		}`
		ts.Setenv("ROOT_TOKEN", rootToken)
	}
	ts.Setenv("CONSUL_HTTP_ADDR", stack.ConsulFor(tb(ts), o).Addr)
}

func register(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 3, "register SERVICE ID ADDR [TAG...] [KEY=VALUE...]")
	client, err := discovery.New(discovery.Config{Address: ts.Getenv("CONSUL_HTTP_ADDR"), Token: ts.Getenv("ROOT_TOKEN")})
	ts.Check(err)
	r := discovery.Registration{Service: args[0], ID: args[1], Addr: args[2], Meta: map[string]string{}}
	for _, word := range args[3:] {
		if key, value, ok := strings.Cut(word, "="); ok {
			r.Meta[key] = value
			continue
		}
		r.Tags = append(r.Tags, word)
	}
	ts.Check(client.Register(tb(ts).Context(), r))
}
