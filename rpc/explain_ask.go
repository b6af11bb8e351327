package rpc

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// plainAnswer is how a server answers HTTP/2 in plaintext.
type plainAnswer struct {
	http2  bool   // with settings
	heard  []byte // or with something that is neither HTTP/2 nor TLS
	silent bool   // or not at all
	took   time.Duration
}

func (x *examination) askPlain(ctx context.Context) plainAnswer {
	start := time.Now()
	conn, _, _, err := x.dialer.dial(ctx, x.Instance.Addr)
	if err != nil {
		return plainAnswer{}
	}
	defer conn.Close()
	_ = conn.SetDeadline(x.soon(ctx))
	_, _ = conn.Write([]byte(greeting)) // the answer tells more than the error
	buf := make([]byte, 1024)
	n, err := conn.Read(buf)
	a := plainAnswer{took: time.Since(start)}
	switch {
	case n == 0:
		a.silent = errors.Is(err, os.ErrDeadlineExceeded)
	case isTLSRecord(buf[0]):
	case n > 3 && buf[0] == 0 && buf[3] == 4: // a SETTINGS frame
		a.http2 = true
	default:
		a.heard = buf[:n]
	}
	return a
}

// soon is the deadline of an exchange within ctx: half of the budget, since
// most servers answer a greeting at once.
func (x *examination) soon(ctx context.Context) time.Time {
	soon := time.Now().Add(x.budget / 2)
	if d, ok := ctx.Deadline(); ok && d.Before(soon) {
		return d
	}
	return soon
}

// tlsAnswer is how a server answers a TLS handshake.
type tlsAnswer struct {
	asked bool                 // for a client certificate
	state *tls.ConnectionState // nil: there was no handshake
	alert error                // the handshake was refused in TLS's own words
	after error                // what followed the handshake: a client certificate is missed only then
	took  time.Duration
}

func (a *tlsAnswer) speaksTLS() bool { return a.state != nil || a.alert != nil }

func (x *examination) askTLS(ctx context.Context) tlsAnswer {
	start := time.Now()
	config, err := x.opts.tlsConfig()
	if err != nil {
		return tlsAnswer{}
	}
	conn, _, _, err := x.dialer.dial(ctx, x.Instance.Addr)
	if err != nil {
		return tlsAnswer{}
	}
	defer conn.Close()
	config.ServerName = x.serverName()
	config.InsecureSkipVerify = true // nothing is sent; the certificate is judged apart
	config.NextProtos = []string{"h2", "http/1.1"}
	own, asked := config.Certificates, false
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		asked = true
		if len(own) > 0 {
			return &own[0], nil
		}
		return new(tls.Certificate), nil
	}
	secure := tls.Client(conn, config)
	_ = secure.SetDeadline(x.soon(ctx))
	if err := secure.HandshakeContext(ctx); err != nil {
		if strings.Contains(err.Error(), "remote error: tls:") {
			return tlsAnswer{asked: asked, alert: err, took: time.Since(start)}
		}
		return tlsAnswer{}
	}
	state := secure.ConnectionState()
	a := tlsAnswer{asked: asked, state: &state, took: time.Since(start)}
	if state.NegotiatedProtocol == "h2" {
		_, _ = secure.Write([]byte(greeting))
		_, a.after = secure.Read(make([]byte, 1))
	}
	return a
}

// serverName is the name that the certificate must have.
func (x *examination) serverName() string { return x.opts.serverName(&x.Instance) }

// serverName is the name that the certificate of an instance must have.
func (o *Options) serverName(in *fleet.Instance) string {
	name := o.ServerName
	if name == "" {
		name = o.Authority
	}
	if name == "" {
		name = authorityOf(in)
	}
	if host, _, err := net.SplitHostPort(name); err == nil {
		return host
	}
	return name
}

// judgeCertificate verifies a chain as a handshake would.
func (x *examination) judgeCertificate(chain []*x509.Certificate) (string, *Finding) {
	if len(chain) == 0 {
		return "", &Finding{Cause: CauseTLS, What: "the server sent no certificate"}
	}
	leaf := chain[0]
	detail := "for " + certNames(leaf) + ", until " + leaf.NotAfter.UTC().Format(time.RFC3339)
	if x.opts.Insecure {
		return detail + " (not verified)", nil
	}
	config, err := x.opts.tlsConfig()
	if err != nil {
		return "", &Finding{Cause: CauseTLS, What: err.Error()}
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err = leaf.Verify(x509.VerifyOptions{
		Roots: config.RootCAs, Intermediates: between, DNSName: x.serverName(),
	})
	if err != nil {
		return "", explained(err)
	}
	return detail, nil
}

// notHTTP2 is the finding about a server whose first words are not HTTP/2's.
func notHTTP2(heard []byte) Finding {
	f := noHTTP2
	if bytes.HasPrefix(heard, []byte("HTTP/1")) {
		line, _, _ := bytes.Cut(heard, []byte("\r\n"))
		f.What += " but HTTP/1 (" + printable(line) + ")"
		return f
	}
	f.What += "; its first words are " + printable(heard[:min(len(heard), 40)])
	return f
}

// printable quotes what may be anything.
func printable(b []byte) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '.'
		}
		return r
	}, string(b))
}
