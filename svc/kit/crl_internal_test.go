package kit

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/svc/kit/certs"
)

func TestWarningsOfExpiredListsAreRepeated(t *testing.T) {
	var log bytes.Buffer
	w := crlWarnings{log: slog.New(slog.NewTextHandler(&log, nil)), file: "crl.pem"}
	a, b := certs.CRL{Issuer: "CN=a"}, certs.CRL{Issuer: "CN=b"}
	at := time.Unix(1e9, 0)
	for i, step := range []struct {
		after   time.Duration
		expired []certs.CRL
		lines   int
		level   string
	}{
		{0, nil, 0, ""},
		{time.Second, []certs.CRL{a}, 1, "ERROR"},
		{time.Second, []certs.CRL{a}, 0, ""},
		{time.Second, []certs.CRL{a, b}, 2, "ERROR"},
		{9 * time.Minute, []certs.CRL{a, b}, 0, ""},
		{time.Minute, []certs.CRL{a, b}, 2, "ERROR"},
		{time.Second, nil, 1, "INFO"},
		{time.Hour, nil, 0, ""},
	} {
		log.Reset()
		at = at.Add(step.after)
		w.say(t.Context(), step.expired, at)
		if lines := strings.Count(log.String(), "file.path=crl.pem"); lines != step.lines || lines != strings.Count(log.String(), "level="+step.level) {
			t.Errorf("step %d: %q, want %d lines of %q", i, log.String(), step.lines, step.level)
		}
	}
}
