package user_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	userv1 "github.com/gctl-dev/gctl/svc/user/api"
)

func TestCreatedUserIsReturnedWithDefaults(t *testing.T) {
	c := start(t, newStore(t))
	created, err := c.CreateUser(deadline(t), &userv1.CreateUserRequest{User: &userv1.User{
		Email: "ada@example.com", DisplayName: "Ada", Groups: []string{"oncall"},
		Labels: map[string]string{"team": "core"}, Contact: &userv1.User_Phone{Phone: "+4930123456"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(created.GetId(), "u-") || created.GetRole() != userv1.Role_ROLE_MEMBER ||
		created.GetState() != userv1.State_STATE_ACTIVE || created.GetCreateTime() == nil || created.GetRevision() != 1 {
		t.Errorf("created = %v", created)
	}
	got, err := c.GetUser(deadline(t), &userv1.GetUserRequest{Id: created.GetId()})
	if err != nil || !proto.Equal(got, created) {
		t.Errorf("GetUser = %v, %v, want %v", got, err, created)
	}
}

// details returns the reason of an error, and the violated fields, sorted.
func details(err error) (reason string, fields []string) {
	for _, d := range status.Convert(err).Details() {
		switch d := d.(type) {
		case *errdetails.ErrorInfo:
			reason = d.GetDomain() + "/" + d.GetReason()
		case *errdetails.BadRequest:
			for _, v := range d.GetFieldViolations() {
				fields = append(fields, v.GetField())
			}
		}
	}
	slices.Sort(fields)
	return reason, fields
}

func TestInvalidRequestListsEveryViolatedField(t *testing.T) {
	c := start(t, newStore(t))
	_, err := c.CreateUser(deadline(t), &userv1.CreateUserRequest{User: &userv1.User{
		Id: "Not An ID", Role: 77, Groups: []string{"ok", "Not ok"}, Labels: map[string]string{"Bad Key": "x"},
		Contact: &userv1.User_Phone{Phone: "call me"},
	}})
	reason, fields := details(err)
	want := []string{"user.display_name", "user.email", "user.groups[1]", "user.id", `user.labels["Bad Key"]`, "user.phone", "user.role"}
	if status.Code(err) != codes.InvalidArgument || reason != "user.v1/INVALID_REQUEST" || !slices.Equal(fields, want) {
		t.Errorf("%v\nreason %s, fields %q, want %q", err, reason, fields, want)
	}
}

// What is wrong travels in a header, which peers limit.
func TestErrorsStaySmallHoweverMuchIsWrong(t *testing.T) {
	c := start(t, newStore(t))
	for n, key := range map[int]string{50_000: "Bad", 1: strings.Repeat("é", 1<<20)} {
		u := person("u-1")
		u.Labels = map[string]string{}
		for i := range n {
			u.Labels[key+strconv.Itoa(i)] = ""
		}
		_, err := c.CreateUser(deadline(t), &userv1.CreateUserRequest{User: u})
		_, fields := details(err)
		if size := proto.Size(status.Convert(err).Proto()); status.Code(err) != codes.InvalidArgument || len(fields) > 20 || size > 16<<10 {
			t.Errorf("%d labels: %.100s with %d fields in %d bytes", n, err, len(fields), size)
		}
	}
	stream, err := c.ImportUsers(deadline(t))
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		u := person("u-1")
		u.Id = strings.Repeat("x", 1<<20)
		if err := stream.Send(&userv1.ImportUsersRequest{User: u}); err != nil {
			t.Fatal(err)
		}
	}
	sum, err := stream.CloseAndRecv()
	if err != nil || sum.GetFailed() != 5 || proto.Size(sum) > 4<<10 {
		t.Errorf("%d failed, in %d bytes: %v", sum.GetFailed(), proto.Size(sum), err)
	}
}

func TestUnknownUserIsNotFoundWithItsID(t *testing.T) {
	c := start(t, newStore(t))
	_, get := c.GetUser(deadline(t), &userv1.GetUserRequest{Id: "u-9"})
	_, del := c.DeleteUser(deadline(t), &userv1.DeleteUserRequest{Id: "u-9"})
	_, update := c.UpdateUser(deadline(t), &userv1.UpdateUserRequest{User: &userv1.User{Id: "u-9"}})
	for _, err := range []error{get, del, update} {
		if reason, _ := details(err); status.Code(err) != codes.NotFound || reason != "user.v1/USER_NOT_FOUND" {
			t.Errorf("error = %v, reason %s", err, reason)
		}
	}
}

func TestIDAndEmailAreTakenOnce(t *testing.T) {
	c := start(t, newStore(t))
	create(t, c, person("u-1"))
	same := person("u-1")
	same.Email = "other@example.com"
	_, byID := c.CreateUser(deadline(t), &userv1.CreateUserRequest{User: same})
	_, byEmail := c.CreateUser(deadline(t), &userv1.CreateUserRequest{User: &userv1.User{Email: "U-1@Example.com", DisplayName: "x"}})
	for _, err := range []error{byID, byEmail} {
		if reason, _ := details(err); status.Code(err) != codes.AlreadyExists || reason != "user.v1/USER_EXISTS" {
			t.Errorf("error = %v, reason %s", err, reason)
		}
	}
}

func TestUpdateChangesWhatTheMaskNames(t *testing.T) {
	c := start(t, newStore(t))
	before := person("u-1")
	before.Contact = &userv1.User_Phone{Phone: "+4930123456"}
	create(t, c, before)
	for _, test := range []struct {
		name   string
		values *userv1.User
		mask   []string
		want   func(*userv1.User)
	}{
		{"one field, the others stay", &userv1.User{DisplayName: "Ada", Role: userv1.Role_ROLE_ADMIN}, []string{"display_name"},
			func(u *userv1.User) { u.DisplayName = "Ada" }},
		{"without a mask what is set", &userv1.User{Role: userv1.Role_ROLE_ADMIN, Groups: []string{"oncall"}}, nil,
			func(u *userv1.User) { u.Role, u.Groups = userv1.Role_ROLE_ADMIN, []string{"oncall"} }},
		{"an empty mask is none", &userv1.User{Role: userv1.Role_ROLE_EDITOR}, []string{},
			func(u *userv1.User) { u.Role = userv1.Role_ROLE_EDITOR }},
		{"a named field that is not set is cleared", &userv1.User{}, []string{"groups", "role"},
			func(u *userv1.User) { u.Role, u.Groups = userv1.Role_ROLE_MEMBER, nil }},
		{"chat replaces phone", &userv1.User{Contact: &userv1.User_Chat{Chat: "ada"}}, []string{"chat"},
			func(u *userv1.User) { u.Contact = &userv1.User_Chat{Chat: "ada"} }},
		{"clearing phone leaves chat", &userv1.User{}, []string{"phone"}, func(*userv1.User) {}},
		{"* is everything", &userv1.User{Email: "new@example.com", DisplayName: "New", Labels: map[string]string{"a": "b"}}, []string{"*"},
			func(u *userv1.User) {
				u.Email, u.DisplayName, u.Labels, u.Contact = "new@example.com", "New", map[string]string{"a": "b"}, nil
			}},
	} {
		t.Run(test.name, func(t *testing.T) {
			want, err := c.GetUser(deadline(t), &userv1.GetUserRequest{Id: "u-1"})
			if err != nil {
				t.Fatal(err)
			}
			test.want(want)
			request := &userv1.UpdateUserRequest{User: test.values}
			request.User.Id = "u-1"
			if test.mask != nil {
				request.UpdateMask = &fieldmaskpb.FieldMask{Paths: test.mask}
			}
			got, err := c.UpdateUser(deadline(t), request)
			if err != nil {
				t.Fatal(err)
			}
			if got.GetEtag() == want.GetEtag() || got.GetEtag() == "" {
				t.Errorf("etag %q, then %q", want.GetEtag(), got.GetEtag())
			}
			want.UpdateTime, want.Revision, want.Etag = got.GetUpdateTime(), want.GetRevision()+1, got.GetEtag()
			if !proto.Equal(got, want) {
				t.Errorf("got  %v\nwant %v", got, want)
			}
		})
	}
}

func TestUpdateRefusesWhatCannotBeSet(t *testing.T) {
	c := start(t, newStore(t))
	create(t, c, person("u-1"))
	for path, want := range map[string][]string{
		"create_time": {"update_mask"}, "id": {"update_mask"}, "nonsense": {"update_mask"}, "etag": {"update_mask"},
		"email": {"user.email"}, "display_name": {"user.display_name"},
		"*":      {"user.display_name", "user.email"},
		"*,role": {"update_mask", "user.display_name", "user.email"},
	} {
		_, err := c.UpdateUser(deadline(t), &userv1.UpdateUserRequest{
			User: &userv1.User{Id: "u-1"}, UpdateMask: &fieldmaskpb.FieldMask{Paths: strings.Split(path, ",")},
		})
		if _, fields := details(err); status.Code(err) != codes.InvalidArgument || !slices.Equal(fields, want) {
			t.Errorf("mask %s: %v, fields %q, want %q", path, err, fields, want)
		}
	}
}

func TestDeletedUserIsGone(t *testing.T) {
	c := start(t, newStore(t))
	create(t, c, person("u-1"))
	if _, err := c.DeleteUser(deadline(t), &userv1.DeleteUserRequest{Id: "u-1"}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.GetUser(deadline(t), &userv1.GetUserRequest{Id: "u-1"}); status.Code(err) != codes.NotFound {
		t.Errorf("GetUser = %v", err)
	}
}

func TestBatchKeepsTheOrderAndNamesTheMissing(t *testing.T) {
	c := start(t, newStore(t))
	create(t, c, person("u-1"), person("u-2"), person("u-3"))
	got, err := c.BatchGetUsers(deadline(t), &userv1.BatchGetUsersRequest{Ids: []string{"u-3", "u-8", "u-1", "u-7"}})
	if err != nil {
		t.Fatal(err)
	}
	if ids := idsOf(got.GetUsers()); !slices.Equal(ids, []string{"u-3", "u-1"}) || !slices.Equal(got.GetMissingIds(), []string{"u-8", "u-7"}) {
		t.Errorf("users %q, missing %q", ids, got.GetMissingIds())
	}
}

func idsOf(users []*userv1.User) []string {
	ids := make([]string, len(users))
	for i, u := range users {
		ids[i] = u.GetId()
	}
	return ids
}
