package prom_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// asked answers as the function says and remembers the queries.
func asked(t *testing.T, answer func(r *http.Request, query string) (result string, status int)) (url string, queries func() string) {
	t.Helper()
	var mu sync.Mutex
	var all []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.FormValue("query")
		mu.Lock()
		all = append(all, query)
		mu.Unlock()
		result, status := answer(r, query)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		if status != http.StatusOK {
			fmt.Fprintf(w, `{"status":"error","errorType":"execution","error":%q}`, result)
			return
		}
		kind := "vector"
		if strings.Contains(r.URL.Path, "query_range") {
			kind = "matrix"
		}
		fmt.Fprintf(w, `{"status":"success","data":{"resultType":%q,"result":%s}}`, kind, result)
	}))
	t.Cleanup(s.Close)
	return s.URL, func() string {
		mu.Lock()
		defer mu.Unlock()
		return strings.Join(all, "\n")
	}
}

func vector(value string, labels ...string) string {
	var out []string
	for _, l := range labels {
		out = append(out, fmt.Sprintf(`{"metric":{%s},"value":[%d,%q]}`, l, time.Now().Unix(), value))
	}
	return "[" + strings.Join(out, ",") + "]"
}

const (
	upLabels     = `"job":"user","instance":"10.0.0.1:9091"`
	countsLabels = `"__name__":"grpc_server_handled_total",` + upLabels
	bucketLabels = `"__name__":"grpc_server_handling_seconds_bucket",` + upLabels
)

func TestDurationsThatCouldNotBeReadSayWhy(t *testing.T) {
	url, _ := asked(t, func(_ *http.Request, query string) (string, int) {
		switch {
		case query == "up":
			return vector("1", upLabels), http.StatusOK
		case strings.HasPrefix(query, "group by"):
			return vector("1", countsLabels, bucketLabels), http.StatusOK
		case strings.Contains(query, "_bucket"):
			return "query processing would load too many samples", http.StatusUnprocessableEntity
		case strings.Contains(query, "rate("):
			return vector("3", `"grpc_code":"OK"`), http.StatusOK
		}
		return "[]", http.StatusOK
	})
	list, err := reader(t, url).RED(t.Context(), fleet.REDQuery{Service: "user", Instances: []fleet.Instance{user}})
	if err != nil || len(list.REDs) != 1 || list.REDs[0].Rate != 3 {
		t.Fatalf("%+v, %v", list, err)
	}
	if why := strings.Join(list.REDs[0].Unknown, "; "); !strings.HasPrefix(why, "p50, p95, p99: ") || !strings.Contains(why, "too many samples") {
		t.Error(why)
	}
}

func TestAProcessThatTwoJobsScrapeIsCountedOnce(t *testing.T) {
	other := strings.ReplaceAll(upLabels, `"job":"user"`, `"job":"kubernetes-pods"`)
	url, queries := asked(t, func(_ *http.Request, query string) (string, int) {
		switch {
		case query == "up":
			return vector("1", upLabels, other), http.StatusOK
		case strings.HasPrefix(query, "group by"):
			return vector("1", countsLabels, `"__name__":"grpc_server_handled_total",`+other), http.StatusOK
		case strings.Contains(query, "rate("):
			return vector("3", `"grpc_code":"OK"`), http.StatusOK
		}
		return "[]", http.StatusOK
	})
	list, err := reader(t, url).RED(t.Context(), fleet.REDQuery{Service: "user", Instances: []fleet.Instance{user}})
	if err != nil || len(list.REDs) != 1 || list.REDs[0].Rate != 3 {
		t.Fatalf("%+v, %v", list, err)
	}
	for query := range strings.SplitSeq(queries(), "\n") {
		if strings.Contains(query, "rate(") && !strings.Contains(query, `job="kubernetes-pods",instance="10.0.0.1:9091"`) {
			t.Errorf("%s is not about one of the two", query)
		}
	}
}

// The instance that served in the range is gone by now.
func TestARangeOfThePastHasTheTargetsOfThen(t *testing.T) {
	end := time.Now().Add(-6 * time.Hour).Truncate(time.Second)
	url, _ := asked(t, func(r *http.Request, query string) (string, int) {
		at, _ := strconv.ParseFloat(r.FormValue("time"), 64)
		then := at != 0 && at < float64(end.Add(time.Minute).Unix())
		switch {
		case query == "up" && then:
			return vector("1", upLabels), http.StatusOK
		case query == "up":
			return vector("1", `"job":"other","instance":"10.0.0.9:1"`), http.StatusOK
		case strings.HasPrefix(query, "group by") && then:
			return vector("1", countsLabels), http.StatusOK
		case strings.Contains(query, "rate("):
			return fmt.Sprintf(`[{"metric":{"grpc_code":"OK"},"values":[[%d,"3"]]}]`, end.Unix()), http.StatusOK
		}
		return "[]", http.StatusOK
	})
	rows, err := reader(t, url).REDRange(t.Context(), fleet.REDQuery{Service: "user", Instances: []fleet.Instance{user}}, end.Add(-time.Minute), end, time.Minute)
	if err != nil || len(rows) != 1 || rows[0].Rate != 3 {
		t.Errorf("%+v, %v", rows, err)
	}
}
