package demo

import (
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/config"
)

// lockFile is in the folder of every world, locked while the world lives.
const lockFile = "lock"

// makeRoom removes what worlds left behind that were killed.
func makeRoom(o *Options) error {
	if err := checkContext(o); err != nil {
		return err
	}
	temporary, err := temporaryFolder()
	if err != nil {
		return err
	}
	folders, err := filepath.Glob(filepath.Join(temporary, folderPrefix+"*"))
	if err != nil {
		return err
	}
	for _, folder := range folders {
		unlock, err := relock(folder)
		if err != nil {
			continue // of a running world, or of another user
		}
		err = errors.Join(forget(o, folder), os.RemoveAll(folder))
		unlock()
		if err != nil {
			return &fleet.Error{What: "clean up after an earlier demo", Err: err}
		}
	}
	return nil
}

// temporaryFolder is where the folders of worlds are. TMPDIR may be relative; a
// catalog's path is not.
func temporaryFolder() (string, error) {
	folder, err := filepath.Abs(os.TempDir())
	if err != nil {
		return "", &fleet.Error{What: "find the folder for temporary files", Err: err}
	}
	return folder, nil
}

// checkContext refuses to touch a context that is not of a dead world.
func checkContext(o *Options) error {
	file, err := config.Load(o.Config)
	if err != nil {
		return err
	}
	c, ok := file.Contexts[Context]
	if !ok {
		return nil
	}
	folder, ok := folderOf(c)
	if !ok {
		return &fleet.Error{
			Kind: fleet.Usage, What: "there is a context " + Context + " that is not of a demo, in " + o.Config,
			Hint: "give it another name in that file, or set XDG_CONFIG_HOME to another folder for the demo",
		}
	}
	unlock, err := relock(folder)
	switch {
	case errors.Is(err, errLocked):
		return &fleet.Error{
			Kind: fleet.Usage, What: "a demo is running already",
			Hint: "try it: gctl --context " + Context + " services; end it by ctrl-c in its terminal",
		}
	case err == nil:
		unlock()
	}
	return forget(o, folder) // its folder may be gone
}

// Owns tells whether a context is of a world, which may be gone.
func Owns(c *config.Context) bool {
	_, ok := folderOf(*c)
	return ok
}

// folderOf returns the folder of the world that a context is of: the one of its
// file catalog, which may be gone, or the one that says that the catalog is its.
func folderOf(c config.Context) (string, bool) {
	u, err := url.Parse(c.Catalog)
	if err != nil {
		return "", false
	}
	if u.Scheme == "file" {
		folder, file := filepath.Split(filepath.FromSlash(u.Path))
		folder = filepath.Clean(folder)
		return folder, strings.HasPrefix(filepath.Base(folder), folderPrefix) && file == catalogFile
	}
	temporary, err := temporaryFolder()
	if err != nil {
		return "", false
	}
	folders, err := filepath.Glob(filepath.Join(temporary, folderPrefix+"*"))
	if err != nil {
		return "", false
	}
	for _, folder := range folders {
		if contextOf(folder) == c.Catalog {
			return folder, true
		}
	}
	return "", false
}

// contextOf returns the catalog's URL in the context of the world in folder.
func contextOf(folder string) string {
	text, err := os.ReadFile(filepath.Join(folder, contextFile))
	if err != nil {
		return catalogURL(folder) // it did not come so far
	}
	return string(text)
}

// forget removes the context of the world in folder, and the file and its
// folder too if nothing else is in them.
func forget(o *Options, folder string) error {
	catalog := contextOf(folder)
	if o.Forget != nil {
		o.Forget(catalog)
	}
	file, err := config.Load(o.Config)
	if err != nil {
		return err
	}
	if c, ok := file.Contexts[Context]; !ok || c.Catalog != catalog {
		return nil
	}
	if err := file.Remove(Context); err != nil {
		return err
	}
	text, err := os.ReadFile(o.Config)
	if err != nil {
		return err
	}
	switch strings.TrimSpace(string(text)) {
	case "", "{}", "contexts:", "contexts: {}":
		if err := os.Remove(o.Config); err != nil {
			return err
		}
		_ = os.Remove(filepath.Dir(o.Config)) // fails where it holds something else
	}
	return nil
}

var errLocked = errors.New("locked by a running process")

// lock makes the lock file of a folder and holds it.
func lock(folder string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(folder, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	return hold(f)
}

// relock takes the lock of an earlier world's folder, errLocked if that lives.
func relock(folder string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(folder, lockFile), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return hold(f)
}

func hold(f *os.File) (unlock func(), err error) {
	if err := tryLock(f); err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}
