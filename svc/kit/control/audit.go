package control

import (
	"context"
	"log/slog"
	"strings"
	"time"
	"unicode"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	controlv1 "github.com/gctl-dev/gctl/api/gctl/control/v1"
)

// requestIDHeader is the metadata by which an RPC is found again in other logs.
const requestIDHeader = "x-request-id"

const maxLogText = 512 // bytes of a text from outside

// trail is the log of changes.
type trail struct{ log *slog.Logger }

// entry is what the log says about a change.
type entry struct {
	old       string
	change    *controlv1.Change
	ttl       time.Duration
	requestID string
}

func (t trail) made(ctx context.Context, e entry) {
	t.write(ctx, slog.LevelInfo, "change made", e, nil)
}

func (t trail) refused(ctx context.Context, e entry, err error) {
	t.write(ctx, slog.LevelWarn, "change refused", e, err)
}

func (t trail) reverted(e entry) {
	t.write(context.Background(), slog.LevelInfo, "change reverted", e, nil)
}

func (t trail) stuck(e entry, err error) {
	t.write(context.Background(), slog.LevelError, "change could not be reverted, trying again", e, err)
}

// write hands the record to the handler without asking whether its level is
// enabled: SetLogLevel must not hide what is changed.
func (t trail) write(ctx context.Context, level slog.Level, text string, e entry, err error) {
	r := slog.NewRecord(time.Now(), level, text, 0)
	r.AddAttrs(
		slog.String("resource", clean(e.change.GetResource())),
		slog.String("old", clean(e.old)),
		slog.String("new", clean(e.change.GetValue())),
		slog.String("reason", clean(e.change.GetReason())),
		slog.String("actor", clean(e.change.GetActor())),
		slog.String("etag", clean(e.change.GetEtag())),
	)
	if e.ttl > 0 {
		r.AddAttrs(slog.String("ttl", e.ttl.String()))
	}
	if e.requestID != "" {
		r.AddAttrs(slog.String("request_id", e.requestID))
	}
	if err != nil {
		r.AddAttrs(slog.String("code", status.Code(err).String()), slog.String("error", clean(status.Convert(err).Message())))
	}
	if err := t.log.Handler().Handle(ctx, r); err != nil {
		t.log.ErrorContext(ctx, "the log of changes cannot be written", "error", err)
	}
}

// requestID returns the ID that the RPC came with, or "".
func requestID(ctx context.Context) string {
	if ids := metadata.ValueFromIncomingContext(ctx, requestIDHeader); len(ids) > 0 {
		return clean(ids[0])
	}
	return ""
}

// clean makes one line of a text from outside, without control and formatting
// characters, and cuts it to maxLogText bytes.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, " "))
	if len(text) > maxLogText {
		text = strings.ToValidUTF8(text[:maxLogText], "") + "…"
	}
	return strings.TrimSpace(text)
}
