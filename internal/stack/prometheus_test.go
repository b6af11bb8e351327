package stack

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// eventually polls the body at the URL until it contains want.
func eventually(t *testing.T, url, want string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	end := time.After(30 * time.Second)
	for {
		body, _, err := get(t.Context(), client, url)
		if err == nil && strings.Contains(string(body), want) {
			return
		}
		select {
		case <-end:
			t.Fatalf("%s = %s, %v; want %q in it", url, body, err, want)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func TestAPrometheusScrapesAndLeavesNothing(t *testing.T) {
	Need(t, "prometheus")
	t.Setenv("TMPDIR", t.TempDir())
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "answer 42")
	}))
	defer target.Close()
	addr := strings.TrimPrefix(target.URL, "http://")
	p, err := StartPrometheus(t.Context(), PrometheusOptions{Targets: map[string][]string{"one": {addr}}})
	if err != nil {
		t.Fatal(err)
	}
	query := "http://" + p.Addr + "/api/v1/query?query=answer"
	eventually(t, query, `"job":"one"`)
	if err := p.Scrape(t.Context(), map[string][]string{"two": {addr}}); err != nil {
		t.Fatal(err)
	}
	eventually(t, query, `"job":"two"`)
	if err := p.Stop(); err != nil {
		t.Fatal(err)
	}
	leavesNothing(t, p.Addr)
}

func TestAPrometheusThatCannotStartSaysWhy(t *testing.T) {
	Need(t, "prometheus")
	t.Setenv("TMPDIR", t.TempDir())
	_, err := StartPrometheus(t.Context(), PrometheusOptions{Targets: map[string][]string{"": {"127.0.0.1:1"}}})
	if err == nil || !strings.Contains(err.Error(), "job_name") {
		t.Errorf("error = %v, want Prometheus' words", err)
	}
	leavesNothing(t)
}
