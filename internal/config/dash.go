package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// Dash is how the user wants the dashboard. It is the same in all contexts.
type Dash struct {
	Theme  string `yaml:"theme,omitempty"`  // auto, dark, light, high-contrast, 16 or none
	ASCII  bool   `yaml:"ascii,omitempty"`  // draw with ASCII only
	Window string `yaml:"window,omitempty"` // how far charts go back: "1h"
	// Keys binds actions to other keys: {filter: [/], quit: [Q]}.
	Keys map[string][]string `yaml:"keys,omitempty"`
	// Columns says which columns a table has, by its name: {services: [service, health, err]}.
	Columns map[string][]string `yaml:"columns,omitempty"`
	// Refresh says how often a source is asked, by its name: {health: 30s}.
	Refresh map[string]string `yaml:"refresh,omitempty"`
}

// refreshed are the sources whose pace can be set.
var refreshed = []string{fleet.HealthFeed, fleet.BreakerFeed, fleet.MetricsFeed}

func (d *Dash) validate() error {
	if d.Window != "" {
		if w, err := time.ParseDuration(d.Window); err != nil || w < time.Minute {
			return usage(fmt.Sprintf("dash.window %q is no duration of a minute or more", d.Window), "for example 1h")
		}
	}
	for source, every := range d.Refresh {
		if !slices.Contains(refreshed, source) {
			return usage(fmt.Sprintf("dash.refresh: no source %q", source), "sources: "+strings.Join(refreshed, ", "))
		}
		if e, err := time.ParseDuration(every); err != nil || e < time.Second {
			return usage(fmt.Sprintf("dash.refresh.%s: %q is no duration of a second or more", source, every), "for example 30s")
		}
	}
	return nil
}

// Every returns how often a source is asked, 0 for the usual.
func (d *Dash) Every(source string) time.Duration {
	every, err := time.ParseDuration(d.Refresh[source])
	if err != nil {
		return 0
	}
	return every
}
