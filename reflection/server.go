package reflection

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/jhump/protoreflect/grpcreflect"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/gctl-dev/gctl/fleet"
)

// What is taken from a server at most, unless ServerOptions says otherwise.
const (
	DefaultMaxFiles = 5000
	DefaultMaxBytes = 32 << 20
	defaultTimeout  = 10 * time.Second
)

// ServerOptions say how a server's schema is fetched. The zero value is good.
type ServerOptions struct {
	Want     string      // full name of a service that is asked for first, empty for none
	Headers  metadata.MD // sent with the reflection request
	MaxFiles int         // answers and files taken at most, 0 for DefaultMaxFiles
	MaxBytes int         // bytes of files taken at most, 0 for DefaultMaxBytes
	Timeout  time.Duration
}

// FromServer fetches the schema of all services that the server behind cc lists
// in its reflection service, v1 or else v1alpha.
//
// A server that offers no reflection is a *fleet.Error with a hint; so is one
// that does not answer within the timeout (10 s if the options name none). What
// is wrong with its files, or left out because they are too many, is in the
// schema's Problems.
func FromServer(ctx context.Context, cc grpc.ClientConnInterface, opts ServerOptions) (*Schema, error) {
	if opts.MaxFiles <= 0 {
		opts.MaxFiles = DefaultMaxFiles
	}
	if opts.MaxBytes <= 0 {
		opts.MaxBytes = DefaultMaxBytes
	}
	if opts.Timeout <= 0 {
		opts.Timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, opts.Timeout)
	defer cancel()
	if len(opts.Headers) > 0 {
		ctx = metadata.NewOutgoingContext(ctx, opts.Headers)
	}
	rec := newRecorder(cc, opts.MaxFiles, opts.MaxBytes)
	client := grpcreflect.NewClientAuto(ctx, rec)
	client.AllowMissingFileDescriptors()
	defer func() {
		cancel() // before Reset, which waits for the end of the stream
		client.Reset()
	}()
	f := fetch{ctx: ctx, client: client, rec: rec, asked: map[string]bool{}, failed: map[string]error{}}
	if err := f.all(opts.Want); err != nil {
		return nil, serverError(err, opts.Timeout)
	}
	protos, problems := rec.files()
	s, err := link(protos, append(problems, f.problems...))
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(f.failed)) { // that the client failed on a service does not mean that we do
		if !s.HasService(name) {
			s.problems = append(s.problems, fmt.Sprintf("service %s: %s", name, reason(f.failed[name])))
		}
	}
	return s, nil
}

// fetch asks for everything; what the server answers is in rec, whatever the
// client makes of it.
type fetch struct {
	ctx      context.Context //nolint:containedctx // lives as long as one call of FromServer
	client   *grpcreflect.Client
	rec      *recorder
	asked    map[string]bool
	failed   map[string]error // by service
	problems []string
}

func (f *fetch) all(want string) error {
	if want != "" {
		_, _ = f.client.FileContainingSymbol(want) // what is wrong with it shows when it is listed
	}
	f.rec.begin()
	services, err := f.client.ListServices()
	if err != nil && (f.rec.limit() == nil || f.rec.count() == 0) {
		if want == "" || f.rec.count() == 0 || f.ctx.Err() != nil {
			return err
		}
		f.problems = append(f.problems, "the server does not list its services: "+status.Convert(err).Message())
	}
	for _, s := range services {
		if err := f.service(s); err != nil {
			return err
		}
	}
	for f.rec.limit() == nil { // imports that the client gave up on
		more, err := f.imports()
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// service fetches the files of one service. Only the end of the connection or
// of the time is an error.
func (f *fetch) service(name string) error {
	if f.rec.limit() != nil {
		return nil //nolint:nilerr // what came is kept
	}
	f.rec.begin()
	switch _, err := f.client.FileContainingSymbol(name); {
	case err == nil || f.rec.limit() != nil:
	case f.ctx.Err() != nil || status.Code(err) == codes.Unavailable:
		return err
	default:
		f.failed[name] = err
	}
	return nil //nolint:nilerr // the rest of the schema is of use
}

// imports asks for the imports that no answer has brought yet, once each.
func (f *fetch) imports() (more bool, err error) {
	for _, path := range f.rec.missing() {
		if f.asked[path] || f.rec.limit() != nil {
			continue
		}
		f.asked[path], more = true, true
		f.rec.begin()
		if _, err := f.client.FileByFilename(path); err != nil && f.ctx.Err() != nil {
			return false, err
		}
	}
	return more, nil
}

// reason is what the client says, on one line and without its prefix.
func reason(err error) string {
	text := short(err).Error()
	if s, ok := status.FromError(err); ok {
		text = s.Message()
	}
	return strings.ReplaceAll(text, "\n", ", ")
}

// serverError explains why there is no schema.
func serverError(err error, timeout time.Duration) error {
	const hint = "give the schema with --proto FILE or --protoset FILE"
	switch {
	case status.Code(err) == codes.Unimplemented:
		return &fleet.Error{What: "the server does not offer reflection", Err: errNoReflection, Hint: hint}
	case errors.Is(err, context.DeadlineExceeded) || status.Code(err) == codes.DeadlineExceeded:
		return &fleet.Error{What: fmt.Sprintf("the server's reflection did not answer within %s", timeout), Err: err, Hint: hint}
	default:
		words := err.Error()
		if s, ok := status.FromError(err); ok {
			words = s.Message()
		}
		words = strings.Map(func(r rune) rune { // one line, of whatever a peer said
			switch {
			case r == '\n':
				return ' '
			case unicode.IsControl(r):
				return -1
			}
			return r
		}, words)
		return &fleet.Error{What: "cannot read the server's schema", Err: &spokenError{words, err}, Hint: hint}
	}
}

// spokenError is an error in other words.
type spokenError struct {
	words string
	err   error
}

// Error returns the words.
func (e *spokenError) Error() string { return e.words }

// Unwrap returns the error.
func (e *spokenError) Unwrap() error { return e.err }

var errNoReflection = errors.New("neither grpc.reflection.v1 nor v1alpha is served")

// NoReflection tells whether err is FromServer's answer for a server without a
// reflection service.
func NoReflection(err error) bool { return errors.Is(err, errNoReflection) }
