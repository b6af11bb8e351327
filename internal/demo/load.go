package demo

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"
)

// LoadRate is how many calls a second the load makes.
const LoadRate = 20

// load calls the user service through the edge, as browsers do: JSON by POST.
type load struct {
	cancel context.CancelFunc
	calls  sync.WaitGroup
	client *http.Client
	page   string
}

// Load makes the load of a world on a page once more, until it is stopped.
func Load(ctx context.Context, page string) (stop func()) { return startLoad(ctx, page, nil).stop }

func startLoad(ctx context.Context, page string, trust *tls.Config) *load {
	ctx, cancel := context.WithCancel(ctx)
	l := &load{cancel: cancel, page: page, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4, TLSClientConfig: trust}}}
	l.calls.Go(func() { l.run(ctx) })
	return l
}

// stop ends the load and waits for its last calls.
func (l *load) stop() {
	l.cancel()
	l.calls.Wait()
	l.client.CloseIdleConnections()
}

// run begins a call at each tick, whatever became of those before: a service that
// is slow gets no less to do.
func (l *load) run(ctx context.Context) {
	ticker := time.NewTicker(time.Second / LoadRate)
	defer ticker.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		method, request := next(n)
		l.calls.Go(func() { l.call(ctx, method, request) })
	}
}

// next returns a call of the mix: mostly reads, and now and then a change.
func next(n int) (method, request string) {
	user := rand.IntN(9) + 1 //nolint:gosec // no secret
	switch {
	case n%20 == 19:
		return "UpdateUser", fmt.Sprintf(`{"user":{"id":"u-%d","state":"STATE_ACTIVE"},"updateMask":"state"}`, user)
	case n%5 == 4:
		return "ListUsers", `{"pageSize":5}`
	default:
		return "GetUser", fmt.Sprintf(`{"id":"u-%d"}`, user)
	}
}

// call makes one call; how it ended is for the metrics of the edge to tell.
func (l *load) call(ctx context.Context, method, request string) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.page+"user.v1.UserService/"+method, strings.NewReader(request))
	if err != nil {
		return
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := l.client.Do(req)
	if err != nil {
		return
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
}
