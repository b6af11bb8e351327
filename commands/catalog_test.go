package commands

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/config"
	"github.com/gctl-dev/gctl/reflection"
)

// fakeCatalog is a catalog of the given services.
type fakeCatalog struct {
	instances []fleet.Instance
	hidden    bool
	err       error
}

func (c *fakeCatalog) Services(context.Context) (fleet.ServiceList, error) {
	list := fleet.ServiceList{Hidden: c.hidden, Provenance: fleet.Provenance{Source: "fake", Query: "all"}}
	for _, in := range c.instances {
		i := slices.IndexFunc(list.Services, func(s fleet.Service) bool { return s.Name == in.Service })
		if i < 0 {
			i = len(list.Services)
			list.Services = append(list.Services, fleet.Service{Name: in.Service, Tags: in.Tags})
		}
		if in.ID != "" {
			list.Services[i].Add(in.Catalog)
		}
	}
	return list, c.err
}

func (c *fakeCatalog) Instances(_ context.Context, service string) (fleet.InstanceList, error) {
	list := fleet.InstanceList{Service: service, Hidden: c.hidden}
	for _, in := range c.instances {
		if in.Service == service && in.ID != "" {
			list.Instances = append(list.Instances, in)
		}
	}
	return list, c.err
}

func (*fakeCatalog) Watch(ctx context.Context, _ string, _ func(fleet.Update)) error {
	<-ctx.Done()
	return ctx.Err()
}

var shop = []fleet.Instance{
	{ID: "user-1", Service: "user", Addr: "127.0.0.1:1", Catalog: fleet.Passing, Version: "v1", Tags: []string{"a"}, Meta: map[string]string{"b": "2", "a": "1"}},
	{ID: "user-2\x1b[31m", Service: "user", Addr: "127.0.0.1:2", Catalog: fleet.Critical},
	{ID: "billing-1", Service: "billing", Addr: "127.0.0.1:3", Catalog: fleet.Maintenance},
	{Service: "empty"},
}

func withCatalog(c *fakeCatalog, env map[string]string) (*Factory, func(ctx context.Context, args ...string) result) {
	f, run := testFactory(env)
	f.Catalog = func() (fleet.Catalog, error) { return c, nil }
	f.Config = func() (*config.File, error) {
		return &config.File{Path: "config.yaml", Contexts: map[string]config.Context{"prod": {}, "dev": {}}}, nil
	}
	f.Context = func() (config.Context, error) { return config.Context{}, nil }
	return f, run
}

func TestServicesAndInstances(t *testing.T) {
	for _, c := range []struct {
		args string
		code int
		out  string
		err  string
	}{
		{"services", 0, "NAME     INSTANCES  PASSING  WARNING  CRITICAL  MAINTENANCE  TAGS\nuser             2        1        0         1            0  a\n", ""},
		{"services billing -o name", 0, "billing\n", ""},
		{"services user -o jsonl", 0, `{"name":"user","instances":2,"passing":1,"warning":0,"critical":1,"maintenance":0,"tags":["a"]}` + "\n", ""},
		{"services usr", 2, "", "error: the catalog knows no service \"usr\"\nhint: did you mean user? \"gctl services\" lists them\n"},
		{"services -v -o name", 0, "user\nbilling\nempty\n", "from fake: all,"},
		{"instances user", 0, "ID      ADDRESS      CATALOG   VERSION  TAGS\nuser-1  127.0.0.1:1  passing   v1       a\nuser-2  127.0.0.1:2  critical  -        -\n", ""},
		{"instances user -o wide", 0, "a=1,b=2", ""},
		{"instances billing -o jsonl", 0, `{"service":"billing","id":"billing-1","address":"127.0.0.1:3","catalog":"maintenance","version":"","tags":[],"meta":{}}` + "\n", ""},
		{"instances user --jq .[].address", 0, "127.0.0.1:1\n127.0.0.1:2\n", ""},
		{"instances biling", 2, "", "did you mean billing?"},
		{"instances empty --tag x", 0, "ID  ADDRESS  CATALOG  VERSION  TAGS\n", "note: empty has no instances with the tag x\n"},
		{"instances", 2, "", "an argument is missing"},
		{"instances user billing", 2, "", `unexpected argument "billing"`},
	} {
		_, run := withCatalog(&fakeCatalog{instances: shop}, nil)
		got := run(t.Context(), strings.Fields(c.args)...)
		if got.code != c.code || !strings.Contains(got.out, c.out) || !strings.Contains(got.err, c.err) {
			t.Errorf("gctl %s: exit code %d\n%s%s", c.args, got.code, got.out, got.err)
		}
	}
}

