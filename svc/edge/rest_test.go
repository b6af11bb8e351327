package edge_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	userv1 "github.com/gctl-dev/gctl/svc/user/api"
)

// keeper is a user service that keeps what it was asked for last.
type keeper struct {
	userv1.UnimplementedUserServiceServer

	asked chan proto.Message
}

func (k keeper) GetUser(_ context.Context, r *userv1.GetUserRequest) (*userv1.User, error) {
	k.asked <- r
	return &userv1.User{}, nil
}

func (k keeper) UpdateUser(_ context.Context, r *userv1.UpdateUserRequest) (*userv1.User, error) {
	k.asked <- r
	return &userv1.User{}, nil
}

func (k keeper) DeleteUser(_ context.Context, r *userv1.DeleteUserRequest) (*userv1.DeleteUserResponse, error) {
	k.asked <- r
	return &userv1.DeleteUserResponse{}, nil
}

func newKeeper(t testing.TB) (keeper, *world) {
	t.Helper()
	k := keeper{asked: make(chan proto.Message, 100)}
	return k, newWorld(t, serveUsers(t, k))
}

// none tells whether nothing was asked for; the answer to the request is there.
func (k keeper) none(t testing.TB, what string) {
	t.Helper()
	select {
	case r := <-k.asked:
		t.Errorf("%s came to the service as %v", what, r)
	default:
	}
}

// What the path and the body say no parameter can change, however it is spelt.
func TestNoParameterOverridesThePathOrTheBody(t *testing.T) {
	k, w := newKeeper(t)
	for _, c := range []struct{ method, path, body, field, why string }{
		{"DELETE", "/v1/users/u-1?id=u-2", "", "id", "NOT_A_PARAMETER"},
		{"DELETE", "/v1/users/u-1?etag=a&id=u-2", "", "id", "NOT_A_PARAMETER"},
		{"DELETE", "/v1/users/u-1?i%64=u-2", "", "id", "NOT_A_PARAMETER"},
		{"GET", "/v1/users/u-1?id=u-1", "", "id", "NOT_A_PARAMETER"},
		{"PATCH", "/v1/users/u-1?user.id=u-2", `{"displayName":"A"}`, "user.id", "NOT_A_PARAMETER"},
		{"PATCH", "/v1/users/u-1?user.displayName=B", `{"displayName":"A"}`, "user.displayName", "NOT_A_PARAMETER"},
		{"PATCH", "/v1/users/u-1?user.etag=x", `{}`, "user.etag", "NOT_A_PARAMETER"},
		{"PATCH", "/v1/users/u-1?user=x", `{}`, "user", "NOT_A_PARAMETER"},
		{"POST", "/v1/users?user.id=u-2", `{}`, "user.id", "NOT_A_PARAMETER"},
		{"DELETE", "/v1/users/u-1?etag=a&etag=b", "", "etag", "GIVEN_TWICE"},
		{"GET", "/v1/users?pageSize=1&page_size=2", "", "page_size", "GIVEN_TWICE"},
		{"DELETE", "/v1/users/u-1?etag=%ff", "", "etag", "NOT_UTF8"},
		{"DELETE", "/v1/users/%ff", "", "id", "NOT_UTF8"},
	} {
		what := c.method + " " + c.path
		answer, body := do(t, httpClient(t, 1), c.method, "http://"+w.http+c.path, c.body, kindOf(c.body)...)
		r := readRefusal(t, what, answer, body)
		if answer.StatusCode != http.StatusBadRequest || r.Code != 3.0 || len(r.Details) != 2 || len(r.Details[1].Fields) != 1 ||
			r.Details[1].Fields[0].Field != c.field || !strings.Contains(body, c.why) || !strings.Contains(r.Message, c.field) {
			t.Errorf("%s: %s %s, want %s of %s", what, answer.Status, body, c.why, c.field)
		}
		k.none(t, what)
	}
}

// kindOf is the header of a request with a body.
func kindOf(body string) []string {
	if body == "" {
		return nil
	}
	return []string{"Content-Type", "application/json"}
}

