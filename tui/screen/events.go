package screen

import (
	"strings"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/theme"
)

// EventWords is what an event says, without its service and instance.
func EventWords(e *fleet.Event) string {
	change := ""
	switch {
	case e.From != "" && e.To != "":
		change = e.From + " to " + e.To
	case e.To != "":
		change = e.To
	default:
		change = e.From
	}
	with := func(text string) string {
		text = strings.TrimSpace(text)
		if change == "" {
			return text
		}
		return text + " " + change
	}
	subject := e.Subject
	if subject != "" {
		subject += " "
	}
	switch e.Kind {
	case fleet.InstanceCame:
		return "was added"
	case fleet.InstanceWent:
		return "was removed"
	case fleet.CatalogChanged:
		return with("catalog:")
	case fleet.HealthChanged:
		return with("health " + subject + "from")
	case fleet.BreakerChanged:
		return with("breaker " + subject + "from")
	case fleet.VersionChanged:
		return with("version from")
	case fleet.ProcessStarted:
		return with("started")
	case fleet.ActionTaken:
		return with("action: " + subject)
	case fleet.SourceChanged:
		return with("source " + subject)
	default:
		return with(string(e.Kind) + " " + subject)
	}
}

// EventStyle is how an event looks: what ends badly is bad.
func EventStyle(t *theme.Theme, e *fleet.Event) theme.Style {
	switch e.To {
	case string(fleet.Critical), string(fleet.NotServing), string(fleet.Unreachable), string(fleet.TimedOut), string(fleet.BreakerOpen), string(fleet.SourceFailing), string(fleet.ForcedOpen):
		return t.Bad
	case string(fleet.Warning), string(fleet.BreakerHalfOpen), string(fleet.Maintenance):
		return t.Warn
	case string(fleet.Passing), string(fleet.Serving), string(fleet.BreakerClosed), string(fleet.SourceFresh):
		return t.Good
	}
	return t.Text
}
