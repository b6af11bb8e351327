package commands

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/output"
	"github.com/gctl-dev/gctl/internal/term"
	"github.com/gctl-dev/gctl/rpc"
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
	doc := dryRun{Method: c.methodName(), Instance: in.ID, Address: in.Addr, Requests: []json.RawMessage{}}
	var line string
	if c.protocol == rpc.GRPC {
		doc.Grpcurl = term.CleanLine(strings.Join(c.grpcurl(ctx, in, src), " "))
		line = doc.Grpcurl
	} else {
		doc.Protocol, doc.Curl = string(c.protocol), c.curl(ctx, in, src)
		line = doc.Curl
	}
	if c.f.Global.Output == "" && c.f.Global.JQ == "" {
		lines := requests
		if line != "" {
			lines = append(lines, line)
		}
		_, err := io.WriteString(c.f.Streams.Out, strings.Join(lines, "\n")+"\n")
		return err
	}
	p, err := c.f.Printer()
	if err != nil {
		return err
	}
	for _, r := range requests {
		doc.Requests = append(doc.Requests, json.RawMessage(r))
	}
	return p.Value(doc) //nolint:contextcheck // the printer has it
}

// plaintext tells whether the call would be in plaintext; where nobody answers,
// what was chosen and what the catalog says decide.
func (c *call) plaintext(ctx context.Context, in fleet.Instance) bool {
	if c.called.Ready(ctx) == nil {
		return c.called.Plaintext()
	}
	o := &c.options
	switch {
	case o.Plaintext != nil:
		return *o.Plaintext
	case o.Insecure, o.CACert != "", o.Cert != "", o.ServerName != "":
		return false
	default:
		return in.Meta[fleet.MetaTLS] == "false"
	}
}

// dryRun is what would have been called.
type dryRun struct {
	Method   string            `json:"method"`
	Instance string            `json:"instance"`
	Address  string            `json:"address"`
	Requests []json.RawMessage `json:"requests"`
	Grpcurl  string            `json:"grpcurl"` // empty with another protocol than gRPC
	Protocol string            `json:"protocol,omitempty"`
	Curl     string            `json:"curl,omitempty"`
}

// grpcurl returns the words of the same call for grpcurl. Credentials are left
// to variables: the line is made to be pasted somewhere.
func (c *call) grpcurl(ctx context.Context, in fleet.Instance, src *source) []string {
	words := []string{"grpcurl"}
	flag := func(name, value string) {
		if value != "" {
			words = append(words, "-"+name, term.Quote(value))
		}
	}
	o := &c.options
	if c.plaintext(ctx, in) {
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
	flag("user-agent", o.UserAgent)
	words = append(words, c.headers.grpcurl()...)
	duration := func(name string, value time.Duration) {
		if value > 0 {
			flag(name, fmt.Sprintf("%g", value.Seconds()))
		}
	}
	duration("max-time", c.maxTime)
	duration("connect-timeout", o.ConnectTimeout)
	duration("keepalive-time", o.KeepaliveTime)
	if o.MaxMsgSize > 0 {
		flag("max-msg-sz", strconv.Itoa(o.MaxMsgSize))
	}
	if c.emitDefaults {
		words = append(words, "-emit-defaults")
	}
	if c.format == "text" {
		flag("format", "text")
	}
	addr := in.Addr
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		words, addr = append(words, "-unix"), path
	}
	return append(append(words, c.grpcurlData(src)...), term.Quote(addr), c.methodName())
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
	return []string{"-d", term.Quote(strings.Join(requests, ""))}
}

// grpcurl returns the headers as flags of grpcurl.
func (s headerSet) grpcurl() []string {
	var words []string
	secret := false
	add := func(flag, name string, values []string) {
		for _, value := range headerValues(name, values) {
			if s.hides(name) {
				secret = true
				value = "${" + variableOf(name) + "}"
			}
			words = append(words, flag, term.Quote(name+": "+value))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.rpc)) {
		if slices.Equal(s.rpc[name], s.reflect[name]) {
			add("-H", name, s.rpc[name])
			continue
		}
		add("-rpc-header", name, s.rpc[name])
	}
	for _, name := range slices.Sorted(maps.Keys(s.reflect)) {
		if !slices.Equal(s.rpc[name], s.reflect[name]) {
			add("-reflect-header", name, s.reflect[name])
		}
	}
	if secret {
		words = append([]string{"-expand-headers"}, words...)
	}
	return words
}
