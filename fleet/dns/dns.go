// Package dns is the fleet.Catalog over the Domain Name System: one name, whose
// records are the instances of one service.
//
// The address is written as in grpc-go:
//
//	dns:///user.example.com:9090            each A or AAAA record is an instance
//	dns:///_grpc._tcp.user.example.com      each SRV record is one, with its own port
//	dns://10.0.0.2:53/user.example.com:9090 as the first, but ask this server
//
// The service is called like the name ("user.example.com", without the SRV
// labels). DNS knows nothing of health, so every instance is passing.
package dns

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// Options say what to look up.
type Options struct {
	Address string        // dns://[SERVER[:PORT]]/NAME[:PORT]
	Timeout time.Duration // of one look-up; 10 s if 0
	Every   time.Duration // how often a watch looks; 5 s if 0
}

// Catalog implements fleet.Catalog.
type Catalog struct {
	target   target
	resolver *net.Resolver
	opts     Options
	now      func() time.Time
}

// New returns a catalog. Nothing is looked up; an error is about the options.
func New(opts Options) (fleet.Catalog, error) {
	t, err := parse(opts.Address)
	if err != nil {
		return nil, &fleet.Error{What: "catalog " + opts.Address, Err: err,
			Hint: "a DNS catalog is written dns:///NAME:PORT, or dns:///_grpc._tcp.NAME for SRV records"}
	}
	opts.Timeout = cmp.Or(opts.Timeout, 10*time.Second)
	opts.Every = cmp.Or(opts.Every, 5*time.Second)
	resolver := net.DefaultResolver
	if t.server != "" {
		resolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			var d net.Dialer
			conn, err := d.DialContext(ctx, network, t.server)
			if err == nil {
				// Package net would go on reading after the end of ctx.
				context.AfterFunc(ctx, func() { conn.Close() })
			}
			return conn, err
		}}
	}
	return &Catalog{target: t, resolver: resolver, opts: opts, now: time.Now}, nil
}

// Services implements fleet.Catalog: there is one.
func (c *Catalog) Services(ctx context.Context) (fleet.ServiceList, error) {
	list, err := c.Instances(ctx, c.target.service())
	if err != nil {
		return fleet.ServiceList{}, err
	}
	s := fleet.Service{Name: list.Service}
	for _, i := range list.Instances {
		s.Add(i.Catalog)
	}
	return fleet.ServiceList{Services: []fleet.Service{s}, Provenance: list.Provenance}, nil
}

// Instances implements fleet.Catalog.
func (c *Catalog) Instances(ctx context.Context, service string) (fleet.InstanceList, error) {
	list := fleet.InstanceList{Service: service, Provenance: c.provenance()}
	if service != c.target.service() {
		return list, nil
	}
	limited, cancel := context.WithTimeout(ctx, c.opts.Timeout)
	defer cancel()
	addrs, err := c.lookup(limited)
	if err != nil {
		return fleet.InstanceList{}, c.explain(ctx, err)
	}
	slices.Sort(addrs)
	for _, addr := range slices.Compact(addrs) {
		i := fleet.Instance{ID: addr, Service: service, Addr: addr, Catalog: fleet.Passing}
		if !c.target.srv() {
			i.Meta = map[string]string{fleet.MetaAuthority: c.target.name}
		}
		list.Instances = append(list.Instances, i)
	}
	return list, nil
}

// lookup returns the addresses of the instances. That a name has no records is
// an answer.
func (c *Catalog) lookup(ctx context.Context) ([]string, error) {
	var addrs []string
	var err error
	if c.target.srv() {
		var records []*net.SRV
		_, records, err = c.resolver.LookupSRV(ctx, "", "", c.target.name)
		for _, r := range records {
			addrs = append(addrs, net.JoinHostPort(strings.TrimSuffix(r.Target, "."), strconv.Itoa(int(r.Port))))
		}
	} else {
		var ips []net.IPAddr
		ips, err = c.resolver.LookupIPAddr(ctx, c.target.name)
		for _, ip := range ips {
			addrs = append(addrs, net.JoinHostPort(ip.String(), c.target.port))
		}
	}
	var d *net.DNSError
	if errors.As(err, &d) && d.IsNotFound {
		return nil, nil
	}
	return addrs, err
}

// Watch implements fleet.Catalog. DNS does not say when something changes, so it
// is asked again and again.
func (c *Catalog) Watch(ctx context.Context, service string, notify func(fleet.Update)) error {
	teller := fleet.Teller{Notify: notify}
	for pause := c.opts.Every; ; {
		list, err := c.Instances(ctx, service)
		if ctx.Err() == nil {
			teller.Tell(list, err)
		}
		wait := c.opts.Every
		if err != nil { // ever longer, half of it by chance
			pause = min(2*pause, max(longPause, c.opts.Every))
			wait = pause/2 + rand.N(pause/2+1) //nolint:gosec // no secret
		} else {
			pause = c.opts.Every
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// longPause is how long a watch waits at most after a look-up that failed.
const longPause = 15 * time.Second

func (c *Catalog) provenance() fleet.Provenance {
	query := "A, AAAA " + c.target.name
	if c.target.srv() {
		query = "SRV " + c.target.name
	}
	return fleet.Provenance{Source: strings.TrimSpace("dns " + c.target.server), Query: query, At: c.now()}
}

// explain says what a failed look-up means. The end of ctx itself stays what it
// is.
func (c *Catalog) explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	e := &fleet.Error{What: "DNS look-up of " + c.target.name + " failed", Err: err,
		Hint: "does the name server work? `dig " + c.target.name + "` asks it"}
	var d *net.DNSError
	if errors.As(err, &d) {
		e.Err = errors.New(d.Err) // the rest repeats the name
		if d.IsTimeout {
			e.Err = errors.New("no answer in time")
		}
	}
	return e
}
