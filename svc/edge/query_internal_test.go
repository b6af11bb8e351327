package edge

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"

	userv1 "github.com/gctl-dev/gctl/svc/user/api"
)

// Where the body is the whole request nothing is left for the query.
func TestAWholeBodyLeavesNoParameters(t *testing.T) {
	create := userv1.File_svc_user_api_user_proto.Services().ByName("UserService").Methods().ByName("CreateUser")
	all := newRoutes(map[string]protoreflect.MethodDescriptor{methodPath(create): create}, []*annotations.HttpRule{
		{Selector: string(create.FullName()), Pattern: &annotations.HttpRule_Post{Post: "/v1/users"}, Body: wholeBody},
	})
	for query, want := range map[string]codes.Code{"": codes.OK, "requestId=x": codes.InvalidArgument, "user.id=x": codes.InvalidArgument} {
		request := httptest.NewRequest(http.MethodPost, "/v1/users?"+query, nil)
		found, _ := all.find(request)
		if got := status.Code(found.check(request)); got != want {
			t.Errorf("%q: %v, want %v", query, got, want)
		}
	}
}
