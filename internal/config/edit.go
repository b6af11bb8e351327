package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"

	"github.com/goccy/go-yaml"

	"github.com/gctl-dev/gctl/fleet"
)

// Put writes the context c to the file under its name, in place of what had
// that name.
func (f *File) Put(c Context) error {
	if err := c.Validate(); err != nil {
		return err
	}
	if err := f.reload(); err != nil {
		return err
	}
	next := f.clone()
	next.Contexts[c.Name] = c
	return f.save(next, func(d *document) error { return d.put(c) })
}

// Use makes name the current context.
func (f *File) Use(name string) error {
	if err := f.reload(); err != nil {
		return err
	}
	if _, err := f.Select(name); err != nil {
		return err
	}
	next := f.clone()
	next.Current = name
	return f.save(next, func(d *document) error { return d.current(name) })
}

// Remove takes the context called name out of the file, if it is there. The
// current context then is none if it was that one.
func (f *File) Remove(name string) error {
	if err := f.reload(); err != nil {
		return err
	}
	next := f.clone()
	delete(next.Contexts, name)
	if next.Current == name {
		next.Current = ""
	}
	return f.save(next, func(d *document) error {
		if f.Current == name {
			if err := d.current(""); err != nil {
				return err
			}
		}
		return d.remove(name)
	})
}

// reload takes in what others wrote since f was loaded, so that it is not lost.
func (f *File) reload() error {
	if err := f.Placed(); err != nil {
		return err
	}
	now, err := Load(f.Path)
	if err == nil {
		*f = *now
	}
	return err
}

func (f *File) clone() *File {
	next := *f
	next.Contexts = maps.Clone(f.Contexts)
	if next.Contexts == nil {
		next.Contexts = map[string]Context{}
	}
	return &next
}

// save changes the text of the file by edit, so that the user's comments and
// order stay, and checks that the text now says next. Where it does not (the
// text has a form that edit does not know), the file is written anew.
func (f *File) save(next *File, edit func(*document) error) error {
	text, err := os.ReadFile(f.Path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &fleet.Error{What: "read the configuration", Err: err}
	}
	data, err := edited(f.Path, text, next, edit)
	if err != nil {
		if data, err = yaml.MarshalWithOptions(next, yaml.IndentSequence(true)); err != nil {
			return err
		}
	}
	if err := write(f.Path, data); err != nil {
		return &fleet.Error{What: "write the configuration", Err: err}
	}
	*f = *next
	return nil
}

func edited(path string, text []byte, next *File, edit func(*document) error) ([]byte, error) {
	d, err := newDocument(text)
	if err != nil {
		return nil, err
	}
	if err := edit(d); err != nil {
		return nil, err
	}
	got, err := parse(path, d.text())
	if err != nil {
		return nil, err
	}
	if got.Contexts == nil {
		got.Contexts = map[string]Context{}
	}
	if !reflect.DeepEqual(got, next) {
		return nil, fmt.Errorf("the edited text of %s says something else", path)
	}
	return d.text(), nil
}

// write replaces the file at once, readable by its owner only. A link stays a
// link.
func write(path string, data []byte) (err error) {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".config-*.yaml") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(tmp.Name())
		}
	}()
	if _, err := bytes.NewReader(data).WriteTo(tmp); err != nil {
		_ = tmp.Close()
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
