package rpc

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// explainBudget is the time of Explain where the options set no connect
// timeout: a verdict comes within a second.
const explainBudget = 950 * time.Millisecond

// Step is one thing that Explain looked at.
type Step struct {
	Name    string // dns, tcp, protocol, certificate, alpn, grpc, reflection, health
	Detail  string
	Took    time.Duration
	Finding *Finding // nil: nothing wrong
}

// Report is what Explain found.
type Report struct {
	Instance   fleet.Instance
	Steps      []Step   // in the order in which a call depends on them
	Speaks     string   // "plaintext", "tls", or empty if unknown
	GRPC       bool     // it answers gRPC
	Reflection bool     // it serves reflection, v1 or v1alpha
	Services   []string // what reflection lists
	Health     string   // what the health service says of the whole server, or empty
}

// Fault returns the first thing that is wrong, nil if nothing is.
func (r *Report) Fault() *Finding {
	for i := range r.Steps {
		if r.Steps[i].Finding != nil {
			return r.Steps[i].Finding
		}
	}
	return nil
}

// Explain examines the way to an instance: the name, the connection, what is
// spoken there, the certificate, and whether gRPC, reflection and health
// answer. It looks at what can be looked at in parallel and has a verdict
// within a second, or within Options.ConnectTimeout where that is set.
func Explain(ctx context.Context, in fleet.Instance, o Options) *Report {
	budget := explainBudget
	if o.ConnectTimeout > 0 {
		budget = o.ConnectTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	x := &examination{Report: Report{Instance: in}, opts: o, budget: budget}
	x.run(ctx)
	return &x.Report
}

// examination is an Explain under way.
type examination struct {
	Report
	opts    Options
	budget  time.Duration
	dialer  *netDialer
	proxied bool
	away    bool // the connection led to another machine
}

// add appends a step and tells whether all is well with it.
func (x *examination) add(name, detail string, took time.Duration, f *Finding) bool {
	if f != nil && detail == "" {
		detail = f.What
	}
	x.Steps = append(x.Steps, Step{Name: name, Detail: detail, Took: took, Finding: f})
	return f == nil
}

func (x *examination) run(ctx context.Context) {
	if err := x.opts.Check(); err != nil {
		x.add("options", "", 0, &Finding{Cause: CauseTLS, What: err.Error()})
		return
	}
	x.dialer, _ = newNetDialer(&x.opts) // checked
	if via := x.dialer.proxyFor(x.Instance.Addr); via != nil {
		x.proxied = true
		x.add("proxy", "by way of "+via.Redacted(), 0, nil)
	}
	if !x.lookUp(ctx) || !x.connect(ctx) {
		return
	}
	var plain plainAnswer
	var secure tlsAnswer
	var both sync.WaitGroup
	both.Go(func() { plain = x.askPlain(ctx) })
	both.Go(func() { secure = x.askTLS(ctx) })
	both.Wait()
	if !x.judgeProtocol(ctx, plain, secure) {
		return
	}
	if x.Speaks == "tls" && !x.judgeTLS(secure) {
		return
	}
	x.judgeGRPC(ctx)
}

// lookUp resolves the host name, where there is one and it is ours to resolve.
func (x *examination) lookUp(ctx context.Context) bool {
	if x.proxied || strings.HasPrefix(x.Instance.Addr, "unix:") {
		return true
	}
	start := time.Now()
	host, _, err := net.SplitHostPort(x.Instance.Addr)
	if err != nil {
		return x.add("dns", "", 0, &Finding{CauseName, err.Error(), "write the address as HOST:PORT"})
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	ips, err := net.DefaultResolver.LookupHost(ctx, host)
	if err != nil {
		return x.add("dns", "", time.Since(start), explained(err))
	}
	return x.add("dns", strings.Join(ips, ", "), time.Since(start), nil)
}

func (x *examination) connect(ctx context.Context) bool {
	limit := x.budget / 4 * 3
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	start := time.Now()
	conn, _, _, err := x.dialer.dial(ctx, x.Instance.Addr)
	took := time.Since(start)
	if err != nil {
		f := explained(err)
		if f.Cause == CauseNoAnswer {
			f.What = fmt.Sprintf("no answer to a connection attempt within %s", limit.Round(time.Millisecond))
		}
		return x.add("tcp", "", took, f)
	}
	defer conn.Close()
	x.away = leadsAway(conn)
	return x.add("tcp", "connected to "+conn.RemoteAddr().String(), took, nil)
}

// explained is Diagnose with an answer in any case.
func explained(err error) *Finding {
	f, ok := Diagnose(err)
	if !ok {
		f = Finding{Cause: CauseHangsUp, What: err.Error()}
	}
	return &f
}

// judgeProtocol compares what is spoken there with what gctl would speak.
func (x *examination) judgeProtocol(ctx context.Context, plain plainAnswer, secure tlsAnswer) bool {
	want := x.opts.decide(&x.Instance, x.proxied)
	if want == probe && x.away {
		want = speakTLS // as a call does
	}
	took := max(plain.took, secure.took)
	switch {
	case plain.http2 && want == speakTLS:
		x.Speaks = "plaintext"
		f := plainServer
		return x.add("protocol", "", took, &f)
	case plain.http2 && want == speakPlainMeta && x.exposed():
		x.Speaks = "plaintext"
		return x.add("protocol", "", took, &Finding{CauseSecret, errSecretInClear.What, errSecretInClear.Hint})
	case plain.http2:
		x.Speaks = "plaintext"
		return x.add("protocol", "HTTP/2 in plaintext", took, nil)
	case secure.speaksTLS() && (want == speakPlain || want == speakPlainMeta):
		x.Speaks = "tls"
		f := tlsServer
		if want == speakPlainMeta {
			f.Hint = "the catalog's meta says tls=false, which is wrong; --plaintext=false overrides it"
		}
		return x.add("protocol", "", took, &f)
	case secure.speaksTLS():
		x.Speaks = "tls"
		return x.add("protocol", "TLS", took, nil)
	case len(plain.heard) > 0:
		f := notHTTP2(plain.heard)
		if head := x.askHTTP1(ctx); head != "" {
			f = noHTTP2
			f.What += "; it answers " + head
		}
		return x.add("protocol", "", took, &f)
	case plain.silent:
		return x.add("protocol", "", took, &Finding{
			CauseNoAnswer, "it accepts connections but says nothing",
			"the process hangs, or speaks another protocol that waits for the client",
		})
	default:
		return x.add("protocol", "", took, &Finding{
			CauseHangsUp, "it accepts connections and hangs up, in plaintext and in TLS",
			"a proxy or load balancer without a backend does that; or a server of another protocol",
		})
	}
}

// judgeTLS looks at the certificate and at what the handshake agreed on.
func (x *examination) judgeTLS(secure tlsAnswer) bool {
	if secure.alert != nil {
		f := explained(secure.alert)
		if secure.asked && (f.Cause == CauseTLS || f.Cause == CauseClientCert) {
			f = &clientCertRefused
			if x.opts.Cert == "" {
				f = &clientCert
			}
		}
		return x.add("tls", "", 0, f)
	}
	detail, finding := x.judgeCertificate(secure.state.PeerCertificates)
	if !x.add("certificate", detail, 0, finding) {
		return false
	}
	if proto := secure.state.NegotiatedProtocol; proto != "h2" {
		f := noHTTP2
		f.What += " (ALPN chose " + orNone(proto) + ")"
		return x.add("alpn", "", 0, &f)
	}
	if secure.after != nil {
		if f, ok := Diagnose(secure.after); ok && f.Cause != CauseNoAnswer {
			return x.add("tls", "", 0, &f)
		}
	}
	return x.add("alpn", "h2", 0, nil)
}

func orNone(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}
