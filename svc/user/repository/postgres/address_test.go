package postgres

import "testing"

func TestAddressNamesEveryHostOnce(t *testing.T) {
	for store, want := range map[string]string{
		"postgres://app:s3cret@a:1,b:2/x?sslmode=prefer":             "postgres://app@a:1,b:2/x",
		"postgres://app@/x?host=/var/run/postgresql&password=s3cret": "postgres://app@%2Fvar%2Frun%2Fpostgresql:5432/x",
		"postgres://app:s3cret@[::1]/x":                              "postgres://app@[::1]:5432/x",
	} {
		config, err := parse(store, Options{})
		if err != nil {
			t.Errorf("%s: %v", store, err)
			continue
		}
		if got := address(config.ConnConfig); got != want {
			t.Errorf("address of %s = %s, want %s", store, got, want)
		}
	}
}
