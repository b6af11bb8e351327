package config

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Backend says where Prometheus or Jaeger is: in the file a URL, or a block
// where it wants more than that. The zero value is none.
//
//nolint:recvcheck // YAML reads by pointer and writes values of a map
type Backend struct {
	URL     string            `yaml:"url"` // with its path prefix
	Headers map[string]string `yaml:"headers,omitempty"`
	Auth    string            `yaml:"auth,omitempty"` // a command that prints a bearer token
	TLS     TLS               `yaml:"tls,omitempty"`
}

// plainBackend is Backend without its methods.
type plainBackend Backend

// UnmarshalYAML reads a URL or a block.
func (b *Backend) UnmarshalYAML(unmarshal func(any) error) error {
	if err := unmarshal(&b.URL); err == nil {
		return nil
	}
	return unmarshal((*plainBackend)(b))
}

// MarshalYAML writes a URL where that says it all.
func (b Backend) MarshalYAML() (any, error) {
	if len(b.Headers) == 0 && b.Auth == "" && b.TLS == (TLS{}) {
		return b.URL, nil
	}
	return plainBackend(b), nil
}

// IsZero tells that no backend is configured.
func (b Backend) IsZero() bool {
	return b.URL == "" && len(b.Headers) == 0 && b.Auth == "" && b.TLS == (TLS{})
}

func (b Backend) redacted() Backend {
	b.URL, b.Headers, b.Auth = redactURL(b.URL), redactHeaders(b.Headers), redactCommand(b.Auth)
	return b
}

func (b Backend) validate(what string) error {
	if b.IsZero() {
		return nil
	}
	if b.URL == "" {
		return usage(what+" has no url", "")
	}
	if b.TLS.Plaintext != nil {
		return usage(what+": plaintext says nothing here", "http:// is plaintext, https:// is TLS")
	}
	return errors.Join(checkScheme(what, b.URL, []string{"http", "https"}), b.TLS.validate(what+".tls"))
}

// Admin says how the control APIs of instances are reached where it is otherwise
// than their services. What is not set is as in the context.
type Admin struct {
	TLS     TLS               `yaml:"tls,omitempty"`
	Headers map[string]string `yaml:"headers,omitempty"`
	Auth    string            `yaml:"auth,omitempty"`
}

// IsZero tells that nothing is set.
func (a Admin) IsZero() bool { return a.TLS == (TLS{}) && len(a.Headers) == 0 && a.Auth == "" }

// Names are what one service is called in other sources; empty is as in the
// catalog.
type Names struct {
	Prometheus string `json:"prometheus,omitempty" yaml:"prometheus,omitempty"`
	Jaeger     string `json:"jaeger,omitempty"     yaml:"jaeger,omitempty"`
}

// validateMap refuses two services with one name in a source: nobody could tell
// which of them is meant.
func validateMap(all map[string]Names) error {
	taken := map[Names]string{} // by the one name that is set
	for _, service := range slices.Sorted(maps.Keys(all)) {
		for source, one := range map[string]Names{
			"prometheus": {Prometheus: all[service].Prometheus}, "jaeger": {Jaeger: all[service].Jaeger},
		} {
			other, twice := taken[one]
			if twice && one != (Names{}) {
				return usage(fmt.Sprintf("map: %s and %s have the same name in %s, %q", other, service, source, one.Prometheus+one.Jaeger),
					"each service needs a name of its own there")
			}
			taken[one] = service
		}
	}
	return nil
}

// SLO is the objective of a service: the share of its calls that must succeed,
// over a window.
type SLO struct {
	Objective string `json:"objective"        yaml:"objective"`        // such as 99.9%
	Window    string `json:"window,omitempty" yaml:"window,omitempty"` // such as 30d, which is the default
}

const defaultSLOWindow = 30 * 24 * time.Hour

// Ratio returns the objective as a ratio, 0.999 for 99.9%.
func (s SLO) Ratio() (float64, error) {
	number, ok := strings.CutSuffix(strings.TrimSpace(s.Objective), "%")
	percent, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if !ok || err != nil || math.IsNaN(percent) || percent <= 0 || percent >= 100 {
		return 0, fmt.Errorf("objective %q is no share of calls such as 99.9%%", s.Objective)
	}
	return math.Round(percent*1e10) / 1e12, nil // 0.999, not 0.9990000000000001
}

// Span returns the window. Days and weeks are understood beside Go's units.
func (s SLO) Span() (time.Duration, error) {
	if s.Window == "" {
		return defaultSLOWindow, nil
	}
	for unit, length := range map[string]time.Duration{"d": 24 * time.Hour, "w": 7 * 24 * time.Hour} {
		if number, ok := strings.CutSuffix(s.Window, unit); ok {
			n, err := strconv.Atoi(number)
			if err == nil && n > 0 && n <= 366 {
				return time.Duration(n) * length, nil
			}
		}
	}
	d, err := time.ParseDuration(s.Window)
	if err != nil || d < time.Minute {
		return 0, fmt.Errorf("window %q is no span of time such as 30d", s.Window)
	}
	return d, nil
}

func (s SLO) validate(service string) error {
	_, err := s.Ratio()
	_, spanErr := s.Span()
	if err = errors.Join(err, spanErr); err != nil {
		return usage(fmt.Sprintf("slo of %s: %v", service, err), "slo: {"+service+": {objective: 99.9%, window: 30d}}")
	}
	return nil
}
