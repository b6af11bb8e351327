package reflection_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/reflection"
)

func TestLocatorFindsAndRemembers(t *testing.T) {
	w := newWorld(t)
	w.serve("users", nil, userFile("id"))
	w.serve("bills", nil, billFile())
	for _, name := range []string{"GetUser", "user.v1.UserService/GetUser", "/user.v1.UserService/GetUser", "userservice.getuser"} {
		found := must[*reflection.Located](t)(w.locator().Method(t.Context(), name, ""))
		if found.Service != "users" || found.Method.FullName() != "user.v1.UserService.GetUser" {
			t.Errorf("%s is %s at %s", name, found.Method.FullName(), found.Service)
		}
	}
	streams, lists, lookups := w.streams.Load(), w.lists.Load(), w.lookups.Load()
	if streams != 2 || lists != 1 {
		t.Errorf("%d reflections and %d listings for the first of four, want 2 and 1", streams, lists)
	}
	found := must[*reflection.Located](t)(w.locator().Method(t.Context(), "GetBill", ""))
	if !found.FromCache || found.Service != "bills" {
		t.Errorf("found %+v, want bills from the cache", found)
	}
	if w.streams.Load() != streams || w.lists.Load() != lists || w.lookups.Load() != lookups {
		t.Error("a warm question asked somebody")
	}
}

func TestLocatorAsksThePublisherAlone(t *testing.T) {
	w := newWorld(t)
	w.serve("users", map[string]string{fleet.MetaGRPCServices: "grpc.health.v1.Health, user.v1.UserService"}, userFile("id"))
	w.serve("bills", nil, billFile())
	found := must[*reflection.Located](t)(w.locator().Method(t.Context(), "UserService.GetUser", ""))
	if found.Service != "users" || w.streams.Load() != 1 {
		t.Errorf("found at %s after %d reflections, want users after 1", found.Service, w.streams.Load())
	}
	// A method alone may be anybody's, so all are asked before one is chosen.
	found = must[*reflection.Located](t)(w.locator().Method(t.Context(), "GetUser", ""))
	if found.Service != "users" || w.streams.Load() != 3 {
		t.Errorf("found at %s after %d reflections, want users after 3", found.Service, w.streams.Load())
	}
}

func TestLocatorServiceInTwoPlaces(t *testing.T) {
	w := newWorld(t)
	w.serve("user", nil, userFile("id"))
	w.serve("user-canary", nil, userFile("id", "name"))
	_, err := w.locator().Method(t.Context(), "GetUser", "")
	if fleet.KindOf(err) != fleet.Usage || !strings.Contains(err.Error(), "user, user-canary") || !strings.Contains(hint(err), "--service user") {
		t.Fatalf("err = %v, hint %q", err, hint(err))
	}
	for range 2 { // cold, warm
		found := must[*reflection.Located](t)(w.locator().Method(t.Context(), "GetUser", "user-canary"))
		if found.Service != "user-canary" || found.Method.Input().Fields().Len() != 2 {
			t.Errorf("found %+v", found)
		}
	}
}

// A gateway serves what others publish as their own.
func TestLocatorPrefersThePublisherToWhoPassesItOn(t *testing.T) {
	w := newWorld(t)
	w.serve("edge", map[string]string{fleet.MetaGRPCServices: "edge.v1.Edge"}, userFile("id"))
	w.serve("users", map[string]string{fleet.MetaGRPCServices: "user.v1.UserService"}, userFile("id"))
	for _, want := range []bool{false, true} { // then from the cache
		found := must[*reflection.Located](t)(w.locator().Method(t.Context(), "GetUser", ""))
		if found.Service != "users" || found.FromCache != want {
			t.Errorf("found at %s, from the cache %v", found.Service, found.FromCache)
		}
	}
	if found := must[*reflection.Located](t)(w.locator().Method(t.Context(), "GetUser", "edge")); found.Service != "edge" {
		t.Errorf("found at %s, want the one that was named", found.Service)
	}
}

func TestLocatorNarrowedByGRPCService(t *testing.T) {
	w := newWorld(t)
	w.serve("users", nil, userFile("id"))
	w.serve("admins", nil, file("admin.v1", "AdminService", []string{"GetUser"}))
	_, err := w.locator().Method(t.Context(), "GetUser", "")
	if fleet.KindOf(err) != fleet.Usage || !strings.Contains(err.Error(), "admin.v1.AdminService/GetUser, user.v1.UserService/GetUser") {
		t.Fatalf("err = %v", err)
	}
	for _, service := range []string{"AdminService", "admin.v1.AdminService", "admins"} {
		found := must[*reflection.Located](t)(w.locator().Method(t.Context(), "GetUser", service))
		if found.Service != "admins" {
			t.Errorf("--service %s found it at %s", service, found.Service)
		}
	}
}

func TestLocatorIsNotHeldUpByWhoHangs(t *testing.T) {
	w := newWorld(t)
	w.serve("users", nil, userFile("id"))
	for i := range 10 {
		w.hangs(fmt.Sprintf("hang-%d", i))
	}
	l := w.locator()
	l.Timeout = time.Minute
	began := time.Now()
	found := must[*reflection.Located](t)(l.Method(t.Context(), "UserService.GetUser", ""))
	if took := time.Since(began); found.Service != "users" || took > 30*time.Second {
		t.Errorf("found at %s in %s", found.Service, took)
	}
}

func TestLocatorAsksMarkedServicesFirst(t *testing.T) {
	w := newWorld(t)
	w.serve("users", nil, userFile("id"))
	w.marked["users"] = true
	w.serve("web", nil, billFile())
	must[*reflection.Located](t)(w.locator().Method(t.Context(), "GetUser", ""))
	if w.streams.Load() != 1 {
		t.Errorf("%d services were asked, want the marked one", w.streams.Load())
	}
	found := must[*reflection.Located](t)(w.locator().Method(t.Context(), "GetBill", ""))
	if found.Service != "web" {
		t.Errorf("found at %s", found.Service)
	}
}

func TestLocatorSaysWhoDidNotAnswer(t *testing.T) {
	w := newWorld(t)
	w.serve("users", nil, userFile("id"))
	w.refuses("down")
	w.hangs("slow")
	l := w.locator()
	l.Timeout = 300 * time.Millisecond
	_, err := l.Method(t.Context(), "GetUsr", "")
	if fleet.KindOf(err) != fleet.Usage || !reflection.IsUnknown(err) || !strings.Contains(err.Error(), "user.v1.UserService/GetUser") {
		t.Fatalf("err = %v", err)
	}
	details := strings.Join(detailsOf(err), "\n")
	for _, want := range []string{"asked 3 services, 2 did not answer", "down: ", "slow: "} {
		if !strings.Contains(details, want) {
			t.Errorf("details lack %q:\n%s", want, details)
		}
	}
}

func TestLocatorWithNobodyThere(t *testing.T) {
	w := newWorld(t)
	w.refuses("down")
	w.refuses("too")
	_, err := w.locator().Method(t.Context(), "GetUser", "")
	if fleet.KindOf(err) != fleet.Failed || len(detailsOf(err)) != 3 {
		t.Errorf("err = %v %q: unreachable services are no wrong usage", err, detailsOf(err))
	}
	if _, err := newWorld(t).locator().Method(t.Context(), "GetUser", ""); err == nil {
		t.Error("an empty catalog finds something")
	}
}

func TestLocatorFallsBackToTheNextInstance(t *testing.T) {
	w := newWorld(t)
	w.refuses("users")
	w.serve("users", nil, userFile("id"))
	w.refuses("users")
	found := must[*reflection.Located](t)(w.locator().Method(t.Context(), "GetUser", "users"))
	if found.Service != "users" {
		t.Errorf("found %+v", found)
	}
}