func TestWhatIsHiddenIsSaid(t *testing.T) {
	for _, args := range []string{"services", "instances user"} {
		_, run := withCatalog(&fakeCatalog{instances: shop, hidden: true}, nil)
		if got := run(t.Context(), strings.Fields(args)...); got.code != 0 || got.err != "note: the catalog hides results that your token may not read\n" {
			t.Errorf("gctl %s: %+v", args, got)
		}
	}
	_, run := withCatalog(&fakeCatalog{hidden: true}, nil)
	if got := run(t.Context(), "instances", "user"); got.code != 2 || !strings.Contains(got.err, "hint: the catalog hides") {
		t.Errorf("an unknown name may be hidden: %+v", got)
	}
}

func TestACatalogThatFailsSaysWhatToDo(t *testing.T) {
	for _, err := range []error{errors.New("refused"), &fleet.Error{What: "refused", Hint: "start it"}} {
		_, run := withCatalog(&fakeCatalog{err: err}, nil)
		got := run(t.Context(), "services")
		if got.code != 1 || !strings.Contains(got.err, "refused") || !strings.Contains(got.err, "gctl doctor") || !strings.Contains(got.err, "gctl demo") {
			t.Errorf("%+v", got)
		}
	}
}

func TestCompletionKnowsNames(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"services u", "user\n"},
		{"instances b", "billing\n"},
		{"context use p", "prod\n"},
		{"--context d", "dev\n"},
		{"version -o j", "json\njsonl\n"},
		{"completion f", "fish\n"},
	} {
		_, run := withCatalog(&fakeCatalog{instances: shop}, nil)
		got := run(t.Context(), append([]string{"__completeNoDesc"}, strings.Split(c.args, " ")...)...)
		if got.code != 0 || !strings.HasPrefix(got.out, c.want+":") {
			t.Errorf("%s: %+v", c.args, got)
		}
	}
}

// memory is a cache in memory.
type memory map[string][]byte

func (m memory) Load(key string) ([]byte, bool)     { data, ok := m[key]; return data, ok }
func (m memory) Save(key string, data []byte) error { m[key] = data; return nil }

func TestCompletionRemembersWhenTheCatalogIsDown(t *testing.T) {
	cache := memory{}
	run := func(c *fakeCatalog, args ...string) result {
		f, run := withCatalog(c, nil)
		f.Cache = func() (reflection.Cache, error) { return cache, nil }
		return run(t.Context(), args...)
	}
	up, down := &fakeCatalog{instances: shop}, &fakeCatalog{err: errors.New("down")}
	if got := run(down, "__completeNoDesc", "services", ""); !strings.HasPrefix(got.out, ":") {
		t.Errorf("nothing is known yet: %q", got.out)
	}
	run(up, "services")
	run(up, "instances", "user")
	run(up, "services", "--tag", "x") // a part, not to be remembered
	for _, c := range []struct{ args, want string }{
		{"services ", "user\nbilling\nempty\n:"},
		{"instances b", "billing\n:"},
		{"call --instance user-1", "user-1\n:"},
		{"call --service user --instance user-1", "user-1\n:"},
		{"call --service billing --instance ", ":"},
	} {
		if got := run(down, append([]string{"__completeNoDesc"}, strings.Split(c.args, " ")...)...); !strings.HasPrefix(got.out, c.want) {
			t.Errorf("%s: got %q, want %q", c.args, got.out, c.want)
		}
	}
}

func TestOneInstance(t *testing.T) {
	for addr, ok := range map[string]bool{
		"127.0.0.1:9090": true, "[::1]:9090": true, "unix:/run/x.sock": true,
		"127.0.0.1": false, ":9090": false, "http://x:1/": false, "": false,
	} {
		catalog, err := OneInstance(addr)
		if ok != (err == nil) || !ok && fleet.KindOf(err) != fleet.Usage {
			t.Errorf("%q: %v", addr, err)
		}
		if !ok {
			continue
		}
		list, err := catalog.Instances(t.Context(), "any")
		if err != nil || len(list.Instances) != 1 || list.Instances[0].Addr != addr {
			t.Errorf("%q: %+v, %v", addr, list, err)
		}
	}
}

func TestCompletionOffersNothingHarmful(t *testing.T) {
	_, run := withCatalog(&fakeCatalog{instances: shop}, nil)
	got := run(t.Context(), "__complete", "call", "--service", "user", "--instance", "user")
	if !strings.Contains(got.out, "user-1") || strings.Contains(got.out, "\x1b") {
		t.Errorf("%q", got.out)
	}
}
