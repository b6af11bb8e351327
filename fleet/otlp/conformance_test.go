package otlp_test

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/backend"
	"github.com/gctl-dev/gctl/fleet/fleettest"
	"github.com/gctl-dev/gctl/fleet/jaeger"
	"github.com/gctl-dev/gctl/fleet/otlp"
	"github.com/gctl-dev/gctl/internal/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start starts a receiver on free ports.
func start(t *testing.T, o otlp.Options) *otlp.Receiver {
	t.Helper()
	o.GRPC, o.HTTP = "127.0.0.1:0", "127.0.0.1:0"
	r, err := otlp.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// reader reads a receiver as another process does.
func reader(t *testing.T, r *otlp.Receiver) *jaeger.Reader {
	t.Helper()
	c, err := backend.New(backend.Options{Name: "jaeger", URL: "http://" + r.HTTP})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return jaeger.New(jaeger.Options{Client: c})
}

func TestReadThroughJaegersAPI(t *testing.T) {
	fleettest.TraceReader(t, func(t *testing.T) fleettest.TraceWorld {
		r := start(t, otlp.Options{})
		return fleettest.TraceWorld{
			Reader: reader(t, r), Resolution: time.Nanosecond,
			Send: func(traces ...fleet.Trace) {
				if _, err := testkit.SendOTLP(t.Context(), r.GRPC, traces...); err != nil {
					t.Fatal(err)
				}
			},
		}
	})
}
