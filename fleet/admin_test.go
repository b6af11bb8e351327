package fleet_test

import (
	"testing"

	"github.com/gctl-dev/gctl/fleet"
)

func TestWhereTheControlAPIIs(t *testing.T) {
	for admin, want := range map[string]string{
		"": "10.0.0.1:9090", ":7070": "10.0.0.1:7070", "0.0.0.0:7070": "10.0.0.1:7070", "[::]:7070": "10.0.0.1:7070",
		"10.0.0.2:7070": "10.0.0.2:7070", "admin.example:7070": "admin.example:7070", "nonsense": "nonsense",
	} {
		in := fleet.Instance{Addr: "10.0.0.1:9090", Meta: map[string]string{fleet.MetaAdmin: admin}}
		if got := in.AtAdmin().Addr; got != want {
			t.Errorf("%q: %s, want %s", admin, got, want)
		}
	}
}
