package fleettest_test

import (
	"strconv"

	"google.golang.org/grpc/codes"
)

func number(c codes.Code) string { return strconv.FormatUint(uint64(c), 10) }

// screaming is how the conventions write a code.
func screaming(c codes.Code) string {
	return map[codes.Code]string{codes.OK: "OK", codes.NotFound: "NOT_FOUND", codes.Unavailable: "UNAVAILABLE"}[c]
}
