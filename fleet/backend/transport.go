package backend

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// TLS says how an https:// backend is verified, and what it is shown.
type TLS struct {
	Insecure   bool   // do not verify the backend's certificate
	CACert     string // PEM file; the system's roots where empty
	Cert, Key  string // PEM files with the client's certificate
	ServerName string // the name the certificate must have; else the URL's host
}

func (o *Options) transport() (*http.Transport, error) {
	config, err := o.TLS.config(o.Name)
	if err != nil {
		return nil, err
	}
	t := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		TLSClientConfig:        config,
		TLSHandshakeTimeout:    5 * time.Second,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    8,
		MaxResponseHeaderBytes: 1 << 20,
		IdleConnTimeout:        30 * time.Second,
	}
	if o.Proxy != "" {
		proxy, err := url.Parse(o.Proxy)
		if err != nil {
			return nil, &fleet.Error{Kind: fleet.Usage, What: "the proxy is no URL"}
		}
		t.Proxy = http.ProxyURL(proxy)
	}
	return t, nil
}

func (t TLS) config(name string) (*tls.Config, error) {
	c := &tls.Config{
		MinVersion: tls.VersionTLS12, ServerName: t.ServerName,
		InsecureSkipVerify: t.Insecure,
	}
	if t.CACert != "" {
		pem, err := os.ReadFile(t.CACert)
		if err != nil {
			return nil, &fleet.Error{Kind: fleet.Usage, What: "read the CA of " + name, Err: err}
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, &fleet.Error{Kind: fleet.Usage, What: fmt.Sprintf("the CA of %s: no certificate in %s", name, t.CACert)}
		}
	}
	if t.Cert != "" {
		pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, &fleet.Error{Kind: fleet.Usage, What: "read the client certificate for " + name, Err: err}
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
