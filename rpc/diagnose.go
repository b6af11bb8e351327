package rpc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

// Cause is why a connection cannot be had.
type Cause string

// The causes. Their values are stable: they stand in JSON output.
const (
	CauseRefused      Cause = "nothing_listening"
	CauseName         Cause = "name_not_resolvable"
	CauseUnroutable   Cause = "unroutable"
	CauseNoAnswer     Cause = "no_answer"
	CauseProxy        Cause = "proxy"
	CausePlainServer  Cause = "plaintext_server" // TLS was spoken to it
	CauseTLSServer    Cause = "tls_server"       // plaintext was spoken to it
	CauseUnknownCA    Cause = "unknown_ca"
	CauseWrongName    Cause = "wrong_name"
	CauseExpired      Cause = "certificate_expired"
	CauseNotYetValid  Cause = "certificate_not_yet_valid"
	CauseClientCert   Cause = "client_certificate"
	CauseTLS          Cause = "tls"
	CauseNoHTTP2      Cause = "no_http2"
	CauseNotGRPC      Cause = "not_grpc"
	CauseNotHTTP      Cause = "not_http"
	CauseHangsUp      Cause = "hangs_up"
	CauseNoReflection Cause = "reflection_off"
	CauseNoHealth     Cause = "health_missing"
	CauseNotServing   Cause = "not_serving"
	CauseSecret       Cause = "credentials_in_clear"
)

// Finding is a named cause, what it looks like, and what to do about it.
type Finding struct {
	Cause Cause
	What  string
	Hint  string
}

// Diagnose names the cause of a failed connection from its error alone; false
// where the error does not tell.
func Diagnose(err error) (Finding, bool) {
	var found *foundError
	if errors.As(err, &found) {
		return found.Finding, true
	}
	for _, look := range []func(error) (Finding, bool){
		diagnoseProxy, diagnoseDial, diagnoseCertificate, diagnoseTLS, diagnoseTimeout,
	} {
		if f, ok := look(err); ok {
			return f, true
		}
	}
	return Finding{}, false
}

func diagnoseProxy(err error) (Finding, bool) {
	var p *proxyError
	if errors.As(err, &p) {
		return Finding{
			CauseProxy, p.Error(),
			"the proxy comes from the context or from HTTPS_PROXY; NO_PROXY names the hosts that go without",
		}, true
	}
	if errors.Is(err, errSecretInClear) {
		return Finding{CauseSecret, errSecretInClear.What, errSecretInClear.Hint}, true
	}
	return Finding{}, false
}

func diagnoseDial(err error) (Finding, bool) {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return Finding{
			CauseName, fmt.Sprintf("the name %q does not resolve", dns.Name),
			"check the spelling, the search domain and whether a VPN is needed",
		}, true
	case errors.As(err, &dns):
		return Finding{
			CauseName, fmt.Sprintf("the name %q cannot be resolved: %s", dns.Name, dns.Err),
			"the DNS server itself fails: check the network",
		}, true
	case errors.Is(err, syscall.ECONNREFUSED):
		return Finding{
			CauseRefused, "nothing listens there: connection refused",
			"check the port and whether the process runs",
		}, true
	case errors.Is(err, fs.ErrNotExist):
		return Finding{CauseRefused, "there is no such socket", "check the path and whether the process runs"}, true
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.EADDRNOTAVAIL):
		return Finding{
			CauseUnroutable, "the address cannot be routed from here",
			"it may be an address inside a cluster: use a VPN, a proxy or a port forward",
		}, true
	}
	return Finding{}, false
}

func diagnoseCertificate(err error) (Finding, bool) {
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &authority):
		return Finding{
			CauseUnknownCA, "the server's certificate is signed by an unknown CA" + signer(authority.Cert),
			"pass its CA with --cacert FILE",
		}, true
	case errors.As(err, &name):
		return Finding{
			CauseWrongName, fmt.Sprintf("the certificate is not for %q but for %s", name.Host, certNames(name.Certificate)),
			"pass the name that it has with --servername NAME",
		}, true
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return expired(invalid.Cert), true
	case errors.As(err, &invalid):
		return Finding{CauseTLS, "the server's certificate is not valid: " + invalid.Error(), ""}, true
	}
	return Finding{}, false
}

