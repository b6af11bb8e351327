package form_test

import "testing"

func TestClosedMessagesAreToldApart(t *testing.T) {
	p := newPage(t, everything)
	p.ok(p.SetJSON([]byte(`{"lists": {"trees": [{"name": "a\u001b[31m\nb", "left": {}, "parentName": "p"}, {"name": "123456789012345678901234567890"}, {}]},
		"login": {"userName": "ann", "password": "S1", "plain": "S2", "pin": 1, "apiKey": {"id": "S3"}},
		"known": {"any": {"@type": "a/everything.v1.Tree", "name": "in it"}, "took": "1.5s", "wBool": false}}`)))
	p.open("lists", "lists.trees", "known", "login")
	for range 2 {
		for path, want := range map[string]string{
			"lists.trees[0]": "name: a b, parentName: p", // as it is from the JSON, then as it is edited
			"lists.trees[1]": "name: 123456789012345678901234…",
			"lists.trees[2]": "",
			"known.any":      "name: in it",
			"login.apiKey":   "",
			"login":          "userName: ann, password: (hidden), plain: (hidden)",
			"known":          "took: 1.5s, wBool: false",
			"tree":           "",
		} {
			p.ok(p.Expand(p.row(path).ID))
			if r := p.row(path); r.Summary != "" {
				t.Errorf("%s is open and has the summary %q", path, r.Summary)
			}
			p.ok(p.Collapse(p.row(path).ID))
			if r := p.row(path); r.Summary != want {
				t.Errorf("%s has the summary %q, want %q", path, r.Summary, want)
			}
			p.ok(p.Expand(p.row(path).ID))
			if path != "login" && path != "known" {
				p.ok(p.Collapse(p.row(path).ID))
			}
		}
	}
	fresh := newPage(t, everything)
	p.wantSame(fresh)
	p.open("lists.trees[2]")
	p.set("lists.trees[2].name", "new")
	p.ok(p.Collapse(p.row("lists.trees[2]").ID))
	if r := p.row("lists.trees[2]"); r.Summary != "name: new" {
		t.Errorf("%+v", r)
	}
}

// wantSame fails unless the summaries do not depend on what was open before.
func (p page) wantSame(fresh page) {
	p.t.Helper()
	p.ok(fresh.SetJSON([]byte(jsonOf(p.t, p.Form))))
	for _, path := range []string{"lists", "maps", "login", "known"} {
		p.ok(p.Collapse(p.row(path).ID))
		if a, b := p.row(path), fresh.row(path); a.Summary != b.Summary {
			p.t.Errorf("%s has the summary %q, and %q when it was never open", path, a.Summary, b.Summary)
		}
		p.open(path)
	}
}
