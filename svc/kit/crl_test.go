package kit_test

import (
	"context"
	"crypto/tls"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/gctl-dev/gctl/internal/testkit"
)

const expiredCRL = "a certificate revocation list has expired: those on it are refused, who was revoked since is let in. Put a new one into the file"

// A revocation list expires while the server runs: log and metric say so, those on
// it stay out, and all others stay in, until there is a new one.
func TestARevocationListThatExpiresIsToldAndRevokesOn(t *testing.T) {
	ca := testkit.NewCA(t)
	back := newSide(t)
	put(t, back.ca, read(t, ca.File))
	back.issue(t, ca, []string{"127.0.0.1"}, backID)
	good := ca.Cert(t, nil, testkit.SPIFFE(t, frontID))
	revoked := ca.Cert(t, nil, testkit.SPIFFE(t, frontID))
	put(t, back.crl, ca.RevokeUntil(t, revoked, time.Now().Add(2*time.Second)))
	config := back.config()
	config.TLSCRL, config.MetricsListen = back.crl, "127.0.0.1:0"
	server := startBack(t, config, func(context.Context, string) error { return nil })
	try := func(pair tls.Certificate) codes.Code {
		conn := dial(t, server.Addr(), credentials.NewTLS(&tls.Config{RootCAs: ca.Pool, Certificates: []tls.Certificate{pair}}))
		return status.Code(say(t, conn, "x"))
	}
	server.metric(t, "kit_tls_crl_expired", "1")
	until(t, "the log says so", func() bool { return len(server.log.lines(t, expiredCRL, "file.path", back.crl)) == 1 })
	if got := try(revoked); got != codes.Unavailable {
		t.Errorf("on the list: %v", got)
	}
	if got := try(good); got != codes.OK {
		t.Errorf("not on it: %v", got)
	}
	if code, body := server.get(t, "/readyz"); code != 200 {
		t.Errorf("/readyz = %d, %s", code, body)
	}
	put(t, back.crl, ca.Revoke(t, revoked))
	server.metric(t, "kit_tls_crl_expired", "0")
	until(t, "the log says so", func() bool { return len(server.log.lines(t, "all certificate revocation lists are up to date")) == 1 })
	if got := try(revoked); got != codes.Unavailable {
		t.Errorf("on the new list: %v", got)
	}
}

// A list that has expired already does not keep a server from starting.
func TestARestartWithAnExpiredRevocationList(t *testing.T) {
	ca := testkit.NewCA(t)
	back := newSide(t)
	put(t, back.ca, read(t, ca.File))
	back.issue(t, ca, []string{"127.0.0.1"}, backID)
	put(t, back.crl, ca.RevokeUntil(t, ca.Cert(t, nil), time.Now().Add(-time.Hour)))
	config := back.config()
	config.TLSCRL = back.crl
	server := startBack(t, config, func(context.Context, string) error { return nil })
	good := ca.Cert(t, nil, testkit.SPIFFE(t, frontID))
	conn := dial(t, server.Addr(), credentials.NewTLS(&tls.Config{RootCAs: ca.Pool, Certificates: []tls.Certificate{good}}))
	if err := say(t, conn, "x"); err != nil {
		t.Error(err)
	}
	until(t, "the log says so", func() bool { return len(server.log.lines(t, expiredCRL)) == 1 })
}
