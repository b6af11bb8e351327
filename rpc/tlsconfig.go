package rpc

import (
	"crypto/tls"
	"crypto/x509"
	"os"

	"github.com/gctl-dev/gctl/fleet"
)

// tlsConfig reads the options' files. Without any it costs nothing: the
// system's roots are loaded by the first handshake.
func (o *Options) tlsConfig() (*tls.Config, error) {
	config := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: o.Insecure,
		ServerName:         o.ServerName,
	}
	if o.CACert != "" {
		pem, err := os.ReadFile(o.CACert)
		if err != nil {
			return nil, &fleet.Error{Kind: fleet.Usage, What: "cannot read the CA certificates", Err: err}
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, &fleet.Error{Kind: fleet.Usage, What: "no PEM certificate in " + o.CACert}
		}
	}
	if o.Cert != "" {
		pair, err := tls.LoadX509KeyPair(o.Cert, o.Key)
		if err != nil {
			return nil, &fleet.Error{Kind: fleet.Usage, What: "cannot use the client certificate", Err: err}
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}
