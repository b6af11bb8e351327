package form_test

import (
	"strings"
	"testing"
	"time"
)

func TestScalarsTakeWhatTheirTypeHoldsAndSayWhatThatIs(t *testing.T) {
	for _, c := range []struct{ path, text, value, problem string }{
		{"scalars.fInt32", "-2147483648", "-2147483648", ""},
		{"scalars.fInt32", "2147483648", "", "int32 wants a whole number from -2147483648 to 2147483647"},
		{"scalars.fInt32", "1.5", "", "int32 wants a whole number from -2147483648 to 2147483647"},
		{"scalars.fSint32", " 7 ", "7", ""},
		{"scalars.fSfixed32", "x", "", "sfixed32 wants a whole number from -2147483648 to 2147483647"},
		{"scalars.fUint32", "4294967295", "4294967295", ""},
		{"scalars.fUint32", "-1", "", "uint32 wants a whole number from 0 to 4294967295"},
		{"scalars.fFixed32", "1e3", "", "fixed32 wants a whole number from 0 to 4294967295"},
		{"scalars.fInt64", "9223372036854775807", "9223372036854775807", ""},
		{"scalars.fSint64", "9223372036854775808", "", "sint64 wants a whole number from -9223372036854775808 to 9223372036854775807"},
		{"scalars.fUint64", "18446744073709551615", "18446744073709551615", ""},
		{"scalars.fFixed64", "-1", "", "fixed64 wants a whole number from 0 to 18446744073709551615"},
		{"scalars.fDouble", "1e300", "1e+300", ""},
		{"scalars.fDouble", "nan", "NaN", ""},
		{"scalars.fDouble", "-inf", "-Infinity", ""},
		{"scalars.fDouble", "Infinity", "Infinity", ""},
		{"scalars.fDouble", "-0", "-0", ""},
		{"scalars.fDouble", "0.10", "0.1", ""},
		{"scalars.fDouble", "a lot", "", "double wants a number, NaN, Infinity or -Infinity"},
		{"scalars.fFloat", "1e39", "", "float holds numbers up to 3.4e38; what is larger is Infinity"},
		{"scalars.fFloat", "0.1", "0.1", ""},
		{"scalars.fBool", "True", "true", ""},
		{"scalars.fBool", "yes", "", "bool wants true or false"},
		{"scalars.fString", " two\nlines ", " two\nlines ", ""},
		{"scalars.fString", "\xff", "", "string wants valid UTF-8; arbitrary bytes need a field of type bytes"},
		{"scalars.fBytes", "aGk=", "aGk=", ""},
		{"scalars.fBytes", "_-8", "/+8=", ""},
		{"scalars.fBytes", "hello!", "", "bytes wants base64; the text itself would be aGVsbG8h"},
		{"scalars.fBytes", strings.Repeat("!", 61), "", "bytes wants base64"},
		{"scalars.fRole", "ROLE_ADMIN", "ROLE_ADMIN", ""},
		{"scalars.fRole", "role_admin", "ROLE_ADMIN", ""},
		{"scalars.fRole", "1", "ROLE_ADMIN", ""},
		{"scalars.fRole", "77", "77", ""},
		{"scalars.fRole", "ROLE_ADMIM", "", "everything.v1.Role wants ROLE_UNSPECIFIED, ROLE_ADMIN, ROLE_READER or a number; did you mean ROLE_ADMIN?"},
		{"scalars.fAliased", "ALIASED_UNO", "ALIASED_ONE", ""},
		{"old.level", "LOW", "LOW", ""},
		{"old.level", "9", "9", ""},
		{"modern.closed", "CLOSED_B", "CLOSED_B", ""},
		{"optionals.fNull", "null", "NULL_VALUE", ""},
		{"optionals.fNull", "1", "", "google.protobuf.NullValue wants null"},

		{"known.at", "2024-02-29T12:00:00+02:00", "2024-02-29T10:00:00Z", ""},
		{"known.at", "2024-02-29t12:00:00.5z", "2024-02-29T12:00:00.500Z", ""},
		{"known.at", "2024-02-29", "2024-02-29T00:00:00Z", ""},
		{"known.at", "now", "2026-01-02T03:04:05Z", ""},
		{"known.at", "now-5m", "2026-01-02T02:59:05Z", ""},
		{"known.at", "now + 1h", "2026-01-02T04:04:05Z", ""},
		{"known.at", "0000-01-01T00:00:00Z", "", "google.protobuf.Timestamp holds the years 1 to 9999"},
		{"known.at", "nowhere", "", "google.protobuf.Timestamp wants RFC 3339, such as 2006-01-02T15:04:05Z, a date, now, or now-5m"},
		{"known.took", "1.5s", "1.5s", ""},
		{"known.took", "+2s", "2s", ""},
		{"known.took", "300ms", "0.3s", ""},
		{"known.took", "-2h30m", "-9000s", ""},
		{"known.took", "315576000000s", "315576000000s", ""},
		{"known.took", "315576000001s", "", "google.protobuf.Duration holds 10,000 years at most, with 9 decimals of a second"},
		{"known.took", "5", "", "google.protobuf.Duration wants a time with its unit, such as 1.5s, 300ms or 2h30m"},
		{"known.mask", "a.b_c, d", "a.bC,d", ""},
		{"known.mask", "a.b0s", "a.b0s", ""},
		{"known.mask", "", "", ""},
		{"known.mask", "a b!", "", "google.protobuf.FieldMask wants paths of fields, such as a.b,c"},
		{"known.object", `{"b": [1, null], "a": "<"}`, `{"a":"<","b":[1,null]}`, ""},
		{"known.object", `[]`, "", `google.protobuf.Struct wants a JSON object, such as {"a": 1}`},
		{"known.list", `[1]`, `[1]`, ""},
		{"known.list", `{}`, "", `google.protobuf.ListValue wants a JSON array, such as [1, "a"]`},
		{"known.value", `null`, `null`, ""},
		{"known.value", `hello`, "", `google.protobuf.Value wants JSON, such as "text", 1, true, null, [1] or {"a": 1}`},
		{"known.wInt32", `0`, `0`, ""},
		{"known.wInt32", `x`, "", "int32 wants a whole number from -2147483648 to 2147483647"},
		{"known.wUint64", `18446744073709551615`, `18446744073709551615`, ""},
		{"known.wBool", `false`, `false`, ""},
		{"known.wFloat", `NaN`, `NaN`, ""},
		{"known.wDouble", `1`, `1`, ""},
		{"known.wString", ``, ``, ""},
		{"known.wString", `null`, `null`, ""},
		{"known.wBytes", `aGk`, `aGk=`, ""},
	} {
		t.Run(c.path+" "+c.text, func(t *testing.T) { checkTyped(t, c.path, c.text, c.value, c.problem) })
	}
}

