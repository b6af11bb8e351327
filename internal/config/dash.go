package config

import (
	"fmt"
	"maps"
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
	// Views says what the digits open instead of choosing a range, by the digit:
	// {4: {place: service/checkout, filter: "err>1", window: 15m}}.
	Views map[int]View `yaml:"views,omitempty"`
}

// View is a place of the dashboard and how it is looked at.
type View struct {
	Place  string `yaml:"place,omitempty"`  // "services", "service/checkout"
	Pane   string `yaml:"pane,omitempty"`   // which of its tables has the keys
	Filter string `yaml:"filter,omitempty"` // as it is typed after /
	Sort   string `yaml:"sort,omitempty"`   // the column, with a - in front for the other way round
	Window string `yaml:"window,omitempty"` // how far charts go back; empty: as it is
}

// The least and the longest that charts go back.
const (
	leastWindow = time.Minute
	mostWindow  = 31 * 24 * time.Hour
)

func (v *View) validate(digit int) error {
	what := fmt.Sprintf("dash.views.%d", digit)
	switch {
	case digit < 1 || digit > 9:
		return usage(what+": only the keys 1 to 9 open a view", "")
	case v.Place == "":
		return usage(what+": no place", "for example {place: service/checkout, window: 15m}")
	case v.Window == "":
		return nil
	}
	if w, err := time.ParseDuration(v.Window); err != nil || w < leastWindow || w > mostWindow {
		return usage(fmt.Sprintf("%s: window %q is no duration from 1m to 744h", what, v.Window), "for example 15m")
	}
	return nil
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
	for _, digit := range slices.Sorted(maps.Keys(d.Views)) {
		v := d.Views[digit]
		if err := v.validate(digit); err != nil {
			return err
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