func TestLocatorSeesANewMethodBeforeGivingUp(t *testing.T) {
	w := newWorld(t)
	l := w.serve("users", nil, userFile("id"))
	must[*reflection.Located](t)(w.locator().Method(t.Context(), "GetUser", ""))
	*l = *libraryLike(l, file("user.v1", "UserService", []string{"GetUser", "Purge"}, "id"))
	found := must[*reflection.Located](t)(w.locator().Method(t.Context(), "Purge", ""))
	if found.FromCache || found.Service != "users" {
		t.Errorf("found %+v", found)
	}
}

func TestLocatorAgainSeesANewField(t *testing.T) {
	w := newWorld(t)
	l := w.serve("users", nil, userFile("id"))
	must[*reflection.Located](t)(w.locator().Method(t.Context(), "GetUser", ""))
	old := must[*reflection.Located](t)(w.locator().Method(t.Context(), "GetUser", ""))
	if _, changed, err := w.locator().Again(t.Context(), old); changed || err != nil {
		t.Errorf("changed %v, %v: nothing did", changed, err)
	}
	*l = *libraryLike(l, userFile("id", "email"))
	again, changed, err := w.locator().Again(t.Context(), old)
	if err != nil || !changed || again.Method.Input().Fields().ByName("email") == nil {
		t.Fatalf("again = %+v, %v, %v", again, changed, err)
	}
	next := must[*reflection.Located](t)(w.locator().Method(t.Context(), "GetUser", ""))
	if !next.FromCache || next.Schema.Hash() != again.Schema.Hash() {
		t.Error("the new schema was not kept")
	}
}

func TestANewVersionIsNotCovered(t *testing.T) {
	w := newWorld(t)
	l := w.serve("users", nil, userFile("id"))
	w.services["users"][0].Version = "v1"
	first := must[*reflection.Located](t)(w.locator().Method(t.Context(), "GetUser", ""))
	warm := must[*reflection.Located](t)(w.locator().Method(t.Context(), "GetUser", ""))
	if !first.Covers(w.services["users"]) || !warm.FromCache || !warm.Covers(w.services["users"]) {
		t.Error("the version it was fetched from is not covered")
	}
	if !warm.Covers([]fleet.Instance{{ID: "unversioned"}}) {
		t.Error("without a version there is nothing to compare")
	}
	w.services["users"][0].Version = "v2"
	*l = *libraryLike(l, userFile("name"))
	if warm.Covers(w.services["users"]) {
		t.Fatal("a new version is covered")
	}
	again, changed, err := w.locator().Again(t.Context(), warm)
	if err != nil || !changed || !again.Covers(w.services["users"]) {
		t.Fatalf("Again = %+v, %v, %v", again, changed, err)
	}
	if next := must[*reflection.Located](t)(w.locator().Method(t.Context(), "GetUser", "")); !next.FromCache || !next.Covers(w.services["users"]) {
		t.Error("the new version was not remembered")
	}
}

func TestLocatorWithAGivenSchema(t *testing.T) {
	w := newWorld(t)
	w.add("closed", "127.0.0.1:1", map[string]string{fleet.MetaGRPCServices: "shop.v1.OrderService"})
	w.serve("users", nil, userFile("id"))
	l := w.locator()
	l.Schema = shopFromProto(t)
	found := must[*reflection.Located](t)(l.Method(t.Context(), "GetOrder", ""))
	if found.Service != "closed" || found.Schema != l.Schema || w.streams.Load() != 0 {
		t.Errorf("found %+v after %d reflections", found, w.streams.Load())
	}
	if _, err := l.Method(t.Context(), "GetUser", ""); !reflection.IsUnknown(err) {
		t.Errorf("err = %v: the given schema is the only one", err)
	}
	if _, err := l.Method(t.Context(), "GetCart", ""); fleet.KindOf(err) != fleet.Usage {
		t.Errorf("err = %v: nobody serves CartService", err)
	}
	found = must[*reflection.Located](t)(l.Method(t.Context(), "GetCart", "closed"))
	if found.Service != "closed" {
		t.Errorf("found at %s, though the user said where", found.Service)
	}
}

