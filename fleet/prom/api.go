package prom

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/gctl-dev/gctl/fleet"
)

// when is the moment or the range that a query is about.
type when struct {
	at         time.Time // zero: now, by Prometheus' own clock
	start, end time.Time
	step       time.Duration // 0: not a range
}

func (w when) values(query string) (endpoint string, v url.Values) {
	v = url.Values{"query": {query}}
	switch {
	case w.step > 0:
		v.Set("start", stamp(w.start))
		v.Set("end", stamp(w.end))
		v.Set("step", strconv.FormatFloat(w.step.Seconds(), 'f', -1, 64))
		return "/api/v1/query_range", v
	case !w.at.IsZero():
		v.Set("time", stamp(w.at))
	}
	return "/api/v1/query", v
}

func stamp(t time.Time) string { return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', -1, 64) }

// ask sends a query, by POST since it may be long, by GET where a proxy allows no
// more.
func (r *Reader) ask(ctx context.Context, query string, w when) (answer, error) {
	endpoint, form := w.values(query)
	u := r.client.URL(endpoint, nil)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, body, err := r.client.Do(ctx, req) //nolint:bodyclose // Do has read and closed it
	if err == nil && (resp.StatusCode == http.StatusMethodNotAllowed || resp.StatusCode == http.StatusNotImplemented) {
		u.RawQuery = form.Encode()
		if req, err = http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody); err != nil {
			return answer{}, err
		}
		resp, body, err = r.client.Do(ctx, req) //nolint:bodyclose // as above
	}
	if err != nil {
		return answer{}, err
	}
	a, err := decode(resp.StatusCode, body)
	var e *fleet.Error
	if err != nil && !errors.As(err, &e) {
		err = &fleet.Error{What: "ask prometheus: " + req.Method + " " + u.Scheme + "://" + u.Host + u.Path, Err: err, Hint: "is it Prometheus that answers there? gctl doctor looks at all backends"}
	}
	return a, err
}

// answer is what a query gave.
type answer struct {
	series   []series
	warnings []string
}

// series are the points of one set of labels.
type series struct {
	labels map[string]string
	points []point
}

// point is a value, or a native histogram.
type point struct {
	at        time.Time
	value     float64 // of a histogram its sum
	histogram *histogram
}

// The shape of answers.
type (
	wire struct {
		Status    string   `json:"status"`
		ErrorType string   `json:"errorType"`
		Error     string   `json:"error"`
		Warnings  []string `json:"warnings"`
		Data      struct {
			Type   string          `json:"resultType"`
			Result json.RawMessage `json:"result"`
		} `json:"data"`
	}
	wireSeries struct {
		Metric     map[string]string `json:"metric"`
		Value      *wirePoint        `json:"value"`
		Values     []wirePoint       `json:"values"`
		Histogram  *wireHistogram    `json:"histogram"`
		Histograms []wireHistogram   `json:"histograms"`
	}
	wirePoint     struct{ point }
	wireHistogram struct{ point }
	histogram     struct {
		Count   number   `json:"count"`
		Sum     number   `json:"sum"`
		Buckets []bucket `json:"buckets"`
	}
	bucket struct{ low, high, count float64 }
	number float64
)

// decode reads an answer. What Prometheus itself refuses is a *fleet.Error.
func decode(status int, body []byte) (a answer, err error) {
	var w wire
	if err := json.Unmarshal(body, &w); err != nil || w.Status != "success" && w.Status != "error" {
		if status != http.StatusOK {
			return a, fmt.Errorf("it answered %d %s: %s", status, http.StatusText(status), excerpt(body))
		}
		return a, fmt.Errorf("the answer is not that of a query: %s", excerpt(body))
	}
	if w.Status == "error" {
		return a, refusal(&w)
	}
	a.warnings = w.Warnings
	switch w.Data.Type {
	case "vector", "matrix":
		var list []wireSeries
		if err := json.Unmarshal(w.Data.Result, &list); err != nil {
			return a, fmt.Errorf("the answer is damaged: %w", err)
		}
		for i := range list {
			a.series = append(a.series, list[i].series())
		}
	case "scalar":
		var p wirePoint
		if err := json.Unmarshal(w.Data.Result, &p); err != nil {
			return a, fmt.Errorf("the answer is damaged: %w", err)
		}
		a.series = []series{{points: []point{p.point}}}
	case "string":
		return a, &fleet.Error{Kind: fleet.Usage, What: "the query is a text, which has no value"}
	default:
		return a, fmt.Errorf("the answer is of an unknown type, %q", excerpt([]byte(w.Data.Type)))
	}
	return a, nil
}

