package prom_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/backend"
	"github.com/gctl-dev/gctl/fleet/fleettest"
	"github.com/gctl-dev/gctl/fleet/prom"
)

var user = fleet.Instance{ID: "user-1", Service: "user", Addr: "10.0.0.1:9090", Meta: map[string]string{"metrics": "10.0.0.1:9091"}}

// TestEveryAnswerThatIsNone asks a Prometheus that is broken in every way: it is
// an error that says what to do, never an empty answer.
func TestEveryAnswerThatIsNone(t *testing.T) {
	answer := func(status int, kind, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, text)
		}
	}
	const json = "application/json"
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		want    string
	}{
		"garbage":     {answer(200, json, "\x00\x01?"), "not that of a query"},
		"another":     {answer(200, json, `{"hello":"world"}`), "not that of a query"},
		"html":        {answer(200, "text/html", "<html>"), "web page"},
		"401":         {answer(401, json, "{}"), "401"},
		"403":         {answer(403, json, "{}"), "403"},
		"429":         {answer(429, json, "{}"), "429"},
		"500":         {answer(500, "text/plain", "boom"), "500 Internal Server Error: boom"},
		"503":         {answer(503, json, `{"status":"error","errorType":"unavailable","error":"starting"}`), "starting"},
		"damaged":     {answer(200, json, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1]}]}}`), "damaged"},
		"text number": {answer(200, json, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"x"]}]}}`), "damaged"},
		"other type":  {answer(200, json, `{"status":"success","data":{"resultType":"tensor","result":[]}}`), "unknown type"},
		"half": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"status":"succ`)
		}, "cut off"},
		"slow query": {answer(503, json, `{"status":"error","errorType":"timeout","error":"query timed out in expression evaluation"}`), "timed out"},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(c.handler)
			t.Cleanup(s.Close)
			r := reader(t, s.URL)
			_, queryErr := r.Query(t.Context(), "up", time.Time{})
			_, redErr := r.RED(t.Context(), fleet.REDQuery{Service: "user", Instances: []fleet.Instance{user}})
			_, breakerErr := r.Breakers(t.Context(), []fleet.Instance{user}, "")
			for _, err := range []error{queryErr, redErr, breakerErr} {
				var e *fleet.Error
				if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%v", err)
				}
			}
		})
	}
}

func TestEveryFault(t *testing.T) {
	fleettest.HTTPFaults(t, func(t *testing.T, addr string) map[string]error {
		client, err := backend.New(backend.Options{Name: "prometheus", URL: "http://" + addr, Timeout: fleettest.Patience})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(client.Close)
		r := prom.New(prom.Options{Client: client})
		end := time.Now()
		_, query := r.Query(t.Context(), "up", time.Time{})
		_, queryRange := r.QueryRange(t.Context(), "up", end.Add(-time.Minute), end, time.Second)
		_, red := r.RED(t.Context(), fleet.REDQuery{Service: "user", Instances: []fleet.Instance{user}})
		_, breakers := r.Breakers(t.Context(), []fleet.Instance{user}, "")
		return map[string]error{"query": query, "range": queryRange, "red": red, "breakers": breakers}
	})
}

func TestAWrongQueryHasPrometheusOwnWords(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"status":"error","errorType":"bad_data","error":"invalid parameter \"query\": 1:4: parse error: unexpected end of input"}`)
	}))
	t.Cleanup(s.Close)
	_, err := reader(t, s.URL).Query(t.Context(), "up{", time.Time{})
	if fleet.KindOf(err) != fleet.Usage || !strings.Contains(err.Error(), "1:4: parse error: unexpected end of input") {
		t.Error(err)
	}
}

// fake answers queries by the text that they contain.
func fake(t *testing.T, answers map[string]string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.WriteHeader(http.StatusMethodNotAllowed) // as a proxy for reading does
			return
		}
		query, result := r.FormValue("query"), "[]"
		for part, answer := range answers {
			if part == "up" && query == "up" || part != "up" && strings.Contains(query, part) {
				result = answer
			}
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"status":"success","data":{"resultType":"vector","result":%s}}`, result)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// TestAClockThatDisagrees has a Prometheus that lives five minutes ahead.
func TestAClockThatDisagrees(t *testing.T) {
	at := time.Now().Add(5 * time.Minute).Unix()
	one := func(labels, value string) string {
		return fmt.Sprintf(`[{"metric":{%s},"value":[%d,"%s"]}]`, labels, at, value)
	}
	r := reader(t, fake(t, map[string]string{
		"up":       one(`"job":"user","instance":"10.0.0.1:9091"`, "1"),
		"group by": one(`"__name__":"grpc_server_handled_total","job":"user","instance":"10.0.0.1:9091"`, "1"),
		"rate(":    one(`"grpc_code":"OK"`, "3"),
	}))
	list, err := r.RED(t.Context(), fleet.REDQuery{Service: "user", Instances: []fleet.Instance{user}})
	if err != nil || len(list.REDs) != 1 || list.REDs[0].Rate != 3 {
		t.Fatalf("%+v, %v", list, err)
	}
	if notes := strings.Join(list.REDs[0].Notes, ";"); !strings.Contains(notes, "clock differs from this machine's by 5m0s") && !strings.Contains(notes, "by 4m59s") {
		t.Error(notes)
	}
}

func TestNumbersThatAreNone(t *testing.T) {
	one := func(labels, value string) string {
		return fmt.Sprintf(`[{"metric":{%s},"value":[1,"%s"]}]`, labels, value)
	}
	for _, value := range []string{"NaN", "+Inf", "-Inf", "-3"} {
		r := reader(t, fake(t, map[string]string{
			"up":       one(`"job":"user","instance":"10.0.0.1:9091"`, "1"),
			"group by": one(`"__name__":"grpc_server_handled_total","job":"user","instance":"10.0.0.1:9091"`, "1"),
			"rate(":    one(`"grpc_code":"OK"`, value),
		}))
		list, err := r.RED(t.Context(), fleet.REDQuery{Service: "user", Instances: []fleet.Instance{user}})
		if err != nil || len(list.REDs) != 1 || list.REDs[0].Rate == list.REDs[0].Rate || len(list.REDs[0].Unknown) == 0 {
			t.Errorf("%s: %+v, %v", value, list, err)
		}
	}
}

func TestAServiceThatPrometheusDoesNotKnow(t *testing.T) {
	r := reader(t, fake(t, map[string]string{"up": `[{"metric":{"job":"node","instance":"10.0.0.1:9100"},"value":[1,"1"]}]`}))
	list, err := r.RED(t.Context(), fleet.REDQuery{Service: "user", Instances: []fleet.Instance{user}})
	if err != nil || len(list.REDs) != 0 || len(list.Missing) != 1 || !strings.Contains(list.Missing[0].Err.Error(), "map: {user: {prometheus: JOB}}") {
		t.Errorf("%+v, %v", list, err)
	}
}
