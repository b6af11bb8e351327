package form

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gctl-dev/gctl/fleet"
)

// withHint makes one line of what is wrong with a JSON and of what would be
// right.
func withHint(err error) error {
	hint := ""
	var e *fleet.Error
	if errors.As(err, &e) {
		hint = e.Hint
	}
	if hint == "" {
		hint = hintFor(err.Error())
	}
	if hint == "" {
		return err
	}
	return fmt.Errorf("%w; %s", err, hint)
}

// wrongKind is how protobuf's parser says that a scalar does not fit.
var wrongKind = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`invalid value for (\w+) (?:field|key)`)
})

func hintFor(text string) string {
	if strings.Contains(text, "unknown field") {
		return `an Any whose type the schema lacks has only "@type" and "value", its bytes in base64`
	}
	found := wrongKind().FindStringSubmatch(text)
	if found == nil {
		return ""
	}
	for kind := protoreflect.DoubleKind; kind <= protoreflect.Sint64Kind; kind++ {
		if kind.String() == found[1] && wants(kind) != "" {
			return kind.String() + " wants " + wants(kind)
		}
	}
	return ""
}
