package limit_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/gctl-dev/gctl/svc/kit/limit"
)

// When there is no room for more callers, the new ones share one bucket, and no
// caller loses or regains anything.
func TestAFloodOfCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, err := limit.ParseRate("*=1/s,burst=10")
		if err != nil {
			t.Fatal(err)
		}
		set, err := limit.New(limit.Options{Limits: []limit.Limit{l}, MaxCallers: 100})
		if err != nil {
			t.Fatal(err)
		}
		used, regular := from("10.0.0.1"), from("10.0.0.2")
		admitted(used, t, set, "/test.Work/Do", 10)
		admitted(regular, t, set, "/test.Work/Do", 1)
		flood := 0
		for i := range 1000 {
			flood += admitted(from(fmt.Sprintf("10.1.%d.%d", i/250, i%250)), t, set, "/test.Work/Do", 10)
		}
		if want := 98*10 + 10; flood != want {
			t.Errorf("%d calls of the flood were let in, want %d: of 98 callers, and of one more", flood, want)
		}
		if n := admitted(used, t, set, "/test.Work/Do", 10); n != 0 {
			t.Errorf("the flood gave a caller %d calls that it had used up", n)
		}
		if n := admitted(regular, t, set, "/test.Work/Do", 10); n != 9 {
			t.Errorf("the flood left a caller %d calls of its 9", n)
		}
		if got := gather(t, set)["kit_limit_callers rate/default"]; got != 100 {
			t.Errorf("%v callers are told apart, want 100", got)
		}
		time.Sleep(10 * time.Second) // all have filled up again, and make room
		if n := admitted(from("10.2.0.1"), t, set, "/test.Work/Do", 10); n != 10 {
			t.Errorf("a new caller got %d calls of its 10", n)
		}
		if got := gather(t, set)["kit_limit_callers rate/default"]; got != 100 {
			t.Errorf("%v callers are told apart, want 100", got)
		}
	})
}

func TestCallerHeaderIsBelievedFromWhomItMayCome(t *testing.T) {
	l, err := limit.ParseRate("*=1/h,burst=1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := limit.New(limit.Options{CallerHeader: "x-caller"}); err == nil {
		t.Error("a header that anybody may set was accepted")
	}
	trusts := true
	set, err := limit.New(limit.Options{
		Limits: []limit.Limit{l}, CallerHeader: "x-caller",
		TrustCaller: func(string) bool { return trusts },
	})
	if err != nil {
		t.Fatal(err)
	}
	named := func(name string) context.Context {
		return metadata.NewIncomingContext(from("10.0.0.1"), metadata.Pairs("x-caller", name))
	}
	for _, step := range []struct {
		name   string
		trusts bool
		want   codes.Code
	}{
		{"ann", true, codes.OK},
		{"ann", true, codes.ResourceExhausted},
		{"ben", true, codes.OK},
		{"", true, codes.OK}, // the host
		{"cat", false, codes.ResourceExhausted},
		{"\xff\xfe", true, codes.OK},
		{"\xff\xfe", true, codes.ResourceExhausted},
	} {
		trusts = step.trusts
		err := call(named(step.name), set, "/test.Work/Do")
		if status.Code(err) != step.want {
			t.Errorf("%q, trusted %v: %v, want %v", step.name, step.trusts, err, step.want)
		}
		if err != nil {
			detail[*errdetails.QuotaFailure](t, err)
		}
	}
}

// With mTLS each identity has a bucket of its own, from whatever host, and the
// header counts only from the one that is trusted with it.
func TestCallersByCertificate(t *testing.T) {
	l, err := limit.ParseRate("*=1/h,burst=1")
	if err != nil {
		t.Fatal(err)
	}
	set, err := limit.New(limit.Options{
		Limits: []limit.Limit{l}, CallerHeader: "x-caller",
		TrustCaller: func(id string) bool { return id == "edge.local" },
	})
	if err != nil {
		t.Fatal(err)
	}
	as := func(id, header string) context.Context {
		cert := &x509.Certificate{DNSNames: []string{id}}
		return metadata.NewIncomingContext(peer.NewContext(context.Background(), &peer.Peer{
			Addr:     &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 1},
			AuthInfo: credentials.TLSInfo{State: tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{cert}}}},
		}), metadata.Pairs("x-caller", header))
	}
	for _, step := range []struct{ id, header, subject string }{
		{"jobs.local", "ann", ""}, {"jobs.local", "ben", "jobs.local"}, // the header is not believed
		{"mail.local", "", ""},
		{"edge.local", "ann", ""}, {"edge.local", "ben", ""}, {"edge.local", "ann", "ann"},
		{"edge.local", "", ""}, {"edge.local", "", "edge.local"}, // for itself
	} {
		err := call(as(step.id, step.header), set, "/test.Work/Do")
		if (err == nil) != (step.subject == "") {
			t.Errorf("%s for %q: %v", step.id, step.header, err)
		}
		if err != nil {
			refused(t, err, "RATE_LIMITED", step.subject)
		}
	}
}
