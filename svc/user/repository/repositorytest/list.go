package repositorytest

import (
	"slices"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/svc/user/repository"
)

// crowd is a directory with something to select and to order.
func crowd() []repository.User {
	ada, bob, cleo, dan := person("u-1"), person("u-2"), person("u-3"), person("u-4")
	ada.DisplayName, ada.Role, ada.Labels = "Ada", repository.Admin, map[string]string{"team": "core"}
	ada.Groups = []string{"oncall", "core"}
	bob.DisplayName, bob.State, bob.Labels = "bob", repository.Suspended, map[string]string{"team": "Edge"}
	cleo.DisplayName, cleo.Role, cleo.Groups = "Cleo", repository.Editor, []string{"oncall"}
	dan.DisplayName = "Ada"
	return []repository.User{ada, bob, cleo, dan}
}

func testListWhere(t *testing.T, f *fixture) {
	f.add(crowd()...)
	third, err := f.Get(ctx(t), "u-3")
	if err != nil {
		t.Fatal(err)
	}
	at := third.Created
	for name, test := range map[string]struct {
		where []repository.Condition
		want  []string
	}{
		"everything":       {nil, []string{"u-1", "u-2", "u-3", "u-4"}},
		"equal":            {[]repository.Condition{{Field: repository.FieldDisplayName, Operator: repository.Equal, Text: "Ada"}}, []string{"u-1", "u-4"}},
		"not equal":        {[]repository.Condition{{Field: repository.FieldRole, Operator: repository.NotEqual, Text: "member"}}, []string{"u-1", "u-3"}},
		"contains":         {[]repository.Condition{{Field: repository.FieldDisplayName, Operator: repository.Contains, Text: "B"}}, []string{"u-2"}},
		"both":             {[]repository.Condition{{Field: repository.FieldDisplayName, Operator: repository.Equal, Text: "Ada"}, {Field: repository.FieldRole, Operator: repository.Equal, Text: "admin"}}, []string{"u-1"}},
		"group":            {[]repository.Condition{{Field: repository.FieldGroups, Operator: repository.Contains, Text: "oncall"}}, []string{"u-1", "u-3"}},
		"label":            {[]repository.Condition{{Field: repository.FieldLabels, Key: "team", Operator: repository.Equal, Text: "core"}}, []string{"u-1"}},
		"label contains":   {[]repository.Condition{{Field: repository.FieldLabels, Key: "team", Operator: repository.Contains, Text: "e"}}, []string{"u-1", "u-2"}},
		"label differs":    {[]repository.Condition{{Field: repository.FieldLabels, Key: "team", Operator: repository.NotEqual, Text: "core"}}, []string{"u-2", "u-3", "u-4"}},
		"e-mail, any case": {[]repository.Condition{{Field: repository.FieldEmail, Operator: repository.Equal, Text: "U-2@example.COM"}}, []string{"u-2"}},
		"later":            {[]repository.Condition{{Field: repository.FieldCreated, Operator: repository.Greater, Time: at}}, []string{"u-4"}},
		"not later":        {[]repository.Condition{{Field: repository.FieldCreated, Operator: repository.LessEqual, Time: at}}, []string{"u-1", "u-2", "u-3"}},
		"hostile text":     {[]repository.Condition{{Field: repository.FieldDisplayName, Operator: repository.Equal, Text: "' OR 1=1 --"}}, nil},
	} {
		users, err := f.List(ctx(t), repository.Query{Where: test.where, Limit: 10})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		expectIDs(t, name, users, test.want...)
	}
	for _, c := range []repository.Condition{
		{Field: "id; DROP TABLE users", Operator: repository.Equal},
		{Field: repository.FieldEmail, Operator: "OR"},
		{Field: repository.FieldCreated, Operator: repository.Contains, Time: time.Now()},
	} {
		if _, err := f.List(ctx(t), repository.Query{Where: []repository.Condition{c}, Limit: 1}); err == nil {
			t.Errorf("condition %+v was taken", c)
		}
	}
}

func testListOrder(t *testing.T, f *fixture) {
	f.add(crowd()...)
	for name, test := range map[string]struct {
		order []repository.Order
		want  []string
	}{
		"id":                  {nil, []string{"u-1", "u-2", "u-3", "u-4"}},
		"name, then id":       {[]repository.Order{{Field: repository.FieldDisplayName}}, []string{"u-1", "u-4", "u-3", "u-2"}},
		"name down, id down":  {[]repository.Order{{Field: repository.FieldDisplayName, Descending: true}, {Field: repository.FieldID, Descending: true}}, []string{"u-2", "u-3", "u-4", "u-1"}},
		"created, last first": {[]repository.Order{{Field: repository.FieldCreated, Descending: true}}, []string{"u-4", "u-3", "u-2", "u-1"}},
		"role, then name":     {[]repository.Order{{Field: repository.FieldRole}, {Field: repository.FieldDisplayName}}, []string{"u-1", "u-3", "u-4", "u-2"}},
	} {
		q := repository.Query{Order: test.order, Limit: 10}
		users, err := f.List(ctx(t), q)
		if err != nil {
			t.Fatal(name, err)
		}
		expectIDs(t, name, users, test.want...)
		var paged []repository.User
		for q.Limit = 1; ; q.After = &paged[len(paged)-1] {
			page, err := f.List(ctx(t), q)
			if err != nil {
				t.Fatal(name, err)
			}
			if len(page) == 0 {
				break
			}
			paged = append(paged, page...)
		}
		expectIDs(t, name+", one by one", paged, test.want...)
	}
	if _, err := f.List(ctx(t), repository.Query{Order: []repository.Order{{Field: repository.FieldLabels}}, Limit: 1}); err == nil {
		t.Error("labels have no order")
	}
}

func testPages(t *testing.T, f *fixture) {
	f.add(person("u-2"), person("u-4"), person("u-6"))
	first, err := f.List(ctx(t), repository.Query{Limit: 2})
	if err != nil {
		t.Fatal(err)
	}
	f.add(person("u-1"), person("u-5"))
	if err := f.Delete(ctx(t), "u-4", nil); err != nil { // the page's last user
		t.Fatal(err)
	}
	rest, err := f.List(ctx(t), repository.Query{Limit: 2, After: &first[1]})
	if err != nil {
		t.Fatal(err)
	}
	expectIDs(t, "both pages", slices.Concat(first, rest), "u-2", "u-4", "u-5", "u-6")
}
