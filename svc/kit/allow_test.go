package kit_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/gctl-dev/gctl/svc/kit"
)

// Nobody has an identity that cannot be one: a server that took it would refuse the
// one that was meant, or look as if it let somebody in.
func TestAnIdentityThatIsNoneIsRefusedAtTheStart(t *testing.T) {
	app := kit.App{Name: "test", Service: "test", Setup: func(context.Context, *kit.Server) error {
		t.Error("it starts")
		return nil
	}}
	tls := []string{"--tls-cert=c", "--tls-key=k", "--tls-client-ca=ca", "--admin-listen=127.0.0.1:0", "--admin-allow=ops.example.org", "--caller-header=x-caller"}
	for _, flag := range []string{"--allow", "--admin-allow", "--trust-caller"} {
		for _, id := range []string{"bogus", "spiffe:/example.org/edge", "a.example.org,b.example.org"} {
			var stdout, stderr bytes.Buffer
			code := app.MainTo(t.Context(), append([]string{"--trust-caller=edge.example.org", flag, id}, tls...), &stdout, &stderr)
			out := stderr.String()
			if code != 2 || !strings.Contains(out, flag+": identity \""+id+"\" is no SPIFFE ID") || !strings.Contains(out, "name:edge") || strings.Count(out, "\n") != 1 {
				t.Errorf("%s %s: exit code %d, %s", flag, id, code, out)
			}
		}
	}
}

// A header that nobody is believed in is a mistake, but for who passes calls on and
// writes it.
func TestACallerHeaderWantsSomebodyToBelieve(t *testing.T) {
	for _, c := range []struct {
		flag, want string
		code       int
		forwards   []string
	}{
		{"--caller-header=x-caller", "--caller-header needs --trust-caller", 2, nil},
		{"--trust-caller=edge.example.org", "--trust-caller is of no use without --caller-header", 2, nil},
		{"--caller-header=x-caller", "", 0, []string{"test.Others"}},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		app := kit.App{Name: "test", Service: "test", Setup: func(_ context.Context, s *kit.Server) error {
			s.Forwards(c.forwards...)
			cancel() // at once, if it runs at all
			return nil
		}}
		var stdout, stderr bytes.Buffer
		code := app.MainTo(ctx, []string{"--plaintext", "--listen=127.0.0.1:0", "--drain-wait=0s", c.flag}, &stdout, &stderr)
		cancel()
		if code != c.code || !strings.Contains(stderr.String(), c.want) {
			t.Errorf("%s with %v: exit code %d, %s", c.flag, c.forwards, code, stderr.String())
		}
	}
}
