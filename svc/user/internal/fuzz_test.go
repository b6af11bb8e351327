package internal

import (
	"slices"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	userv1 "github.com/gctl-dev/gctl/svc/user/api"
	"github.com/gctl-dev/gctl/svc/user/repository"
)

// Whatever a client writes is either understood or INVALID_ARGUMENT.
func FuzzListRequest(f *testing.F) {
	f.Add("role = ADMIN AND labels.team = \"co\\\"re\"", "display_name desc, id", "")
	f.Add("create_time >= 2020-01-01T00:00:00Z", "", "e30")
	f.Add("\"", ",", "////")
	f.Fuzz(func(t *testing.T, filter, order, token string) {
		q, err := parseQuery(&userv1.ListUsersRequest{Filter: filter, OrderBy: order, PageToken: token})
		if err != nil {
			if status.Code(err) != codes.InvalidArgument {
				t.Errorf("error = %v", err)
			}
			return
		}
		for _, c := range q.Where {
			if allowed(c) != nil {
				t.Errorf("condition %+v is not allowed", c)
			}
		}
	})
}

func FuzzChangeToken(f *testing.F) {
	f.Add("c.0")
	f.Add("c.zz")
	f.Fuzz(func(t *testing.T, token string) {
		seq, err := parseChangeToken("token", token)
		if err != nil {
			return
		}
		if again, err := parseChangeToken("token", changeToken(seq)); err != nil || again != seq {
			t.Errorf("%q is %d, which comes back as %d, %v", token, seq, again, err)
		}
	})
}

func TestPageTokenComesBack(t *testing.T) {
	r := &userv1.ListUsersRequest{OrderBy: "email, create_time desc"}
	q, err := parseQuery(r)
	if err != nil {
		t.Fatal(err)
	}
	last := repository.User{ID: "u-1", Email: "a@example.com"}
	last.Created = last.Created.AddDate(2020, 0, 0)
	r.PageToken = pageToken(r, q.Order, last)
	after, err := parsePageToken(r, q.Order)
	if err != nil || after.ID != "u-1" || after.Email != last.Email || !after.Created.Equal(last.Created) {
		t.Errorf("after = %+v, %v", after, err)
	}
	if !slices.Equal(q.Order, []repository.Order{{Field: repository.FieldEmail}, {Field: repository.FieldCreated, Descending: true}}) {
		t.Errorf("order = %+v", q.Order)
	}
}

func TestProtoComesBack(t *testing.T) {
	for _, u := range []repository.User{
		{ID: "u-1", Role: repository.Admin, State: repository.Suspended, Phone: "+4930123456", Groups: []string{"a"}},
		{ID: "u-2", Role: repository.Editor, State: repository.Invited, Chat: "bob", Labels: map[string]string{"k": "v"}},
	} {
		m := ToProto(u)
		back := FromProto(m)
		if back.ID != u.ID || back.Role != u.Role || back.State != u.State || back.Phone != u.Phone || back.Chat != u.Chat ||
			!slices.Equal(back.Groups, u.Groups) || back.Labels["k"] != u.Labels["k"] {
			t.Errorf("%+v came back as %+v", u, back)
		}
	}
}
