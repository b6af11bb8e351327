package stack

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// postgresDirs is where Debian keeps the server's programs: not on PATH.
const postgresDirs = "/usr/lib/postgresql/*/bin"

// PostgresOptions say how a server is started.
type PostgresOptions struct {
	// Settings go into the server's configuration, for example
	// "max_connections": "10". They beat those that make it fast.
	Settings map[string]string
	// Durable makes it write through to the disk, as a real one does. Without,
	// what it has committed survives the death of its processes, not of the
	// machine.
	Durable bool
}

// Postgres is a PostgreSQL server with a folder and a port of 127.0.0.1 of its
// own.
type Postgres struct {
	Port int

	bin      string // folder of its programs
	dir      string
	password string // of its users: postgres, who may do everything, and app
	settings map[string]string
	proc     *process
	paused   bool
	names    int // of databases
}

// findPostgres returns the folder of the server's programs.
func findPostgres() (string, error) {
	path, err := Package{Program: "postgres", Dirs: postgresDirs}.find()
	if err != nil {
		return "", fmt.Errorf("postgres: %w", ErrMissing)
	}
	if path, err = filepath.EvalSymlinks(path); err != nil { // the others are beside the program, not the link
		return "", fmt.Errorf("postgres: %w", err)
	}
	return filepath.Dir(path), nil
}

// StartPostgres makes a server and waits until it is ready. Where this process
// is root's, the server runs as the system's user postgres.
func StartPostgres(ctx context.Context, opts PostgresOptions) (*Postgres, error) {
	bin, err := findPostgres()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "postgres-")
	if err != nil {
		return nil, fmt.Errorf("folder of the server: %w", err)
	}
	p := &Postgres{bin: bin, dir: dir, password: rand.Text(), settings: settings(opts)}
	if err := p.create(ctx); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return p, nil
}

func settings(opts PostgresOptions) map[string]string {
	all := map[string]string{
		"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "max_connections": "100",
		"shared_buffers": "16MB", "jit": "off", "log_min_messages": "fatal",
	}
	if !opts.Durable {
		all["fsync"], all["full_page_writes"] = "off", "off"
	}
	maps.Copy(all, opts.Settings)
	return all
}

// create makes the server's files, starts it and adds its second user.
func (p *Postgres) create(ctx context.Context) error {
	if err := give(p.dir); err != nil {
		return err
	}
	secret := filepath.Join(p.dir, "password")
	if err := os.WriteFile(secret, []byte(p.password), 0o600); err != nil {
		return fmt.Errorf("password of the server: %w", err)
	}
	if err := give(secret); err != nil {
		return err
	}
	out, err := p.command(ctx, "initdb", "--pgdata="+p.data(), "--username=postgres", "--pwfile="+secret,
		"--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions").CombinedOutput()
	if err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, bytes.TrimSpace(out))
	}
	// As for Consul: another process may take the port in between.
	for attempt := 1; ; attempt++ {
		ports, err := freePorts(1)
		if err != nil {
			return err
		}
		p.Port = ports[0]
		err = p.Restart(ctx)
		if err == nil {
			break
		}
		if attempt == 5 || !strings.Contains(err.Error(), "Address already in use") {
			return err
		}
	}
	if _, err := p.SQL(ctx, "postgres", "CREATE ROLE app LOGIN PASSWORD '"+p.password+"'"); err != nil {
		return errors.Join(err, p.proc.stop())
	}
	return nil
}

func (p *Postgres) data() string { return filepath.Join(p.dir, "data") }

// command prepares one of the server's programs, to be run by its user.
func (p *Postgres) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(p.bin, name), args...)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), "LC_ALL=C", "PGPASSWORD="+p.password, "PGCONNECT_TIMEOUT=5")
	dieWithParent(cmd)
	asServer(cmd)
	return cmd
}

// Restart starts a server that was killed or stopped, at the same port and with
// the same files, and waits until it is ready.
func (p *Postgres) Restart(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	for {
		err := p.start(ctx)
		// Of a server that was killed, some process may not be gone yet.
		if err == nil || !strings.Contains(err.Error(), "is still in use") {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (p *Postgres) start(ctx context.Context) error {
	args := []string{"-D", p.data(), "-p", strconv.Itoa(p.Port)}
	for _, name := range slices.Sorted(maps.Keys(p.settings)) {
		args = append(args, "-c", name+"="+p.settings[name])
	}
	proc, err := startCmd(p.command(context.WithoutCancel(ctx), "postgres", args...))
	if err != nil {
		return err
	}
	for {
		_, err := p.SQL(ctx, "postgres", "SELECT 1")
		if err == nil {
			p.proc, p.paused = proc, false
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("postgres did not get ready: %w\n%w\n%s", ctx.Err(), err, proc.output()), proc.stop())
		case <-proc.ended:
			return fmt.Errorf("postgres ended at once\n%s", proc.output())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// SQL runs statements as the user postgres and returns what they print, a row a
// line.
func (p *Postgres) SQL(ctx context.Context, database, statements string) (string, error) {
	cmd := p.command(ctx, "psql", "--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1",
		"--host=127.0.0.1", "--port="+strconv.Itoa(p.Port), "--username=postgres", "--dbname="+database)
	cmd.Stdin = strings.NewReader(statements) // not an argument: it may hold a password
	out, err := cmd.CombinedOutput()
	text := string(bytes.TrimSpace(out))
	if err != nil {
		return "", fmt.Errorf("psql: %w: %s", err, text)
	}
	return text, nil
}

// Database makes an empty database and returns its URL, for the user app.
func (p *Postgres) Database(ctx context.Context) (string, error) {
	p.names++
	name := "test" + strconv.Itoa(p.names)
	if _, err := p.SQL(ctx, "postgres", "CREATE DATABASE "+name+" OWNER app"); err != nil {
		return "", err
	}
	return p.URL(name), nil
}

// URL returns the URL of a database, for the user app.
func (p *Postgres) URL(database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword("app", p.password),
		Host: "127.0.0.1:" + strconv.Itoa(p.Port), Path: database, RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Password returns the password in the URLs.
func (p *Postgres) Password() string { return p.password }

// Kill ends all the server's processes by SIGKILL. Restart brings it back.
func (p *Postgres) Kill() error {
	err := p.signal(kill)
	<-p.proc.ended
	return err
}

// Pause stops all the server's processes by SIGSTOP: its port still takes
// connections, and nothing answers.
func (p *Postgres) Pause() error {
	p.paused = true
	return p.signal(pause)
}

// Resume ends a Pause.
func (p *Postgres) Resume() error {
	p.paused = false
	return p.signal(resume)
}

// signal sends a signal to the server and then, as it makes no more of them, to
// its children.
func (p *Postgres) signal(send func(pid int) error) error {
	server := p.proc.cmd.Process.Pid
	if err := send(server); err != nil {
		return err
	}
	pids, err := children(server)
	for _, pid := range pids {
		err = cmp.Or(err, send(pid))
	}
	return err
}

// Stop ends the server and removes its files.
func (p *Postgres) Stop() error {
	var err error
	if p.paused {
		err = p.Resume()
	}
	return errors.Join(err, p.proc.stop(), os.RemoveAll(p.dir))
}
