package internal

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/gctl-dev/gctl/svc/user/repository"
)

// parseFilter reads comparisons joined by AND, the part of
// https://google.aip.dev/160 that the schema promises.
func parseFilter(text string) ([]repository.Condition, error) {
	p := filterParser{rest: text}
	p.space()
	var conditions []repository.Condition
	for p.rest != "" {
		if len(conditions) > 0 {
			if word, _ := p.word(); !strings.EqualFold(word, "AND") {
				return nil, p.fail(text, "want AND between comparisons")
			}
		}
		c, err := p.comparison()
		if err != nil {
			return nil, p.fail(text, err.Error())
		}
		conditions = append(conditions, c)
	}
	return conditions, nil
}

type filterParser struct{ rest string }

func (p *filterParser) fail(text, problem string) error {
	return fmt.Errorf("%s, at byte %d", problem, len(text)-len(p.rest))
}

func (p *filterParser) space() { p.rest = strings.TrimLeftFunc(p.rest, unicode.IsSpace) }

// word takes letters, digits and what stands in names, addresses and times;
// the second result says whether there was anything.
func (p *filterParser) word() (string, bool) {
	end := strings.IndexFunc(p.rest, func(r rune) bool {
		return unicode.IsSpace(r) || strings.ContainsRune(`=!<>:"`, r)
	})
	if end < 0 {
		end = len(p.rest)
	}
	word := p.rest[:end]
	p.rest = p.rest[end:]
	p.space()
	return word, word != ""
}

func (p *filterParser) comparison() (repository.Condition, error) {
	name, ok := p.word()
	if !ok {
		return repository.Condition{}, fmt.Errorf("want a field")
	}
	c := repository.Condition{Field: repository.Field(name)}
	if key, isLabel := strings.CutPrefix(name, "labels."); isLabel && key != "" {
		c.Field, c.Key = repository.FieldLabels, key
	}
	for _, o := range []repository.Operator{
		repository.NotEqual, repository.LessEqual, repository.GreaterEqual,
		repository.Equal, repository.Less, repository.Greater, repository.Contains,
	} {
		if rest, found := strings.CutPrefix(p.rest, string(o)); found {
			c.Operator, p.rest = o, rest
			break
		}
	}
	if err := allowed(c); err != nil {
		return c, err
	}
	p.space()
	value, err := p.value()
	if err != nil {
		return c, err
	}
	return withValue(c, value)
}

// value takes a quoted text, in which a backslash takes the next character as
// it is, or everything up to the next space.
func (p *filterParser) value() (string, error) {
	if !strings.HasPrefix(p.rest, `"`) {
		end := strings.IndexFunc(p.rest, unicode.IsSpace)
		if end < 0 {
			end = len(p.rest)
		}
		value := p.rest[:end]
		p.rest = p.rest[end:]
		p.space()
		if value == "" {
			return "", fmt.Errorf("want a value")
		}
		return value, nil
	}
	var b strings.Builder
	escaped := false
	for i, r := range p.rest[1:] {
		switch {
		case escaped:
			escaped = false
		case r == '\\':
			escaped = true
			continue
		case r == '"':
			p.rest = p.rest[i+2:]
			p.space()
			return b.String(), nil
		}
		b.WriteRune(r)
	}
	return "", fmt.Errorf("the quote is not closed")
}

// allowed says whether the field is known and has the operator.
func allowed(c repository.Condition) error {
	operators := []repository.Operator{repository.Equal, repository.NotEqual}
	switch c.Field {
	case repository.FieldID, repository.FieldEmail, repository.FieldDisplayName:
		operators = append(operators, repository.Contains)
	case repository.FieldRole, repository.FieldState:
	case repository.FieldGroups:
		operators = []repository.Operator{repository.Contains}
	case repository.FieldCreated, repository.FieldUpdated:
		operators = append(operators, repository.Less, repository.LessEqual, repository.Greater, repository.GreaterEqual)
	case repository.FieldLabels:
		if c.Key == "" {
			return fmt.Errorf("write labels.KEY")
		}
		operators = append(operators, repository.Contains)
	default:
		return fmt.Errorf("there is no field %q", c.Field)
	}
	if !slices.Contains(operators, c.Operator) {
		return fmt.Errorf("%s wants one of %q", c.Field, operators)
	}
	return nil
}

// withValue reads the value as the field's type.
func withValue(c repository.Condition, value string) (repository.Condition, error) {
	c.Text = value
	var err error
	switch c.Field {
	case repository.FieldRole:
		c.Text = enumName(value)
		if !slices.Contains([]repository.Role{repository.Member, repository.Editor, repository.Admin}, repository.Role(c.Text)) {
			err = fmt.Errorf("there is no role %q", value)
		}
	case repository.FieldState:
		c.Text = enumName(value)
		if !slices.Contains([]repository.State{repository.Active, repository.Invited, repository.Suspended}, repository.State(c.Text)) {
			err = fmt.Errorf("there is no state %q", value)
		}
	case repository.FieldCreated, repository.FieldUpdated:
		if c.Time, err = time.Parse(time.RFC3339Nano, value); err != nil {
			err = fmt.Errorf("%q is no RFC 3339 time", value)
		}
	}
	return c, err
}
