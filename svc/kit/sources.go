package kit

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/spf13/pflag"
)

// Flags that are questions to the program and not settings.
var noSettings = []string{"help", "version", "config"}

// FromEnv sets every flag that was not given on the command line from the
// environment: --tls-cert from PREFIX_TLS_CERT. A flag that can be repeated takes
// several values with spaces between them. --help and --version have no variable.
// lookup is os.LookupEnv outside of tests. The error names the variable, its value
// and what is wanted.
func FromEnv(flags *pflag.FlagSet, prefix string, lookup func(string) (string, bool)) error {
	var errs []error
	flags.VisitAll(func(f *pflag.Flag) {
		name := prefix + "_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		value, ok := lookup(name)
		if !ok || f.Changed || f.Name != "config" && slices.Contains(noSettings, f.Name) {
			return
		}
		values := []string{value}
		if repeatable(f) {
			values = strings.Fields(value)
		}
		if err := set(flags, f, values); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	})
	return errors.Join(errs...)
}

// FromFile sets every flag that has no value yet from a YAML file: a mapping from
// the names of flags, without dashes in front, to values, or to lists of them for
// flags that can be repeated. The error lists all that is wrong with the file, by
// line, with the value and what is wanted instead. Texts are not shown: no text is
// wrong in itself, and it may be a secret.
func FromFile(flags *pflag.FlagSet, path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("--config: %w", err)
	}
	settings := map[string]any{}
	if err := yaml.Unmarshal(data, &settings); err != nil {
		return fmt.Errorf("--config %s: %s: want a mapping from flag names to values", path, place(err))
	}
	lines := linesOf(data)
	var problems []problem
	for name, value := range settings {
		if err := setting(flags, name, value); err != nil {
			problems = append(problems, problem{lines[name], err})
		}
	}
	slices.SortFunc(problems, func(a, b problem) int {
		return cmp.Or(a.line-b.line, strings.Compare(a.err.Error(), b.err.Error()))
	})
	errs := make([]error, len(problems))
	for i, p := range problems {
		errs[i] = fmt.Errorf("--config %s, line %d: %w", path, p.line, p.err)
		if p.line == 0 { // it came by an alias
			errs[i] = fmt.Errorf("--config %s: %w", path, p.err)
		}
	}
	return errors.Join(errs...)
}

// problem is what is wrong with one line of a file.
type problem struct {
	line int // 0 if unknown
	err  error
}

// setting sets one flag from a file, unless it has a value already.
func setting(flags *pflag.FlagSet, name string, value any) error {
	f := flags.Lookup(name)
	switch {
	case f == nil || slices.Contains(noSettings, name):
		return fmt.Errorf("there is no setting %q", name)
	case f.Changed:
		return nil
	}
	words, ok := texts(value)
	switch {
	case !ok && repeatable(f):
		return fmt.Errorf("%s: want one value or a list of them", name)
	case !ok || len(words) != 1 && !repeatable(f):
		return fmt.Errorf("%s: want one value, %s", name, wanted(f))
	}
	if err := set(flags, f, words); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// linesOf returns the lines on which the keys of a YAML mapping stand.
func linesOf(data []byte) map[string]int {
	lines := map[string]int{}
	file, err := parser.ParseBytes(data, 0)
	if err != nil || len(file.Docs) == 0 {
		return lines
	}
	mapping, ok := file.Docs[0].Body.(ast.MapNode)
	if !ok {
		return lines
	}
	for values := mapping.MapRange(); values.Next(); {
		if key := values.Key().GetToken(); key != nil && key.Position != nil {
			lines[key.Value] = key.Position.Line
		}
	}
	return lines
}

func repeatable(f *pflag.Flag) bool {
	_, many := f.Value.(pflag.SliceValue)
	return many
}

// maxShown is how many bytes of a wrong value an error shows.
const maxShown = 40

func set(flags *pflag.FlagSet, f *pflag.Flag, values []string) error {
	for _, v := range values {
		if flags.Set(f.Name, v) != nil { // its error says less of what is wanted
			if len(v) > maxShown {
				v = strings.ToValidUTF8(v[:maxShown], "") + "…"
			}
			return fmt.Errorf("%q is no valid value: want %s", v, wanted(f))
		}
	}
	return nil
}

// wanted says what a flag takes.
func wanted(f *pflag.Flag) string {
	switch f.Value.Type() {
	case "bool":
		return "true or false"
	case "duration":
		return "a duration with its unit, for example 300ms, 5s or 1m30s"
	case "float64":
		return "a number, for example 0.25"
	default:
		name, usage := pflag.UnquoteUsage(f)
		return name + " (" + usage + ")"
	}
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
