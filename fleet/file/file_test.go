package file_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/file"
)

// one is a file with one instance, which nobody checks.
func one(id string) string {
	return "check: none\nservices: {user: {instances: [{id: " + id + ", address: 'localhost:1'}]}}\n"
}

// says reads updates until one tells what is wanted.
func says(t *testing.T, updates <-chan string, want string) {
	t.Helper()
	timeout := time.After(20 * time.Second)
	var all []string
	for {
		select {
		case got := <-updates:
			if all = append(all, got); strings.Contains(got, want) {
				return
			}
		case <-timeout:
			t.Fatalf("no update with %q in %q", want, all)
		}
	}
}

// follow watches the service user; an update is told as "ID=status ..." or as
// its error.
func follow(t *testing.T, c fleet.Catalog) <-chan string {
	t.Helper()
	updates := make(chan string)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- c.Watch(ctx, "user", func(u fleet.Update) {
			var row []string
			for _, i := range u.List.Instances {
				row = append(row, i.ID+"="+string(i.Catalog))
			}
			if u.Err != nil {
				row = []string{u.Err.Error()}
			}
			select {
			case updates <- "[" + strings.Join(row, " ") + "]":
			case <-ctx.Done():
			}
		})
	}()
	t.Cleanup(func() { cancel(); <-done })
	return updates
}

func TestWatchSeesEveryWayOfSaving(t *testing.T) {
	path := filepath.Join(t.TempDir(), "later", "fleet.yaml")
	updates := follow(t, open(t, file.Options{Path: path}))
	says(t, updates, "cannot be read: no such file")
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, path, one("a"))
	says(t, updates, "[a=passing]")

	if err := os.WriteFile(path, []byte(one("in-place")), 0o600); err != nil {
		t.Fatal(err)
	}
	says(t, updates, "[in-place=passing]")

	if err := os.Rename(path, path+"~"); err != nil { // as vim does: away, then new
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(one("moved-away")), 0o600); err != nil {
		t.Fatal(err)
	}
	says(t, updates, "[moved-away=passing]")

	write(t, path, "services: {user: {instances: [{address: nowhere}]}}")
	says(t, updates, ":1:41: address \"nowhere\" is neither")
	write(t, path, one("mended"))
	says(t, updates, "[mended=passing]")

	if err := os.Rename(filepath.Dir(path), filepath.Dir(path)+".old"); err != nil {
		t.Fatal(err)
	}
	says(t, updates, "cannot be read")
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, path, one("in-a-new-folder"))
	says(t, updates, "[in-a-new-folder=passing]")
}

func TestWatchFollowsALinkToAnotherFolder(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "fleet.yaml")
	for _, name := range []string{"first", "second"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, name, "fleet.yaml"), one(name))
	}
	link := func(to string) { // as mounted configuration is replaced
		if err := os.Symlink(filepath.Join(dir, to, "fleet.yaml"), path+".next"); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".next", path); err != nil {
			t.Fatal(err)
		}
	}
	link("first")
	updates := follow(t, open(t, file.Options{Path: path}))
	says(t, updates, "[first=passing]")
	link("second")
	says(t, updates, "[second=passing]")
	write(t, filepath.Join(dir, "second", "fleet.yaml"), one("third"))
	says(t, updates, "[third=passing]")
}

// listen opens a port that accepts and does nothing.
func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func TestInstancesThatRefuseAreCritical(t *testing.T) {
	alive, dying := listen(t), listen(t)
	path := filepath.Join(t.TempDir(), "fleet.yaml")
	content := fmt.Sprintf(`services: {user: {instances: [
		{id: alive, address: %q}, {id: dying, address: %q},
		{id: resting, address: %q, status: maintenance}, {id: warned, address: %q, status: warning}]}}`,
		alive.Addr(), dying.Addr(), dying.Addr(), alive.Addr())
	write(t, path, strings.ReplaceAll(content, "\t", " "))
	c := open(t, file.Options{Path: path})
	updates := follow(t, c)
	says(t, updates, "[alive=passing dying=passing resting=maintenance warned=warning]")
	dying.Close()
	says(t, updates, "[alive=passing dying=critical resting=maintenance warned=warning]")

	list, err := c.Services(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want := (fleet.Counts{Instances: 4, Passing: 1, Warning: 1, Critical: 1, Maintenance: 1}); list.Services[0].Counts != want {
		t.Errorf("counts = %+v, want %+v", list.Services[0].Counts, want)
	}
	write(t, path, strings.ReplaceAll("check: none\n"+content, "\t", " "))
	says(t, updates, "[alive=passing dying=passing resting=maintenance warned=warning]")
}

func TestOnlyInstancesWithTheTags(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fleet.yaml")
	write(t, path, `check: none
services:
  user: {tags: [v1], instances: [{address: "a:1", tags: [eu]}, {address: "a:2"}]}
  other: {instances: [{address: "a:3", tags: [eu]}]}
`)
	c := open(t, file.Options{Path: path, Tags: []string{"v1", "eu"}})
	services, err := c.Services(t.Context())
	if err != nil || len(services.Services) != 1 || services.Services[0].Instances != 1 || services.Services[0].Name != "user" {
		t.Errorf("Services = %+v, %v", services, err)
	}
	list, err := c.Instances(t.Context(), "user")
	if err != nil || len(list.Instances) != 1 || list.Instances[0].ID != "a:1" {
		t.Errorf("Instances = %+v, %v", list, err)
	}
}

func TestPathsAndURLs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "my fleet.yaml")
	write(t, path, one("a"))
	for _, p := range []string{path, "file://" + path, "file://" + strings.ReplaceAll(path, " ", "%20")} {
		if _, err := open(t, file.Options{Path: p}).Services(t.Context()); err != nil {
			t.Error(err)
		}
	}
	for _, p := range []string{"", "file://", "file:///%zz"} {
		_, err := file.New(file.Options{Path: p})
		var e *fleet.Error
		if !errors.As(err, &e) || e.Hint == "" {
			t.Errorf("New(%q) = %v, want a fleet.Error with a hint", p, err)
		}
	}
	_, err := open(t, file.Options{Path: filepath.Dir(path)}).Services(t.Context())
	if err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("a folder = %v", err)
	}
}

// A pipe, which nothing may ever write to, is told apart the same way.
func TestADeviceIsNotRead(t *testing.T) {
	c, err := file.New(file.Options{Path: os.DevNull})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Services(t.Context()); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("Services = %v", err)
	}
}
