package scrape_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/scrape"
)

// Nobody is answered the second time before all were asked the first time: whoever
// waits for the second scrape must not keep others from their first.
func TestManyInstancesAreAskedTwiceForAllSplits(t *testing.T) {
	const instances = 150
	var mu sync.Mutex
	asked := map[string]int{}
	all := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked[r.URL.Path]++
		n := asked[r.URL.Path]
		if n == 1 && len(asked) == instances {
			close(all)
		}
		mu.Unlock()
		if n > 1 {
			select {
			case <-all:
			case <-r.Context().Done():
				return
			}
		}
		fmt.Fprintf(w, "grpc_server_handled_total{grpc_service=\"a.B\",grpc_method=\"C\",grpc_type=\"unary\",grpc_code=\"OK\"} %d\n", 10*n)
	}))
	defer s.Close()
	q := fleet.REDQuery{Side: fleet.ServerSide}
	for i := range instances {
		q.Instances = append(q.Instances, fleet.Instance{
			Service: "a", ID: fmt.Sprint("a", i), Addr: "127.0.0.1:1", Meta: map[string]string{fleet.MetaMetrics: fmt.Sprint(s.URL, "/", i)},
		})
	}
	r := scrape.New(scrape.Options{Pause: 300 * time.Millisecond})
	list, err := fleet.REDSplits(t.Context(), r, q, [][]fleet.Dimension{nil, {fleet.ByMethod}, {fleet.ByInstance}})
	if err != nil || len(list.Missing) != 0 {
		t.Fatalf("%v, missing %+v", err, list.Missing)
	}
	if len(list.REDs) != 1+1+instances {
		t.Errorf("%d rows", len(list.REDs))
	}
	for path, n := range asked {
		if n != 2 {
			t.Errorf("%s was asked %d times", path, n)
		}
	}
}
