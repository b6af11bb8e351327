package edge_test

import (
	"net/http"
	"strings"
	"testing"
)

// What a caller says wrongly is the caller's mistake, told in Connect's JSON and
// in plain words.
func TestConnectRequestsThatCannotBeReadAreTheCallers(t *testing.T) {
	_, addr := newStub(t)
	w := newWorld(t, addr)
	const get = "/user.v1.UserService/GetUser"
	for _, c := range []struct{ method, query, header, body, want string }{
		{"GET", "encoding=proto&base64=1&message=%21", "", "", "no base64"},
		{"GET", "encoding=proto&base64=1&message=CgN1LTE%3D%3D%3D", "", "", "no base64"},
		{"GET", "encoding=proto&base64=yes&message=", "", "", "base64 is 0, 1"},
		{"GET", "encoding=proto&base64=1&message=_w", "", "", "the message is no user.v1.GetUserRequest"},
		{"GET", "encoding=json&message=%7B", "", "", "the JSON is no user.v1.GetUserRequest"},
		{"GET", "message=%7B%7D", "", "", "encoding is missing"},
		{"GET", "encoding=json", "", "", "message is missing"},
		{"GET", "", "", "", "encoding is missing"},
		{"GET", "encoding=json&message=%7B%7D&connect=v2", "", "", "connect is v1"},
		{"GET", "encoding=json&message=a;b", "", "", "the query cannot be read"},
		{"GET", "encoding=json&message=%", "", "", "the query cannot be read"},
		{"GET", "encoding=json&message=%7B%7D", "", "{}", "takes no body"},
		{"GET", "encoding=json&message=%7B%7D", "soon", "", `Connect-Timeout-Ms is "soon", and no number of milliseconds`},
		{"POST", "", "-1", "{}", `Connect-Timeout-Ms is "-1"`},
		{"POST", "", "1.5", "{}", `Connect-Timeout-Ms is "1.5"`},
		{"POST", "", "99999999999", "{}", "of at most 10 digits"},
	} {
		headers := []string{"Connect-Timeout-Ms", c.header}
		if c.method == http.MethodPost {
			headers = append(headers, "Content-Type", "application/json")
		}
		answer, body := do(t, httpClient(t, 1), c.method, "http://"+w.http+get+"?"+c.query, c.body, headers...)
		r := readRefusal(t, c.query, answer, body)
		if answer.StatusCode != http.StatusBadRequest || r.Code != "invalid_argument" || !strings.Contains(r.Message, c.want) ||
			strings.Contains(body, "strconv") || strings.Contains(body, "illegal") {
			t.Errorf("%s %s %s: %s %s, want %q", c.method, c.query, c.header, answer.Status, body, c.want)
		}
	}
	for _, good := range []string{
		"connect=v1&encoding=json&message=%7B%22id%22%3A%22u-1%22%7D", "encoding=proto&base64=1&message=CgN1LTE", "encoding=proto&base64=1&message=CgN1LTE%3D&compression=",
		"encoding=json&message=%7B%22id%22%3A%22u-1%22%7D&base64=0",
	} {
		answer, body := do(t, httpClient(t, 1), http.MethodGet, "http://"+w.http+get+"?"+good, "", "Connect-Timeout-Ms", "9999999999")
		if answer.StatusCode != http.StatusOK {
			t.Errorf("%s: %s %s", good, answer.Status, body)
		}
	}
}

func TestATimeoutOfRESTIsANumberOfSeconds(t *testing.T) {
	_, addr := newStub(t)
	w := newWorld(t, addr)
	for timeout, want := range map[string]int{"": 200, "10": 200, "9.5": 200, "soon": 400, "-1": 400, "NaN": 400, "1e300": 400} {
		answer, body := do(t, httpClient(t, 1), http.MethodGet, "http://"+w.http+"/v1/users/u-1", "", "X-Server-Timeout", timeout)
		if answer.StatusCode != want || want == 400 && !strings.Contains(body, "no number of seconds") {
			t.Errorf("%q: %s %s", timeout, answer.Status, body)
		}
	}
}
