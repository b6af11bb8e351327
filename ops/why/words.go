package why

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/internal/term"
)

// short is a method without the package of its service.
func short(method string) string {
	if method == "" {
		return "all methods"
	}
	service, name, found := strings.Cut(method, "/")
	if !found {
		return method
	}
	return service[strings.LastIndex(service, ".")+1:] + "/" + name
}

// seconds is a duration as people read it.
func seconds(s float64) string {
	switch {
	case math.IsNaN(s):
		return "unknown"
	case math.IsInf(s, 1):
		return "beyond the largest bucket"
	case s >= 10:
		return fmt.Sprintf("%.0fs", s)
	case s >= 1:
		return fmt.Sprintf("%.1fs", s)
	case s >= 0.01:
		return fmt.Sprintf("%.0fms", s*1000)
	default:
		return fmt.Sprintf("%.1fms", s*1000)
	}
}

// percent is a share as people read it.
func percent(share float64) string {
	switch p := share * 100; {
	case math.IsNaN(p):
		return "unknown"
	case p >= 10:
		return fmt.Sprintf("%.0f%%", p)
	case p >= 1:
		return fmt.Sprintf("%.1f%%", p)
	default:
		return fmt.Sprintf("%.2g%%", p)
	}
}

// span is a length of time as people read it.
func span(d time.Duration) string {
	switch d = d.Round(time.Second); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	default:
		return fmt.Sprintf("%dd", int(d.Hours()/24))
	}
}

// names lists some names, the rest counted.
func names(all []string) string {
	const shown = 4
	if len(all) <= shown {
		return strings.Join(all, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(all[:shown], ", "), len(all)-shown)
}

// command is a gctl command; words that a shell would read otherwise are quoted.
func command(words ...string) string {
	out := make([]string, 0, len(words)+1)
	out = append(out, "gctl")
	for _, w := range words {
		out = append(out, term.Quote(w))
	}
	return strings.Join(out, " ")
}
