package controltest

import (
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	controlv1 "github.com/gctl-dev/gctl/api/gctl/control/v1"
)

// must makes a change that has to succeed.
func (s subject) must(t *testing.T, c *client, value int, m *controlv1.Mutation) *controlv1.Change {
	t.Helper()
	change, err := s.set(deadline(t), c, value, m)
	if err != nil {
		t.Fatalf("%s: %v", s.resource, err)
	}
	return change
}

// present returns the etag that the resource has now, as a client finds it out.
func (s subject) present(t *testing.T, c *client) string {
	t.Helper()
	change := s.must(t, c, 0, mutation(validateOnly))
	if s.read != nil {
		if tag, err := s.read(deadline(t), c); err != nil || tag != change.GetEtag() {
			t.Errorf("the etag is %q, %v when read and %q of validate_only", tag, err, change.GetEtag())
		}
	}
	return change.GetEtag()
}

func testChange(t *testing.T, c *client, s subject) {
	configured, before := s.real(deadline(t), c), s.present(t, c)
	change := s.must(t, c, 0, mutation(etag(before)))
	if got := s.real(deadline(t), c); got == configured {
		t.Errorf("it does what it did: %s", got)
	}
	if change.GetResource() != s.resource || change.GetValue() == "" || change.GetReason() != "conformance" || change.GetActor() != c.Actor {
		t.Errorf("change = %v", change)
	}
	if age := time.Since(change.GetSetTime().AsTime()); age < -time.Minute || age > time.Minute {
		t.Errorf("set %v ago", age)
	}
	if d := change.GetExpireTime().AsTime().Sub(change.GetSetTime().AsTime()); d != time.Hour {
		t.Errorf("expires after %v", d)
	}
	if tag := s.present(t, c); tag == before || tag != change.GetEtag() {
		t.Errorf("the etag was %q, is %q, and %q of the change", before, tag, change.GetEtag())
	}
	if got := c.changes(t)[s.resource]; !proto.Equal(got, change) {
		t.Errorf("listed is %v, want %v", got, change)
	}

	released, err := s.release(deadline(t), c, &controlv1.Mutation{Reason: "done", Etag: change.GetEtag()})
	if err != nil {
		t.Fatalf("release: %v", err)
	}
	if released.GetResource() != s.resource || released.GetExpireTime() != nil || released.GetReason() != "done" {
		t.Errorf("released = %v", released)
	}
	if got := s.real(deadline(t), c); got != configured {
		t.Errorf("after the release it does %s, want %s", got, configured)
	}
	if got := c.changes(t)[s.resource]; got != nil {
		t.Errorf("still listed: %v", got)
	}
	if tag := s.present(t, c); tag != released.GetEtag() || tag == change.GetEtag() {
		t.Errorf("the etag is %q, %q of the release, and was %q", tag, released.GetEtag(), change.GetEtag())
	}
}

func testEtag(t *testing.T, c *client, s subject) {
	old := s.present(t, c)
	present := s.must(t, c, 0, mutation(etag(old))).GetEtag()
	does := s.real(deadline(t), c)
	refused := func(what string, _ *controlv1.Change, err error) {
		t.Helper()
		info := wantCode(t, what, err, codes.FailedPrecondition)
		if info.GetReason() != "ETAG_MISMATCH" || info.GetMetadata()["etag"] != present {
			t.Errorf("%s: %v, want the etag %q", what, info, present)
		}
	}
	for what, tag := range map[string]string{"an old etag": old, "no etag": "", "an etag of nothing": "etag"} {
		change, err := s.set(deadline(t), c, 1, mutation(etag(tag)))
		refused(what, change, err)
		change, err = s.release(deadline(t), c, mutation(etag(tag)))
		refused(what+", releasing", change, err)
		if tag != "" {
			change, err = s.set(deadline(t), c, 1, mutation(validateOnly, etag(tag)))
			refused(what+", only validated", change, err)
		}
	}
	if got := s.real(deadline(t), c); got != does || s.present(t, c) != present {
		t.Errorf("after what was refused it does %s, want %s", got, does)
	}
}

