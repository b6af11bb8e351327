package dns_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/dns"
	"github.com/gctl-dev/gctl/fleet/fleettest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, opts dns.Options) fleet.Catalog {
	t.Helper()
	c, err := dns.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestConformance(t *testing.T) {
	fleettest.Catalog(t, world)
	fleettest.Source(t, func(t *testing.T) fleettest.SourceWorld {
		w := world(t)
		return fleettest.CatalogSource(fleet.CatalogSource(w.Catalog), w)
	})
}

func world(t *testing.T) fleettest.World {
	s := newServer(t, "user.test")
	return fleettest.World{
		Catalog:     open(t, dns.Options{Address: "dns://" + s.addr + "/user.test:9090", Every: 10 * time.Millisecond}),
		Service:     "user.test",
		AddressOnly: true,
		Set: func(instances ...fleet.Instance) {
			s.set(func() {
				s.ips = nil
				for _, i := range instances {
					host, _, _ := net.SplitHostPort(i.Addr)
					s.ips = append(s.ips, net.ParseIP(host))
				}
			})
		},
		Break: func() func() {
			s.set(func() { s.broken = true })
			return func() { s.set(func() { s.broken = false }) }
		},
	}
}

func TestSRVRecordsBringTheirOwnPorts(t *testing.T) {
	s := newServer(t, "user.test")
	s.set(func() { s.ips = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv4(127, 0, 0, 2)} })
	c := open(t, dns.Options{Address: "dns://" + s.addr + "/_grpc._tcp.user.test"})
	list, err := c.Instances(t.Context(), "user.test")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, i := range list.Instances {
		got = append(got, i.Addr)
	}
	if g, want := strings.Join(got, " "), "host-0.user.test:9000 host-1.user.test:9001"; g != want {
		t.Errorf("addresses = %s, want %s", g, want)
	}
	if q := list.Provenance.Query; q != "SRV _grpc._tcp.user.test" {
		t.Errorf("query = %q", q)
	}
}

func TestAnAddressRecordSaysWhichNameTheCertificateHas(t *testing.T) {
	c := open(t, dns.Options{Address: "dns:///localhost:9090"})
	list, err := c.Instances(t.Context(), "localhost")
	if err != nil || len(list.Instances) == 0 {
		t.Fatalf("Instances = %+v, %v", list, err)
	}
	if i := list.Instances[0]; i.Meta[fleet.MetaAuthority] != "localhost" || !strings.HasSuffix(i.Addr, ":9090") {
		t.Errorf("instance = %+v", i)
	}
}

func TestASilentNameServerEndsInTime(t *testing.T) {
	s := newServer(t, "user.test")
	s.set(func() { s.silent = true })
	c := open(t, dns.Options{Address: "dns://" + s.addr + "/user.test:9090", Timeout: 50 * time.Millisecond})
	_, err := c.Instances(t.Context(), "user.test")
	var e *fleet.Error
	if !errors.As(err, &e) || !strings.Contains(err.Error(), "no answer in time") {
		t.Errorf("Instances = %v", err)
	}
}

func TestAddressesThatAreNone(t *testing.T) {
	for address, want := range map[string]string{
		"dns:///user":         "no port",
		"dns:///user:0":       "no port",
		"dns:///user:http":    "no port",
		"dns:///":             "no name",
		"dns://user.test:53":  "no name",
		"dns:///a/b:1":        "not a host name",
		"http:///user:1":      "not dns",
		"dns:///:9090":        "not a host name",
		"dns://%zz/user:9090": "not a URL",
	} {
		_, err := dns.New(dns.Options{Address: address})
		var e *fleet.Error
		if !errors.As(err, &e) || e.Hint == "" || !strings.Contains(err.Error(), want) {
			t.Errorf("New(%s) = %v, want an error with %q and a hint", address, err, want)
		}
	}
}

// A server that fails is asked less and less often: the resolver asks twice each
// time.
func TestAWatchBacksOff(t *testing.T) {
	s := newServer(t, "user.test")
	s.set(func() { s.broken, s.asked = true, make(chan struct{}, 1000) })
	c := open(t, dns.Options{Address: "dns://" + s.addr + "/user.test:9090", Every: 10 * time.Millisecond})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	began := time.Now()
	go func() { done <- c.Watch(ctx, "user.test", func(fleet.Update) {}) }()
	for range 2 * 7 {
		<-s.asked
	}
	if took := time.Since(began); took < 500*time.Millisecond { // 630 ms at least are the pauses
		t.Errorf("asked seven times in %s", took)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
