package kit_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/spf13/pflag"

	"github.com/gctl-dev/gctl/svc/kit"
)

func write(t testing.TB, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// settings returns an empty configuration and its flags.
func settings() (*kit.Config, *pflag.FlagSet) {
	c := &kit.Config{}
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	c.Flags(flags)
	flags.String("config", "", "")
	return c, flags
}

func TestAFileOfSettings(t *testing.T) {
	c, flags := settings()
	err := kit.FromFile(flags, write(t, `
listen: 127.0.0.1:7000   # with the port
allow: [spiffe://example.org/edge, "*.example.org"]
rate-limit:
  - "*=1000/s,burst=200"
  - user.v1.UserService/CreateUser=50/s
plaintext: true
trace-ratio: 0.25
drain-wait: 3s
log-level: debug
instance: 007
zone: "1e3"
admin-allow: one
`))
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:7000" || !c.Plaintext || c.TraceRatio != 0.25 || c.DrainWait != 3*time.Second || c.LogLevel != slog.LevelDebug || c.Zone != "1e3" ||
		!slices.Equal(c.Allow, []string{"spiffe://example.org/edge", "*.example.org"}) || !slices.Equal(c.AdminAllow, []string{"one"}) ||
		!slices.Equal(c.RateLimits, []string{"*=1000/s,burst=200", "user.v1.UserService/CreateUser=50/s"}) {
		t.Errorf("config = %+v", c)
	}
}

// Every line that is wrong is named, with its value and what is wanted. Texts are
// not shown: they may be secrets.
func TestAllThatIsWrongWithAFileIsNamed(t *testing.T) {
	_, flags := settings()
	path := write(t, `
listn: s3cret
help: s3cret
config: s3cret
drain-wait: 5
instance:
zone: {a: s3cret}
consul: [s3cret, s3cret]
allow: [[s3cret]]
plaintext: yes
"legacy-metrics": "on"
trace-ratio: half
log-level: loud
deadline-floor: `+strings.Repeat("1", 50)+`
otlp-plaintext: [true, s3cret]
drain-timeout: "5\e[2J"
`)
	err := kit.FromFile(flags, path)
	if err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Fatalf("error = %v", err)
	}
	const duration, boolean = "want a duration with its unit, for example 300ms, 5s or 1m30s", "want true or false"
	want := []string{
		`line 2: there is no setting "listn"`,
		`line 3: there is no setting "help"`,
		`line 4: there is no setting "config"`,
		`line 5: drain-wait: "5" is no valid value: ` + duration,
		`line 6: instance: want one value, ID (ID of this instance (default service, host and port))`,
		`line 7: zone: want one value, ZONE (ZONE of this instance; published, and preferred in calls)`,
		`line 8: consul: want one value, ADDR (register with the Consul agent at ADDR)`,
		`line 9: allow: want one value or a list of them`,
		`line 10: plaintext: "yes" is no valid value: ` + boolean,
		`line 11: legacy-metrics: "on" is no valid value: ` + boolean,
		`line 12: trace-ratio: "half" is no valid value: want a number, for example 0.25`,
		`line 13: log-level: "loud" is no valid value: want LEVEL (least LEVEL that is logged: debug, info, warn or error)`,
		`line 14: deadline-floor: "` + strings.Repeat("1", 40) + `…" is no valid value: ` + duration,
		`line 15: otlp-plaintext: want one value, true or false`,
		`line 16: drain-timeout: "5\x1b[2J" is no valid value: ` + duration,
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != len(want) {
		t.Errorf("%d lines, want %d", len(lines), len(want))
	}
	for i, line := range lines[:min(len(lines), len(want))] {
		if full := "--config " + path + ", " + want[i]; line != full {
			t.Errorf("%q, want %q", line, full)
		}
	}
}

func TestAFileThatIsNoMapping(t *testing.T) {
	_, flags := settings()
	for what, text := range map[string]string{
		"no mapping": "s3cret", "a list": "- s3cret", "no YAML": "a: 's3cret", "twice": "zone: s3cret\nzone: s3cret2", "a tab": "zone:\n\t- s3cret",
		"an alias of nothing": "zone: *s3cret", "numbers for names": "1: s3cret",
	} {
		if err := kit.FromFile(flags, write(t, text)); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := kit.FromFile(flags, "/no/such/file"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// program is one with settings of its own.
func program(serve func(*kit.Server) error) (app *kit.App, own *[3]string, list *[]string) {
	own, list = new([3]string), new([]string)
	return &kit.App{
		Name: "the-app", Service: "app", Version: "v1.2.3", Short: "is tested", Example: "  the-app --plaintext\n",
		Flags: func(flags *pflag.FlagSet) {
			for i, name := range []string{"one", "two", "three"} {
				flags.StringVar(&own[i], name, "default", "a `WORD`")
			}
			flags.StringArrayVar(list, "list", nil, "some `WORDS`")
		},
		Setup: func(_ context.Context, s *kit.Server) error { return serve(s) },
	}, own, list
}

var errEnough = errors.New("enough")

func TestTheCommandLineBeforeTheEnvironmentBeforeTheFile(t *testing.T) {
	app, own, list := program(func(*kit.Server) error { return errEnough })
	t.Setenv("THE_APP_ONE", "environment")
	t.Setenv("THE_APP_TWO", "environment")
	t.Setenv("THE_APP_LIST", "a  b")
	t.Setenv("THE_APP_CONFIG", write(t, "one: file\ntwo: file\nthree: file\nlist: [c]\nplaintext: true\nlisten: 127.0.0.1:0"))
	var out bytes.Buffer
	if err := app.RunTo(t.Context(), []string{"--one=line"}, &out, &out); !errors.Is(err, errEnough) {
		t.Fatal(err)
	}
	if *own != [3]string{"line", "environment", "file"} || !slices.Equal(*list, []string{"a", "b"}) {
		t.Errorf("settings = %q, %q", *own, *list)
	}
}

func TestTheCommandLine(t *testing.T) {
	for _, test := range []struct {
		args   []string
		code   int
		stdout string // a part of it, as of stderr; nothing if empty
		stderr string
	}{
		{[]string{"--version"}, 0, "the-app v1.2.3\n", ""},
		{[]string{"--help"}, 0, "the-app is tested.\n\n  the-app --plaintext\n", ""},
		{[]string{"--help"}, 0, "--drain-timeout", ""},
		{[]string{"--help"}, 0, "THE_APP_TLS_CERT", ""},
		{[]string{"--listn=1"}, 2, "", "unknown flag: --listn"},
		{[]string{"word"}, 2, "", `unexpected argument "word"`},
		{nil, 2, "", "or --plaintext to serve without TLS"},
		{[]string{"--plaintext", "--config=/no/such/file"}, 2, "", "--config"},
		{[]string{"--plaintext", "--rate-limit=nonsense"}, 2, "", "--rate-limit"},
		{[]string{"--plaintext", "--concurrency-limit=9..1"}, 2, "", "--concurrency-limit"},
		{[]string{"--plaintext", "--listen=127.0.0.1:0", "--trace-ratio=2"}, 2, "", "--trace-ratio"},
		{[]string{"--plaintext", "--listen=0.0.0.0:7001", "--consul=127.0.0.1:1"}, 2, "", "which address do clients dial? --listen 0.0.0.0:7001 does not say: give --advertise HOST:7001"},
		{[]string{"--plaintext", "--listen=[::]:7001", "--consul=127.0.0.1:1"}, 2, "", "--listen [::]:7001 does not say: give --advertise HOST:7001"},
		{[]string{"--plaintext", "--listen=:7001", "--consul=127.0.0.1:1"}, 2, "", "--listen :7001 does not say: give --advertise HOST:7001"},
		{[]string{"--plaintext", "--listen=:0", "--consul=127.0.0.1:1"}, 2, "", "give --advertise HOST:PORT"},
		{[]string{"--plaintext", "--listen=", "--consul=127.0.0.1:1"}, 2, "", "give --advertise HOST:"},
		{[]string{"--plaintext", "--listen=:0", "--consul=127.0.0.1:1", "--advertise=0.0.0.0:1"}, 2, "", "--advertise: clients cannot dial 0.0.0.0:1"},
		{[]string{"--plaintext", "--listen=:0", "--consul=127.0.0.1:1", "--advertise=here:1"}, 1, "", "enough"},
		{[]string{"--plaintext", "--listen=:0", "--consul=127.0.0.1:1", "--advertise=here:0"}, 2, "", `--advertise: nobody can dial "here:0"`},
		{[]string{"--plaintext", "--listen=:0", "--advertise=here:00"}, 2, "", `--advertise: nobody can dial "here:00"`},
		{[]string{"--plaintext", "--listen=:0", "--advertise=here"}, 2, "", `--advertise: "here" is not HOST:PORT`},
		{[]string{"--plaintext", "--listen=localhost:0", "--consul=127.0.0.1:1"}, 1, "", "enough"},
		{[]string{"--plaintext", "--listen=:0"}, 1, "", "enough"},
		{[]string{"--plaintext", "--listen=192.0.2.1:1"}, 1, "", "--listen"},
		{[]string{"--plaintext", "--listen=127.0.0.1:0"}, 1, "", "enough"},
	} {
		app, _, _ := program(func(*kit.Server) error { return errEnough })
		var stdout, stderr bytes.Buffer
		code := app.MainTo(t.Context(), test.args, &stdout, &stderr)
		if code != test.code || !says(stdout.String(), test.stdout) || !says(stderr.String(), test.stderr) {
			t.Errorf("%q: exit code %d, %q, %q; want %d, %q, %q", test.args, code, stdout.String(), stderr.String(), test.code, test.stdout, test.stderr)
		}
	}
}

func says(text, part string) bool { return strings.Contains(text, part) && (part != "" || text == "") }

// What a file says reaches the flags or is refused, and no text is shown.
func FuzzFromFile(f *testing.F) {
	f.Add("listen: 127.0.0.1:1\nallow: [a, b]", "drain-wait", "x")
	f.Add("- a", "zone", "")
	f.Add("a: &a [b]\nzone: *a", "allow", "\n")
	f.Add("? {a: b}\n: c", "nonsense", "'\"")
	_, flags := settings()
	f.Fuzz(func(t *testing.T, text, name, value string) {
		_, fresh := settings()
		if err := kit.FromFile(fresh, write(t, text)); err == nil {
			var all map[string]any
			if err := yaml.Unmarshal([]byte(text), &all); err != nil {
				t.Fatal(err)
			}
			for name := range all {
				if found := fresh.Lookup(name); found == nil || !found.Changed && all[name] != nil && !empty(all[name]) {
					t.Errorf("%q was taken, and set nothing", name)
				}
			}
		}
		const secret = "s3cret"
		if f := flags.Lookup(name); strings.Contains(name, secret) || f != nil && !strings.HasPrefix(f.Value.Type(), "string") {
			return
		}
		data, err := yaml.Marshal(map[string]string{name: secret + value})
		if err != nil {
			return
		}
		_, flags = settings()
		if err := kit.FromFile(flags, write(t, string(data))); err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("%q shows the value", err)
		}
	})
}

// empty tells whether a value is a list of nothing, which sets nothing.
func empty(value any) bool {
	list, ok := value.([]any)
	return ok && len(list) == 0
}
