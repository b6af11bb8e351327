package commands

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/output"
	"github.com/gctl-dev/gctl/internal/term"
	"github.com/gctl-dev/gctl/rpc"
	"github.com/gctl-dev/gctl/rpc/message"
)

// web tells whether --protocol says another one than gRPC.
func (c *connFlags) web() bool { return c.protocol != "" && c.protocol != string(rpc.GRPC) }

// dial prepares to call one of the instances by a protocol.
func dial(instances []fleet.Instance, o rpc.Options, p rpc.Protocol) (connection, error) {
	if p != rpc.GRPC {
		w, err := rpc.DialWeb(atHTTP(instances), o, p)
		if err != nil {
			return nil, err
		}
		return w, nil
	}
	conn, err := rpc.Dial(instances, o)
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// atHTTP returns the instances at the addresses that they publish for browsers'
// protocols.
func atHTTP(instances []fleet.Instance) []fleet.Instance {
	out := slices.Clone(instances)
	for i := range out {
		out[i].Addr = cmp.Or(out[i].Meta[fleet.MetaHTTP], out[i].Addr)
	}
	return out
}

// checkHeaders refuses headers that the protocol would replace by its own.
func (t *target) checkHeaders() error {
	if t.protocol == rpc.GRPC {
		return nil // parseHeader knows those
	}
	for _, name := range slices.Sorted(maps.Keys(t.headers.rpc)) {
		if !t.protocol.OwnsHeader(name) {
			continue
		}
		hint := "leave it out"
		switch name {
		case "host":
			hint = "send another name with --authority"
		case "user-agent":
			hint = "use --user-agent"
		}
		return &fleet.Error{
			Kind: fleet.Usage, Hint: hint,
			What: "the header \"" + name + "\" is set by --protocol " + string(t.protocol) + " itself",
		}
	}
	return nil
}

// noReflection says where the schema comes from if the server cannot be asked for
// it in gRPC, though it may well speak the protocol.
func (t *target) noReflection(err error) error {
	const hint = "pass the schema with --protoset FILE or --proto FILE"
	var ce *rpc.ConnectError
	if err == nil || fleet.KindOf(err) == fleet.Usage {
		return err
	}
	if !errors.As(t.failed, &ce) && !errors.As(err, &ce) {
		if e := new(fleet.Error); errors.As(err, &e) && e.Hint == "" {
			e.Hint = hint
		}
		return err
	}
	if ce.Cause != rpc.CauseNoHTTP2 && ce.Cause != rpc.CauseNotGRPC && ce.Cause != rpc.CauseHangsUp {
		return t.explainConnect(ce)
	}
	return &fleet.Error{
		What: "the schema would come from native gRPC reflection, which cannot be had", Err: ce,
		Hint: hint,
	}
}

// webHint is statusHint for what only the web protocols answer; empty for the rest.
func (c *call) webHint(r *rpc.Result, explain string) string {
	text := r.Status.Message()
	switch {
	case c.protocol == rpc.GRPC:
		return ""
	case strings.HasPrefix(text, "received message ") && strings.Contains(text, "larger than max"):
		return "a response may have at most --max-msg-sz bytes; raise it"
	case strings.HasPrefix(text, "the server speaks gRPC itself"):
		return "leave out --protocol"
	case strings.HasPrefix(text, "the answer is not "):
		return "this may be another server, or a gateway that knows no such route: check the address and --authority; " + explain + " shows what answers"
	case strings.HasPrefix(text, "the answer ended without"):
		return "look at the gateway between here and the service, or call the service itself without --protocol"
	}
	return ""
}

// curl returns the same call for curl, which Connect's unary methods can be
// made with, in JSON; empty for all others, which is said.
func (c *call) curl(ctx context.Context, in fleet.Instance, src *source) string {
	md := c.located.Method
	if c.protocol != rpc.Connect || md.IsStreamingClient() || md.IsStreamingServer() {
		c.f.Notef("grpcurl speaks native gRPC only: it has no equivalent of --protocol %s", c.protocol)
		return ""
	}
	if c.options.Proxy != "" { // its address may hold a password
		c.f.Notef("grpcurl speaks native gRPC only, and by way of the context's proxy no line for curl is made")
		return ""
	}
	c.f.Notef("grpcurl speaks native gRPC only; the line is the same call for curl, in JSON")
	encoder := message.Encoder{Types: c.located.Schema.Types(), Compact: true}
	body := "{}"
	if len(src.all) > 0 {
		raw, err := encoder.Encode(src.all[0])
		if err != nil {
			c.f.Notef("the request cannot be written as JSON: %v", err)
			return ""
		}
		body = string(output.EscapeJSON(raw))
	}
	words := append([]string{"curl"}, c.curlTransport(ctx, in)...)
	words = append(words, "-H", term.Quote("Content-Type: application/json"), "-H", term.Quote("Connect-Protocol-Version: 1"))
	words = append(words, c.headers.curl()...)
	return term.CleanLine(strings.Join(append(words, "--data-raw", term.Quote(body), c.curlURL(ctx, in)), " "))
}

// curlTransport returns curl's flags for the way to the server.
func (c *call) curlTransport(ctx context.Context, in fleet.Instance) []string {
	var words []string
	flag := func(name, value string) {
		if value != "" {
			words = append(words, name, term.Quote(value))
		}
	}
	o := &c.options
	if path, ok := strings.CutPrefix(in.Addr, "unix:"); ok {
		flag("--unix-socket", strings.TrimPrefix(path, "//"))
	} else if c.curlHost(ctx, in) != in.Addr {
		flag("--connect-to", "::"+in.Addr)
	}
	if !c.plaintext(ctx, in) {
		if o.Insecure {
			words = append(words, "--insecure")
		}
		flag("--cacert", o.CACert)
		flag("--cert", o.Cert)
		flag("--key", o.Key)
	}
	if host := c.curlAuthority(in); host != c.curlHost(ctx, in) {
		flag("-H", "Host: "+host)
	}
	if o.UserAgent != "" {
		flag("--user-agent", o.UserAgent+" gctl")
	}
	if c.maxTime > 0 {
		flag("--max-time", strconv.FormatFloat(c.maxTime.Seconds(), 'g', -1, 64))
	}
	if o.ConnectTimeout > 0 {
		flag("--connect-timeout", strconv.FormatFloat(o.ConnectTimeout.Seconds(), 'g', -1, 64))
	}
	return words
}

// curlAuthority is the name that the server is called by.
func (c *call) curlAuthority(in fleet.Instance) string {
	switch {
	case c.options.Authority != "":
		return c.options.Authority
	case strings.HasPrefix(in.Addr, "unix:"):
		return "localhost"
	}
	return withPort(in.Meta[fleet.MetaAuthority], in.Addr)
}

// curlHost is the host of the URL: curl checks the certificate by it.
func (c *call) curlHost(ctx context.Context, in fleet.Instance) string {
	switch {
	case strings.HasPrefix(in.Addr, "unix:"):
		return "localhost"
	case c.plaintext(ctx, in):
		return in.Addr
	}
	return withPort(cmp.Or(c.options.ServerName, c.options.Authority, in.Meta[fleet.MetaAuthority]), in.Addr)
}

// withPort gives a name the port of an address, which stands for an empty one.
func withPort(name, host string) string {
	if name == "" {
		return host
	}
	if _, _, err := net.SplitHostPort(name); err == nil {
		return name
	}
	if _, port, err := net.SplitHostPort(host); err == nil {
		return net.JoinHostPort(name, port)
	}
	return name
}

func (c *call) curlURL(ctx context.Context, in fleet.Instance) string {
	scheme := "https://"
	if c.plaintext(ctx, in) {
		scheme = "http://"
	}
	return term.Quote(scheme + c.curlHost(ctx, in) + rpc.Path(c.located.Method))
}

// curl returns the headers of the RPC as flags of curl. Credentials are left to
// the shell's variables.
func (s headerSet) curl() []string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(s.rpc)) {
		for _, value := range headerValues(name, s.rpc[name]) {
			if s.hides(name) {
				words = append(words, "-H", `"`+name+": ${"+variableOf(name)+`}"`)
				continue
			}
			words = append(words, "-H", term.Quote(name+": "+value))
		}
	}
	return words
}

// variableOf is the variable that takes the place of a header's value.
func variableOf(name string) string {
	return strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(name))
}
