package reflection_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/reflection"
)

func TestSurveyAsksEverybodyAndKeepsWhatWasKnown(t *testing.T) {
	w := newWorld(t)
	w.serve("users", nil, userFile("id"))
	w.refuses("down")
	w.serve("bills", nil, billFile())
	must[[]reflection.Surveyed](t)(w.locator().Survey(t.Context()))
	w.mu.Lock()
	w.services["bills"][0].Addr = "127.0.0.1:1" // gone
	w.mu.Unlock()
	all := must[[]reflection.Surveyed](t)(w.locator().Survey(t.Context()))
	if len(all) != 3 || all[0].Service != "bills" || !all[0].FromCache || all[0].Err == nil || all[0].Schema == nil {
		t.Fatalf("Survey = %+v, want bills from the cache", all)
	}
	if all[1].Schema != nil || all[1].Err == nil || all[2].Schema == nil || all[2].FromCache {
		t.Errorf("Survey = %+v", all)
	}
	found := must[*reflection.Located](t)(w.locator().Method(t.Context(), "GetUser", ""))
	if !found.FromCache {
		t.Error("the survey was not remembered")
	}
}

func TestSymbolAcrossTheCatalog(t *testing.T) {
	w := newWorld(t)
	l := w.serve("users", nil, userFile("id"))
	w.serve("bills", nil, billFile())
	w.refuses("down")
	for name, want := range map[string]string{
		"UserService":          "user.v1.UserService",
		"GetUser":              "user.v1.UserService.GetUser",
		"billing.v1.Msg":       "billing.v1.Msg",
		"user.v1.Msg.id":       "user.v1.Msg.id",
		"/user.v1.UserService": "user.v1.UserService",
	} {
		s, err := w.locator().Symbol(t.Context(), name, "")
		if err != nil || string(s.Descriptor.FullName()) != want {
			t.Errorf("Symbol(%s) = %+v, %v", name, s, err)
		}
	}
	_, err := w.locator().Symbol(t.Context(), "Msg", "")
	if fleet.KindOf(err) != fleet.Usage || !strings.Contains(err.Error(), "billing.v1.Msg, user.v1.Msg") {
		t.Errorf("err = %v", err)
	}
	s := must[*reflection.Symbol](t)(w.locator().Symbol(t.Context(), "Msg", "bills"))
	if s.Service != "bills" {
		t.Errorf("Symbol = %+v", s)
	}
	_, err = w.locator().Symbol(t.Context(), "UserServce", "")
	if !reflection.IsUnknown(err) || !strings.Contains(hint(err), "user.v1.UserService") || !strings.Contains(strings.Join(detailsOf(err), "\n"), "down: ") {
		t.Errorf("err = %v, hint %q, details %q", err, hint(err), detailsOf(err))
	}
	*l = *libraryLike(l, userFile("id", "email")) // what is described is what is there now
	s = must[*reflection.Symbol](t)(w.locator().Symbol(t.Context(), "GetUser", ""))
	if text := must[string](t)(reflection.Text(s.Descriptor.ParentFile())); !strings.Contains(text, "email") {
		t.Errorf("an old declaration is shown:\n%s", text)
	}
}

func TestSymbolThatSeveralDeclare(t *testing.T) {
	w := newWorld(t)
	w.serve("a", nil, userFile("id"))
	l := w.serve("b", nil, userFile("id"))
	s := must[*reflection.Symbol](t)(w.locator().Symbol(t.Context(), "user.v1.Msg", ""))
	if s.Service != "a" {
		t.Errorf("Symbol = %+v", s)
	}
	*l = *libraryLike(l, userFile("id", "email"))
	_, err := w.locator().Symbol(t.Context(), "user.v1.Msg", "")
	if fleet.KindOf(err) != fleet.Usage || !strings.Contains(err.Error(), "disagree") {
		t.Errorf("err = %v", err)
	}
}

func TestSurveyEndsThoughAllHang(t *testing.T) {
	w := newWorld(t)
	for _, s := range []string{"a", "b", "c"} {
		w.hangs(s)
	}
	l := w.locator()
	l.Timeout = 200 * time.Millisecond
	all := must[[]reflection.Surveyed](t)(l.Survey(t.Context()))
	if all[0].Err == nil {
		t.Errorf("%+v", all)
	}
}
