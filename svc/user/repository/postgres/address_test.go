package postgres

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"testing"
)

func TestAddressNamesEveryHostOnce(t *testing.T) {
	for store, want := range map[string]string{
		"postgres://app:s3cret@a:1,b:2/x?sslmode=prefer":             "postgres://app@a:1,b:2/x",
		"postgres://app@/x?host=/var/run/postgresql&password=s3cret": "postgres://app@%2Fvar%2Frun%2Fpostgresql:5432/x",
		"postgres://app:s3cret@[::1]/x":                              "postgres://app@[::1]:5432/x",
	} {
		config, err := parse(store, Options{})
		if err != nil {
			t.Errorf("%s: %v", store, err)
			continue
		}
		if got := address(config.ConnConfig); got != want {
			t.Errorf("address of %s = %s, want %s", store, got, want)
		}
	}
}

// No host of another machine is spoken to in plaintext, or by TLS with whoever
// answers, unless the URL says so, wherever the host comes from.
func TestPlaintextToAnotherMachineIsAskedForInTheURL(t *testing.T) {
	services := filepath.Join(t.TempDir(), "services")
	if err := os.WriteFile(services, []byte("[far]\nhost=10.1.2.3\nsslmode=disable\n[near]\nhost=127.0.0.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, store string
		env         map[string]string
		verified    bool
	}{
		{"in the URL", "postgres://db.example.com/x", nil, true},
		{"as a parameter", "postgres:///x?host=10.1.2.3", nil, true},
		{"as a parameter beside a local host", "postgres://localhost/x?host=10.1.2.3", nil, true},
		{"one of several", "postgres://127.0.0.1:1,10.1.2.3:2/x", nil, true},
		{"the last of several parameters", "postgres:///x?host=localhost,10.1.2.3", nil, true},
		{"in the environment", "postgres:///x", map[string]string{"PGHOST": "10.1.2.3"}, true},
		{"in a service file", "postgres:///x?service=far", map[string]string{"PGSERVICEFILE": services}, true},
		{"a mode in the environment", "postgres://10.1.2.3/x", map[string]string{"PGSSLMODE": "require"}, true},
		{"an empty mode", "postgres://10.1.2.3/x?sslmode=", nil, true},
		{"a mode in the URL", "postgres://10.1.2.3/x?sslmode=disable", nil, false},
		{"a mode in the URL for a parameter", "postgres:///x?host=10.1.2.3&sslmode=prefer", nil, false},
		{"this machine", "postgres://localhost/x", nil, false},
		{"this machine by IPv6", "postgres://[::1]/x", nil, false},
		{"a socket", "postgres:///x?host=/var/run/postgresql", nil, false},
		{"this machine in a service file", "postgres:///x?service=near", map[string]string{"PGSERVICEFILE": services}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, name := range []string{"PGHOST", "PGSSLMODE", "PGSSLROOTCERT", "PGSERVICE", "PGSERVICEFILE"} {
				t.Setenv(name, c.env[name])
			}
			config, err := parse(c.store, Options{})
			if err != nil {
				t.Fatal(err)
			}
			ways := []*tls.Config{config.ConnConfig.TLSConfig}
			for _, f := range config.ConnConfig.Fallbacks {
				ways = append(ways, f.TLSConfig)
			}
			verified := true
			for _, way := range ways {
				verified = verified && way != nil && !way.InsecureSkipVerify && way.ServerName != ""
			}
			if verified != c.verified {
				t.Errorf("%s is verified: %v, want %v", c.store, verified, c.verified)
			}
		})
	}
}

// What is verified already stays as it is.
func TestAVerifiedModeOfTheEnvironmentStays(t *testing.T) {
	t.Setenv("PGSSLMODE", "verify-ca")
	config, err := parse("postgres://10.1.2.3/x", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if c := config.ConnConfig.TLSConfig; c == nil || c.VerifyPeerCertificate == nil {
		t.Errorf("TLS is %+v, want verify-ca", c)
	}
}
