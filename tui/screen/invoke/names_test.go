package invoke

import "testing"

// The names are those that protoc-gen-go makes.
func TestNamesInGo(t *testing.T) {
	for name, want := range map[string]string{
		"GetUser": "GetUser", "get_user": "GetUser", "getURLof": "GetURLof", "_hidden": "XHidden", "v1beta2x": "V1Beta2X", "a_B": "A_B", "user_1": "User_1",
	} {
		if got := camel(name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	if got := literal("a`b"); got != `"a`+"`"+`b"` {
		t.Errorf("the literal is %s", got)
	}
}

func TestTypesWithoutPackages(t *testing.T) {
	for name, want := range map[string]string{
		"string": "string", "user.v1.Role": "Role", "repeated user.v1.Role": "repeated Role", "map<string, a.b.C>": "map<string, C>", "oneof contact": "oneof contact",
	} {
		if got := shortType(name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}
