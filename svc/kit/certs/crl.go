package certs

import (
	"cmp"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"time"
)

// CRL is the revocation list of one CA.
type CRL struct {
	Issuer     string    // the CA's name
	NextUpdate time.Time // when the CA promised the next list; zero if it did not
}

// Expired tells whether the list has lost its say about who is not on it: the CA
// has promised a newer one for before now (RFC 5280, section 5.1.2.5). A list
// without a promise does not expire.
func (c CRL) Expired(now time.Time) bool { return !c.NextUpdate.IsZero() && now.After(c.NextUpdate) }

// ExpiredCRLs returns the revocation lists in use that have expired by now, by
// name. They revoke on, but nobody knows whom they should revoke too.
func (s *Source) ExpiredCRLs(now time.Time) []CRL {
	var expired []CRL
	for _, r := range s.now.Load().revoked {
		if r.crl.Expired(now) {
			expired = append(expired, r.crl)
		}
	}
	slices.SortFunc(expired, func(a, b CRL) int { return cmp.Compare(a.Issuer, b.Issuer) })
	return expired
}

// revocations are what was revoked, by the raw subject of the CA that did so.
type revocations map[string]*revocation

// revocation is all that the lists of one CA say.
type revocation struct {
	crl     CRL // the newest of them
	serials map[string]bool
}

// readCRLs reads the revocation lists of a PEM file. Each must be signed by one
// of the CAs: a list that anybody could have written would be a way to lock out
// whom one likes. One that has expired is taken all the same: who is on it was
// revoked.
func readCRLs(data []byte, cas []*x509.Certificate) (revocations, error) {
	revoked := revocations{}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "X509 CRL" {
			continue
		}
		list, err := x509.ParseRevocationList(block.Bytes)
		if err != nil {
			return nil, err
		}
		if !signed(list, cas) {
			return nil, fmt.Errorf("the list of %s is signed by none of the CAs", list.Issuer)
		}
		revoked.add(list)
	}
	// A file that was cut off must not pass for one that revokes nobody.
	if len(revoked) == 0 {
		return nil, errors.New("no revocation list in it")
	}
	return revoked, nil
}

func (r revocations) add(list *x509.RevocationList) {
	of := r[string(list.RawIssuer)]
	if of == nil {
		of = &revocation{serials: map[string]bool{}, crl: CRL{Issuer: list.Issuer.String(), NextUpdate: list.NextUpdate}}
		r[string(list.RawIssuer)] = of
	}
	if list.NextUpdate.After(of.crl.NextUpdate) {
		of.crl.NextUpdate = list.NextUpdate
	}
	for _, entry := range list.RevokedCertificateEntries {
		of.serials[entry.SerialNumber.String()] = true
	}
}

func signed(list *x509.RevocationList, cas []*x509.Certificate) bool {
	for _, ca := range cas {
		if list.CheckSignatureFrom(ca) == nil {
			return true
		}
	}
	return false
}

// check returns an error if a certificate of the chain was revoked.
func (r revocations) check(chain []*x509.Certificate) error {
	for _, c := range chain {
		if of := r[string(c.RawIssuer)]; of != nil && of.serials[c.SerialNumber.String()] {
			return fmt.Errorf("certificate %s of %q is revoked", c.SerialNumber, c.Subject.CommonName)
		}
	}
	return nil
}
