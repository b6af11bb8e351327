package user_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	userv1 "github.com/gctl-dev/gctl/svc/user/api"
)

func TestListComesInPages(t *testing.T) {
	c := start(t, newStore(t))
	for i := range 7 {
		create(t, c, person(fmt.Sprintf("u-%d", i)))
	}
	request := &userv1.ListUsersRequest{PageSize: 3, OrderBy: "display_name desc"}
	var pages [][]string
	for {
		r, err := c.ListUsers(deadline(t), request)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, idsOf(r.GetUsers()))
		if request.PageToken = r.GetNextPageToken(); request.GetPageToken() == "" {
			break
		}
		if len(pages) == 1 { // in front of what was seen: must not push anything back
			create(t, c, person("u-9"))
		}
	}
	if got := fmt.Sprint(pages); got != "[[u-6 u-5 u-4] [u-3 u-2 u-1] [u-0]]" {
		t.Errorf("pages = %s", got)
	}
}

func TestListFiltersAndOrders(t *testing.T) {
	c := start(t, newStore(t))
	ada, bob, cleo := person("u-1"), person("u-2"), person("u-3")
	ada.Role, ada.Labels, ada.Groups = userv1.Role_ROLE_ADMIN, map[string]string{"team": "core"}, []string{"oncall"}
	bob.State, bob.DisplayName = userv1.State_STATE_SUSPENDED, `Bob "the" Builder`
	cleo.Labels = map[string]string{"team": "core"}
	create(t, c, ada, bob, cleo)
	for filter, want := range map[string][]string{
		"":                                     {"u-3", "u-2", "u-1"},
		"role = ADMIN":                         {"u-1"},
		"role=ROLE_ADMIN":                      {"u-1"},
		"role != admin AND state = active":     {"u-3"},
		`labels.team = "core" and id:u-`:       {"u-3", "u-1"},
		"groups : oncall":                      {"u-1"},
		`display_name = "Bob \"the\" Builder"`: {"u-2"},
		"create_time > 2020-01-01T00:00:00Z":   {"u-3", "u-2", "u-1"},
		"create_time < 2020-01-01T00:00:00Z":   {},
		"create_time < 9999-12-31T23:59:59Z":   {"u-3", "u-2", "u-1"},
		"create_time < 0001-01-01T00:00:00Z":   {},
	} {
		r, err := c.ListUsers(deadline(t), &userv1.ListUsersRequest{Filter: filter, OrderBy: "create_time desc"})
		if err != nil || !slices.Equal(idsOf(r.GetUsers()), want) {
			t.Errorf("filter %q = %q, %v, want %q", filter, idsOf(r.GetUsers()), err, want)
		}
	}
}

func TestListSaysWhatIsWrongWithTheRequest(t *testing.T) {
	c := start(t, newStore(t))
	create(t, c, person("u-1"), person("u-2"))
	page, err := c.ListUsers(deadline(t), &userv1.ListUsersRequest{PageSize: 1})
	if err != nil {
		t.Fatal(err)
	}
	for want, requests := range map[string][]*userv1.ListUsersRequest{
		"page_size": {{PageSize: -1}, {PageSize: 1001}},
		"page_token": {
			{PageToken: "nonsense!"}, {PageToken: "e30"}, {PageToken: base64.RawURLEncoding.EncodeToString([]byte(`{"i":"\u0000"}`))},
			{PageToken: page.GetNextPageToken(), OrderBy: "email"}, {PageToken: page.GetNextPageToken(), Filter: "role = ADMIN"},
		},
		"order_by": {{OrderBy: "labels"}, {OrderBy: "id up"}, {OrderBy: "id,"}, {OrderBy: "id desc nulls"}, {OrderBy: "email, email desc"}},
		"filter": {
			{Filter: "age > 3"}, {Filter: "role"}, {Filter: "role ="}, {Filter: "role = KING"}, {Filter: "role < ADMIN"},
			{Filter: `id = "u-1`}, {Filter: "id = u-1 id = u-2"}, {Filter: "id = u-1 OR id = u-2"}, {Filter: "id = u-1 AND"},
			{Filter: "create_time > yesterday"}, {Filter: "labels = x"}, {Filter: "state = ADMIN"},
		},
	} {
		for _, r := range requests {
			_, err := c.ListUsers(deadline(t), r)
			reason, fields := details(err)
			if status.Code(err) != codes.InvalidArgument || reason != "user.v1/INVALID_REQUEST" || !slices.Equal(fields, []string{want}) {
				t.Errorf("%v: %v, fields %q", r, err, fields)
			}
		}
	}
}

func TestListNamesAllThatIsWrong(t *testing.T) {
	c := start(t, newStore(t))
	for want, r := range map[string]*userv1.ListUsersRequest{
		"[filter order_by]":   {Filter: "age > 3", OrderBy: "labels", PageToken: "x"},
		"[filter page_token]": {Filter: "age > 3", PageToken: "x"},
		"[filter page_size]":  {Filter: "\x00", PageSize: -1},
	} {
		_, err := c.ListUsers(deadline(t), r)
		reason, fields := details(err)
		if status.Code(err) != codes.InvalidArgument || reason != "user.v1/INVALID_REQUEST" || fmt.Sprint(fields) != want {
			t.Errorf("%v: %v, fields %q, want %s", r, err, fields, want)
		}
	}
}
