package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/fleet/otlp"
	"github.com/gctl-dev/gctl/internal/demo"
	"github.com/gctl-dev/gctl/internal/stack"
	"github.com/gctl-dev/gctl/ops/why"
)

// world is a demo that can be broken.
type world struct {
	*demo.World
	dir   string // home of its user
	certs bool
	db    *stack.Postgres
	proxy *proxy // before the database
	stops []func()
	first []string // arguments of all instances of the user service
}

// needs are what a world has beside what every one has.
type needs struct {
	stack    bool // the real backends
	postgres bool
	tls      bool
	args     []string // of the user service
}

// collector is a receiver of traces as the demo knows it.
type collector struct{ *otlp.Receiver }

// Addresses implements demo.Collector.
func (c collector) Addresses() (grpc, query string) { return c.GRPC, c.HTTP }

func newWorld(ctx context.Context, n needs) (w *world, err error) {
	w = &world{certs: n.tls, first: n.args}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if w.dir, err = os.MkdirTemp("", "whydemo-"); err != nil {
		return w, err
	}
	w.stops = append(w.stops, func() { _ = os.RemoveAll(w.dir) })
	self, err := os.Executable()
	if err == nil {
		err = os.Symlink(self, filepath.Join(w.dir, "userd"))
	}
	if err != nil {
		return w, err
	}
	if n.postgres {
		if err := w.startPostgres(ctx); err != nil {
			return w, err
		}
	}
	edged, err := filepath.Abs("bin/edged")
	if err != nil {
		return w, err
	}
	o := demo.Options{
		Userd: filepath.Join(w.dir, "userd"), Edged: edged, Config: filepath.Join(w.dir, "gctl", "config.yaml"), Stack: n.stack, Arrange: w.arrange,
		Collect: func(ctx context.Context) (demo.Collector, error) {
			r, err := otlp.Start(ctx, otlp.Options{GRPC: "127.0.0.1:0", HTTP: "127.0.0.1:0"})
			return collector{r}, err
		},
	}
	if n.tls {
		if err := w.issue(ctx, time.Hour); err != nil {
			return w, err
		}
		o.TLS = &tls.Config{InsecureSkipVerify: true}
	}
	if w.World, err = demo.Start(ctx, o); err != nil {
		return w, err
	}
	w.stops = append(w.stops, func() { _ = w.Stop() })
	return w, w.fill(ctx)
}

func (w *world) close() {
	for _, stop := range slices.Backward(w.stops) {
		stop()
	}
}

func (w *world) startPostgres(ctx context.Context) error {
	var err error
	if w.db, err = stack.StartPostgres(ctx, stack.PostgresOptions{}); err != nil {
		return err
	}
	w.stops = append(w.stops, func() { _ = w.db.Stop() }) //nolint:contextcheck // it ends what the context began
	url, err := w.db.Database(ctx)
	if err != nil {
		return err
	}
	if w.proxy, err = newProxy(fmt.Sprintf("127.0.0.1:%d", w.db.Port)); err != nil {
		return err
	}
	w.stops = append(w.stops, w.proxy.close)
	url = strings.Replace(url, fmt.Sprintf(":%d", w.db.Port), fmt.Sprintf(":%d", w.proxy.port()), 1)
	w.first = append(w.first, "--store="+url)
	return nil
}

// issue writes certificates that hold so long.
func (w *world) issue(ctx context.Context, life time.Duration) error {
	out, err := exec.CommandContext(ctx, "go", "run", "./internal/stack/cmd/certs", "-out", w.path("certs"), "-life", life.String()).CombinedOutput()
	if err != nil {
		return fmt.Errorf("certificates: %w: %s", err, out)
	}
	return nil
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

func (w *world) cert(name string) string { return w.path(filepath.Join("certs", name)) }

// arrange changes how an instance is started.
func (w *world) arrange(id string, args []string) []string {
	service, _, _ := strings.Cut(id, "-")
	var out []string
	for _, a := range args {
		if a == "--plaintext" && w.certs {
			out = append(out, "--tls-cert="+w.cert(service+".pem"), "--tls-key="+w.cert(service+".key"), "--tls-client-ca="+w.cert("ca.pem"), "--admin-allow=spiffe://gctl.test/gctl")
			if service == demo.Edge {
				out = append(out, "--http-public", "--target-identity=spiffe://gctl.test/user")
			}
			continue
		}
		if strings.HasPrefix(a, "--rate-limit=") && service == demo.Service && slices.ContainsFunc(w.first, func(own string) bool { return strings.HasPrefix(own, "--rate-limit=") }) {
			continue
		}
		out = append(out, a)
	}
	if service == demo.Service {
		out = append(out, w.first...)
	}
	return out
}

// gctl runs gctl as the world's user.
func (w *world) gctl(ctx context.Context, args ...string) (stdout string, code int, err error) {
	cmd := exec.CommandContext(ctx, "bin/gctl", args...)
	cmd.Env = append(os.Environ(), "HOME="+w.dir, "XDG_CONFIG_HOME="+w.dir, "XDG_CACHE_HOME="+w.path("cache"), "XDG_STATE_HOME="+w.path("state"), "GCTL_CONTEXT="+demo.Context)
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return out.String() + complaints.String(), exit.ExitCode(), nil
	}
	return out.String(), 0, err
}

// must runs a gctl that has to succeed.
func (w *world) must(ctx context.Context, args ...string) error {
	out, code, err := w.gctl(ctx, args...)
	if err == nil && code != 0 {
		err = fmt.Errorf("gctl %s: exit code %d: %s", strings.Join(args, " "), code, out)
	}
	return err
}

// why asks what is wrong.
func (w *world) why(ctx context.Context, service string) (*why.Report, string, error) {
	args := append([]string{"why", service, "-o", "json"}, w.credentials()...)
	out, code, err := w.gctl(ctx, args...)
	if err != nil {
		return nil, out, err
	}
	r := &why.Report{}
	if err := json.NewDecoder(strings.NewReader(out)).Decode(r); err != nil {
		return nil, out, fmt.Errorf("gctl why: exit code %d: %s", code, out)
	}
	return r, out, nil
}

func (w *world) credentials() []string {
	if !w.certs {
		return nil
	}
	return []string{"--cacert", w.cert("ca.pem"), "--cert", w.cert("gctl.pem"), "--key", w.cert("gctl.key")}
}

// fill fills the store.
func (w *world) fill(ctx context.Context) error {
	file := w.path("users.json")
	if err := os.WriteFile(file, []byte(demo.Users), 0o600); err != nil {
		return err
	}
	return w.must(ctx, append([]string{"call", "user.v1.UserService.ImportUsers", "-d", "@" + file}, w.credentials()...)...)
}

// inflict writes what is wrong with an instance.
func (w *world) inflict(id string, i ill) error {
	data, err := json.Marshal(i)
	if err != nil {
		return err
	}
	file := w.path(id + ".json")
	if err := os.WriteFile(file+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// caller is somebody who uses the page, and complains.
type caller struct {
	page   string
	client *http.Client
}

func (w *world) caller() *caller {
	trust := &tls.Config{InsecureSkipVerify: true}
	return &caller{w.Page, &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{TLSClientConfig: trust}}}
}

// call tells whether a call went well, which is quickly too.
func (c *caller) call(ctx context.Context, method, request string) bool {
	begun := time.Now()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.page+"user.v1.UserService/"+method, strings.NewReader(request))
	if err != nil {
		return false
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.client.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK && time.Since(begun) < 150*time.Millisecond
}
