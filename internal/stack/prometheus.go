package stack

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// PrometheusOptions say what a Prometheus scrapes.
type PrometheusOptions struct {
	// Targets are the host:port of each job's targets, which serve /metrics.
	// The job's name becomes the label job. Scrape changes them later.
	Targets map[string][]string
	// Interval between two scrapes of a target; 250 ms if 0.
	Interval time.Duration
	// Features are switched on beside exemplar-storage, such as native-histograms.
	Features []string
}

// Prometheus is a running Prometheus that also stores exemplars.
type Prometheus struct {
	Addr     string // host:port of the HTTP API
	interval time.Duration
	run      *running
}

// StartPrometheus starts a Prometheus and waits until it is ready.
func StartPrometheus(ctx context.Context, opts PrometheusOptions) (*Prometheus, error) {
	interval := cmp.Or(opts.Interval, 250*time.Millisecond)
	r, err := launch{
		name:  "prometheus",
		ports: 1,
		args: func(dir string, ports []int) ([]string, error) {
			return []string{
				"--config.file=" + configOf(dir),
				"--storage.tsdb.path=" + filepath.Join(dir, "data"),
				"--web.listen-address=" + loopback(ports[0]),
				"--web.enable-lifecycle",
				"--enable-feature=" + strings.Join(append([]string{"exemplar-storage"}, opts.Features...), ","),
				"--scrape.discovery-reload-interval=20ms", // new targets wait 5 s, and without this up to 5 s more
				"--log.level=warn",
			}, writeConfig(dir, interval, opts.Targets)
		},
		ready: func(ports []int) string { return "http://" + loopback(ports[0]) + "/-/ready" },
	}.start(ctx)
	if err != nil {
		return nil, err
	}
	return &Prometheus{Addr: loopback(r.ports[0]), interval: interval, run: r}, nil
}

// Scrape replaces the targets of all jobs and returns when the new ones are in
// force.
func (p *Prometheus) Scrape(ctx context.Context, targets map[string][]string) error {
	if err := writeConfig(p.run.dir, p.interval, targets); err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+p.Addr+"/-/reload", nil)
	if err != nil {
		return err
	}
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("reload the configuration: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("reload the configuration: %s\n%s", resp.Status, p.run.proc.output())
	}
	return nil
}

// Stop ends the Prometheus and removes what it stored.
func (p *Prometheus) Stop() error { return p.run.Stop() }

// PrometheusFor starts a Prometheus for a test and stops it at the test's end.
func PrometheusFor(t TB, opts PrometheusOptions) *Prometheus {
	t.Helper()
	Need(t, "prometheus")
	p, err := StartPrometheus(context.Background(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func configOf(dir string) string { return filepath.Join(dir, "prometheus.yml") }

// writeConfig writes the configuration as JSON, which is YAML too.
func writeConfig(dir string, interval time.Duration, targets map[string][]string) error {
	type group struct {
		Targets []string `json:"targets"`
	}
	type job struct {
		Name   string  `json:"job_name"`
		Static []group `json:"static_configs"`
	}
	every := fmt.Sprintf("%dms", interval.Milliseconds())
	jobs := make([]job, 0, len(targets))
	for name, addrs := range targets {
		jobs = append(jobs, job{Name: name, Static: []group{{Targets: addrs}}})
	}
	config, err := json.Marshal(map[string]any{
		"global":         map[string]string{"scrape_interval": every, "scrape_timeout": every},
		"scrape_configs": jobs,
	})
	if err != nil {
		return err
	}
	return os.WriteFile(configOf(dir), config, 0o600)
}
