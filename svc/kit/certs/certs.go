// Package certs keeps the TLS side of a service up to date while it runs: the
// files of its certificate, of the CAs that it trusts and of what they revoked
// are watched, and each new connection uses what they say now.
//
//	files, err := certs.Load(certs.Files{Cert: "server.pem", Key: "server.key", CA: "ca.pem"})
//	go files.Watch(ctx, report)
//	credentials.NewTLS(files.Server())
//
// A pair that does not fit together, as it is seen for a moment while both files
// are replaced, leaves the last good one in use.
package certs

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"time"
)

// every is how often the files are read. Reading them is cheaper than being told
// of changes is reliable: secrets are mounted by links, over networks, and
// replaced whole.
const every = time.Second

// Files are paths of PEM files. An empty one is not used.
type Files struct {
	Cert string // the chain, the own certificate first
	Key  string
	CA   string // who may sign the certificates of the other side
	CRL  string // certificate revocation lists (RFC 5280) of those CAs
}

// Source is the present content of some Files. It is safe for concurrent use.
type Source struct {
	files Files
	now   atomic.Pointer[content]
}

// content is what was read at one time.
type content struct {
	raw     [4][]byte // Cert, Key, CA, CRL
	pair    *tls.Certificate
	roots   *x509.CertPool // nil: the system's
	revoked revocations
}

// Load reads the files. The error says which file is wrong, and never shows what
// stands in it.
func Load(files Files) (*Source, error) {
	if (files.Cert == "") != (files.Key == "") {
		return nil, errors.New("a certificate and its key belong together: one of the files is not named")
	}
	if files.CRL != "" && files.CA == "" {
		return nil, errors.New("revocation lists are of use only with the CA that signed them")
	}
	s := &Source{files: files}
	c, err := files.read(nil)
	if err != nil {
		return nil, err
	}
	s.now.Store(c)
	return s, nil
}

// Watch looks at the files until ctx ends. It calls report after each change:
// with nil, and with an error where the new content cannot be used and the old
// one stays, once for each error.
func (s *Source) Watch(ctx context.Context, report func(error)) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	var last string
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		next, err := s.files.read(s.now.Load())
		switch {
		case err != nil && err.Error() != last:
			last = err.Error()
			report(err)
		case err == nil:
			if next != s.now.Load() {
				s.now.Store(next)
				report(nil)
			}
			last = ""
		}
	}
}

// Expires returns when the own certificate expires; the zero time without one.
func (s *Source) Expires() time.Time {
	if pair := s.now.Load().pair; pair != nil {
		return pair.Leaf.NotAfter
	}
	return time.Time{}
}

// read returns the content of the files, or old where nothing changed.
func (f Files) read(old *content) (*content, error) {
	c := &content{}
	for i, file := range []struct{ what, path string }{
		{"certificate", f.Cert}, {"key", f.Key}, {"CA", f.CA}, {"revocation list", f.CRL},
	} {
		if file.path == "" {
			continue
		}
		var err error
		if c.raw[i], err = os.ReadFile(file.path); err != nil {
			return nil, fmt.Errorf("%s: %w", file.what, err)
		}
	}
	if old != nil && slices.EqualFunc(c.raw[:], old.raw[:], bytes.Equal) {
		return old, nil
	}
	return c, c.parse(f)
}

func (c *content) parse(f Files) error {
	if f.Cert != "" {
		pair, err := tls.X509KeyPair(c.raw[0], c.raw[1])
		if err != nil {
			return fmt.Errorf("certificate %s with key %s: %w", f.Cert, f.Key, err)
		}
		c.pair = &pair
	}
	if f.CA == "" {
		return nil
	}
	cas, err := certificates(c.raw[2])
	if err != nil {
		return fmt.Errorf("CA %s: %w", f.CA, err)
	}
	c.roots = x509.NewCertPool()
	for _, ca := range cas {
		c.roots.AddCert(ca)
	}
	if f.CRL == "" {
		return nil
	}
	if c.revoked, err = readCRLs(c.raw[3], cas); err != nil {
		return fmt.Errorf("revocation list %s: %w", f.CRL, err)
	}
	return nil
}
