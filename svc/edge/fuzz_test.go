package edge_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gctl-dev/gctl/svc/edge"
)

// Whatever JSON comes, the answer is one of these and never a failure of the edge.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{`{"id":"u-1"}`, `{}`, ``, `{"id":`, `[]`, `{"user":{"labels":{"a":"b"},"createTime":"2026-01-01T00:00:00Z"},"updateMask":"role"}`, "\x00", `{"id":"\ud800"}`} {
		f.Add("/user.v1.UserService/GetUser", seed)
		f.Add("/v1/users", seed)
		f.Add("/user.v1.UserService/UpdateUser", seed)
	}
	_, addr := newStub(f)
	w := newWorld(f, addr, func(o *edge.Options) { o.Log = jsonLog(discard{}) })
	f.Fuzz(func(t *testing.T, path, body string) {
		if path != "/v1/users" && !strings.HasPrefix(path, "/user.v1.UserService/") || strings.ContainsAny(path, " \r\n%?#\x00") {
			return
		}
		for _, b := range path {
			if b <= ' ' || b > '~' {
				return
			}
		}
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		answer := httptest.NewRecorder()
		w.edge.Handler().ServeHTTP(answer, r)
		switch answer.Code {
		case 200, 400, 404, 405, 415, 429, 501, 505:
		default:
			t.Errorf("%s %q: %d %s", path, body, answer.Code, answer.Body)
		}
	})
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }
