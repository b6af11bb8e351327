package auth

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// List is a list of identities that are allowed.
type List struct {
	everybody bool
	exact     map[string]bool
	below     []string // "spiffe://example.org/", for all SPIFFE IDs below
	domains   []string // ".example.org", for the names with one label more
}

// NewList returns the list of what the given patterns stand for; without any it
// allows whoever has an identity. A pattern is
//
//   - a SPIFFE ID, "spiffe://example.org/edge", or all below a path of one,
//     "spiffe://example.org/*" or "spiffe://example.org/ns/prod/*";
//   - a DNS name with a dot in it, "edge.example.org", or all with one label in the
//     place of the asterisk, "*.example.org"; upper and lower case are the same;
//   - "name:" and any other name, "name:edge", for certificates with only a common
//     name, or a DNS name of one label;
//   - "*", whoever has an identity.
//
// Anything else is an error, not a name: it would be one that nobody has.
func NewList(patterns ...string) (*List, error) {
	l := &List{exact: map[string]bool{}, everybody: len(patterns) == 0}
	for _, p := range patterns {
		if err := l.add(strings.TrimSpace(p)); err != nil {
			return nil, err
		}
	}
	return l, nil
}

func (l *List) add(p string) error {
	switch {
	case p == "":
		return errors.New("an empty identity is allowed: leave it out")
	case p == "*":
		l.everybody = true
		return nil
	case strings.Contains(p, "://"):
		return l.addSPIFFE(p)
	}
	if domain, ok := strings.CutPrefix(p, "*."); ok {
		if !isDNS(domain) {
			return fmt.Errorf("identity %q: an asterisk stands for the first label of a DNS name, *.example.org", p)
		}
		l.domains = append(l.domains, "."+lower(domain))
		return nil
	}
	if strings.Contains(p, "*") {
		return fmt.Errorf("identity %q: an asterisk stands in *.example.org, spiffe://example.org/* or alone", p)
	}
	name, named := strings.CutPrefix(p, "name:")
	switch {
	case named && (strings.TrimSpace(name) != name || name == ""):
		return fmt.Errorf("identity %q: name: is followed by the name in the certificate, name:edge", p)
	case !named && (!isDNS(p) || !strings.Contains(p, ".") || isAddress(p)):
		return fmt.Errorf("identity %q is no SPIFFE ID and no DNS name with a dot: write spiffe://example.org/edge or edge.example.org, or name:edge for a certificate whose name is just edge", p)
	}
	l.exact[fold(name)] = true
	return nil
}

func (l *List) addSPIFFE(p string) error {
	id, wild := strings.CutSuffix(p, "/*")
	if !isSPIFFE(id) {
		return fmt.Errorf("identity %q is no SPIFFE ID: write spiffe://example.org/path or spiffe://example.org/*", p)
	}
	if wild {
		l.below = append(l.below, id+"/")
	} else {
		l.exact[id] = true
	}
	return nil
}

// Allows tells whether an identity is on the list. Nobody, "", never is.
func (l *List) Allows(identity string) bool {
	switch {
	case identity == "":
		return false
	case l.everybody, l.exact[fold(identity)]:
		return true
	case isSPIFFE(identity):
		for _, prefix := range l.below {
			if strings.HasPrefix(identity, prefix) {
				return true
			}
		}
	case isDNS(identity):
		label, _, _ := strings.Cut(identity, ".")
		rest := lower(identity[len(label):])
		return slices.Contains(l.domains, rest)
	}
	return false
}

// fold makes names that mean the same equal.
func fold(name string) string {
	if isDNS(name) {
		return lower(name)
	}
	return name
}

// lower is for ASCII: of other letters some become ASCII in lower case.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// isDNS tells whether a name has the form of a DNS name: labels of letters,
// digits, - and _, with dots between them.
func isDNS(name string) bool {
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || strings.IndexFunc(label, func(r rune) bool { return !isLabel(r) }) >= 0 {
			return false
		}
	}
	return true
}

// isAddress tells whether a name is an IP address, which is nobody's identity.
func isAddress(name string) bool {
	_, err := netip.ParseAddr(name)
	return err == nil
}

// isSPIFFE tells whether an ID is as the SPIFFE standard writes it
// (https://github.com/spiffe/spiffe, SPIFFE-ID.md, section 2): no empty segments,
// none of "." and "..", which might lead out of the path they stand in, and no
// escapes.
func isSPIFFE(id string) bool {
	rest, ok := strings.CutPrefix(id, "spiffe://")
	if !ok {
		return false
	}
	domain, path, hasPath := strings.Cut(rest, "/")
	if domain == "" || strings.IndexFunc(domain, func(r rune) bool { return r != '.' && !isLabel(r) || 'A' <= r && r <= 'Z' }) >= 0 {
		return false
	}
	if !hasPath {
		return true
	}
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "" || segment == "." || segment == ".." ||
			strings.IndexFunc(segment, func(r rune) bool { return r != '.' && !isLabel(r) }) >= 0 {
			return false
		}
	}
	return true
}

func isLabel(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_'
}
