package certs

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// certificates returns all certificates of a PEM file, at least one.
func certificates(data []byte) ([]*x509.Certificate, error) {
	var list []*x509.Certificate
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	if len(list) == 0 {
		return nil, errors.New("no certificate in it")
	}
	return list, nil
}

// revocations are the serial numbers that were revoked, by the raw subject of
// the CA that did so.
type revocations map[string]map[string]bool

// readCRLs reads the revocation lists of a PEM file. Each must be signed by one
// of the CAs: a list that anybody could have written would be a way to lock out
// whom one likes.
func readCRLs(data []byte, cas []*x509.Certificate) (revocations, error) {
	revoked, lists := revocations{}, 0
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "X509 CRL" {
			continue
		}
		lists++
		list, err := x509.ParseRevocationList(block.Bytes)
		if err != nil {
			return nil, err
		}
		if !signed(list, cas) {
			return nil, fmt.Errorf("the list of %s is signed by none of the CAs", list.Issuer)
		}
		serials := revoked[string(list.RawIssuer)]
		if serials == nil {
			serials = map[string]bool{}
			revoked[string(list.RawIssuer)] = serials
		}
		for _, entry := range list.RevokedCertificateEntries {
			serials[entry.SerialNumber.String()] = true
		}
	}
	// A file that was cut off must not pass for one that revokes nobody.
	if lists == 0 {
		return nil, errors.New("no revocation list in it")
	}
	return revoked, nil
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
		if r[string(c.RawIssuer)][c.SerialNumber.String()] {
			return fmt.Errorf("certificate %s of %q is revoked", c.SerialNumber, c.Subject.CommonName)
		}
	}
	return nil
}
