package commands

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"slices"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/state/recording"
	"github.com/gctl-dev/gctl/ops/action"
	"github.com/gctl-dev/gctl/ops/incident"
)

// export writes an incident into a folder of its own below the present one, with
// what was changed from here and what was recorded.
func (o *dashOptions) export(ctx context.Context, in *incident.Incident) (string, error) {
	in.Author = who(o.f)
	for i := range in.Notes {
		in.Notes[i].Author = in.Author
	}
	c, err := o.f.Context()
	if err != nil {
		return "", err
	}
	in.Hide = slices.Concat(slices.Collect(maps.Values(c.Headers)), slices.Collect(maps.Values(c.Admin.Headers)), []string{o.f.Getenv("CONSUL_HTTP_TOKEN")})
	path := o.replay
	if path == "" {
		in.Actions, in.ActionsErr = o.actions(ctx, in)
		if path, err = recordingDir(o.f, o.record); err != nil {
			return "", err
		}
	}
	switch r, err := recording.Open(path); {
	case err == nil && r.From().Before(in.To):
		in.Recording = r
	case err != nil && !errors.Is(err, fleet.ErrNotFound):
		in.RecordingErr = err
	}
	dir, err := filepath.Abs("gctl-incident-" + in.Exported.UTC().Format("20060102T150405Z"))
	if err != nil {
		return "", err
	}
	return dir, incident.Write(ctx, dir, in)
}

// actions are those of the time of the incident.
func (o *dashOptions) actions(ctx context.Context, in *incident.Incident) ([]action.Entry, error) {
	_, entries, err := listActions(ctx, silenced(o.f))
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(entries, func(e action.Entry) bool { return e.At.Before(in.From) || e.At.After(in.To) }), nil
}
