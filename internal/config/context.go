// Package config reads the user's configuration: named contexts, each of which
// says where a fleet's catalog is and how its services are reached.
package config

// Context is one fleet as the user configured it. The zero value means: the
// Consul agent at its default address, no extra headers, TLS as the address
// suggests.
type Context struct {
	Name    string            `yaml:"-"`
	Catalog string            `yaml:"catalog,omitempty"` // consul://, file:// or dns:// URL
	TLS     TLS               `yaml:"tls,omitempty"`
	Headers map[string]string `yaml:"headers,omitempty"` // sent with every RPC
	Auth    string            `yaml:"auth,omitempty"`    // a command that prints a bearer token
	Proxy   string            `yaml:"proxy,omitempty"`   // socks5:// or http:// URL
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
