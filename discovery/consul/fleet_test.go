package consul_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/discovery/consul"
)

// followFleet starts a watch that ends with the test.
func followFleet(t *testing.T, c *consul.Client) <-chan consul.FleetUpdate {
	t.Helper()
	updates := make(chan consul.FleetUpdate, 100)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.WatchFleet(ctx, func(u consul.FleetUpdate) { updates <- u }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("WatchFleet = %v, want the context's error", err)
		}
	})
	return updates
}

// untilFleet reads updates until ok.
func untilFleet(t *testing.T, updates <-chan consul.FleetUpdate, what string, ok func(consul.FleetUpdate) bool) consul.FleetUpdate {
	t.Helper()
	timeout := time.After(limit)
	for {
		select {
		case u := <-updates:
			if ok(u) {
				return u
			}
		case <-timeout:
			t.Fatalf("no update in which %s", what)
		}
	}
}

func TestAWholeFleetIsWatchedByThreeConnections(t *testing.T) {
	a, _ := agent(t)
	put(t, a, "/v1/catalog/register", node("n1", "passing"))
	for i := range 30 {
		put(t, a, "/v1/catalog/register", instance("n1", fmt.Sprint("s", i), fmt.Sprint("s", i, "-1"), "passing"))
	}
	var waiting, asked atomic.Int32
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: a.Addr})
	proxy.ErrorLog = log.New(io.Discard, "", 0)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.URL.Query().Has("index") {
			waiting.Add(1)
			defer waiting.Add(-1)
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	updates := followFleet(t, newClient(t, consul.Config{Address: server.URL}))
	first := untilFleet(t, updates, "everything is told", func(u consul.FleetUpdate) bool { return u.Whole })
	if len(first.Services) != 31 || len(first.Services["s7"]) != 1 || first.Services["s7"][0].Status != "passing" || !first.Services["s7"][0].GRPC {
		t.Errorf("%d services; s7 = %+v", len(first.Services), first.Services["s7"])
	}
	eventually(t, "three queries wait", func() error {
		if n := waiting.Load(); n != 3 {
			return fmt.Errorf("%d wait", n)
		}
		return nil
	})
	if n := asked.Load(); n > 15 {
		t.Errorf("%d requests for 31 services, want a few", n)
	}
	put(t, a, "/v1/catalog/register", instance("n1", "s7", "s7-1", "critical"))
	u := untilFleet(t, updates, "s7 is critical", func(u consul.FleetUpdate) bool {
		return len(u.Services["s7"]) == 1 && u.Services["s7"][0].Status == "critical"
	})
	if names := slices.Collect(maps.Keys(u.Services)); len(names) != 1 || u.Whole || u.Err != nil {
		t.Errorf("update = %+v, want s7 alone", u)
	}
	put(t, a, "/v1/catalog/deregister", map[string]any{"Node": "n1", "ServiceID": "s7-1"})
	untilFleet(t, updates, "s7 is gone", func(u consul.FleetUpdate) bool {
		s7, told := u.Services["s7"]
		return told && len(s7) == 0
	})
}
