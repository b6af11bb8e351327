// Command certs writes a certificate authority and certificates for trying
// mutual TLS on one machine: user and edge, for the services, and gctl, for who
// operates them. Run again it keeps the authority and issues new certificates,
// which running services take over. They are for trying: the key of the
// authority lies beside them.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const (
	caLife   = 365 * 24 * time.Hour
	leafLife = 30 * 24 * time.Hour
	// trustDomain is that of the SPIFFE IDs.
	trustDomain = "gctl.test"
)

func main() {
	out := flag.String("out", "certs", "folder for the files")
	life := flag.Duration("life", leafLife, "how long the certificates hold")
	flag.Parse()
	if err := run(*out, *life); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(out string, life time.Duration) error {
	if err := os.MkdirAll(out, 0o700); err != nil {
		return err
	}
	ca, err := authority(out)
	if err != nil {
		return err
	}
	for _, name := range []string{"user", "edge", "gctl"} {
		if err := ca.issue(out, name, life); err != nil {
			return err
		}
	}
	file := func(name string) string { return filepath.Join(out, name) }
	fmt.Printf(`%[1]s: the authority, and user, edge and gctl with their keys (spiffe://%[2]s/NAME), valid for %[7]s

bin/userd --tls-cert %[3]s --tls-key %[4]s --tls-client-ca %[1]s \
  --admin-listen 127.0.0.1:9091 --admin-allow spiffe://%[2]s/gctl
bin/gctl call --addr 127.0.0.1:9090 UserService.ListUsers --cacert %[1]s --cert %[5]s --key %[6]s
`, file("ca.pem"), trustDomain, file("user.pem"), file("user.key"), file("gctl.pem"), file("gctl.key"), life)
	return nil
}
