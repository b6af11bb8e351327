// Package config reads and changes the user's configuration: named contexts,
// each of which says where a fleet's catalog is and how its services are
// reached.
//
// The file is strict YAML; a key that nobody knows is an error with its place
// and the key that was probably meant:
//
//	current: prod
//	contexts:
//	  prod:
//	    catalog: consul://consul.example:8500
//	    tls: {cacert: /etc/ssl/prod.pem}
package config

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/gctl-dev/gctl/fleet"
)

// Context is one fleet as the user configured it. The zero value means: the
// Consul agent at its default address, no extra headers, TLS as the address
// suggests.
type Context struct {
	Name       string            `yaml:"-"`
	Catalog    string            `yaml:"catalog,omitempty"` // consul://, file:// or dns:// URL
	Prometheus Backend           `yaml:"prometheus,omitempty"`
	Jaeger     Backend           `yaml:"jaeger,omitempty"`
	TLS        TLS               `yaml:"tls,omitempty"`
	Headers    map[string]string `yaml:"headers,omitempty"` // sent with every RPC
	Auth       string            `yaml:"auth,omitempty"`    // a command that prints a bearer token
	Proxy      string            `yaml:"proxy,omitempty"`   // socks5:// or http:// URL
	Admin      Admin             `yaml:"admin,omitempty"`   // how control APIs are reached, where it is otherwise than the services

	// SLO has the objectives of services, by their name in the catalog.
	SLO map[string]SLO `yaml:"slo,omitempty"`
	// Map says what a service of the catalog is called in other sources:
	// map: {user: {prometheus: user-api, jaeger: users}}.
	Map map[string]Names `yaml:"map,omitempty"`

	ReadOnly  bool `yaml:"read_only,omitempty"` // nothing may be changed by way of this context
	Protected bool `yaml:"protected,omitempty"` // a change wants the context's name typed
}

// TLS says how a context's services are reached. Where Plaintext is nil, the
// instance's meta and then its address decide.
type TLS struct {
	Plaintext  *bool  `yaml:"plaintext,omitempty"`
	Insecure   bool   `yaml:"insecure,omitempty"` // do not verify the server's certificate
	CACert     string `yaml:"cacert,omitempty"`   // PEM files
	Cert       string `yaml:"cert,omitempty"`
	Key        string `yaml:"key,omitempty"`
	ServerName string `yaml:"servername,omitempty"`
}

// hidden stands where a secret would stand.
const hidden = "(hidden)"

// Redacted returns c fit for a screen: without the values of headers, without
// passwords in URLs, and without the arguments of the auth command.
func (c Context) Redacted() Context {
	c.Catalog, c.Proxy = redactURL(c.Catalog), redactURL(c.Proxy)
	c.Prometheus, c.Jaeger = c.Prometheus.redacted(), c.Jaeger.redacted()
	c.Headers, c.Auth = redactHeaders(c.Headers), redactCommand(c.Auth)
	c.Admin.Headers, c.Admin.Auth = redactHeaders(c.Admin.Headers), redactCommand(c.Admin.Auth)
	return c
}

func redactHeaders(headers map[string]string) map[string]string {
	headers = maps.Clone(headers)
	for name := range headers {
		headers[name] = hidden
	}
	return headers
}

func redactCommand(command string) string {
	if program, rest, _ := strings.Cut(strings.TrimSpace(command), " "); rest != "" {
		return program + " " + hidden
	}
	return command
}

func redactURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return hidden
	}
	if _, has := u.User.Password(); !has {
		return raw
	}
	u.User = nil
	return strings.Replace(u.String(), "://", "://"+hidden+"@", 1)
}

// Validate checks what can be checked without asking anybody: the name, and the
// catalog's and the proxy's URL.
func (c Context) Validate() error {
	if !validName(c.Name) {
		return usage(fmt.Sprintf("%q is no name for a context", c.Name), "letters, digits, dots, dashes and underscores")
	}
	if err := checkScheme("catalog", c.Catalog, []string{"consul", "consul+https", "file", "dns"}); err != nil {
		return err
	}
	if path, isFile := strings.CutPrefix(c.Catalog, "file:"); isFile && !strings.HasPrefix(path, "///") {
		return usage(fmt.Sprintf("catalog %q needs an absolute path", c.Catalog), "for example file:///srv/fleet.yaml")
	}
	if err := checkScheme("proxy", c.Proxy, []string{"socks5", "socks5h", "http", "https"}); err != nil {
		return err
	}
	for what, t := range map[string]TLS{"tls": c.TLS, "admin.tls": c.Admin.TLS} {
		if err := t.validate(what); err != nil {
			return err
		}
	}
	if err := errors.Join(c.Prometheus.validate("prometheus"), c.Jaeger.validate("jaeger")); err != nil {
		return err
	}
	if err := validateMap(c.Map); err != nil {
		return err
	}
	for service, slo := range c.SLO {
		if err := slo.validate(service); err != nil {
			return err
		}
	}
	return nil
}

func (t TLS) validate(what string) error {
	if (t.Cert == "") != (t.Key == "") {
		return usage(what+": a client certificate needs both cert and key", "")
	}
	if t.Plaintext != nil && *t.Plaintext && t != (TLS{Plaintext: t.Plaintext}) {
		return usage(what+": plaintext contradicts the other settings", "leave out one of them")
	}
	return nil
}

// validName tells whether a context can be called so: letters, digits and, but
// not in front, dots, dashes and underscores.
func validName(name string) bool {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	return name != "" && strings.Contains(letters, name[:1]) && strings.Trim(name, letters+"._-") == ""
}

func checkScheme(what, raw string, schemes []string) error {
	if raw == "" {
		return nil
	}
	example := map[string]string{
		"catalog": "consul://127.0.0.1:8500", "proxy": "socks5://127.0.0.1:1080",
		"prometheus": "http://127.0.0.1:9090", "jaeger": "http://127.0.0.1:16686",
	}[what]
	u, err := url.Parse(raw)
	if err != nil || u.Scheme == "" {
		return usage(fmt.Sprintf("%s %q is no URL", what, redactURL(raw)), "for example "+example)
	}
	if slices.Contains(schemes, u.Scheme) {
		return nil
	}
	hint := "known: " + strings.Join(schemes, "://, ") + "://"
	if near := fleet.Nearest(u.Scheme, schemes, 1); len(near) > 0 {
		hint = "did you mean " + near[0] + "://? " + hint
	}
	return usage(fmt.Sprintf("%s %q: unknown scheme %q", what, redactURL(raw), u.Scheme), hint)
}

func usage(what, hint string) error {
	return &fleet.Error{Kind: fleet.Usage, What: what, Hint: hint}
}
