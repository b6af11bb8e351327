package reflection_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/reflection"
)

var someMethods = []reflection.MethodName{
	{Service: "user.v1.UserService", Method: "GetUser"},
	{Service: "user.v1.UserService", Method: "ListUsers"},
	{Service: "user.v2.UserService", Method: "ListUsers"},
	{Service: "admin.v1.AdminService", Method: "Purge"},
	{Service: "admin.v1.AdminService", Method: "purge"},
	{Service: "UserService", Method: "Only"},
	{Service: "odd.GetUser", Method: "Wave"},
}

func TestResolveMethod(t *testing.T) {
	for _, c := range []struct{ name, service, want string }{
		{"user.v1.UserService/GetUser", "", "user.v1.UserService/GetUser"},
		{"user.v1.UserService.GetUser", "", "user.v1.UserService/GetUser"},
		{"UserService.GetUser", "", "user.v1.UserService/GetUser"},
		{"UserService/GetUser", "", "user.v1.UserService/GetUser"},
		{"v1.UserService/ListUsers", "", "user.v1.UserService/ListUsers"},
		{"GetUser", "", "user.v1.UserService/GetUser"},
		{"/user.v1.UserService/GetUser", "", "user.v1.UserService/GetUser"},
		{".user.v1.UserService.GetUser", "", "user.v1.UserService/GetUser"},
		{" GetUser\n", "", "user.v1.UserService/GetUser"},
		{"userservice.getuser", "", "user.v1.UserService/GetUser"},
		{"USER.V1.USERSERVICE/GETUSER", "", "user.v1.UserService/GetUser"},
		{"getuser", "", "user.v1.UserService/GetUser"},
		{"ListUsers", "user.v2.UserService", "user.v2.UserService/ListUsers"},
		{"ListUsers", "v2.UserService", "user.v2.UserService/ListUsers"},
		{"ListUsers", "V2.userservice", "user.v2.UserService/ListUsers"},
		{"purge", "", "admin.v1.AdminService/purge"}, // the exact case is not ambiguous
		{"Purge", "", "admin.v1.AdminService/Purge"},
		{"UserService/Only", "", "UserService/Only"},
	} {
		got, err := reflection.ResolveMethod(someMethods, c.name, c.service)
		if err != nil || got.String() != c.want {
			t.Errorf("%q (--service %q) = %v, %v; want %s", c.name, c.service, got, err, c.want)
		}
	}
}

func TestNamesThatAreWrongGetTheNearest(t *testing.T) {
	for _, c := range []struct{ name, service, what, words string }{
		{"GetUsr", "", "unknown method GetUsr", "did you mean user.v1.UserService/GetUser?"},
		{"UserService/GetUsr", "", "unknown method UserService/GetUsr", "user.v1.UserService/GetUser"},
		{"UsrService.GetUser", "", "unknown method", "user.v1.UserService/GetUser"},
		{"ListUsers", "", "ambiguous method ListUsers", "user.v1.UserService/ListUsers, user.v2.UserService/ListUsers"},
		{"UserService.ListUsers", "", "ambiguous method", "--service user.v1.UserService"},
		{"PURGE", "", "ambiguous method", "admin.v1.AdminService/Purge, admin.v1.AdminService/purge"},
		{"admin.v1.AdminService", "", "is a service, not a method", "admin.v1.AdminService/Purge"},
		{"GetUser", "UserServce", "unknown service UserServce", "UserService"},
		{"GetUser", "nothing.like.it", "unknown service", "there are UserService, admin.v1.AdminService"},
		{"GetUser", "admin.v1.AdminService", "unknown method GetUser", "services admin.v1.AdminService"},
		{"", "", "the method has no name", "SERVICE/METHOD"},
		{"///", "", "the method has no name", ""},
	} {
		_, err := reflection.ResolveMethod(someMethods, c.name, c.service)
		if fleet.KindOf(err) != fleet.Usage {
			t.Errorf("%q (--service %q): %v is no usage error", c.name, c.service, err)
			continue
		}
		if text := err.Error() + "\n" + hint(err); !strings.Contains(text, c.what) || !strings.Contains(text, c.words) {
			t.Errorf("%q (--service %q) lacks %q or %q:\n%s", c.name, c.service, c.what, c.words, text)
		}
	}
}

func TestANameThatSeveralServicesShareIsProposedOnce(t *testing.T) {
	all := slices.Concat(someMethods, someMethods)
	_, err := reflection.ResolveMethod(all, "GetUsr", "")
	var unknown *reflection.UnknownError
	if !errors.As(err, &unknown) || len(unknown.Nearest) != len(slices.Compact(slices.Sorted(slices.Values(unknown.Nearest)))) {
		t.Errorf("%v: each candidate once", err)
	}
}

func TestFindSymbolErrors(t *testing.T) {
	s := shopFromProto(t)
	for name, want := range map[string]string{
		"Ordr":              "did you mean shop.v1.Order?",
		"shop.v1.Order.lin": "",
		"GetCrt":            "",
		"WatchOrders":       "--service",
	} {
		_, err := s.FindSymbol(name)
		if fleet.KindOf(err) != fleet.Usage || !strings.Contains(hint(err), want) {
			t.Errorf("FindSymbol(%q): %v, hint %q", name, err, hint(err))
		}
	}
}

func FuzzResolveMethod(f *testing.F) {
	for _, m := range someMethods {
		f.Add(m.String(), "")
		f.Add(m.Method, m.Service)
	}
	f.Add("/./GetUser/", "..")
	f.Add("İ.ſ", "K")
	f.Fuzz(func(t *testing.T, name, service string) {
		m, err := reflection.ResolveMethod(someMethods, name, service)
		if err != nil {
			if fleet.KindOf(err) != fleet.Usage {
				t.Fatalf("%q: %v is no usage error", name, err)
			}
			return
		}
		if !slices.Contains(someMethods, m) {
			t.Fatalf("%q: %v is none of the candidates", name, m)
		}
		if again, err := reflection.ResolveMethod(someMethods, m.String(), m.Service); err != nil || again != m {
			t.Fatalf("the full name of %v means %v, %v", m, again, err)
		}
	})
}
