package kit

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/spf13/pflag"
)

// Flags that are questions to the program and not settings.
var noSettings = []string{"help", "version", "config"}

// FromEnv sets every flag that was not given on the command line from the
// environment: --tls-cert from PREFIX_TLS_CERT. A flag that can be repeated takes
// several values with spaces between them. --help and --version have no variable.
// lookup is os.LookupEnv outside of tests. The error names the variable, not its
// value.
func FromEnv(flags *pflag.FlagSet, prefix string, lookup func(string) (string, bool)) error {
	var errs []error
	flags.VisitAll(func(f *pflag.Flag) {
		name := prefix + "_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		value, ok := lookup(name)
		if !ok || f.Changed || f.Name != "config" && slices.Contains(noSettings, f.Name) {
			return
		}
		values := []string{value}
		if _, many := f.Value.(pflag.SliceValue); many {
			values = strings.Fields(value)
		}
		if set(flags, f, values) != nil {
			errs = append(errs, fmt.Errorf("%s is no valid value for --%s", name, f.Name))
		}
	})
	return errors.Join(errs...)
}

// FromFile sets every flag that has no value yet from a YAML file: a mapping from
// the names of flags, without dashes in front, to values, or to lists of them for
// flags that can be repeated. The error lists all that is wrong with the file, and
// shows no values.
func FromFile(flags *pflag.FlagSet, path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("--config: %w", err)
	}
	settings := map[string]any{}
	if err := yaml.Unmarshal(data, &settings); err != nil {
		return fmt.Errorf("--config %s: %s: want a mapping from flag names to values", path, place(err))
	}
	var errs []error
	for name, value := range settings {
		f := flags.Lookup(name)
		switch {
		case f == nil || slices.Contains(noSettings, name):
			errs = append(errs, fmt.Errorf("--config %s: there is no setting %q", path, name))
		case f.Changed:
		default:
			if words, ok := texts(value); !ok || set(flags, f, words) != nil {
				errs = append(errs, fmt.Errorf("--config %s: no valid value for %s", path, name))
			}
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}

func set(flags *pflag.FlagSet, f *pflag.Flag, values []string) error {
	if _, many := f.Value.(pflag.SliceValue); !many && len(values) != 1 {
		return errors.New("not one value")
	}
	for _, v := range values {
		if err := flags.Set(f.Name, v); err != nil {
			return err
		}
	}
	return nil
}

// texts returns a value of YAML as command line words; false for what is none:
// nothing at all, mappings, lists in lists.
func texts(value any) (words []string, ok bool) {
	list, many := value.([]any)
	if !many {
		list = []any{value}
	}
	for _, v := range list {
		switch v := v.(type) {
		case string:
			words = append(words, v)
		case bool, int64, uint64, float64:
			words = append(words, fmt.Sprint(v))
		default:
			return nil, false
		}
	}
	return words, true
}

// place returns where in the file the YAML library found an error. Its words may
// show what stands there.
func place(err error) string {
	var at yaml.Error
	if errors.As(err, &at) && at.GetToken() != nil && at.GetToken().Position != nil {
		p := at.GetToken().Position
		return fmt.Sprintf("line %d, column %d", p.Line, p.Column)
	}
	return "no YAML"
}