func TestParametersThatAreLeftAreTaken(t *testing.T) {
	k, w := newKeeper(t)
	for _, c := range []struct {
		method, path, body string
		want               proto.Message
	}{
		{"DELETE", "/v1/users/u-1?etag=e%251", "", &userv1.DeleteUserRequest{Id: "u-1", Etag: "e%1"}},
		{"PATCH", "/v1/users/u-1?updateMask=role", `{"id":"u-9"}`, &userv1.UpdateUserRequest{User: &userv1.User{Id: "u-1"}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"role"}}}},
		{"PATCH", "/v1/users/u-1?update_mask.paths=role&update_mask.paths=email", `{}`, &userv1.UpdateUserRequest{User: &userv1.User{Id: "u-1"}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"role", "email"}}}},
		{"GET", "/v1/users/u-1", "", &userv1.GetUserRequest{Id: "u-1"}},
	} {
		answer, body := do(t, httpClient(t, 1), c.method, "http://"+w.http+c.path, c.body, kindOf(c.body)...)
		if answer.StatusCode != http.StatusOK {
			t.Errorf("%s %s: %s %s", c.method, c.path, answer.Status, body)
			continue
		}
		if got := <-k.asked; !proto.Equal(got, c.want) {
			t.Errorf("%s %s came as %v, want %v", c.method, c.path, got, c.want)
		}
	}
}

// A query of which something would be lost is refused: without its etag a delete
// would be one of whatever is there.
func TestAQueryThatCannotBeReadIsRefused(t *testing.T) {
	k, w := newKeeper(t)
	for _, c := range []struct{ method, path string }{
		{"DELETE", "/v1/users/u-1?etag=5%"},
		{"DELETE", "/v1/users/u-1?etag=a;b"},
		{"DELETE", "/v1/users/u-1?etag=%zz"},
		{"GET", "/v1/users?pageSize=1&filter=a;b"},
	} {
		answer, body := do(t, httpClient(t, 1), c.method, "http://"+w.http+c.path, "")
		if r := readRefusal(t, c.path, answer, body); answer.StatusCode != http.StatusBadRequest || r.Code != 3.0 || !strings.Contains(r.Message, "the query cannot be read") {
			t.Errorf("%s: %s %s", c.path, answer.Status, body)
		}
		k.none(t, c.path)
	}
}

// There is one way to read a path. An ID may be whatever a path can escape.
func TestPathsAreReadOnce(t *testing.T) {
	k, w := newKeeper(t)
	for path, want := range map[string]string{
		"/v1/users/u-1":       "u-1",
		"/v1/users/a%2Fb":     "a/b",
		"/v1/users/a%2fb%2F":  "a/b/",
		"/v1/users/a%3Ab":     "a:b",
		"/v1/users/a%253Ab":   "a%3Ab",
		"/v1/users/a%25":      "a%",
		"/v1/users/%C3%BC":    "ü",
		"/v1/users/..%2F..":   "../..",
		"/v1/users/a%20b%3Fc": "a b?c",
		"/v1/%75sers/u-1":     "u-1",
	} {
		for _, method := range []string{http.MethodGet, http.MethodDelete} {
			answer, body := do(t, httpClient(t, 1), method, "http://"+w.http+path, "")
			if answer.StatusCode != http.StatusOK {
				t.Errorf("%s %s: %s %s", method, path, answer.Status, body)
				continue
			}
			if got := (<-k.asked).(interface{ GetId() string }).GetId(); got != want {
				t.Errorf("%s %s is of %q, want %q", method, path, got, want)
			}
		}
	}
	for _, path := range []string{"/v1/users/", "/v1/users//", "/v1//users", "/v1/users/a/b", "/v1/users/a:b", "/v1/users:b", "/v1/users/a:", "/v1/", "/v1/users/?id=u-1"} {
		for _, method := range []string{http.MethodGet, http.MethodDelete, http.MethodPatch} {
			answer, body := do(t, httpClient(t, 1), method, "http://"+w.http+path, "{}", "Content-Type", "application/json")
			if r := readRefusal(t, path, answer, body); answer.StatusCode != http.StatusNotFound || r.Code != 12.0 {
				t.Errorf("%s %s: %s %s", method, path, answer.Status, body)
			}
			k.none(t, path)
		}
	}
	answer, _ := do(t, httpClient(t, 1), http.MethodPut, "http://"+w.http+"/v1/users/a%2Fb", "")
	if answer.StatusCode != http.StatusMethodNotAllowed || answer.Header.Get("Allow") != "DELETE, GET, PATCH" {
		t.Errorf("PUT: %s %v", answer.Status, answer.Header)
	}
}
