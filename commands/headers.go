package commands

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/metadata"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/config"
)

// headerSet is the metadata of the two kinds of RPC that gctl makes.
type headerSet struct {
	rpc, reflect metadata.MD
	search       metadata.MD     // with reflection of services that may not be meant: no -H
	hidden       map[string]bool // names whose values come from the context or the environment
}

// hides tells whether the values of a header are not to be shown.
func (s headerSet) hides(name string) bool { return s.hidden[name] || isSecretHeader(name) }

// headerSet collects what the context and the flags send. Flags replace what
// the context says of the same name.
func (c *connFlags) headerSet(ctx context.Context, cc *config.Context, getenv func(string) string) (headerSet, error) {
	flags, err := c.flagHeaders(getenv)
	if err != nil {
		return headerSet{}, err
	}
	common := metadata.MD{}
	for name, value := range cc.Headers {
		key, decoded, err := ParseHeader(name + ": " + value)
		if err != nil {
			return headerSet{}, err
		}
		common.Set(key, decoded)
		flags.hidden[key] = true
	}
	given := len(flags.rpc.Get("authorization")) > 0 && len(flags.reflect.Get("authorization")) > 0
	if cc.Auth != "" && !given {
		token, err := AuthToken(ctx, cc.Auth)
		if err != nil {
			return headerSet{}, err
		}
		common.Set("authorization", token)
	}
	return headerSet{rpc: mergeMD(common, flags.rpc), reflect: mergeMD(common, flags.reflect), search: mergeMD(common, flags.search), hidden: flags.hidden}, nil
}

func mergeMD(base, over metadata.MD) metadata.MD {
	md := base.Copy()
	maps.Copy(md, over)
	return md
}

// flagHeaders reads -H, --rpc-header and --reflect-header.
func (c *connFlags) flagHeaders(getenv func(string) string) (headerSet, error) {
	set := headerSet{rpc: metadata.MD{}, reflect: metadata.MD{}, search: metadata.MD{}, hidden: map[string]bool{}}
	for _, source := range []struct {
		lines []string
		to    []metadata.MD
	}{
		{c.headers, []metadata.MD{set.rpc, set.reflect}},
		{c.rpcHeaders, []metadata.MD{set.rpc}},
		{c.reflectHeaders, []metadata.MD{set.reflect, set.search}},
	} {
		for _, given := range source.lines {
			line := given
			if c.expand {
				var err error
				if line, err = expandVariables(line, getenv); err != nil {
					return headerSet{}, err
				}
			}
			name, value, err := ParseHeader(line)
			if err != nil {
				return headerSet{}, err
			}
			if line != given {
				set.hidden[name] = true
			}
			for _, md := range source.to {
				md.Append(name, value)
			}
		}
	}
	return set, nil
}

// secretHeaders tells whether a flag sends what looks like a credential, by its
// name or because it stands in a variable.
func (c *connFlags) secretHeaders() bool {
	for _, lines := range [][]string{c.headers, c.rpcHeaders, c.reflectHeaders} {
		for _, line := range lines {
			name, _, _ := strings.Cut(line, ":")
			if isSecretHeader(name) || c.expand && variableRef().MatchString(line) {
				return true
			}
		}
	}
	return false
}

// isSecretHeader tells by its name whether a header carries a credential.
func isSecretHeader(name string) bool {
	name = strings.ToLower(name)
	for _, word := range []string{"auth", "cookie", "token", "secret", "password", "key", "credential", "session", "jwt", "bearer"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}

var headerName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[0-9a-z_.-]+$`)
})

// ParseHeader reads "name: value". A value without a name in -bin is printable
// ASCII; one with it is base64 and may be anything.
func ParseHeader(line string) (name, value string, err error) {
	name, value, ok := strings.Cut(line, ":")
	name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
	bad := func(what string) (string, string, error) {
		return "", "", &fleet.Error{Kind: fleet.Usage, What: what, Hint: "write a header as 'name: value'"}
	}
	switch {
	case !ok:
		return bad("a header has no colon") // what it has may be a secret
	case !headerName().MatchString(name):
		return bad(fmt.Sprintf("%q is no name of a header", name))
	case strings.HasPrefix(name, "grpc-"):
		return bad(fmt.Sprintf("the header %q is reserved for gRPC itself", name))
	case strings.HasSuffix(name, "-bin"):
		raw, err := decodeBase64(value)
		if err != nil {
			return bad(fmt.Sprintf("the value of the header %q is not base64", name))
		}
		return name, string(raw), nil
	}
	for i := range len(value) {
		if value[i] < ' ' || value[i] > '~' {
			return bad(fmt.Sprintf("the value of the header %q is not printable ASCII; a name in -bin may carry anything", name))
		}
	}
	return name, value, nil
}

func decodeBase64(s string) ([]byte, error) {
	s = strings.TrimRight(s, "=")
	if raw, err := base64.RawStdEncoding.DecodeString(s); err == nil {
		return raw, nil
	}
	return base64.RawURLEncoding.DecodeString(s)
}

var variableRef = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\$\{(\w+)\}`)
})

// expandVariables replaces ${NAME}. A variable that is missing is an error: an
// empty credential would only look like one that is refused.
func expandVariables(line string, getenv func(string) string) (string, error) {
	var missing string
	expanded := variableRef().ReplaceAllStringFunc(line, func(ref string) string {
		name := ref[2 : len(ref)-1]
		value := getenv(name)
		if value == "" && missing == "" {
			missing = name
		}
		return value
	})
	if missing != "" {
		return "", &fleet.Error{
			Kind: fleet.Usage, What: fmt.Sprintf("the environment variable %s of a header is not set", missing),
			Hint: "set it: export " + missing + "=...",
		}
	}
	return expanded, nil
}

// authTimeout bounds the command that prints a token.
const authTimeout = 10 * time.Second

// AuthToken runs an auth command of a context. What it prints is the value of
// "authorization"; a bare token becomes a bearer token. Its output is in no
// error: it may be half a secret.
func AuthToken(ctx context.Context, command string) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, authTimeout, fmt.Errorf("no token within %s", authTimeout))
	defer cancel()
	shell, flag := "sh", "-c"
	if runtime.GOOS == "windows" {
		shell, flag = "cmd", "/C"
	}
	cmd := exec.CommandContext(ctx, shell, flag, command)
	cmd.WaitDelay = 300 * time.Millisecond // a child of the shell may hold its output open
	out, err := cmd.Output()
	switch {
	case err != nil && ctx.Err() != nil:
		err = context.Cause(ctx)
	case errors.Is(err, exec.ErrWaitDelay): // it has ended well and left something running
		err = nil
	}
	token := strings.TrimSpace(string(out))
	if err == nil && token == "" {
		err = errors.New("it printed nothing")
	}
	if err == nil && !strings.Contains(token, " ") {
		token = "Bearer " + token
	}
	if err == nil {
		_, token, err = ParseHeader("authorization: " + token)
	}
	if err != nil {
		return "", &fleet.Error{
			What: "the context's auth command failed", Err: err, Hint: "run it by hand: it stands in the context as auth",
		}
	}
	return token, nil
}
