package rpc

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protowire"
)

// The RPCs that Explain tries, spoken as plain HTTP/2 so that an answer that
// is not gRPC can be shown as it is.
const (
	healthCheck     = "/grpc.health.v1.Health/Check"
	reflectionV1    = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
	reflectionAlpha = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
)

// listServices is a ServerReflectionRequest with list_services = "*".
var listServices = []byte{0x3a, 1, '*'}

// answer is a response to a gRPC request, gRPC or not.
type answer struct {
	status  string // of HTTP
	headers http.Header
	grpc    bool // the content type says so
	code    codes.Code
	message string
	body    []byte // the first message
	err     error
	took    time.Duration
}

func (x *examination) judgeGRPC(ctx context.Context) {
	client := x.httpClient()
	defer client.CloseIdleConnections()
	var health, list, alpha answer
	var all sync.WaitGroup
	all.Go(func() { health = x.ask(ctx, client, healthCheck, nil) })
	all.Go(func() { list = x.ask(ctx, client, reflectionV1, listServices) })
	all.Go(func() { alpha = x.ask(ctx, client, reflectionAlpha, listServices) })
	all.Wait()
	if !x.judgeAnswer(health) {
		return
	}
	x.judgeReflection(list, alpha)
	x.judgeHealth(health)
}

// judgeAnswer tells whether an answer is gRPC at all.
func (x *examination) judgeAnswer(a answer) bool {
	switch {
	case a.err != nil:
		return x.add("grpc", "", a.took, explained(a.err))
	case !a.grpc:
		return x.add("grpc", "", a.took, &Finding{
			CauseNotGRPC, "the server speaks HTTP/2 but not gRPC: it answers " + describeHTTP(a.status, a.headers),
			"this may be a web server or a gateway that knows no such route; check the port and --authority",
		})
	}
	x.GRPC = true
	return x.add("grpc", "answers", a.took, nil)
}

func (x *examination) judgeReflection(v1, alpha answer) {
	for _, a := range []answer{v1, alpha} {
		if a.err == nil && a.grpc && a.code == codes.OK {
			x.Reflection = true
			x.Services = serviceNames(a.body)
			x.add("reflection", fmt.Sprintf("lists %d services", len(x.Services)), a.took, nil)
			return
		}
	}
	f := Finding{
		CauseNoReflection, "reflection is off", "pass the schema with --proto FILE or --protoset FILE",
	}
	switch {
	case v1.err != nil:
		f = *explained(v1.err)
		f.What = "reflection: " + f.What
	case v1.code != codes.Unimplemented:
		f.What = "reflection is refused: " + CodeName(v1.code) + " " + printable([]byte(v1.message))
		f.Hint = "it may want credentials: --reflect-header 'authorization: ...'"
	}
	x.add("reflection", "", v1.took, &f)
}

func (x *examination) judgeHealth(a answer) {
	switch a.code {
	case codes.OK:
		x.Health = healthStatus(a.body)
		if x.Health == "serving" {
			x.add("health", x.Health, a.took, nil)
			return
		}
		x.add("health", "", a.took, &Finding{
			CauseNotServing, "the server says of itself that it is " + x.Health, "",
		})
	case codes.Unimplemented:
		x.add("health", "", a.took, &Finding{
			CauseNoHealth, "the health service is missing", "the server should serve grpc.health.v1.Health",
		})
	default:
		x.add("health", "", a.took, &Finding{
			CauseNoHealth, "health is refused: " + CodeName(a.code) + " " + printable([]byte(a.message)), "",
		})
	}
}

// httpClient speaks HTTP/2 to the instance, in the way that was found.
func (x *examination) httpClient() *http.Transport {
	t := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn, _, _, err := x.dialer.dial(ctx, x.Instance.Addr)
			return conn, err
		},
		Protocols:              new(http.Protocols),
		DisableCompression:     true,
		MaxResponseHeaderBytes: 64 << 10,
	}
	if x.Speaks == "plaintext" {
		t.Protocols.SetUnencryptedHTTP2(true)
		return t
	}
	t.Protocols.SetHTTP2(true)
	t.TLSClientConfig, _ = x.opts.tlsConfig() // read once already without an error
	t.TLSClientConfig.ServerName = x.serverName()
	return t
}

// maxProbeBody bounds what is read of an answer.
const maxProbeBody = 256 << 10

