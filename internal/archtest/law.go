// Package archtest keeps the import law: which folder ("room") of the module
// may import which other. The law is the table below; its test reads the
// imports of every non-test file.
package archtest

import (
	"fmt"
	"strings"
)

// A room is a folder with one job. Its path is relative to the module; a path
// that ends in /* stands for every folder directly below, each a room of its
// own. Below a room everything belongs to it, unless a longer path is a room
// too.
type room struct {
	path string
	may  []string // rooms, or room/... for a room and all below; the room itself is always allowed
}

// law is the table of the rooms. What is not in it is forbidden.
var law = []room{
	{"cmd/gctl", []string{"commands", "tui", "ops", "fleet/...", "reflection", "rpc/...", "discovery", "plugins", "internal/..."}},
	{"cmd/userd", []string{"svc/..."}},
	{"cmd/edged", []string{"svc/..."}},
	{"api", nil},
	{"commands", []string{"fleet", "ops", "reflection", "rpc/...", "tui", "plugins", "internal/..."}},
	{"fleet", nil},
	{"fleet/*", []string{"fleet", "fleet/backend", "fleet/dialect", "discovery", "rpc", "reflection", "api"}},
	{"fleet/backend", []string{"fleet"}},
	{"fleet/dialect", []string{"fleet"}},
	{"tui", []string{"fleet", "ops", "reflection", "rpc/...", "internal/..."}},
	{"ops", []string{"fleet", "internal/..."}},
	{"reflection", []string{"fleet", "api"}},
	{"rpc", []string{"fleet", "reflection", "discovery"}},
	{"discovery", nil},
	{"svc/kit", []string{"api", "discovery"}},
	{"svc/user", []string{"svc/kit", "discovery"}},
	{"svc/edge", []string{"svc/kit", "discovery", "svc/user/api"}},
	{"internal/term", nil},
	{"internal/output", nil},
	{"internal/config", []string{"fleet", "reflection"}},
	{"internal/state", []string{"fleet", "reflection"}},
	{"internal/demo", []string{"fleet", "internal/..."}},
	{"internal/stack", []string{"fleet", "internal/..."}},
	{"internal/archtest", []string{"..."}},
	{"internal/testkit", []string{"..."}},
}

// roomOf returns the index in law of the room that holds folder, and false if
// no room does. The longest matching path wins.
func roomOf(folder string) (int, bool) {
	best, bestLen := -1, -1
	for i, r := range law {
		prefix, wild := strings.CutSuffix(r.path, "/*")
		switch {
		case wild && strings.HasPrefix(folder, prefix+"/"):
		case !wild && (folder == prefix || strings.HasPrefix(folder, prefix+"/")):
		default:
			continue
		}
		length := len(prefix)
		if wild {
			length++
		}
		if length > bestLen {
			best, bestLen = i, length
		}
	}
	return best, best >= 0
}

// check returns what is wrong with one import, or "".
func check(from, to string) string {
	fi, ok := roomOf(from)
	if !ok {
		return fmt.Sprintf("%s: no room of the law holds this folder", from)
	}
	ti, ok := roomOf(to)
	if !ok {
		return fmt.Sprintf("%s: imports %s, which no room of the law holds", from, to)
	}
	if sameRoom(fi, ti, from, to) {
		return ""
	}
	for _, m := range law[fi].may {
		prefix, all := strings.CutSuffix(m, "...")
		prefix = strings.TrimSuffix(prefix, "/")
		switch {
		case all && (prefix == "" || to == prefix || strings.HasPrefix(to, prefix+"/")):
			return ""
		case !all && (to == m || strings.HasPrefix(to, m+"/") && law[ti].path == m):
			return ""
		}
	}
	return fmt.Sprintf("%s (room %s) must not import %s", from, law[fi].path, to)
}

// sameRoom tells whether two folders lie in one room. Under a wildcard each
// direct sub-folder is a room of its own.
func sameRoom(fi, ti int, from, to string) bool {
	if fi != ti {
		return false
	}
	prefix, wild := strings.CutSuffix(law[fi].path, "/*")
	if !wild {
		return true
	}
	first := func(folder string) string {
		rest := strings.TrimPrefix(folder, prefix+"/")
		name, _, _ := strings.Cut(rest, "/")
		return name
	}
	return first(from) == first(to)
}
