package commands

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/gctl-dev/gctl/fleet"
)

func TestFaultsAreNamedAsTheAPIWants(t *testing.T) {
	form := regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`) // of api/gctl/control/v1
	for method, want := range map[string]string{
		"*":                           "latency",
		"user.v1.UserService/GetUser": "latency-user-v1-userservice-getuser",
		"user.v1.UserService/*":       "latency-user-v1-userservice",
	} {
		got := faultName("latency", method)
		if !form.MatchString(got) || got != want {
			t.Errorf("%s: %q, want %q", method, got, want)
		}
	}
	long := faultName("latency", "a.very.long."+strings.Repeat("package.", 10)+"Service/Method")
	if !form.MatchString(long) || !strings.HasPrefix(long, "latency-") || !strings.HasSuffix(long, "-service-method") {
		t.Errorf("a long one: %q", long)
	}
}

func TestCodesAreReadByNameAndNumber(t *testing.T) {
	for text, want := range map[string]codes.Code{
		"UNAVAILABLE": codes.Unavailable, "unavailable": codes.Unavailable, "14": codes.Unavailable,
		"resource-exhausted": codes.ResourceExhausted, "1": codes.Canceled, "16": codes.Unauthenticated,
	} {
		if got, err := parseCode(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"0", "17", "OK", "-1", "", "nope"} {
		if _, err := parseCode(text); fleet.KindOf(err) != fleet.Usage {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestSpansHaveNoUnitsThatAreZero(t *testing.T) {
	for d, want := range map[time.Duration]string{
		15 * time.Minute: "15m", 24 * time.Hour: "24h", 90 * time.Second: "1m30s", time.Second: "1s", 100 * time.Minute: "1h40m",
		10 * time.Second: "10s", 20 * time.Minute: "20m", 20 * time.Hour: "20h",
	} {
		if got := shortSpan(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}

func TestTheWorstBreakerComesFirst(t *testing.T) {
	order := []fleet.Breaker{
		{Name: "a", State: fleet.BreakerOpen}, {Name: "b", State: fleet.BreakerClosed, Override: fleet.ForcedOpen}, {State: fleet.BreakerHalfOpen},
		{State: fleet.BreakerClosed, Flapping: true}, {State: fleet.BreakerClosed, Override: fleet.ForcedClosed},
		{State: fleet.BreakerUnknown}, {State: fleet.BreakerClosed},
	}
	for i := range order[1:] {
		if worstFirst(order[i], order[i+1]) >= 0 || worstFirst(order[i+1], order[i]) <= 0 {
			t.Errorf("%+v is not before %+v", order[i], order[i+1])
		}
	}
}
