package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/state"
	"github.com/gctl-dev/gctl/internal/state/recording"
)

const recordExportLong = `Write a part of the recording of the selected context to a file: all that was known
at its beginning, and what changed until its end. The file needs nothing else, is not
forgotten, and is read wherever a recording is: gctl events --dir FILE. It can be
written while a recorder is at work.

--from and --to are times of RFC 3339, the last time that a clock showed 14:02, or so
long ago as -20m. Without them the file has all that is kept. What a killed recorder
has left half written is said.

The file can be read by its owner only. It holds names, addresses and errors of the
fleet as they were recorded: look at it (zcat FILE) before you give it to others. A
file that is there already is not overwritten without --force.

Exit codes: 0 done; 1 there is no recording, nothing was recorded at that time, or
the file could not be written; 2 wrong usage, or the file is there already; 130
interrupted: then there is no file.`

type recordExportOptions struct {
	*recordOptions

	from, to string
	force    bool
}

func newRecordExport(record *recordOptions) *cobra.Command {
	o := &recordExportOptions{recordOptions: record}
	cmd := &cobra.Command{
		Use:   "export FILE",
		Short: "Write a part of the recording to a file",
		Long:  recordExportLong,
		Example: `  gctl record export incident.rec --from -30m
  gctl record export incident.rec --from 14:00 --to 14:30 --force
  gctl events --dir incident.rec --since 24h`,
		Args:              args(1, 1),
		ValidArgsFunction: firstOnly(cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault)),
		RunE:              func(cmd *cobra.Command, given []string) error { return o.run(cmd.Context(), given[0]) },
	}
	cmd.Flags().StringVar(&o.from, "from", "", "begin at this `time`: 2026-03-01T14:02:00Z, 14:02 or -20m")
	cmd.Flags().StringVar(&o.to, "to", "", "end at this `time`")
	cmd.Flags().BoolVar(&o.force, "force", false, "overwrite the file if it is there")
	for _, flag := range []string{"from", "to"} {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.NoFileCompletions) // there is this flag
	}
	return cmd
}

func (o *recordExportOptions) run(ctx context.Context, path string) error {
	from, to, err := o.times()
	if err != nil {
		return err
	}
	r, err := o.open(path)
	if err != nil {
		return err
	}
	var torn []*recording.TornError
	err = state.WriteFile(path, o.force, func(w io.Writer) (err error) {
		torn, err = r.Export(ctx, w, from, to)
		return err
	})
	for _, t := range torn {
		o.f.Notef("warning: %v", t)
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return &fleet.Error{Kind: fleet.Usage, What: path + " is there already", Hint: "--force overwrites it"}
	case errors.Is(err, fleet.ErrNotFound):
		return &fleet.Error{What: "nothing was recorded in that time", Err: err, Hint: "gctl events says of which times nothing is known"}
	case err != nil:
		return &fleet.Error{What: "the recording cannot be exported", Err: err}
	}
	return o.tell(ctx, path)
}

// times are the two ends, zero where they are those of the recording.
func (o *recordExportOptions) times() (from, to time.Time, err error) {
	now := o.f.Now()
	if from, err = pastTime("--from", o.from, now); err != nil {
		return from, to, err
	}
	if to, err = pastTime("--to", o.to, now); err != nil {
		return from, to, err
	}
	if !to.IsZero() && to.Before(from) {
		err = &fleet.Error{
			Kind: fleet.Usage, What: fmt.Sprintf("--to %s is before --from %s", to.UTC().Format(time.RFC3339), from.UTC().Format(time.RFC3339)),
			Hint: "exchange them",
		}
	}
	return from, to, err
}

// open opens the recording. A file in its folder would be a part of it.
func (o *recordExportOptions) open(path string) (*recording.Recording, error) {
	dir, err := recordingDir(o.f, o.dir)
	if err != nil {
		return nil, err
	}
	if sameFolder(dir, filepath.Dir(path)) {
		return nil, &fleet.Error{Kind: fleet.Usage, What: path + " lies in the folder of the recording", Hint: "name a file elsewhere"}
	}
	r, err := recording.Open(dir)
	if errors.Is(err, fleet.ErrNotFound) {
		return nil, &fleet.Error{What: "there is no recording", Err: err, Hint: "gctl record writes one; --dir names another"}
	}
	if err != nil {
		return nil, &fleet.Error{What: "the recording cannot be exported", Err: err}
	}
	return r, nil
}

func sameFolder(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil || !one.IsDir() {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}

// tell reads what was written, and says what it is.
func (o *recordExportOptions) tell(ctx context.Context, path string) error {
	r, err := recording.Open(path)
	if err != nil {
		return &fleet.Error{What: "the file was written, and cannot be read", Err: err}
	}
	times, err := r.Timeline(ctx)
	if err != nil {
		return err
	}
	last := r.From()
	if n := len(times); n > 0 && times[n-1].After(last) {
		last = times[n-1]
	}
	snap, _, err := r.At(ctx, last)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	bytes := size(info.Size())
	o.f.Notef("wrote %s: %s to %s, %s, %s, %s, %s", path, r.From().UTC().Format(time.RFC3339), last.UTC().Format(time.RFC3339),
		plural(len(times), "snapshot"), plural(len(snap.Services()), "service"), plural(snap.Counts().Instances, "instance"), &bytes)
	return nil
}
