package edge_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/gctl-dev/gctl/internal/testkit"
	"github.com/gctl-dev/gctl/svc/edge"
	userv1 "github.com/gctl-dev/gctl/svc/user/api"
)

func quoted(t *testing.T, s string) string {
	t.Helper()
	raw, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// Pictures of the page go to the folder in EDGE_PICTURES, if there is one.
func TestThePageListsCreatesAndWatchesInABrowser(t *testing.T) {
	w := newWorld(t, newUsers(t))
	users := userv1.NewUserServiceClient(w.conn)
	for _, u := range []*userv1.User{
		{Id: "u-1", Email: "ada@example.com", DisplayName: "Ada Lovelace", Role: userv1.Role_ROLE_ADMIN},
		{Id: "u-2", Email: "grace.hopper@example.com", DisplayName: "Grace Hopper", State: userv1.State_STATE_INVITED},
		{Id: "u-3", Email: "x@example.com", DisplayName: "<img src=x onerror=alert(1)>", State: userv1.State_STATE_SUSPENDED},
	} {
		if _, err := users.CreateUser(deadline(t), &userv1.CreateUserRequest{User: u}); err != nil {
			t.Fatal(err)
		}
	}
	b := testkit.NewBrowser(t)
	b.Show(1200, 760, false)
	b.Open("http://" + w.http + "/")
	rows := "[...document.querySelectorAll('#users tr')].map(r => r.cells[0].textContent).join('|')"
	b.Await("document.body?.dataset.live === 'on' && " + rows + " === " + quoted(t, "Ada Lovelace|Grace Hopper|<img src=x onerror=alert(1)>"))

	// Somebody else changes something, by gRPC.
	native := userv1.NewUserServiceClient(newNative(t, w.edge, make(chan string, 9)))
	if _, err := native.UpdateUser(deadline(t), &userv1.UpdateUserRequest{User: &userv1.User{Id: "u-2", DisplayName: "Rear Admiral Hopper"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := native.DeleteUser(deadline(t), &userv1.DeleteUserRequest{Id: "u-3"}); err != nil {
		t.Fatal(err)
	}
	b.Await(rows + " === 'Ada Lovelace|Rear Admiral Hopper'")

	// The page itself creates one.
	fill := func(name, email string) {
		b.Eval("(() => { const f = document.forms[0].elements; f.name.value = " + quoted(t, name) + "; f.email.value = " + quoted(t, email) + "; document.forms[0].requestSubmit(); })()")
	}
	fill("Edsger Dijkstra", "edsger@example.com")
	b.Await("document.querySelector('#users').innerText.includes('edsger@example.com') && document.querySelectorAll('#changes li').length === 3")
	got, err := users.ListUsers(deadline(t), &userv1.ListUsersRequest{Filter: `email = "edsger@example.com"`})
	if err != nil || len(got.GetUsers()) != 1 {
		t.Errorf("the service has %v, %v", got, err)
	}
	b.Await("document.querySelector('#count').textContent === '3 users'")
	if said := b.Said(); len(said) > 0 {
		t.Errorf("the console says %q", said)
	}
	takePictures(t, b)
	fill("Again", "ADA@example.com")
	b.Await("!document.querySelector('#problem').hidden && document.querySelector('#problem').textContent.startsWith('already exists: ')")
}

func takePictures(t *testing.T, b *testkit.Browser) {
	t.Helper()
	dir := os.Getenv("EDGE_PICTURES")
	if dir == "" {
		return
	}
	for name, width := range map[string]int{"wide": 1200, "narrow": 420} {
		for scheme, dark := range map[string]bool{"light": false, "dark": true} {
			b.Show(width, 760, dark)
			b.Picture(filepath.Join(dir, name+"-"+scheme+".png"))
		}
	}
}

func TestThePageIsServedWithSecurityHeaders(t *testing.T) {
	w := newWorld(t, "127.0.0.1:1")
	for path, kind := range map[string]string{"/": "text/html", "/page.js": "javascript", "/page.css": "text/css", "/icon.svg": "svg"} {
		answer, body := do(t, httpClient(t, 1), "GET", "http://"+w.http+path, "")
		h := answer.Header
		if answer.StatusCode != http.StatusOK || !strings.Contains(h.Get("Content-Type"), kind) || body == "" {
			t.Errorf("%s: %s %v", path, answer.Status, h)
		}
		csp := h.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self';", "frame-ancestors 'none'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("%s: policy %q, want %s", path, csp, want)
			}
		}
		if h.Get("X-Content-Type-Options") != "nosniff" || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: %v", path, h)
		}
	}
	without := newWorld(t, "127.0.0.1:1", func(o *edge.Options) { o.Page = false })
	if answer, _ := do(t, httpClient(t, 1), "GET", "http://"+without.http+"/", ""); answer.StatusCode != http.StatusNotFound {
		t.Errorf("without the page: %s", answer.Status)
	}
}

func TestTheSchemaIsWhole(t *testing.T) {
	w := newWorld(t, "127.0.0.1:1")
	answer, body := do(t, httpClient(t, 1), "GET", "http://"+w.http+"/schema.binpb", "")
	set := &descriptorpb.FileDescriptorSet{}
	if err := proto.Unmarshal([]byte(body), set); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatal(answer.Status, err)
	}
	files, err := protodesc.NewFiles(set)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := files.FindDescriptorByName("user.v1.UserService"); err != nil {
		t.Error(err)
	}
	if !slices.Equal(w.edge.Services(), []string{"user.v1.UserService"}) {
		t.Errorf("Services = %q", w.edge.Services())
	}
}
