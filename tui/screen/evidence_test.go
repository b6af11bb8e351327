package screen_test

import (
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/screen"
)

func TestASourceIsAskedAgainByCurl(t *testing.T) {
	for want, p := range map[string]fleet.Provenance{
		"curl -s 'http://j:1/x?a=b&c=it'\\''s'": {Source: "jaeger http://j:1", Query: "GET /x?a=b&c=it's"},
		"curl -s https://j/base/x":              {Source: "jaeger https://j/base", Query: "GET /x"},
	} {
		if got := screen.Curl(p); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	for _, p := range []fleet.Provenance{{}, {Source: "file fleet.yaml", Query: "GET /x"}, {Source: "jaeger http://j:1", Query: "POST /x"}, {Source: "http://j:1", Query: "GET /x"}} {
		if got := screen.Curl(p); got != "" {
			t.Errorf("%+v: %s", p, got)
		}
	}
}

func TestWindowsAndMethodsInFewWords(t *testing.T) {
	for want, d := range map[string]time.Duration{"1h": time.Hour, "15m": 15 * time.Minute, "1h30m": 90 * time.Minute, "30s": 30 * time.Second, "10m": 10 * time.Minute, "24h": 24 * time.Hour} {
		if got := screen.Span(d); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	for name, want := range map[string]string{"user.v1.UserService/GetUser": "UserService/GetUser", "Svc/M": "Svc/M", "GET /v1/users": "GET /v1/users", "SELECT": "SELECT", "": ""} {
		if got := screen.ShortMethod(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
