package commands

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/output"
	"github.com/gctl-dev/gctl/internal/term"
	"github.com/gctl-dev/gctl/rpc/message"
)

// printDryRun prints the requests and the same call for grpcurl.
func (c *call) printDryRun(ctx context.Context, src *source, in fleet.Instance) error {
	encoder := message.Encoder{Format: message.Format(c.format), Types: c.located.Schema.Types()}
	var requests []string
	for _, m := range src.all {
		raw, err := encoder.Encode(m)
		if err != nil {
			return err
		}
		requests = append(requests, string(output.EscapeJSON(raw)))
	}
	grpcurl := term.CleanLine(strings.Join(c.grpcurl(ctx, in, src), " "))
	if c.f.Global.Output == "" && c.f.Global.JQ == "" {
		_, err := io.WriteString(c.f.Streams.Out, strings.Join(append(requests, grpcurl), "\n")+"\n")
		return err
	}
	p, err := c.f.Printer()
	if err != nil {
		return err
	}
	doc := dryRun{Method: c.methodName(), Instance: in.ID, Address: in.Addr, Requests: []json.RawMessage{}, Grpcurl: grpcurl}
	for _, r := range requests {
		doc.Requests = append(doc.Requests, json.RawMessage(r))
	}
	return p.Value(doc) //nolint:contextcheck // the printer has it
}

// dryRun is what would have been called.
type dryRun struct {
	Method   string            `json:"method"`
	Instance string            `json:"instance"`
	Address  string            `json:"address"`
	Requests []json.RawMessage `json:"requests"`
	Grpcurl  string            `json:"grpcurl"`
}

// grpcurl returns the words of the same call for grpcurl. Credentials are left
// to variables: the line is made to be pasted somewhere.
func (c *call) grpcurl(ctx context.Context, in fleet.Instance, src *source) []string {
	words := []string{"grpcurl"}
	flag := func(name, value string) {
		if value != "" {
			words = append(words, "-"+name, shellQuote(value))
		}
	}
	o := &c.options
	if c.opened.Ready(ctx) == nil && c.opened.Plaintext() {
		words = append(words, "-plaintext")
	} else if o.Insecure {
		words = append(words, "-insecure")
	}
	flag("cacert", o.CACert)
	flag("cert", o.Cert)
	flag("key", o.Key)
	flag("servername", o.ServerName)
	flag("authority", o.Authority)
	for _, path := range c.schema.imports {
		flag("import-path", path)
	}
	for _, path := range c.schema.protos {
		flag("proto", path)
	}
	for _, path := range c.schema.protosets {
		flag("protoset", path)
	}
	words = append(words, c.headers.grpcurl()...)
	if c.maxTime > 0 {
		flag("max-time", fmt.Sprintf("%g", c.maxTime.Seconds()))
	}
	if c.format == "text" {
		flag("format", "text")
	}
	addr := in.Addr
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		words, addr = append(words, "-unix"), path
	}
	return append(append(words, c.grpcurlData(src)...), shellQuote(addr), c.methodName())
}

// grpcurlData passes the requests, in one line each where they are JSON.
func (c *call) grpcurlData(src *source) []string {
	if len(src.all) == 0 {
		return []string{"-d", "@"}
	}
	encoder := message.Encoder{Format: message.Format(c.format), Types: c.located.Schema.Types(), Compact: true}
	var requests []string
	for _, m := range src.all {
		raw, err := encoder.Encode(m)
		if err == nil {
			requests = append(requests, string(output.EscapeJSON(raw)))
		}
	}
	return []string{"-d", shellQuote(strings.Join(requests, ""))}
}

func (s headerSet) grpcurl() []string {
	var words []string
	secret := false
	for _, name := range slices.Sorted(maps.Keys(s.rpc)) {
		for _, value := range headerValues(name, s.rpc[name]) {
			if s.hides(name) {
				secret = true
				value = "${" + strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(name)) + "}"
			}
			words = append(words, "-H", shellQuote(name+": "+value))
		}
	}
	if secret {
		words = append([]string{"-expand-headers"}, words...)
	}
	return words
}

// shellQuote makes one word of s for a POSIX shell.
func shellQuote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=@%+,", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
