package form_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/gctl-dev/gctl/tui/form"
)

// large returns a form whose list or map at path has n elements and is open.
func large(t testing.TB, path string, n int, element func(i int) string) page {
	t.Helper()
	p := newPage(t, everything)
	parent, name, _ := strings.Cut(path, ".")
	items := make([]string, n)
	for i := range items {
		items[i] = element(i)
	}
	text := "[" + strings.Join(items, ",") + "]"
	if strings.Contains(items[0], `":`) && items[0][0] == '"' {
		text = "{" + strings.Join(items, ",") + "}"
	}
	p.ok(p.SetJSON(fmt.Appendf(nil, `{%q: {%q: %s}}`, parent, name, text)))
	return p.open(parent, path)
}

func number(i int) string { return strconv.Itoa(i) }

func scalars(i int) string { return fmt.Sprintf(`{"fInt32": %d, "fString": "s"}`, i) }

func labelled(i int) string { return fmt.Sprintf(`"label-%d": "value"`, i) }

func BenchmarkRows(b *testing.B) {
	for _, c := range []struct {
		path    string
		element func(int) string
	}{{"lists.numbers", number}, {"lists.scalars", scalars}, {"maps.labels", labelled}} {
		b.Run(c.path, func(b *testing.B) {
			p := large(b, c.path, form.MaxElements, c.element)
			b.ReportAllocs()
			for b.Loop() {
				p.Rows()
			}
		})
	}
}

func BenchmarkEdit(b *testing.B) {
	p := large(b, "lists.numbers", form.MaxElements-1, number)
	rows := p.Rows()
	id := rows[len(rows)/2].ID
	b.Run("set", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			p.ok(p.Set(id, strconv.Itoa(i)))
		}
	})
	b.Run("add and remove", func(b *testing.B) {
		for b.Loop() {
			added, err := p.Add(id)
			p.ok(err)
			p.ok(p.Remove(added))
		}
	})
	b.Run("move", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			p.ok(p.Move(id, 1-i%2*2))
		}
	})
}

func BenchmarkMirror(b *testing.B) {
	p := large(b, "lists.scalars", form.MaxElements, scalars)
	text, err := p.JSON()
	p.ok(err)
	b.Run("JSON", func(b *testing.B) {
		for b.Loop() {
			_, err := p.JSON()
			p.ok(err)
		}
	})
	b.Run("SetJSON", func(b *testing.B) {
		for b.Loop() {
			p.ok(p.SetJSON(text))
		}
	})
	b.Run("SetJSON and Rows", func(b *testing.B) {
		for b.Loop() {
			p.ok(p.SetJSON(text))
			p.Rows()
		}
	})
	b.Run("Problems", func(b *testing.B) {
		for b.Loop() {
			p.Problems()
		}
	})
}
