package testkit

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"testing"
	"time"
)

// Revoke returns a revocation list of the CA, as PEM, with one certificate in it.
// The next one is due in an hour.
func (ca *CA) Revoke(t testing.TB, cert tls.Certificate) []byte {
	t.Helper()
	return ca.RevokeUntil(t, cert, time.Now().Add(time.Hour))
}

// RevokeUntil is Revoke with the time at which the next list is due.
func (ca *CA) RevokeUntil(t testing.TB, cert tls.Certificate, next time.Time) []byte {
	t.Helper()
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: big.NewInt(1), ThisUpdate: next.Add(-time.Hour), NextUpdate: next,
		RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: leaf.SerialNumber, RevocationTime: next.Add(-time.Hour)}},
	}, ca.cert, ca.key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der})
}