func testRace(t *testing.T, c *client, s subject) {
	tag := s.present(t, c)
	var mu sync.Mutex
	var won []*controlv1.Change
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			change, err := s.set(deadline(t), c, i%2, mutation(etag(tag)))
			if err != nil {
				wantCode(t, "a loser", err, codes.FailedPrecondition)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			won = append(won, change)
		})
	}
	all.Wait()
	if len(won) != 1 {
		t.Fatalf("%d changes won, want 1", len(won))
	}
	if got := c.changes(t)[s.resource]; !proto.Equal(got, won[0]) {
		t.Errorf("in force is %v, want the winner %v", got, won[0])
	}
}

func testValidateOnly(t *testing.T, c *client, s subject) {
	configured, tag := s.real(deadline(t), c), s.present(t, c)
	for _, given := range []string{"", "*", tag} {
		change := s.must(t, c, 0, mutation(validateOnly, etag(given)))
		if change.GetEtag() != tag || change.GetResource() != s.resource || change.GetValue() == "" || change.GetExpireTime() == nil {
			t.Errorf("with the etag %q it would be %v", given, change)
		}
	}
	if got := s.real(deadline(t), c); got != configured {
		t.Errorf("it does %s, want %s", got, configured)
	}
	if all := c.changes(t); len(all) != 0 {
		t.Errorf("changes = %v", all)
	}
	made := s.must(t, c, 0, mutation())
	does := s.real(deadline(t), c)
	if _, err := s.release(deadline(t), c, mutation(validateOnly)); err != nil {
		t.Errorf("a release that is only validated: %v", err)
	}
	if got := s.real(deadline(t), c); got != does || !proto.Equal(c.changes(t)[s.resource], made) {
		t.Errorf("a release that was only validated: it does %s, want %s", got, does)
	}
}

func testRevert(t *testing.T, c *client, s subject) {
	configured, before := s.real(deadline(t), c), s.present(t, c)
	change := s.must(t, c, 0, mutation(ttl(time.Second)))
	c.hangUp()
	other := connect(t, c.Fixture)
	until(t, "it reverts", func() bool { return s.real(deadline(t), other) == configured })
	if early := time.Until(change.GetExpireTime().AsTime()); early > 0 {
		t.Errorf("reverted %v too early", early)
	}
	until(t, "it is no longer listed", func() bool { return other.changes(t)[s.resource] == nil })
	if tag := s.present(t, other); tag == change.GetEtag() || tag == before {
		t.Errorf("the etag %q was one before", tag)
	}
}

// The first change would end while the second holds, which itself ends in what is
// configured.
func testReplace(t *testing.T, c *client, s subject) {
	configured := s.real(deadline(t), c)
	first := s.must(t, c, 0, mutation(ttl(time.Second)))
	second := s.must(t, c, 1, mutation(ttl(2*time.Second), etag(first.GetEtag())))
	does := s.real(deadline(t), c)
	until(t, "the second change reverts", func() bool {
		got, now := s.real(deadline(t), c), time.Now()
		if early := second.GetExpireTime().AsTime().Sub(now); early > 0 && got != does {
			t.Fatalf("it does %s %v before the end of the second change, want %s", got, early, does)
		}
		return got != does
	})
	if got := s.real(deadline(t), c); got != configured {
		t.Errorf("it does %s, want what is configured, %s", got, configured)
	}
	if got := c.changes(t)[s.resource]; got != nil {
		t.Errorf("still listed: %v", got)
	}
}

