package stack

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// A Package is a program that the tests take from the distribution.
type Package struct {
	Program string // looked for on PATH
	Debian  string // the package that brings it
	Dirs    string // a pattern of folders beside PATH that may hold it
}

// Packages lists what EnsurePackages looks for: Node.js runs the server that
// is not written in Go and bundles the page of the edge, Chromium opens that
// page, and PostgreSQL is one of the stores of the user service.
func Packages() []Package {
	return []Package{
		{Program: "node", Debian: "nodejs"},
		{Program: "npm", Debian: "npm"},
		{Program: "chromium", Debian: "chromium"},
		{Program: "postgres", Debian: "postgresql", Dirs: postgresDirs},
	}
}

// find returns the path of the program, or an error that says so. Of several
// folders it takes the last by name, which is the newest version.
func (p Package) find() (string, error) {
	path, err := exec.LookPath(p.Program)
	if err == nil || p.Dirs == "" {
		return path, err
	}
	dirs, _ := filepath.Glob(p.Dirs) // the only error is a bad pattern
	for _, dir := range slices.Backward(dirs) {
		if path, err := exec.LookPath(filepath.Join(dir, p.Program)); err == nil {
			return path, nil
		}
	}
	return "", err
}

// EnsurePackages installs what is missing, if it runs as root on a system with
// apt-get. Elsewhere the error says what to install.
func EnsurePackages(ctx context.Context, log io.Writer) error {
	return ensurePackages(ctx, log, Packages())
}

func ensurePackages(ctx context.Context, log io.Writer, wanted []Package) error {
	absent := missing(wanted)
	if len(absent) == 0 {
		return nil
	}
	apt, err := exec.LookPath("apt-get")
	if err != nil || os.Geteuid() != 0 {
		return whatToInstall(absent)
	}
	if err := aptGet(ctx, apt, "update"); err != nil {
		return err
	}
	restore, err := noMainCluster(clusterConfig)
	if err != nil {
		return err
	}
	defer restore()
	// One after the other: some sources have a nodejs that brings npm, and
	// conflicts with the npm of Debian.
	for len(absent) > 0 {
		fmt.Fprintln(log, "installing", absent[0].Debian)
		if err := aptGet(ctx, apt, "install", "--yes", "--no-install-recommends", absent[0].Debian); err != nil {
			return err
		}
		before := len(absent)
		if absent = missing(absent); len(absent) >= before {
			return fmt.Errorf("%s is not to be found though its package was installed", absent[0].Program)
		}
	}
	return nil
}

func whatToInstall(absent []Package) error {
	var programs, packages []string
	for _, p := range absent {
		programs, packages = append(programs, p.Program), append(packages, p.Debian)
	}
	return fmt.Errorf("install %s (Debian: apt-get install %s), then run this again",
		strings.Join(programs, " and "), strings.Join(packages, " "))
}

// missing returns those that are not there.
func missing(wanted []Package) []Package {
	var absent []Package
	for _, p := range wanted {
		if _, err := p.find(); err != nil {
			absent = append(absent, p)
		}
	}
	return absent
}

func aptGet(ctx context.Context, apt string, args ...string) error {
	cmd := exec.CommandContext(ctx, apt, args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("apt-get %s: %w\n%s", args[0], err, out)
	}
	return nil
}

// clusterConfig is read by Debian's scripts when PostgreSQL is installed.
const clusterConfig = "/etc/postgresql-common/createcluster.d/gctl.conf"

// noMainCluster tells Debian's scripts, until restore is called, not to make
// and start a server of their own: the tests start theirs.
func noMainCluster(path string) (restore func(), err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // the package makes this folder so, too
		return nil, fmt.Errorf("configuration of PostgreSQL's package: %w", err)
	}
	if err := os.WriteFile(path, []byte("create_main_cluster = false\n"), 0o600); err != nil {
		return nil, fmt.Errorf("configuration of PostgreSQL's package: %w", err)
	}
	return func() { _ = os.Remove(path) }, nil // what stays only matters to the next installation
}
