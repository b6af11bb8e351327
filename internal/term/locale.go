package term

import "strings"

// UTF8 tells whether the locale of the terminal has more than ASCII: what LC_ALL,
// LC_CTYPE or LANG says, the first of them that is set (POSIX, XBD 8.2). Where none
// is, as in a container, the terminal is taken for one of today.
func UTF8(getenv func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if value := strings.ToLower(getenv(name)); value != "" {
			_, charset, _ := strings.Cut(value, ".")
			charset, _, _ = strings.Cut(charset, "@")
			return charset == "utf-8" || charset == "utf8"
		}
	}
	return true
}
