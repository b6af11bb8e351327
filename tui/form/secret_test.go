package form_test

import (
	"strings"
	"testing"

	"github.com/gctl-dev/gctl/tui/form"
)

const login = "everything.v1.Login"

func TestSecretsAreMarkedAndHiddenInWhatIsKept(t *testing.T) {
	p := newPage(t, login)
	p.ok(p.SetJSON([]byte(`{
		"userName": "ann", "password": "S1", "plain": "S2", "pin": 33344, "token": 4,
		"headers": {"authorization": "S3", "x-api-key": "S4", "accept": "*/*"},
		"extra": {"password": "S5", "deep": [{"client_secret": {"a": "S6"}, "open": [1, null, true]}]},
		"apiKey": {"id": "S7"}, "tokens": ["S13"], "refreshToken": ["S8"], "nextPageToken": "P1",
		"any": {"@type": "a/everything.v1.Login", "password": "S9", "userName": "bob", "any": {"@type": "a/google.protobuf.Struct", "value": {"secret": "S10", "o": "k"}}},
		"accessToken": "S11",
		"more": [{"password": "S12", "any": {"@type": "a/un.Known", "value": "aGk="}, "ticket": "open"}, {"any": {"@type": "a/google.protobuf.Duration", "value": "1s"}}]
	}`)))
	want := `{
		"userName": "ann", "password": "(hidden)", "plain": "(hidden)", "pin": "(hidden)",
		"headers": {"accept": "*/*", "authorization": "(hidden)", "x-api-key": "(hidden)"},
		"extra": {"deep": [{"client_secret": "(hidden)", "open": [1, null, true]}], "password": "(hidden)"},
		"apiKey": "(hidden)", "tokens": "(hidden)", "refreshToken": "(hidden)", "nextPageToken": "P1", "token": 4,
		"any": {"@type": "a/everything.v1.Login", "userName": "bob", "password": "(hidden)", "any": {"@type": "a/google.protobuf.Struct", "value": {"o": "k", "secret": "(hidden)"}}},
		"accessToken": "(hidden)",
		"more": [{"password": "(hidden)", "any": {"@type": "a/un.Known", "value": "aGk="}, "ticket": "open"}, {"any": {"@type": "a/google.protobuf.Duration", "value": "1s"}}]
	}`
	got := p.Redacted()
	if compact(t, got) != compact(t, []byte(want)) {
		t.Errorf("what is kept is\n%s", got)
	}
	if !strings.Contains(string(got), "\n  \"userName\"") {
		t.Error("it is not indented")
	}
	unfold(t, p.Form)
	for _, r := range p.Rows() {
		isS := len(r.Value) > 1 && r.Value[0] == 'S'
		if isS && !r.Secret || !isS && r.Secret && r.Value != "" && r.Value != "33344" {
			t.Errorf("%s: %+v", p.Path(r.ID), r)
		}
	}
	if r := p.row("apiKey.id"); !r.Secret {
		t.Errorf("what is in a secret is secret: %+v", r)
	}
	if r := p.row("extra"); r.Secret || r.Kind != form.Known {
		t.Errorf("%+v", r)
	}
}

func TestAWrongSecretIsNotShownInWhatIsWrong(t *testing.T) {
	p := newPage(t, login)
	if err := p.Set(p.row("secret").ID, "hello!"); err == nil || err.Error() != "bytes wants base64" {
		t.Errorf("the error is %v", err)
	}
}

func TestNamesOfSecrets(t *testing.T) {
	for name, want := range map[string]bool{
		"password": true, "user_password": true, "userPassword": true, "PASSWORD": true, "Authorization": true, "proxy-authorization": true,
		"api_key": true, "apiKey": true, "apikey": true, "x-api-key": true, "X-API-Key": true, "private_key": true, "access_key_id": true, "token": true, "idToken": true, "access_tokens": true,
		"client_secret": true, "credentials": true, "Set-Cookie": true, "passphrase": true,
		"page_token": false, "nextPageToken": false, "secretary": false, "tokenizer": false, "key": false, "keys": false, "primary_key": false,
		"bypass": false, "author": false, "": false, "api": false,
	} {
		p := newPage(t, login)
		id, err := p.AddKey(p.row("headers").ID, name)
		p.ok(err)
		for _, r := range p.Rows() {
			if r.ID == id && r.Secret != want {
				t.Errorf("%q is secret: %v", name, r.Secret)
			}
		}
		p.ok(p.Rename(id, "plain"))
		if p.row(`headers["plain"]`).Secret {
			t.Error("a secret name is gone and the value still secret")
		}
		p.ok(p.Rename(id, name))
		for _, r := range p.Rows() {
			if r.ID == id && r.Secret != want {
				t.Errorf("%q is secret after it was renamed: %v", name, r.Secret)
			}
		}
	}
}
