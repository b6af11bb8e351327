package stack

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ConsulOptions say how an agent is started. The zero value is a bare
// development agent.
type ConsulOptions struct {
	HCL string // further configuration in HCL, for example an acl block
	Dir string // where the agent keeps its files; a temporary one if empty
	// HTTPPort, where it is not 0, fixes the port of the HTTP API, so that a
	// stopped agent can come back at the same address.
	HTTPPort int
	// NoLeader makes the agent a server that waits for two more, which never
	// come, and so never elects a leader.
	NoLeader bool
	// Datacenter is dc1 if empty; Peer is an agent of another one to join.
	Datacenter string
	Peer       *Consul
}

// Consul is a running agent in development mode: one server, in memory, on
// loopback ports of its own.
type Consul struct {
	Addr string // host:port of the HTTP API
	Port int    // the port of Addr
	wan  int    // the port at which other datacenters join
	proc *process
	dir  string // removed by Stop, empty if it is the caller's
}

// StartConsul starts an agent and waits until it is ready.
func StartConsul(ctx context.Context, opts ConsulOptions) (*Consul, error) {
	path, err := Find("consul")
	if err != nil {
		return nil, err
	}
	dir, own := opts.Dir, ""
	if dir == "" {
		if dir, err = os.MkdirTemp("", "consul-"); err != nil {
			return nil, fmt.Errorf("folder of the agent: %w", err)
		}
		own = dir
	}
	// Free ports are found by asking for them and letting them go again, so
	// another process may take one in between: then try others.
	for attempt := 1; ; attempt++ {
		c, err := startConsul(ctx, path, dir, opts)
		if err == nil {
			c.dir = own
			return c, nil
		}
		if attempt == 5 || !strings.Contains(err.Error(), "address already in use") {
			return nil, errors.Join(err, removeAll(own))
		}
	}
}

func startConsul(ctx context.Context, path, dir string, opts ConsulOptions) (*Consul, error) {
	ports, err := freePorts(4)
	if err != nil {
		return nil, err
	}
	if opts.HTTPPort != 0 {
		ports[0] = opts.HTTPPort
	}
	config := filepath.Join(dir, "extra.hcl")
	// There is nobody to wait for: neither when the agent leaves, nor, for the
	// usual 7 s, when a question finds no leader.
	base := "performance {\n leave_drain_time = \"0s\"\n rpc_hold_timeout = \"200ms\"\n}\ndisable_update_check = true\n"
	if err := os.WriteFile(config, []byte(base+opts.HCL), 0o600); err != nil {
		return nil, fmt.Errorf("configuration of the agent: %w", err)
	}
	mode := []string{"agent", "-dev"}
	if opts.NoLeader {
		mode = []string{"agent", "-server", "-bootstrap-expect=3", "-data-dir=" + filepath.Join(dir, "data")}
	}
	if opts.Peer != nil {
		mode = append(mode, "-retry-join-wan=127.0.0.1:"+strconv.Itoa(opts.Peer.wan))
	}
	proc, err := start(path, dir, append(mode, "-datacenter="+cmp.Or(opts.Datacenter, "dc1"), "-bind=127.0.0.1", "-client=127.0.0.1", "-node=test",
		"-http-port="+strconv.Itoa(ports[0]), "-server-port="+strconv.Itoa(ports[1]), "-serf-lan-port="+strconv.Itoa(ports[2]),
		"-serf-wan-port="+strconv.Itoa(ports[3]), "-dns-port=-1", "-grpc-port=-1", "-grpc-tls-port=-1",
		"-log-level=warn", "-config-file="+config)...)
	if err != nil {
		return nil, err
	}
	c := &Consul{Addr: "127.0.0.1:" + strconv.Itoa(ports[0]), Port: ports[0], wan: ports[3], proc: proc}
	leader := ":" + strconv.Itoa(ports[1]) + `"`
	if opts.NoLeader {
		leader = ""
	}
	if err := c.await(ctx, leader); err != nil {
		return nil, errors.Join(err, proc.stop())
	}
	return c, nil
}

// await polls until the agent is ready: with the leader at this address, or, where
// that is empty, as soon as it answers at all.
func (c *Consul) await(ctx context.Context, leader string) error {
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	client := &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for !c.ready(ctx, client, leader) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("consul did not get ready: %w\n%s", ctx.Err(), c.proc.output())
		case <-c.proc.ended:
			return fmt.Errorf("consul ended at once\n%s", c.proc.output())
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// ready looks once. Having elected itself, a leader still has to set up ACLs,
// which a consistent read waits for, and to write itself into the catalog, which
// nobody can see where ACLs hide it.
func (c *Consul) ready(ctx context.Context, client *http.Client, leader string) bool {
	// The leader's address has our own port: should another agent have taken the
	// HTTP port in between, this is not its answer.
	body, _, err := get(ctx, client, "http://"+c.Addr+"/v1/status/leader")
	if err != nil || leader == "" || !bytes.Contains(body, []byte(leader)) {
		return err == nil && leader == ""
	}
	body, policy, err := get(ctx, client, "http://"+c.Addr+"/v1/catalog/services?consistent")
	return err == nil && (policy == "deny" || bytes.Contains(body, []byte(`"consul"`)))
}

// get returns the body of an answer and the agent's default ACL policy.
func get(ctx context.Context, client *http.Client, url string) (body []byte, policy string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, "", err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, "", errors.New(resp.Status)
	}
	body, err = io.ReadAll(resp.Body)
	return body, resp.Header.Get("X-Consul-Default-Acl-Policy"), err
}

// Stop ends the agent and removes its files.
func (c *Consul) Stop() error {
	return errors.Join(c.proc.stop(), removeAll(c.dir))
}

func removeAll(dir string) error {
	if dir == "" {
		return nil
	}
	return os.RemoveAll(dir)
}
