package term_test

import (
	"testing"

	"github.com/gctl-dev/gctl/internal/term"
)

func TestTheLocaleSaysWhetherThereIsMoreThanASCII(t *testing.T) {
	for _, c := range []struct {
		all, ctype, lang string
		want             bool
	}{
		{want: true},
		{lang: "C.UTF-8", want: true},
		{lang: "de_DE.utf8@euro", want: true},
		{lang: "C"},
		{lang: "POSIX"},
		{lang: "de_DE.ISO-8859-1"},
		{lang: "en_US.UTF-8", ctype: "C"},
		{lang: "C", ctype: "en_US.UTF-8", want: true},
		{lang: "en_US.UTF-8", ctype: "en_US.UTF-8", all: "C"},
		{lang: "C", ctype: "C", all: "en_US.UTF-8", want: true},
	} {
		env := map[string]string{"LC_ALL": c.all, "LC_CTYPE": c.ctype, "LANG": c.lang}
		if got := term.UTF8(func(name string) string { return env[name] }); got != c.want {
			t.Errorf("%+v: %t", c, got)
		}
	}
}
