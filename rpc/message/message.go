// Package message turns text into dynamic protobuf messages and back: requests
// from JSON or the protobuf text format, with errors that say where and what
// would be right; responses and the details of a status into JSON or text that
// is the same on every run and harmless for a terminal.
package message

import (
	"google.golang.org/protobuf/reflect/protoregistry"
)

// Types finds the types that Any values and extensions name.
type Types interface {
	protoregistry.ExtensionTypeResolver
	protoregistry.MessageTypeResolver
}

// Format is how messages are written down.
type Format string

// The formats.
const (
	JSON Format = "json"
	Text Format = "text" // the protobuf text format
)
