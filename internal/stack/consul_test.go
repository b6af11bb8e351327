package stack

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestAnAgentComesUpAndLeavesNothing(t *testing.T) {
	Need(t, "consul")
	t.Setenv("TMPDIR", t.TempDir())
	c, err := StartConsul(t.Context(), ConsulOptions{})
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	if body, _, err := get(t.Context(), client, "http://"+c.Addr+"/v1/catalog/services"); err != nil || !strings.Contains(string(body), "consul") {
		t.Errorf("services = %s, %v", body, err)
	}
	if err := c.Stop(); err != nil {
		t.Fatal(err)
	}
	var d net.Dialer
	if conn, err := d.DialContext(t.Context(), "tcp", c.Addr); err == nil {
		conn.Close()
		t.Error("the port is still open")
	}
	left, err := filepath.Glob(filepath.Join(os.Getenv("TMPDIR"), "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if err := c.Stop(); err != nil {
		t.Errorf("a second Stop = %v", err)
	}
}

func TestAnAgentThatCannotStartSaysWhy(t *testing.T) {
	Need(t, "consul")
	if _, err := StartConsul(t.Context(), ConsulOptions{HCL: "nonsense = 1\n"}); err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("error = %v, want Consul's words", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().(*net.TCPAddr).Port
	if _, err := StartConsul(t.Context(), ConsulOptions{HTTPPort: taken}); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("error = %v, want that the port is taken", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := StartConsul(ctx, ConsulOptions{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error = %v, want the context's", err)
	}
}
