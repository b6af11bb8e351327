package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/gctl-dev/gctl/fleet"
)

// File is the configuration file. A file that does not exist is an empty one,
// and so is one that could have no place.
type File struct {
	Path     string             `yaml:"-"`
	Current  string             `yaml:"current,omitempty"` // the context that is used where none is named
	Contexts map[string]Context `yaml:"contexts,omitempty"`
	Dash     Dash               `yaml:"dash,omitempty"`

	nowhere error // why it can have no place and cannot be written
}

// Nowhere returns the empty file for a user without a home, as a container or a
// cron job may be. Everything works but what writes it, which fails with err.
func Nowhere(err error) *File {
	return &File{Path: "$XDG_CONFIG_HOME/gctl/config.yaml (neither that nor HOME is set)", nowhere: err}
}

// Placed fails if there is no place where the file could be written.
func (f *File) Placed() error { return f.nowhere }

// DefaultPath returns where the file is: $XDG_CONFIG_HOME/gctl/config.yaml,
// ~/.config where that is unset, %AppData% on Windows.
func DefaultPath(getenv func(string) string) (string, error) {
	dir := getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(dir) { // the specification has relative paths ignored
		var err error
		if dir, err = userDir(); err != nil {
			return "", &fleet.Error{What: "find the configuration", Err: err, Hint: "set XDG_CONFIG_HOME"}
		}
	}
	return filepath.Join(dir, "gctl", "config.yaml"), nil
}

func userDir() (string, error) {
	if runtime.GOOS == "windows" {
		return os.UserConfigDir()
	}
	home, err := os.UserHomeDir()
	return filepath.Join(home, ".config"), err
}

// Load reads the file at path.
func Load(path string) (*File, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &File{Path: path}, nil
	}
	if err != nil {
		return nil, &fleet.Error{What: "read the configuration", Err: err}
	}
	return parse(path, data)
}

func parse(path string, data []byte) (*File, error) {
	f := &File{}
	if err := yaml.UnmarshalWithOptions(data, f, yaml.Strict()); err != nil {
		return nil, place(path, err)
	}
	f.Path = path // after decoding, which empties f for an empty document
	if err := f.Dash.validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for name, c := range f.Contexts {
		c.Name = name
		if err := c.Validate(); err != nil {
			return nil, fmt.Errorf("%s: context %s: %w", path, name, err)
		}
		f.Contexts[name] = c
	}
	return f, nil
}

// keys are all keys that the file may have, to name the one that was meant.
var keys = []string{
	"current", "contexts", "catalog", "tls", "headers", "auth", "proxy",
	"plaintext", "insecure", "cacert", "cert", "key", "servername",
	"prometheus", "jaeger", "url", "admin", "slo", "objective", "window", "map", "read_only", "protected",
	"dash", "theme", "ascii", "keys", "columns", "refresh", "views", "place", "filter", "sort", "pane",
}

// place turns a YAML error into one with the file, line and column.
func place(path string, err error) error {
	out := &fleet.Error{Kind: fleet.Failed, What: path, Err: err}
	var at yaml.Error
	if !errors.As(err, &at) || at.GetToken() == nil {
		return out
	}
	pos := at.GetToken().Position
	out.What = fmt.Sprintf("%s:%d:%d", path, pos.Line, pos.Column)
	out.Err = errors.New(at.GetMessage())
	if _, rest, unknown := strings.Cut(at.GetMessage(), `unknown field "`); unknown {
		key, _, _ := strings.Cut(rest, `"`)
		out.Err = fmt.Errorf("unknown key %q", key)
		out.Hint = "known keys: " + strings.Join(keys, ", ")
		if near := fleet.Nearest(key, keys, 1); len(near) > 0 {
			out.Hint = "did you mean " + near[0] + "?"
		}
	}
	return out
}

// Names returns the names of the contexts, sorted.
func (f *File) Names() []string { return slices.Sorted(maps.Keys(f.Contexts)) }

// Select returns the context called name, the current one if name is empty, and
// the zero Context if there is no current one either.
func (f *File) Select(name string) (Context, error) {
	from := ""
	if name == "" {
		name, from = f.Current, " (current in "+f.Path+")"
	}
	if name == "" {
		return Context{}, nil
	}
	if c, ok := f.Contexts[name]; ok {
		return c, nil
	}
	err := &fleet.Error{
		Kind: fleet.Usage, What: fmt.Sprintf("no context %q%s", name, from),
		Hint: "gctl context add " + name + " --catalog consul://HOST:8500",
	}
	if names := f.Names(); len(names) > 0 {
		err.Hint = "contexts: " + strings.Join(names, ", ")
		if near := fleet.Nearest(name, names, 3); len(near) > 0 {
			err.Hint = "did you mean " + strings.Join(near, " or ") + "?"
		}
	}
	return Context{}, err
}
