package consul_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gctl-dev/gctl/discovery/consul"
)

func TestAddressesInAllForms(t *testing.T) {
	for address, want := range map[string]string{
		"":                             "127.0.0.1:8500",
		"consul://":                    "127.0.0.1:8500",
		"consul://10.0.0.1:8501":       "10.0.0.1:8501",
		"consul://10.0.0.1:8501/":      "10.0.0.1:8501",
		"consul+https://c.example.com": "c.example.com:8500",
		"http://10.0.0.1:80/consul":    "10.0.0.1:80",
		"10.0.0.1":                     "10.0.0.1:8500",
		"[::1]:8500":                   "[::1]:8500",
		"[::1]":                        "[::1]:8500",
		"unix:///run/consul.sock":      "unix:///run/consul.sock",
	} {
		c, err := consul.New(consul.Config{Address: address})
		if err != nil || c.Address() != want {
			t.Errorf("New(%q) = %v, %v; want the address %s", address, c, err, want)
		}
	}
	for _, address := range []string{"ftp://10.0.0.1", "10.0.0.1:8500?x=1", "a b:8500"} {
		if _, err := consul.New(consul.Config{Address: address}); err == nil || !strings.Contains(err.Error(), address) {
			t.Errorf("New(%q) = %v, want an error that names it", address, err)
		}
	}
}

func TestAPasswordInTheAddressIsNotRepeated(t *testing.T) {
	for _, address := range []string{"consul://bob:s3cret@10.0.0.1:8500", "bob:s3cret@10.0.0.1", "http://bob:s3/cret@10.0.0.1", "ftp://bob:s3cret@10.0.0.1"} {
		_, err := consul.New(consul.Config{Address: address})
		if err == nil || !strings.Contains(err.Error(), "@10.0.0.1") || strings.Contains(err.Error(), "s3") {
			t.Errorf("New(%q) = %v", address, err)
		}
	}
}

func TestAConsulBehindASocket(t *testing.T) {
	dir, err := os.MkdirTemp("", "s") // short enough for the path of a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "c.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("[]")) }))
	s.Listener.Close()
	s.Listener = l
	s.Start()
	t.Cleanup(s.Close)
	if _, err := newClient(t, consul.Config{Address: "unix://" + path}).Lookup(t.Context(), "user"); err != nil {
		t.Error(err)
	}
}

func TestTheTokenFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	t.Setenv("CONSUL_HTTP_TOKEN_FILE", path)
	if _, err := consul.New(consul.Config{}); err == nil || !strings.Contains(err.Error(), "CONSUL_HTTP_TOKEN_FILE") {
		t.Errorf("New without the file = %v", err)
	}
	if _, err := consul.New(consul.Config{Token: "explicit"}); err != nil {
		t.Errorf("an explicit token needs no file: %v", err)
	}
	if err := os.WriteFile(path, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	addr, requests := answering(t, "[]")
	if _, err := newClient(t, consul.Config{Address: addr}).Lookup(t.Context(), "user"); err != nil {
		t.Fatal(err)
	}
	if got := requests()[0].Header.Get("X-Consul-Token"); got != "secret" {
		t.Errorf("token = %q, want that of the file without its end of line", got)
	}
}
