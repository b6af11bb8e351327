package form

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gctl-dev/gctl/fleet"
)

// parseEnum reads the name of a value, in any case where only one fits, or a
// number, which need not have a name.
func parseEnum(ed protoreflect.EnumDescriptor, word string) (protoreflect.Value, error) {
	if ed.FullName() == "google.protobuf.NullValue" { // its JSON is null, whatever the number
		if word == "null" || word == "NULL_VALUE" || word == "0" {
			return protoreflect.ValueOfEnum(0), nil
		}
		return protoreflect.Value{}, errors.New("google.protobuf.NullValue wants null")
	}
	if ev := ed.Values().ByName(protoreflect.Name(word)); ev != nil {
		return protoreflect.ValueOfEnum(ev.Number()), nil
	}
	if x, err := strconv.ParseInt(word, 10, 32); err == nil {
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(x)), nil
	}
	names := enumNames(ed)
	for _, name := range names {
		if strings.EqualFold(name, word) {
			return protoreflect.ValueOfEnum(ed.Values().ByName(protoreflect.Name(name)).Number()), nil
		}
	}
	return protoreflect.Value{}, fmt.Errorf("%s wants %s or a number%s", ed.FullName(), listed(names), meant(word, names))
}

func enumNames(ed protoreflect.EnumDescriptor) []string {
	var names []string
	for i := range ed.Values().Len() {
		names = append(names, string(ed.Values().Get(i).Name()))
	}
	return names
}

// listed returns names for a sentence, the first ones if there are many.
func listed(names []string) string {
	const most = 6
	if len(names) > most {
		return strings.Join(names[:most], ", ") + ", ..."
	}
	return strings.Join(names, ", ")
}

// meant returns "; did you mean X?" if a name is near to what was typed.
func meant(word string, names []string) string {
	near := fleet.Nearest(word, names, 1)
	if word == "" || len(near) == 0 {
		return ""
	}
	return "; did you mean " + near[0] + "?"
}
