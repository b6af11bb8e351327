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

// leavesNothing checks that nobody listens there any more and that no file is
// left in TMPDIR.
func leavesNothing(t *testing.T, addrs ...string) {
	t.Helper()
	var d net.Dialer
	for _, addr := range addrs {
		if conn, err := d.DialContext(t.Context(), "tcp", addr); err == nil {
			conn.Close()
			t.Errorf("%s is still open", addr)
		}
	}
	left, err := filepath.Glob(filepath.Join(os.Getenv("TMPDIR"), "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestAJaegerComesUpAndLeavesNothing(t *testing.T) {
	Need(t, "jaeger")
	t.Setenv("TMPDIR", t.TempDir())
	j, err := StartJaeger(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	if body, _, err := get(t.Context(), client, "http://"+j.Query+"/api/services"); err != nil || !strings.Contains(string(body), `"data"`) {
		t.Errorf("services = %s, %v", body, err)
	}
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", j.OTLP)
	if err != nil {
		t.Errorf("nobody takes spans: %v", err)
	} else {
		conn.Close()
	}
	if err := j.Stop(); err != nil {
		t.Fatal(err)
	}
	leavesNothing(t, j.Query, j.OTLP)
	if err := j.Stop(); err != nil {
		t.Errorf("a second Stop = %v", err)
	}
}

func TestABackendThatIsNotAwaitedLeavesNothing(t *testing.T) {
	Need(t, "jaeger")
	t.Setenv("TMPDIR", t.TempDir())
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := StartJaeger(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error = %v, want the context's", err)
	}
	leavesNothing(t)
}
