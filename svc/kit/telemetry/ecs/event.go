package ecs

import (
	"log/slog"
	"time"
)

// Event returns what ECS says of something that took a time: event.kind,
// event.action, event.duration, which is in nanoseconds, and event.outcome.
func Event(action string, took time.Duration, success bool) []slog.Attr {
	outcome := "success"
	if !success {
		outcome = "failure"
	}
	return []slog.Attr{
		slog.String("event.kind", "event"),
		slog.String("event.action", action),
		slog.Int64("event.duration", took.Nanoseconds()),
		slog.String("event.outcome", outcome),
	}
}
