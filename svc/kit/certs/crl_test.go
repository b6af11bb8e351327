package certs_test

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/internal/testkit"
	"github.com/gctl-dev/gctl/svc/kit/certs"
)

// An expired list still says who was revoked. It says nothing about the others, who
// are not refused for that.
func TestAnExpiredListRevokesOn(t *testing.T) {
	ca := testkit.NewCA(t)
	bad := ca.Cert(t, []string{"127.0.0.1"})
	certFile, keyFile := testkit.Files(t, bad)
	revoked := certs.Files{Cert: certFile, Key: keyFile, CA: ca.File}
	crl := filepath.Join(t.TempDir(), "crl.pem")
	due := time.Now().Add(-time.Minute).Truncate(time.Second)
	if err := os.WriteFile(crl, ca.RevokeUntil(t, bad, due), 0o600); err != nil {
		t.Fatal(err)
	}
	strict := files(t, ca, []string{"127.0.0.1"})
	strict.CRL = crl
	source := load(t, strict)
	addr := serve(t, source)
	if err := ask(t, addr, load(t, files(t, ca, nil)).Client()); err != nil {
		t.Errorf("one who is not on the list: %v", err)
	}
	if err := ask(t, addr, load(t, revoked).Client()); err == nil {
		t.Error("one who is on the list is let in")
	}
	if err := ask(t, serve(t, load(t, revoked)), source.Client()); err == nil || !strings.Contains(err.Error(), "is revoked") {
		t.Errorf("a server that is on the list: %v", err)
	}
	expired := source.ExpiredCRLs(time.Now())
	if len(expired) != 1 || !expired[0].NextUpdate.Equal(due) || !strings.HasPrefix(expired[0].Issuer, "CN=") {
		t.Errorf("expired = %+v", expired)
	}
	if early := source.ExpiredCRLs(due); len(early) > 0 {
		t.Errorf("at the time itself it has expired: %+v", early)
	}
}

// Of several lists of one CA the newest counts, and all of them revoke.
func TestANewerListOfTheSameCA(t *testing.T) {
	ca := testkit.NewCA(t)
	first, second := ca.Cert(t, nil), ca.Cert(t, nil)
	old := ca.RevokeUntil(t, first, time.Now().Add(-time.Minute))
	for name, both := range map[string][]byte{
		"the old one first": append(old[:len(old):len(old)], ca.Revoke(t, second)...),
		"the new one first": append(ca.Revoke(t, second), old...),
	} {
		crl := filepath.Join(t.TempDir(), "crl.pem")
		if err := os.WriteFile(crl, both, 0o600); err != nil {
			t.Fatal(err)
		}
		f := files(t, ca, []string{"127.0.0.1"})
		f.CRL = crl
		source := load(t, f)
		if expired := source.ExpiredCRLs(time.Now()); len(expired) > 0 {
			t.Errorf("%s: expired = %+v", name, expired)
		}
		if expired := source.ExpiredCRLs(time.Now().Add(2 * time.Hour)); len(expired) != 1 {
			t.Errorf("%s: in two hours expired = %+v", name, expired)
		}
		addr := serve(t, source)
		for i, bad := range []tls.Certificate{first, second} {
			certFile, keyFile := testkit.Files(t, bad)
			if err := ask(t, addr, load(t, certs.Files{Cert: certFile, Key: keyFile, CA: ca.File}).Client()); err == nil {
				t.Errorf("%s: certificate %d is let in", name, i)
			}
		}
	}
	if (certs.CRL{}).Expired(time.Now()) {
		t.Error("a list whose CA promised nothing has expired")
	}
}
