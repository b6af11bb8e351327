package control_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gctl-dev/gctl/internal/testkit"
	"github.com/gctl-dev/gctl/svc/kit/control"
)

// Why rules cannot be evaluated is for the log, not for callers.
func TestTheCauseOfAnUncheckableRequestIsLogged(t *testing.T) {
	var log bytes.Buffer
	api, err := control.New(control.Options{Log: slog.New(slog.NewJSONHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer api.Close()
	failed := status.Convert(control.Check(t.Context(), api, testkit.Uncheckable(t)))
	if failed.Code() != codes.Internal || failed.Message() != "the rules of the schema cannot be evaluated" {
		t.Errorf("the caller gets %v", failed)
	}
	if text := log.String(); !strings.Contains(text, testkit.BrokenRule) || !strings.Contains(text, `"request":"test.Uncheckable"`) {
		t.Errorf("the log says %q", text)
	}
}