func (w *wireSeries) series() series {
	s := series{labels: w.Metric}
	if w.Value != nil {
		s.points = append(s.points, w.Value.point)
	}
	if w.Histogram != nil {
		s.points = append(s.points, w.Histogram.point)
	}
	for _, p := range w.Values {
		s.points = append(s.points, p.point)
	}
	for _, p := range w.Histograms {
		s.points = append(s.points, p.point)
	}
	return s
}

// refusal is Prometheus' own error: a query that is wrong is the user's.
func refusal(w *wire) error {
	e := &fleet.Error{What: "prometheus refuses the query", Err: errors.New(excerpt([]byte(w.Error)))}
	switch w.ErrorType {
	case "bad_data":
		e.Kind, e.Hint = fleet.Usage, "the numbers are line and column of the query"
		if !strings.Contains(w.Error, "parse error") {
			e.Hint = ""
		}
	case "timeout", "canceled", "execution":
		e.What, e.Hint = "prometheus could not answer the query", "ask for less: a shorter range, a wider step, fewer series"
	default:
		e.What = "prometheus could not answer the query"
	}
	return e
}

// excerpt is the beginning of a peer's words on one line, without control
// characters.
func excerpt(text []byte) string {
	const most = 500
	line := strings.Join(strings.Fields(string(text[:min(len(text), most)])), " ")
	line = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(line, ""))
	if len(text) > most {
		line += "..."
	}
	return line
}

func (p *wirePoint) UnmarshalJSON(raw []byte) error {
	var value number
	at, err := pair(raw, &value)
	p.point = point{at: at, value: float64(value)}
	return err
}

func (p *wireHistogram) UnmarshalJSON(raw []byte) error {
	var h histogram
	at, err := pair(raw, &h)
	p.point = point{at: at, value: float64(h.Sum), histogram: &h}
	return err
}

// pair reads [unix seconds, value].
func pair(raw []byte, value any) (time.Time, error) {
	var parts []json.RawMessage
	if err := json.Unmarshal(raw, &parts); err != nil {
		return time.Time{}, err
	}
	if len(parts) != 2 {
		return time.Time{}, fmt.Errorf("a point of %d parts", len(parts))
	}
	var at float64
	if err := errors.Join(json.Unmarshal(parts[0], &at), json.Unmarshal(parts[1], value)); err != nil {
		return time.Time{}, err
	}
	return time.UnixMilli(int64(at * 1000)).UTC(), nil
}

// UnmarshalJSON reads a number in quotes, which JSON needs for NaN and Inf.
func (n *number) UnmarshalJSON(raw []byte) error {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return err
	}
	f, err := strconv.ParseFloat(text, 64)
	*n = number(f)
	return err
}

// UnmarshalJSON reads [rule, low, high, count]; which of the bounds belong to the
// bucket does not matter here.
func (b *bucket) UnmarshalJSON(raw []byte) error {
	var parts []json.RawMessage
	if err := json.Unmarshal(raw, &parts); err != nil {
		return err
	}
	if len(parts) != 4 {
		return fmt.Errorf("a bucket of %d parts", len(parts))
	}
	var v [3]number
	for i := range v {
		if err := json.Unmarshal(parts[i+1], &v[i]); err != nil {
			return err
		}
	}
	b.low, b.high, b.count = float64(v[0]), float64(v[1]), float64(v[2])
	return nil
}
