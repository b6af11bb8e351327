package backend

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"
)

func TestCredentialsAreAskedForAgain(t *testing.T) {
	now, asked := time.Unix(1000, 0), 0
	fails := errors.New("the command failed")
	c := &Credentials[int]{Now: func() time.Time { return now }, Ask: func(context.Context) (int, error) { asked++; return asked, fails }}
	expect := func(when string, want int) {
		t.Helper()
		if got, err := c.Get(t.Context()); got != want || err != nil {
			t.Errorf("%s: %d, %v; want %d", when, got, err, want)
		}
	}
	if _, err := c.Get(t.Context()); !errors.Is(err, fails) {
		t.Error(err)
	}
	fails = nil
	expect("after a failure", 2)
	expect("at once", 2)
	now = now.Add(credentialsFor)
	expect("after five minutes", 3)
	c.Refused()
	expect("new ones were refused", 3)
	now = now.Add(credentialsAtLeast)
	c.Refused()
	c.Refused()
	expect("old ones were refused", 4)
}

func TestATokenThatRanOutIsAskedForAgain(t *testing.T) {
	valid := "1"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.Header.Get("Authorization") != valid {
			w.WriteHeader(http.StatusUnauthorized)
		}
		_, _ = w.Write([]byte("{}"))
	}))
	defer server.Close()
	asked := 0
	c, err := New(Options{Name: "odd", URL: server.URL, Authorization: func(context.Context) (string, error) { asked++; return strconv.Itoa(asked), nil }})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	now := time.Now()
	c.auth.Now = func() time.Time { return now }
	get := func() error { _, err := c.Get(t.Context(), "/", nil); return err }
	if err := get(); err != nil {
		t.Fatal(err)
	}
	valid, now = "2", now.Add(time.Minute)
	if err := get(); err == nil {
		t.Error("the old one was accepted")
	}
	if err := get(); err != nil {
		t.Error(err)
	}
}
