package config_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/config"
)

const backends = `contexts:
  prod:
    prometheus: https://me:s3cret@mon.example/prometheus
    jaeger:
      url: http://jaeger:16686
      headers: {x-scope: s3cret}
      auth: print-token s3cret
      tls: {cacert: /ca.pem}
    admin: {tls: {cert: /a.pem, key: /a.key}, headers: {x-a: s3cret}, auth: tok s3cret}
    slo: {user: {objective: 99.9%}, edge: {objective: "99.5 %", window: 2w}}
    map: {user: {prometheus: user-api, jaeger: users}}
    read_only: true
    protected: true
`

func TestABackendIsAURLOrABlock(t *testing.T) {
	path := file(t, backends)
	c, err := load(t, path).Select("prod")
	if err != nil {
		t.Fatal(err)
	}
	if c.Prometheus.URL != "https://me:s3cret@mon.example/prometheus" || c.Jaeger.URL != "http://jaeger:16686" ||
		c.Jaeger.Headers["x-scope"] != "s3cret" || c.Jaeger.TLS.CACert != "/ca.pem" || !c.ReadOnly || !c.Protected ||
		c.Map["user"].Prometheus != "user-api" || c.Map["user"].Jaeger != "users" || c.Admin.TLS.Cert != "/a.pem" {
		t.Errorf("%+v", c)
	}
	r := c.Redacted()
	for _, s := range []string{r.Prometheus.URL, r.Jaeger.Headers["x-scope"], r.Jaeger.Auth, r.Admin.Headers["x-a"], r.Admin.Auth} {
		if strings.Contains(s, "s3cret") {
			t.Errorf("%q shows the secret", s)
		}
	}
	c.Name = "copy"
	if err := load(t, path).Put(c); err != nil {
		t.Fatal(err)
	}
	if text := read(t, path); !strings.Contains(text, "prometheus: https://me:s3cret@mon.example/prometheus\n") || strings.Count(text, "x-scope") != 2 {
		t.Error(text)
	}
	again, err := load(t, path).Select("copy")
	if err != nil || again.Jaeger.Auth != c.Jaeger.Auth || again.SLO["edge"] != c.SLO["edge"] {
		t.Errorf("%+v, %v", again, err)
	}
}

func TestObjectives(t *testing.T) {
	for _, c := range []struct {
		slo    config.SLO
		ratio  float64
		window time.Duration
	}{
		{config.SLO{Objective: "99.9%"}, 0.999, 30 * 24 * time.Hour},
		{config.SLO{Objective: "95 %", Window: "2w"}, 0.95, 14 * 24 * time.Hour},
		{config.SLO{Objective: "95%", Window: "90m"}, 0.95, 90 * time.Minute},
	} {
		ratio, err := c.slo.Ratio()
		window, spanErr := c.slo.Span()
		if errors.Join(err, spanErr) != nil || math.Abs(ratio-c.ratio) > 1e-12 || window != c.window {
			t.Errorf("%+v: %v, %v, %v, %v", c.slo, ratio, window, err, spanErr)
		}
	}
}

func TestMistakesOfBackendsAndObjectives(t *testing.T) {
	for text, want := range map[string]string{
		"prometheus: mon:9090":                                     "unknown scheme",
		"prometheus: {headers: {a: b}}":                            "no url",
		"jaeger: {url: http://x, tls: {plaintext: true}}":          "plaintext says nothing",
		"jaeger: {url: http://x, tls: {cert: a}}":                  "both cert and key",
		"jaeger: {ulr: http://x}":                                  "unknown key \"ulr\"",
		"map: {a: {prometheus: x}, b: {prometheus: x, jaeger: y}}": `map: a and b have the same name in prometheus, "x"`,
		"slo: {user: {objective: 99.9}}":                           "no share of calls",
		"slo: {user: {objective: 100%}}":                           "no share of calls",
		"slo: {user: {objective: 99%, window: fortnight}}":         "no span of time",
		"map: {user: {promtheus: x}}":                              "unknown key \"promtheus\"",
		"admin: {tls: {key: x}}":                                   "both cert and key",
	} {
		_, err := config.Load(file(t, "contexts:\n  a:\n    "+text+"\n"))
		var fe *fleet.Error
		if !errors.As(err, &fe) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
