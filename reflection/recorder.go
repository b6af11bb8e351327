package reflection

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	refv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	refv1alpha "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
)

// recorder is a connection for a reflection client. It keeps the files of every
// answer, also those that the client rejects because one of them is broken, and
// it ends the conversation when too much came: a server may invent imports for
// ever.
type recorder struct {
	grpc.ClientConnInterface

	maxFiles, maxBytes int

	mu       sync.Mutex
	protos   map[string]*descriptorpb.FileDescriptorProto
	order    []*descriptorpb.FileDescriptorProto
	answers  int
	step     int // answers since the client was last asked for something
	bytes    int
	problems []string
	over     error // set when a limit was reached
}

func newRecorder(cc grpc.ClientConnInterface, maxFiles, maxBytes int) *recorder {
	return &recorder{
		ClientConnInterface: cc, maxFiles: maxFiles, maxBytes: maxBytes,
		protos: map[string]*descriptorpb.FileDescriptorProto{},
	}
}

// NewStream implements grpc.ClientConnInterface.
func (r *recorder) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	if err := r.stopped(); err != nil {
		return nil, err
	}
	opts = append(slices.Clone(opts), grpc.MaxCallRecvMsgSize(r.maxBytes))
	s, err := r.ClientConnInterface.NewStream(ctx, desc, method, opts...)
	if err != nil {
		return nil, err
	}
	return &recordedStream{s, r}, nil
}

type recordedStream struct {
	grpc.ClientStream

	rec *recorder
}

// RecvMsg receives and records one answer.
func (s *recordedStream) RecvMsg(m any) error {
	if err := s.rec.stopped(); err != nil {
		return err
	}
	if err := s.ClientStream.RecvMsg(m); err != nil {
		if status.Code(err) == codes.ResourceExhausted {
			s.rec.stopf("an answer of the server's reflection is too large: %s", status.Convert(err).Message())
		}
		return err
	}
	return s.rec.record(filesOf(m))
}

// filesOf returns the files of an answer of either version.
func filesOf(m any) [][]byte {
	switch m := m.(type) {
	case *refv1.ServerReflectionResponse:
		return m.GetFileDescriptorResponse().GetFileDescriptorProto()
	case *refv1alpha.ServerReflectionResponse: //nolint:staticcheck // older servers have no other
		//nolint:staticcheck // the same
		return m.GetFileDescriptorResponse().GetFileDescriptorProto()
	}
	return nil
}

func (r *recorder) record(files [][]byte) error {
	r.mu.Lock()
	r.answers++
	r.step++
	for _, raw := range files {
		r.bytes += len(raw)
		f := &descriptorpb.FileDescriptorProto{}
		if err := proto.Unmarshal(raw, f); err != nil {
			r.problems = append(r.problems, fmt.Sprintf("the server sent %d bytes that are no file descriptor", len(raw)))
			continue
		}
		if have, ok := r.protos[f.GetName()]; !ok || !proto.Equal(have, f) {
			r.protos[f.GetName()] = f
			r.order = append(r.order, f)
		}
	}
	tooMany, tooBig := r.answers > 4*r.maxFiles || len(r.order) > r.maxFiles, r.bytes > r.maxBytes
	r.mu.Unlock()
	switch {
	case tooMany:
		r.stopf("the server's schema is cut off after %d files", r.maxFiles)
	case tooBig:
		r.stopf("the server's schema is cut off after %d bytes", r.maxBytes)
	}
	return r.stopped()
}

// stopf ends the conversation, now and for good.
func (r *recorder) stopf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over == nil {
		text := fmt.Sprintf(format, args...)
		r.over = status.Error(codes.ResourceExhausted, text)
		r.problems = append(r.problems, text)
	}
}

// limit returns the error that ended the conversation, nil if none has.
func (r *recorder) limit() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.over
}

// maxStep is how many answers one request to the client may take. The client
// asks again and again for a file that is missing, once for each path that leads
// to it, and there may be more paths than time.
const maxStep = 500

// begin is called before the client is asked for something.
func (r *recorder) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.step = 0
}

// stopped returns the error that ends the conversation or this part of it.
func (r *recorder) stopped() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over == nil && r.step > maxStep {
		return status.Error(codes.ResourceExhausted, "it takes too many questions")
	}
	return r.over
}

func (r *recorder) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.order)
}

// files returns all files in the order of their arrival, and what was wrong.
func (r *recorder) files() ([]*descriptorpb.FileDescriptorProto, []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.order, r.problems
}

// missing returns the paths that recorded files import and that did not come.
func (r *recorder) missing() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := map[string]bool{}
	for _, f := range r.order {
		for _, dep := range f.GetDependency() {
			if r.protos[dep] == nil {
				out[dep] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(out))
}