func testBadMutation(t *testing.T, c *client, s subject) {
	does, tag := s.real(deadline(t), c), s.present(t, c)
	for what, test := range map[string]struct {
		field string
		m     *controlv1.Mutation
	}{
		"no mutation":         {"mutation", nil},
		"no reason":           {"mutation.reason", mutation(func(m *controlv1.Mutation) { m.Reason = "" })},
		"a reason of nothing": {"mutation.reason", mutation(func(m *controlv1.Mutation) { m.Reason = " \n\x1b" })},
		"a long reason":       {"mutation.reason", mutation(func(m *controlv1.Mutation) { m.Reason = strings.Repeat("x", 257) })},
		"no ttl":              {"mutation.ttl", mutation(func(m *controlv1.Mutation) { m.Ttl = nil })},
		"a short ttl":         {"mutation.ttl", mutation(ttl(999 * time.Millisecond))},
		"a negative ttl":      {"mutation.ttl", mutation(ttl(-time.Minute))},
		"a long ttl":          {"mutation.ttl", mutation(ttl(24*time.Hour + 1))},
		"a ttl that is none":  {"mutation.ttl", mutation(func(m *controlv1.Mutation) { m.Ttl = &durationpb.Duration{Seconds: 1, Nanos: -5} })},
		"a long etag":         {"mutation.etag", mutation(etag(strings.Repeat("x", 65)))},
	} {
		_, err := s.set(deadline(t), c, 0, test.m)
		wantInvalid(t, what, err, test.field)
		if test.m != nil {
			validateOnly(test.m)
			if test.field != "mutation.etag" {
				_, err = s.set(deadline(t), c, 0, test.m)
				wantInvalid(t, what+", only validated", err, test.field)
			}
		}
	}
	if got := s.real(deadline(t), c); got != does || s.present(t, c) != tag || len(c.changes(t)) != 0 {
		t.Errorf("after bad requests it does %s, want %s", got, does)
	}
}

func testLog(t *testing.T, c *client, s subject) {
	logged := func(what string, words ...string) {
		t.Helper()
		until(t, what+" is logged", func() bool {
			for line := range strings.Lines(c.Log()) {
				for _, word := range words {
					if !strings.Contains(line, word) {
						line = ""
					}
				}
				if line != "" {
					return true
				}
			}
			return false
		})
	}
	change := s.must(t, c, 0, mutation(ttl(time.Second), func(m *controlv1.Mutation) { m.Reason = "because\n\x1b[2Jof-it" }))
	logged("the change", s.resource, change.GetValue(), "because", "of-it", c.Actor, change.GetEtag(), "1s")
	if strings.Contains(c.Log(), "\x1b") || strings.Contains(c.Log(), "\\u001b") {
		t.Errorf("control characters in the log: %q", c.Log())
	}
	if _, err := s.set(deadline(t), c, 0, mutation(etag("wrong"), func(m *controlv1.Mutation) { m.Reason = "a-refused-one" })); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("a wrong etag: %v", err)
	}
	logged("what was refused", s.resource, "a-refused-one", c.Actor, "FailedPrecondition")
	logged("the revert", s.resource, "revert", "of-it")
}

// What exists only while it is set cannot be released where it is not.
func testReleaseNothing(t *testing.T, c *client, s subject) {
	configured, tag := s.real(deadline(t), c), s.present(t, c)
	change, err := s.release(deadline(t), c, &controlv1.Mutation{Reason: "to be sure", Etag: tag})
	if s.passing {
		wantCode(t, "release", err, codes.NotFound)
	} else if err != nil || change.GetExpireTime() != nil || change.GetEtag() != tag {
		t.Errorf("release = %v, %v", change, err)
	}
	if got := s.real(deadline(t), c); got != configured || len(c.changes(t)) != 0 {
		t.Errorf("it does %s, want %s", got, configured)
	}
}

// A state is not the same one as before because the values are equal: somebody
// decided twice since.
func testEtagReturns(t *testing.T, c *client, s subject) {
	seen := map[string]bool{s.present(t, c): true}
	for i := range 6 {
		change := s.must(t, c, i%2, mutation())
		tags := []string{change.GetEtag()}
		if i%3 == 2 {
			released, err := s.release(deadline(t), c, mutation())
			if err != nil {
				t.Fatal(err)
			}
			tags = append(tags, released.GetEtag())
		}
		for _, tag := range tags {
			if seen[tag] || tag == "" || tag == "*" {
				t.Errorf("the etag %q was given twice", tag)
			}
			seen[tag] = true
		}
	}
}
