package internal

import (
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/gctl-dev/gctl/svc/kit"
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
	f.Add("c.store.zz")
	f.Add("c.other.zz")
	f.Fuzz(func(t *testing.T, token string) {
		seq, err := parseChangeToken("token", token, "store")
		if err != nil {
			if c := status.Code(err); c != codes.InvalidArgument && c != codes.OutOfRange {
				t.Errorf("error = %v", err)
			}
			return
		}
		if again, err := parseChangeToken("token", changeToken("store", seq), "store"); err != nil || again != seq {
			t.Errorf("%q is %d, which comes back as %d, %v", token, seq, again, err)
		}
	})
}

// Whatever a mask names, an update changes only that, and nothing that is not
// the caller's to change.
func FuzzUpdateMask(f *testing.F) {
	f.Add("display_name,groups", "Ada", "")
	f.Add("*", "", "+4930123456")
	f.Add("*,email", "Ada", "")
	f.Add("create_time", "", "")
	f.Add("", "Ada", "+4930123456")
	f.Fuzz(func(t *testing.T, paths, name, phone string) {
		r := &userv1.UpdateUserRequest{
			User:       &userv1.User{Id: "u-1", Email: "new@example.com", DisplayName: name},
			UpdateMask: &fieldmaskpb.FieldMask{Paths: strings.Split(paths, ",")},
		}
		if paths == "" {
			r.UpdateMask = nil
		}
		if phone != "" {
			r.User.Contact = &userv1.User_Phone{Phone: phone}
		}
		if err := kit.Validate(r); err != nil {
			if status.Code(err) != codes.InvalidArgument {
				t.Errorf("error = %v", err)
			}
			return
		}
		before := repository.User{ID: "u-1", Email: "old@example.com", DisplayName: "Old", Role: repository.Admin, Chat: "old", Revision: 7}
		after := before
		values := withDefaults(FromProto(r.GetUser()))
		for _, path := range maskOf(r) {
			assign(&after, values, path)
		}
		if after.ID != before.ID || after.Revision != before.Revision || after.Created != before.Created {
			t.Errorf("mask %q changed what it must not: %+v", paths, after)
		}
		named := func(field string) bool {
			return r.GetUpdateMask() == nil || paths == "*" || slices.Contains(r.GetUpdateMask().GetPaths(), field)
		}
		if !named("email") && after.Email != before.Email || !named("display_name") && after.DisplayName != before.DisplayName ||
			!named("role") && after.Role != before.Role || !named("chat") && !named("phone") && after.Chat != before.Chat {
			t.Errorf("mask %q changed more: %+v", paths, after)
		}
		if after.Email == "" || after.DisplayName == "" || after.Phone != "" && after.Chat != "" {
			t.Errorf("mask %q left %+v", paths, after)
		}
	})
}

// A token must pass the limit of the request that brings it back.
func TestThePageTokenOfTheLongestUserIsTaken(t *testing.T) {
	longest := &userv1.User{
		Id: "u" + strings.Repeat("0", 62), DisplayName: strings.Repeat("\u2028", 100),
		Email: strings.Repeat("&", 64) + "@" + strings.Repeat(strings.Repeat("d", 62)+".", 2) + strings.Repeat("d", 59) + ".com",
	}
	if err := kit.Validate(&userv1.CreateUserRequest{User: longest}); err != nil {
		t.Fatal(err)
	}
	r := &userv1.ListUsersRequest{OrderBy: "email, display_name, role, state, create_time, update_time"}
	q, err := parseQuery(r)
	if err != nil {
		t.Fatal(err)
	}
	last := withDefaults(FromProto(longest))
	last.State, last.Role, last.Created, last.Updated = repository.Suspended, repository.Editor, time.Now(), time.Now()
	r.PageToken = pageToken(r, q.Order, last)
	if err := kit.Validate(r); err != nil {
		t.Errorf("a token of %d bytes: %v", len(r.GetPageToken()), err)
	}
	if after, err := parsePageToken(r, q.Order); err != nil || after.DisplayName != last.DisplayName || after.Email != last.Email {
		t.Errorf("after = %+v, %v", after, err)
	}
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
