package kit_test

import (
	"crypto/tls"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/gctl-dev/gctl/internal/testkit"
	"github.com/gctl-dev/gctl/svc/kit"
)

// Who may not call over HTTP is told so in the JSON of a google.rpc.Status.
func TestWhoMayNotCallIsToldInJSON(t *testing.T) {
	ca := testkit.NewCA(t)
	cert, key := testkit.Files(t, ca.Cert(t, []string{"127.0.0.1"}))
	var addr string
	start(t, kit.Options{Config: kit.Config{
		TLSCert: cert, TLSKey: key, TLSClientCA: ca.File, Allow: []string{"spiffe://test/friend"},
	}}, func(s *kit.Server) {
		var err error
		if addr, err = s.ServeHTTP(t.Context(), "127.0.0.1:0", http.NotFoundHandler(), false); err != nil {
			t.Fatal(err)
		}
	})
	pair := ca.Cert(t, nil, testkit.SPIFFE(t, "spiffe://test/stranger"))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.Pool, Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS13}}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(within(t), http.MethodGet, "https://"+addr+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var status struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&status); err != nil || answer.StatusCode != http.StatusForbidden ||
		status.Code != 7 || status.Message == "" || answer.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%s %v %+v, %v", answer.Status, answer.Header, status, err)
	}
}