// expired tells the two ways of being out of date apart.
func expired(cert *x509.Certificate) Finding {
	if cert != nil && time.Now().Before(cert.NotBefore) {
		return Finding{
			CauseNotYetValid, "the server's certificate is valid only from " + cert.NotBefore.UTC().Format(time.RFC3339),
			"check the clock of this machine",
		}
	}
	what := "the server's certificate has expired"
	if cert != nil {
		what = "the server's certificate expired at " + cert.NotAfter.UTC().Format(time.RFC3339)
	}
	return Finding{CauseExpired, what, "the server needs a new certificate; --insecure skips the check"}
}

func signer(cert *x509.Certificate) string {
	if cert == nil || cert.Issuer.String() == "" {
		return ""
	}
	return " (" + cert.Issuer.String() + ")"
}

func certNames(cert *x509.Certificate) string {
	var names []string
	if cert != nil {
		names = append(names, cert.DNSNames...)
		for _, ip := range cert.IPAddresses {
			names = append(names, ip.String())
		}
	}
	if len(names) == 0 {
		return "no name at all"
	}
	if len(names) > 5 {
		names = append(names[:5], "...")
	}
	return strings.Join(names, ", ")
}

// Findings that more than one way leads to.
var (
	plainServer = Finding{
		CausePlainServer, "the server speaks plaintext, not TLS", "if that is wanted, pass --plaintext",
	}
	tlsServer  = Finding{CauseTLSServer, "the server speaks TLS, not plaintext", "leave out --plaintext"}
	clientCert = Finding{
		CauseClientCert, "the server wants a client certificate", "pass one with --cert FILE --key FILE",
	}
	clientCertRefused = Finding{
		CauseClientCert, "the server refuses the client certificate", "check that the server's CA has signed it and that it is still valid",
	}
	noHTTP2 = Finding{
		CauseNoHTTP2, "the server does not speak HTTP/2", "this may be the port of a web server or of metrics; gRPC needs HTTP/2",
	}
)

// remoteAlerts are the texts of TLS alerts; crypto/tls exports no type for
// those that a peer sent.
var remoteAlerts = []struct {
	text    string
	finding Finding
}{
	{"tls: certificate required", clientCert},
	{"tls: bad certificate", clientCertRefused},
	{"tls: unknown certificate authority", clientCertRefused},
	{"tls: expired certificate", clientCertRefused},
	{"tls: no application protocol", noHTTP2},
	{"missing selected ALPN property", noHTTP2}, // grpc-go's own words
	{"tls: unrecognized name", Finding{
		CauseWrongName, "the server does not know the name it was asked for", "pass another with --servername NAME",
	}},
	{"tls: handshake failure", Finding{
		CauseTLS, "the server broke off the TLS handshake", "it may want a client certificate (--cert, --key) or other ciphers",
	}},
	{"tls: protocol version not supported", Finding{CauseTLS, "the server speaks no TLS version that is safe to use", ""}},
}

func diagnoseTLS(err error) (Finding, bool) {
	var header tls.RecordHeaderError
	if errors.As(err, &header) {
		if strings.HasPrefix(string(header.RecordHeader[:]), "HTTP") {
			f := noHTTP2
			f.What = "the server speaks plain HTTP/1, neither TLS nor HTTP/2"
			return f, true
		}
		return plainServer, true
	}
	text := err.Error()
	for _, a := range remoteAlerts {
		if strings.Contains(text, a.text) {
			return a.finding, true
		}
	}
	return Finding{}, false
}

func diagnoseTimeout(err error) (Finding, bool) {
	var timeout net.Error
	if errors.Is(err, errConnectTimeout) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
		return Finding{
			CauseNoAnswer, "no answer in time",
			"a firewall may swallow the packets, or the process hangs",
		}, true
	}
	return Finding{}, false
}
