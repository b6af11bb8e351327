package screen

import (
	"strings"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// Curl is the command that asks over HTTP what a source was asked, "" if that is
// not known. What the source wants as credentials is not in it.
func Curl(p fleet.Provenance) string {
	path, get := strings.CutPrefix(p.Query, "GET /")
	_, base, named := strings.Cut(p.Source, " ")
	if !get || !named || !strings.HasPrefix(base, "http://") && !strings.HasPrefix(base, "https://") {
		return ""
	}
	return Line("curl", "-s", base+"/"+path)
}

// Span is a window as people say it: "1h", "15m", "1h30m".
func Span(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// ShortMethod makes UserService/GetUser of user.v1.UserService/GetUser; what is no
// method stays.
func ShortMethod(name string) string {
	service, method, ok := strings.Cut(name, "/")
	if !ok || strings.ContainsAny(service, " ") {
		return name
	}
	return service[strings.LastIndexByte(service, '.')+1:] + "/" + method
}
