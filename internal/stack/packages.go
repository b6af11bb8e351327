package stack

import (
	"context"
	"errors"
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
	var programs, packages []string
	for _, p := range Packages() {
		if _, err := exec.LookPath(p.Program); err != nil {
			programs, packages = append(programs, p.Program), append(packages, p.Debian)
		}
	}
	if len(programs) == 0 {
		return nil
	}
	apt, err := exec.LookPath("apt-get")
	if err != nil || os.Geteuid() != 0 {
		return fmt.Errorf("install %s (Debian: apt-get install %s), then run this again",
			strings.Join(programs, " and "), strings.Join(packages, " "))
	}
	fmt.Fprintln(log, "installing", strings.Join(packages, " "))
	install := []string{"install", "--yes", "--no-install-recommends"}
	return errors.Join(
		aptGet(ctx, apt, "update"),
		aptGet(ctx, apt, append(install, packages...)...),
	)
}

func aptGet(ctx context.Context, apt string, args ...string) error {
	cmd := exec.CommandContext(ctx, apt, args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("apt-get %s: %w\n%s", args[0], err, out)
	}
	return nil
}
