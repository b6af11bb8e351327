package control

import (
	"slices"
	"strconv"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
)

// Domain is the domain of the ErrorInfo in every error.
const Domain = "gctl.control.v1"

// Reasons in the ErrorInfo of errors.
const (
	ReasonInvalid  = "INVALID_REQUEST"  // INVALID_ARGUMENT, with a BadRequest
	ReasonEtag     = "ETAG_MISMATCH"    // FAILED_PRECONDITION, with the present "etag" in the metadata
	ReasonDraining = "DRAINING"         // FAILED_PRECONDITION: the instance stops
	ReasonUnknown  = "UNKNOWN_NAME"     // NOT_FOUND: no breaker, limit or fault has the name
	ReasonNoPart   = "NO_SUCH_PART"     // UNIMPLEMENTED: the instance has no such part
	ReasonTooMany  = "TOO_MANY_CHANGES" // RESOURCE_EXHAUSTED: release one, or wait
	ReasonStopping = "STOPPING"         // UNAVAILABLE
	ReasonFailed   = "PART_FAILED"      // INTERNAL: the part did not do it
)

// fail returns an error with an ErrorInfo, whose metadata are pairs.
func fail(code codes.Code, reason, text string, info map[string]string, details ...protoadapt.MessageV1) error {
	s := status.New(code, text)
	all := append([]protoadapt.MessageV1{&errdetails.ErrorInfo{Reason: reason, Domain: Domain, Metadata: info}}, details...)
	if detailed, err := s.WithDetails(all...); err == nil {
		s = detailed
	}
	return s.Err()
}

func noPart(part string) error {
	return fail(codes.Unimplemented, ReasonNoPart, "this instance has no "+part+" to control", nil)
}

// unknown is a resource that does not exist, beside those that do.
func unknown(kind, name string, others []string) error {
	return fail(codes.NotFound, ReasonUnknown, "no "+kind+" is called "+strconv.Quote(name)+thereAre(others), nil,
		&errdetails.ResourceInfo{ResourceType: kind, ResourceName: name})
}

// namesOf returns the sorted names of breakers or limits.
func namesOf[T interface{ GetName() string }](all []T) []string {
	names := make([]string, 0, len(all))
	for _, one := range all {
		names = append(names, one.GetName())
	}
	slices.Sort(names)
	return names
}

func mismatch(given, present string) error {
	text := "the resource has changed since it was read"
	if given == "" {
		text = `say on which state the change was decided, by its etag or "*"`
	}
	return fail(codes.FailedPrecondition, ReasonEtag, text, map[string]string{"etag": present})
}

func stopping() error {
	return fail(codes.Unavailable, ReasonStopping, "the server is stopping", nil)
}

// invalid is a request that breaks a rule of one field.
func invalid(field, description string) error {
	return badRequest([]*errdetails.BadRequest_FieldViolation{{Field: field, Description: description}}, 0)
}

// partError is what a caller gets to know of an error of a part: a status as it
// is, anything else as INTERNAL.
func partError(err error) error {
	if _, ok := status.FromError(err); ok {
		return err
	}
	return fail(codes.Internal, ReasonFailed, "the change failed: "+err.Error(), nil)
}
