package kit_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/gctl-dev/gctl/svc/kit"
)

// A panic costs one request, and is an answer where nothing else was sent.
func TestAPanicOfAnHTTPHandlerIsAnswered(t *testing.T) {
	r, url := startHTTP(t, kit.Options{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000")
		w.Header().Set("X-Half", "done")
		if r.URL.Path == "/early" {
			w.WriteHeader(http.StatusEarlyHints)
		}
		panic("s3cret")
	})
	for _, version2 := range []bool{false, true} {
		for _, path := range []string{"/", "/early"} {
			request, err := http.NewRequestWithContext(within(t), http.MethodGet, url+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := httpClient(t, version2).Do(request)
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			body, err := io.ReadAll(answer.Body)
			answer.Body.Close()
			if err != nil || answer.StatusCode != http.StatusInternalServerError || string(body) != `{"code":13,"message":"internal error"}` ||
				answer.Header.Get("Content-Type") != "application/json" || answer.Header.Get("X-Half") != "" {
				t.Errorf("%s: %s %v %s, %v", path, answer.Status, answer.Header, body, err)
			}
		}
	}
	if lines := r.log.lines(t, "handler panicked"); len(lines) != 4 || !strings.Contains(r.log.String(), "s3cret") {
		t.Errorf("log = %s", r.log)
	}
}

func TestAPanicInTheMiddleOfAnAnswerCutsItOff(t *testing.T) {
	for name, send := range map[string]func(http.ResponseWriter){
		"written": func(w http.ResponseWriter) { _, _ = io.WriteString(w, "half") },
		"flushed": func(w http.ResponseWriter) { w.(http.Flusher).Flush() },
		"headers": func(w http.ResponseWriter) { w.WriteHeader(http.StatusOK) },
	} {
		t.Run(name, func(t *testing.T) {
			r, url := startHTTP(t, kit.Options{}, func(w http.ResponseWriter, _ *http.Request) {
				send(w)
				panic("s3cret")
			})
			if _, body, err := fetch(t, httpClient(t, false), url); err == nil {
				t.Errorf("the answer looks whole: %q", body)
			}
			until(t, "the log tells of it", func() bool { return len(r.log.lines(t, "handler panicked")) == 1 })
		})
	}
}