func (x *examination) ask(ctx context.Context, t *http.Transport, path string, message []byte) (a answer) {
	start := time.Now()
	defer func() { a.took = time.Since(start) }()
	frame := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message)))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, x.url(path), bytes.NewReader(append(frame, message...)))
	if err != nil {
		return answer{err: err}
	}
	x.addHeaders(req.Header)
	req.Header.Set("Content-Type", "application/grpc")
	req.Header.Set("Te", "trailers")
	req.Header.Set("User-Agent", strings.TrimSpace(x.opts.UserAgent+" gctl"))
	resp, err := t.RoundTrip(req)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	a = answer{
		status: resp.Proto + " " + resp.Status, headers: resp.Header,
		grpc: strings.HasPrefix(resp.Header.Get("Content-Type"), "application/grpc"),
	}
	if !a.grpc {
		return a
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxProbeBody))
	if err != nil {
		return answer{err: err}
	}
	if len(body) > 5 {
		a.body = body[5:]
	}
	status := resp.Trailer
	if resp.Header.Get("Grpc-Status") != "" {
		status = resp.Header
	}
	code, err := strconv.ParseUint(status.Get("Grpc-Status"), 10, 8)
	if err != nil {
		code = uint64(codes.Unknown)
	}
	a.code, a.message = codes.Code(code), status.Get("Grpc-Message")
	return a
}

// exposed tells whether credentials would leave this machine if plaintext is
// spoken.
func (x *examination) exposed() bool {
	return x.opts.Secret && (x.proxied || x.away || !isLoopback(x.Instance.Addr))
}

// addHeaders adds the user's headers, unless they are credentials that would
// go over plaintext which nobody chose.
func (x *examination) addHeaders(to http.Header) {
	chosen := x.opts.Plaintext != nil && *x.opts.Plaintext
	if x.Speaks == "plaintext" && x.exposed() && !chosen {
		return
	}
	for name, values := range x.opts.ProbeHeaders {
		for _, v := range values {
			if strings.HasSuffix(name, "-bin") {
				v = base64.RawStdEncoding.EncodeToString([]byte(v))
			}
			to.Add(name, v)
		}
	}
}

func (x *examination) url(path string) string {
	host := x.opts.Authority
	if host == "" {
		host = authorityOf(&x.Instance)
	}
	if x.Speaks == "tls" {
		return "https://" + host + path
	}
	return "http://" + host + path
}

// askHTTP1 returns the status and headers of a server that speaks HTTP/1.
func (x *examination) askHTTP1(ctx context.Context) string {
	t := x.httpClient()
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP1(true)
	defer t.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+authorityOf(&x.Instance)+"/", nil)
	if err != nil {
		return ""
	}
	resp, err := t.RoundTrip(req)
	if err != nil {
		return ""
	}
	resp.Body.Close()
	return describeHTTP(resp.Proto+" "+resp.Status, resp.Header)
}

// describeHTTP shows a status with the headers that tell who answered.
func describeHTTP(status string, headers http.Header) string {
	names := make([]string, 0, len(headers))
	for name := range headers {
		if name != "Date" && name != "Set-Cookie" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var b strings.Builder
	b.WriteString(printable([]byte(status)))
	for _, name := range names[:min(len(names), 8)] {
		fmt.Fprintf(&b, ", %s: %s", strings.ToLower(name), printable([]byte(headers.Get(name))))
	}
	return b.String()
}

// healthStatus reads a HealthCheckResponse: field 1 is the status.
func healthStatus(message []byte) string {
	status := uint64(0)
	if num, typ, n := protowire.ConsumeTag(message); n > 0 && num == 1 && typ == protowire.VarintType {
		status, _ = protowire.ConsumeVarint(message[n:])
	}
	names := []string{"of unknown health", "serving", "not serving", "unknown to itself"}
	if status < uint64(len(names)) {
		return names[status]
	}
	return "health " + strconv.FormatUint(status, 10)
}

// serviceNames reads a ServerReflectionResponse: field 6 is the list of
// services, whose field 1 is a service, whose field 1 is its name.
func serviceNames(message []byte) []string {
	var names []string
	fields(message, 6, func(list []byte) {
		fields(list, 1, func(service []byte) {
			fields(service, 1, func(name []byte) { names = append(names, string(name)) })
		})
	})
	return names
}

// fields calls f with each length-delimited field number want of a message.
func fields(message []byte, want protowire.Number, f func([]byte)) {
	for len(message) > 0 {
		num, typ, n := protowire.ConsumeTag(message)
		if n < 0 {
			return
		}
		message = message[n:]
		size := protowire.ConsumeFieldValue(num, typ, message)
		if size < 0 {
			return
		}
		if num == want && typ == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(message)
			f(value)
		}
		message = message[size:]
	}
}