func TestLocatorWithoutReflection(t *testing.T) {
	w := newWorld(t)
	cc := serve(t, func(*grpc.Server) {})
	w.add("closed", strings.TrimPrefix(cc.Target(), "dns:///"), map[string]string{fleet.MetaGRPCServices: "user.v1.UserService"})
	w.refuses("other")
	_, err := w.locator().Method(t.Context(), "UserService.GetUser", "")
	if fleet.KindOf(err) != fleet.Failed || !reflection.NoReflection(err) || !strings.Contains(hint(err), "--proto") {
		t.Errorf("err = %v, hint %q", err, hint(err))
	}
}

func TestDamagedCacheIsAMiss(t *testing.T) {
	w := newWorld(t)
	w.serve("users", nil, userFile("id"))
	must[*reflection.Located](t)(w.locator().Method(t.Context(), "GetUser", ""))
	w.cache = damaging{w.cache}
	found := must[*reflection.Located](t)(w.locator().Method(t.Context(), "GetUser", ""))
	if found.FromCache || found.Service != "users" {
		t.Errorf("found %+v", found)
	}
}

// damaging turns over a bit of whatever is loaded.
type damaging struct{ reflection.Cache }

func (d damaging) Load(key string) ([]byte, bool) {
	data, ok := d.Cache.Load(key)
	if len(data) > 0 {
		data[len(data)*2/3] ^= 4
	}
	return data, ok
}

func TestCompareSchemasOfInstances(t *testing.T) {
	w := newWorld(t)
	w.serve("users", nil, userFile("id"))
	w.serve("users", nil, userFile("id", "email"))
	w.serve("users", nil, userFile("id"))
	w.refuses("users")
	got := must[[]reflection.Variant](t)(w.locator().Compare(t.Context(), "users"))
	if len(got) != 3 || len(got[0].Instances) != 2 || got[0].Instances[1].ID != "users-3" || got[1].Instances[0].ID != "users-2" || got[2].Err == nil {
		t.Fatalf("Compare = %+v", got)
	}
	if got[0].Hash == got[1].Hash || got[0].Hash == "" {
		t.Errorf("hashes %q, %q", got[0].Hash, got[1].Hash)
	}
}

func TestCompletionNeedsNobody(t *testing.T) {
	w := newWorld(t)
	w.serve("users", nil, userFile("id"), file("grpc.health.v1", "Health", []string{"Check"}))
	w.serve("admins", nil, file("admin.v1", "AdminService", []string{"GetUser"}))
	must[*reflection.Located](t)(w.locator().Method(t.Context(), "ListUsers", ""))
	for prefix, want := range map[string][]string{
		"":             {"AdminService.GetUser", "UserService.GetUser", "UserService.ListUsers"},
		"User":         {"UserService.GetUser", "UserService.ListUsers"},
		"user.v1":      {"user.v1.UserService/GetUser", "user.v1.UserService/ListUsers"},
		"List":         {"ListUsers"},
		"Get":          nil, // two have it: the name alone would not do
		"/user.v1":     {"/user.v1.UserService/GetUser", "/user.v1.UserService/ListUsers"},
		"grpc.health":  {"grpc.health.v1.Health/Check"},
		"admin.v1.Adm": {"admin.v1.AdminService/GetUser"},
	} {
		if got := reflection.CompleteMethods(w.cache, "test", prefix); !slices.Equal(got, want) {
			t.Errorf("CompleteMethods(%q) = %q, want %q", prefix, got, want)
		}
	}
	if got := reflection.CompleteMethods(w.cache, "another context", ""); len(got) != 0 {
		t.Errorf("another context knows %q", got)
	}
}
