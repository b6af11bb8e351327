package commands

import (
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// inviting says how well a method serves as a first call: it should read, need
// no arguments and be the service's own business. Below 0 it serves not at all.
func inviting(m protoreflect.MethodDescriptor) int {
	score := 10
	switch service := string(m.Parent().FullName()); {
	case m.IsStreamingClient(), m.IsStreamingServer(), strings.HasPrefix(service, "grpc.reflection."):
		return -1
	case strings.HasPrefix(service, "grpc.health."), strings.HasPrefix(service, "grpc.channelz."):
		score = 0
	}
	switch name := strings.ToLower(string(m.Name())); {
	case strings.HasPrefix(name, "list"):
		score += 6
	case strings.HasPrefix(name, "empty"), strings.HasPrefix(name, "ping"), strings.HasPrefix(name, "version"), strings.HasPrefix(name, "status"):
		score += 5
	case strings.HasPrefix(name, "get"), strings.HasPrefix(name, "check"), strings.HasPrefix(name, "describe"):
		score += 3
	}
	if m.Input().Fields().Len() == 0 {
		score += 2
	}
	return score
}
