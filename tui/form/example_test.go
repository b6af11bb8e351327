package form_test

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/types/known/sourcecontextpb"

	"github.com/gctl-dev/gctl/tui/form"
)

// A screen draws the rows and calls an operation by the ID of the row under its
// cursor.
func Example() {
	f := form.New((&sourcecontextpb.SourceContext{}).ProtoReflect().Descriptor(), nil)
	name := f.Rows()[0]
	if err := f.Set(name.ID, "user.proto"); err != nil {
		fmt.Println(err)
	}
	for _, r := range f.Rows() {
		fmt.Printf("%s%s: %s (%s)\n", strings.Repeat("  ", r.Depth), r.Label, r.Value, r.Type)
	}
	text, err := f.JSON()
	fmt.Println(string(text), err)
	// Output:
	// fileName: user.proto (string)
	// {
	//   "fileName": "user.proto"
	// } <nil>
}
