package commands

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/config"
	"github.com/gctl-dev/gctl/internal/testkit"
	"github.com/gctl-dev/gctl/reflection"
)

// parsed returns the connection flags that words give.
func parsed(t *testing.T, words ...string) *connFlags {
	t.Helper()
	c := &connFlags{}
	set := pflag.NewFlagSet("test", pflag.ContinueOnError)
	c.registerRPC(set)
	if err := set.Parse(words); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestFlagsBeatTheContext(t *testing.T) {
	yes := true
	cc := config.Context{TLS: config.TLS{Plaintext: &yes, CACert: "context.pem"}, Proxy: "socks5://p:1"}
	o, err := parsed(t).options(&cc)
	if err != nil || !*o.Plaintext || o.CACert != "context.pem" || o.Proxy != "socks5://p:1" || o.Secret {
		t.Errorf("options %+v, error %v", o, err)
	}
	o, err = parsed(t, "--cacert", "flag.pem", "-H", "authorization: x", "--connect-timeout", "1.5").options(&cc)
	if err != nil || o.Plaintext != nil || o.CACert != "flag.pem" || !o.Secret || o.ConnectTimeout != 1500*time.Millisecond {
		t.Errorf("options %+v, error %v", o, err)
	}
	if o, _ = parsed(t, "--plaintext=false").options(&cc); *o.Plaintext {
		t.Error("--plaintext=false must win over the context")
	}
}

func TestHeadersGoWhereTheyAreMeantFor(t *testing.T) {
	cc := config.Context{Headers: map[string]string{"Team": "a", "X-Env": "prod"}, Auth: "echo abc"}
	c := parsed(t, "-H", "both: 1", "--rpc-header", "team: b", "--reflect-header", "only-reflect-bin: AQI")
	set, err := c.headerSet(t.Context(), &cc, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct{ got, want string }{
		{strings.Join(set.rpc["team"], ","), "b"},
		{strings.Join(set.reflect["team"], ","), "a"},
		{strings.Join(set.rpc["both"], ","), "1"},
		{strings.Join(set.reflect["both"], ","), "1"},
		{strings.Join(set.rpc["x-env"], ","), "prod"},
		{strings.Join(set.rpc["only-reflect-bin"], ","), ""},
		{strings.Join(set.reflect["only-reflect-bin"], ","), "\x01\x02"},
		{strings.Join(set.rpc["authorization"], ","), "Bearer abc"},
	} {
		if x.got != x.want {
			t.Errorf("got %q, want %q", x.got, x.want)
		}
	}
}

func TestAnAuthCommandThatFailsLeaksNothing(t *testing.T) {
	for _, command := range []string{"echo hunter2; exit 1", "true", "printf 'hunter2\\nhunter2'"} {
		cc := config.Context{Auth: command}
		_, err := parsed(t).headerSet(t.Context(), &cc, func(string) string { return "" })
		if err == nil || strings.Contains(err.Error(), "hunter2") || fleet.KindOf(err) != fleet.Failed {
			t.Errorf("%s: error %v", command, err)
		}
	}
}

func TestAnAuthCommandThatLeavesAChildBehindHoldsNothingUp(t *testing.T) {
	start := time.Now()
	cc := config.Context{Auth: "sleep 60 & echo abc"}
	set, err := parsed(t).headerSet(t.Context(), &cc, func(string) string { return "" })
	if err != nil || set.rpc.Get("authorization")[0] != "Bearer abc" {
		t.Errorf("%v, %v", set.rpc, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	cc.Auth = "sleep 60; true"
	if _, err := parsed(t).headerSet(ctx, &cc, func(string) string { return "" }); err == nil {
		t.Error("no error though the time was over")
	}
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("took %s", took)
	}
}

func TestNoSecretIsShown(t *testing.T) {
	_, addr := testkit.Server{}.Start(t)
	for _, words := range [][]string{
		{"-v", "--expand-headers", "-H", "x-team: ${TEAM}"},
		{"--dry-run", "--expand-headers", "-H", "x-team: ${TEAM}"},
		{"-v"}, {"--dry-run"},
		{"-H", "hunter2"},
	} {
		f, run := withCatalog(&fakeCatalog{}, map[string]string{"TEAM": "hunter2"})
		f.Catalog = func() (fleet.Catalog, error) { return OneInstance(addr) }
		f.Context = func() (config.Context, error) {
			return config.Context{Headers: map[string]string{"X-Plain": "hunter2"}}, nil
		}
		r := run(t.Context(), append([]string{"--addr", addr, "call", "EmptyCall"}, words...)...)
		if strings.Contains(r.out+r.err, "hunter2") {
			t.Errorf("%q: %s%s", words, r.out, r.err)
		}
	}
}

func TestWhoNamesACAWantsItChecked(t *testing.T) {
	cc := config.Context{TLS: config.TLS{Insecure: true}}
	if o, err := parsed(t, "--cacert", "ca.pem").options(&cc); err != nil || o.Insecure {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestScopesAreKeptApart(t *testing.T) {
	seen := map[string]string{}
	for name, c := range map[string]struct {
		context config.Context
		global  Global
		env     map[string]string
	}{
		"none":             {},
		"context":          {context: config.Context{Name: "a", Catalog: "file:///b c"}},
		"spaces":           {context: config.Context{Name: "a file:///b", Catalog: "c"}},
		"datacenter":       {global: Global{Datacenter: "x"}},
		"namespace":        {global: Global{Namespace: "x"}},
		"own namespace":    {env: map[string]string{"CONSUL_NAMESPACE": "y"}},
		"tag":              {global: Global{Tags: []string{"v2"}}},
		"address":          {global: Global{Addr: "x:1"}},
		"address in prod":  {global: Global{Addr: "x:1"}, context: config.Context{Name: "prod"}},
		"address by proxy": {global: Global{Addr: "x:1"}, context: config.Context{Proxy: "http://p:1"}},
		"another agent":    {env: map[string]string{"CONSUL_HTTP_ADDR": "z:1"}},
	} {
		f, _ := testFactory(c.env)
		f.Global = c.global
		f.Context = func() (config.Context, error) { return c.context, nil }
		scope, err := f.Scope()
		if err != nil {
			t.Fatal(err)
		}
		if other, ok := seen[scope]; ok {
			t.Errorf("%s and %s share the scope %q", name, other, scope)
		}
		seen[scope] = name
	}
}

// countingCatalog counts what it is asked.
type countingCatalog struct {
	fakeCatalog
	services, instances int
}

func (c *countingCatalog) Services(ctx context.Context) (fleet.ServiceList, error) {
	c.services++
	return c.fakeCatalog.Services(ctx)
}

func (c *countingCatalog) Instances(ctx context.Context, name string) (fleet.InstanceList, error) {
	c.instances++
	return c.fakeCatalog.Instances(ctx, name)
}

func TestAWarmCallByNameAsksTheCatalogOnce(t *testing.T) {
	_, addr := testkit.Server{}.Start(t)
	catalog := &countingCatalog{fakeCatalog: fakeCatalog{instances: []fleet.Instance{
		{ID: "one", Service: "test", Addr: addr, Catalog: fleet.Passing},
	}}}
	cache := memory{}
	for range 2 {
		catalog.services, catalog.instances = 0, 0
		f, run := withCatalog(&catalog.fakeCatalog, nil)
		f.Catalog = func() (fleet.Catalog, error) { return catalog, nil }
		f.Cache = func() (reflection.Cache, error) { return cache, nil }
		if r := run(t.Context(), "call", "TestService.EmptyCall"); r.code != 0 {
			t.Fatalf("code %d: %s", r.code, r.err)
		}
	}
	if catalog.services != 0 || catalog.instances != 1 {
		t.Errorf("asked %d times for services and %d times for instances, want once for instances", catalog.services, catalog.instances)
	}
}