func checkTyped(t *testing.T, path, text, value, problem string) {
	t.Helper()
	p := newPage(t, everything)
	p.Now = func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
	parent, _, _ := strings.Cut(path, ".")
	p.open(parent)
	empty := p.Rows()
	id := p.row(path).ID
	err := p.Set(id, text)
	got := p.row(path)
	if problem == "" {
		p.ok(err)
		p.wantValue(path, value)
		sameRows(t, p.Form, again(t, p.Form, everything))
		p.ok(p.Clear(id))
		if got := p.row(path); got.Set || got.Value != "" {
			t.Errorf("cleared, it is %+v", got)
		}
		return
	}
	if err == nil || err.Error() != problem {
		t.Fatalf("the error is %v", err)
	}
	if got.Value != text || got.Problem != problem || got.Set {
		t.Errorf("the row is %+v", got)
	}
	if _, err := p.JSON(); err == nil || err.Error() != path+": "+problem {
		t.Errorf("JSON says %v", err)
	}
	if _, err := p.Message(); err == nil || err.Error() != path+": "+problem {
		t.Errorf("Message says %v", err)
	}
	p.ok(p.Revert(id))
	for i, r := range p.Rows() {
		if r != empty[i] {
			t.Errorf("after Revert there is %+v", r)
		}
	}
}

func TestAWrongTextKeepsTheValueBeforeIt(t *testing.T) {
	p := newPage(t, everything).open("scalars")
	p.set("scalars.fInt32", "5")
	id := p.row("scalars.fInt32").ID
	if p.Set(id, "five") == nil {
		t.Fatal("five is no int32")
	}
	if got := string(p.Redacted()); !strings.Contains(got, `"fInt32": 5`) {
		t.Errorf("what was before is gone: %s", got)
	}
	p.ok(p.Revert(id))
	p.wantValue("scalars.fInt32", "5")
	p.wantJSON(`{"scalars": {"fInt32": 5}}`)
}

func TestAnEmptyTextClearsWhatIsNoString(t *testing.T) {
	p := newPage(t, everything).open("optionals")
	p.set("optionals.fInt32", "5")
	p.set("optionals.fInt32", "")
	p.set("optionals.fString", "")
	p.set("optionals.fBytes", "")
	p.wantJSON(`{"optionals": {"fString": "", "fBytes": ""}}`)
}

func TestNullIsNoWrapper(t *testing.T) {
	p := newPage(t, everything).open("known")
	p.set("known.wInt32", "5")
	p.wantValue("known.wInt32", "5")
	p.set("known.wInt32", "null")
	if r := p.row("known.wInt32"); r.Set || r.Default != "null" {
		t.Errorf("%+v", r)
	}
	p.wantJSON(`{"known": {}}`)
}

func TestZeroIsUnsetWhereNobodyCanTellThemApart(t *testing.T) {
	p := newPage(t, everything).open("scalars", "optionals")
	for _, name := range []string{"fInt32", "fBool", "fDouble", "fRole"} {
		text := map[string]string{"fBool": "false"}[name] + "0"
		if name == "fBool" {
			text = "false"
		}
		p.set("scalars."+name, text)
		p.set("optionals."+name, text)
	}
	p.wantJSON(`{"scalars": {}, "optionals": {"fDouble": 0, "fInt32": 0, "fBool": false, "fRole": "ROLE_UNSPECIFIED"}}`)
	if r := p.row("scalars.fInt32"); r.Set || r.Presence || r.Default != "0" {
		t.Errorf("%+v", r)
	}
	if r := p.row("optionals.fInt32"); !r.Set || !r.Presence {
		t.Errorf("%+v", r)
	}
}
