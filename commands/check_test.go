package commands

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// blockingCatalog does not answer about the service "slow" before the time is over.
type blockingCatalog struct{ fakeCatalog }

func (c *blockingCatalog) Instances(ctx context.Context, service string) (fleet.InstanceList, error) {
	if service == "slow" {
		<-ctx.Done()
		return fleet.InstanceList{}, context.Cause(ctx)
	}
	return c.fakeCatalog.Instances(ctx, service)
}

type writerFunc func(string)

func (w writerFunc) Write(b []byte) (int, error) { w(string(b)); return len(b), nil }

const halfSlow = `checks:
  - {name: fails, health: {service: user}}
  - {name: waits, health: {service: slow}}
`

// endedCheck runs the checks until one has failed and the other's time is over.
func endedCheck(t *testing.T, args ...string) (code int, stderr, report string) {
	t.Helper()
	dir := t.TempDir()
	path, junit := filepath.Join(dir, "c.yaml"), filepath.Join(dir, "j.xml")
	if err := os.WriteFile(path, []byte(halfSlow), 0o600); err != nil {
		t.Fatal(err)
	}
	sick := fleet.Instance{ID: "user-1", Service: "user", Addr: "h:1", Catalog: fleet.Passing, Meta: map[string]string{"state": "not_serving"}}
	f, _ := withHealth(&blockingCatalog{fakeCatalog{instances: []fleet.Instance{sick}}}, &fakeProber{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var told strings.Builder
	f.Streams.ErrTTY = true
	f.Streams.Err = writerFunc(func(s string) {
		told.WriteString(s)
		if len(args) == 0 && strings.Contains(s, "1/2") {
			cancel()
		}
	})
	code = Run(ctx, f, append([]string{"check", "-f", path, "--report", "junit=" + junit}, args...))
	raw, err := os.ReadFile(junit)
	if err != nil {
		t.Fatal(err)
	}
	return code, told.String(), string(raw)
}

func TestAnInterruptedCheckReportsWhatIsKnown(t *testing.T) {
	code, stderr, report := endedCheck(t)
	if code != 130 || !strings.Contains(report, `failures="1" errors="1"`) {
		t.Errorf("%d, %s, %s", code, stderr, report)
	}
}

func TestACheckThatFailedIsANoAlsoWhenTheTimeIsOver(t *testing.T) {
	code, stderr, report := endedCheck(t, "--timeout", time.Second.String())
	if code != 3 || !strings.Contains(report, `failures="1" errors="1"`) || !strings.Contains(stderr, "not done within 1s: 0 of 2 passed, 1 failed, 1 undecided") {
		t.Errorf("%d, %s, %s", code, stderr, report)
	}
}
