package stack

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// A Package is a program that the tests take from the distribution.
type Package struct {
	Program string // looked for on PATH
	Debian  string // the package that brings it
}

// Packages lists what EnsurePackages looks for: Node.js runs the server that
// is not written in Go.
func Packages() []Package {
	return []Package{{"node", "nodejs"}, {"npm", "npm"}}
}

// EnsurePackages installs what is missing, if it runs as root on a system with
// apt-get. Elsewhere the error says what to install.
func EnsurePackages(ctx context.Context, log io.Writer) error {
	programs, packages := missing()
	if len(programs) == 0 {
		return nil
	}
	apt, err := exec.LookPath("apt-get")
	if err != nil || os.Geteuid() != 0 {
		return fmt.Errorf("install %s (Debian: apt-get install %s), then run this again",
			strings.Join(programs, " and "), strings.Join(packages, " "))
	}
	if err := aptGet(ctx, apt, "update"); err != nil {
		return err
	}
	// One after the other: some sources have a nodejs that brings npm, and
	// conflicts with the npm of Debian.
	for len(packages) > 0 {
		fmt.Fprintln(log, "installing", packages[0])
		if err := aptGet(ctx, apt, "install", "--yes", "--no-install-recommends", packages[0]); err != nil {
			return err
		}
		before := len(packages)
		if programs, packages = missing(); len(packages) >= before {
			return fmt.Errorf("%s is not on PATH though its package was installed", programs[0])
		}
	}
	return nil
}

// missing returns the programs that are not on PATH, and their packages.
func missing() (programs, packages []string) {
	for _, p := range Packages() {
		if _, err := exec.LookPath(p.Program); err != nil {
			programs, packages = append(programs, p.Program), append(packages, p.Debian)
		}
	}
	return programs, packages
}

func aptGet(ctx context.Context, apt string, args ...string) error {
	cmd := exec.CommandContext(ctx, apt, args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("apt-get %s: %w\n%s", args[0], err, out)
	}
	return nil
}
