package incident

import (
	"bytes"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

const hidden = "(hidden)"

// minSecret is how long a value must be for its every occurrence to be hidden:
// hiding each "1" would make the page unreadable and hide nothing.
const minSecret = 4

// redactor hides credentials in text. It is not safe for concurrent use.
type redactor struct {
	values  []string // to be hidden wherever they stand
	rules   []rule
	headers *regexp.Regexp
	scheme  *regexp.Regexp
	seen    map[string]string // what became of long texts: a recording repeats them
}

type rule struct {
	pattern *regexp.Regexp
	becomes string
}

// secretWord is the part of a name that says that its value is a credential.
const secretWord = `(?:authorization|token|secret|passw(?:or)?d|passphrase|pwd|credentials?|cookie|jwt|api[_-]?key|access[_-]?key|private[_-]?key)`

func newRedactor(values []string) *redactor {
	r := &redactor{seen: map[string]string{}}
	for _, v := range values {
		if len(v) >= minSecret {
			r.values = append(r.values, v, url.QueryEscape(v), url.PathEscape(v))
		}
	}
	slices.SortStableFunc(r.values, func(a, b string) int { return len(b) - len(a) })
	r.rules = []rule{
		{regexp.MustCompile(`(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)`), hidden},
		// Who is named in a URL, with or without a password.
		{regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://)[^\s/?#@"'<>]+@`), "${1}" + hidden + "@"},
		// A header by its name: to the end of the line, or of what is quoted.
		{regexp.MustCompile(`(?i)\b((?:set-)?cookie)(["']?\s*:\s*["']?)[^"'\n]+`), "${1}${2}" + hidden},
		{regexp.MustCompile(`(?i)\b((?:proxy-)?authorization|[a-z0-9-]*(?:-token|-secret|-password|-key|-auth|-session))(["']?\s*:\s*["']?)(?:[^\s"',;]+ )?[^\s"',;]+`), "${1}${2}" + hidden},
		// name=value and "name": "value".
		{regexp.MustCompile(`(?i)([a-z0-9_.-]*` + secretWord + `[a-z0-9_.-]*\s*=\s*)("(?:[^"\\]|\\.)*"|'[^']*'|[^\s&;,"'<>#)]+)`), "${1}" + hidden},
		{regexp.MustCompile(`(?i)(["'][a-z0-9_.-]*` + secretWord + `[a-z0-9_.-]*["']\s*:\s*)("(?:[^"\\]|\\.)*"|'[^']*')`), `${1}"` + hidden + `"`},
		{regexp.MustCompile(`(?i)([?&](?:key|auth|code|session|sig|signature|sas)=)[^\s&"'<>#]+`), "${1}" + hidden},
		// What is a credential wherever it stands.
		{regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*`), hidden},
		{regexp.MustCompile(`\b(?:gh[opsu]_|github_pat_|glpat-|xox[abprs]-|hvs\.|AKIA)[A-Za-z0-9_-]{10,}`), hidden},
	}
	// The value of any header that a command sends, whatever its name.
	r.headers = regexp.MustCompile(`(\s(?:-H|--header|-rpc-header|--rpc-header|-reflect-header|--reflect-header)(?:\s+|=)?)("[^"]*"|'[^']*'|\S+)`)
	r.scheme = regexp.MustCompile(`(?i)\b(bearer|basic|digest)\s+[A-Za-z0-9._~+/=-]{8,}`)
	return r
}

// text hides what is a credential in a text.
func (r *redactor) text(s string) string {
	if len(s) < minSecret {
		return s
	}
	if done, ok := r.seen[s]; ok {
		return done
	}
	out := s
	for _, v := range r.values {
		out = strings.ReplaceAll(out, v, hidden)
	}
	if strings.ContainsAny(out, ":=.-_ ") || strings.Contains(out, "AKIA") {
		out = r.patterns(out)
	}
	if len(r.seen) < 10_000 {
		r.seen[s] = out
	}
	return out
}

func (r *redactor) patterns(s string) string {
	s = r.headers.ReplaceAllStringFunc(s, func(flag string) string {
		m := r.headers.FindStringSubmatch(flag)
		quote := ""
		if m[2][0] == '"' || m[2][0] == '\'' {
			quote = m[2][:1]
		}
		name, _, ok := strings.Cut(strings.Trim(m[2], `"'`), ":")
		if !ok {
			return m[1] + quote + hidden + quote
		}
		return m[1] + quote + name + ": " + hidden + quote
	})
	s = r.scheme.ReplaceAllStringFunc(s, func(found string) string {
		name, value, _ := strings.Cut(found, " ")
		if !strings.ContainsFunc(value, func(c rune) bool { return unicode.IsDigit(c) || unicode.IsUpper(c) || c == '=' }) {
			return found // "basic understanding"
		}
		return name + " " + hidden
	})
	for _, rule := range r.rules {
		s = rule.pattern.ReplaceAllString(s, rule.becomes)
	}
	return s
}

// json hides credentials in the strings of a JSON text, and every value whose key
// says that it is one.
func (r *redactor) json(raw []byte) []byte {
	out := make([]byte, 0, len(raw))
	key := ""
	for len(raw) > 0 {
		begin := bytes.IndexByte(raw, '"')
		if begin < 0 {
			break
		}
		out = append(out, raw[:begin]...)
		literal := raw[begin : begin+literalLen(raw[begin:])]
		raw = raw[begin+len(literal):]
		s, ok := unquote(literal)
		if !ok {
			out = append(out, literal...)
			continue
		}
		isKey := bytes.HasPrefix(bytes.TrimLeft(raw, " \t\r\n"), []byte(":"))
		safe := s
		if isKey {
			key = s
		} else {
			safe = r.value(key, s)
		}
		out = appendString(out, literal, s, safe)
	}
	return append(out, raw...)
}

func (r *redactor) value(key, s string) string {
	if s != "" && isSecret(key) {
		return hidden
	}
	return r.text(s)
}

// appendString writes a string as it was, or anew if it changed.
func appendString(out, literal []byte, was, is string) []byte {
	if was == is {
		return append(out, literal...)
	}
	raw, err := json.Marshal(is)
	if err != nil {
		return append(out, `"`+hidden+`"`...)
	}
	return append(out, raw...)
}

// unquote reads a string of JSON; most have no escapes.
func unquote(literal []byte) (s string, ok bool) {
	if n := len(literal); n > 1 && bytes.IndexByte(literal, '\\') < 0 {
		return string(literal[1 : n-1]), true
	}
	err := json.Unmarshal(literal, &s)
	return s, err == nil
}

// literalLen is the length of the string that raw begins with.
func literalLen(raw []byte) int {
	for i := 1; i < len(raw); i++ {
		switch raw[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(raw)
}

// isSecret tells by the words of a key that its value is a credential: "author" is
// not "auth".
func isSecret(key string) bool {
	words := strings.FieldsFunc(strings.ToLower(key), func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) })
	for i, w := range words {
		switch w {
		case "authorization", "auth", "token", "secret", "password", "passwd", "passphrase", "pwd", "credential", "credentials",
			"cookie", "jwt", "bearer", "apikey", "apitoken", "accesstoken", "privatekey", "session":
			return true
		case "key":
			if i > 0 && (words[i-1] == "api" || words[i-1] == "access" || words[i-1] == "private" || words[i-1] == "secret") {
				return true
			}
		}
	}
	return false
}
