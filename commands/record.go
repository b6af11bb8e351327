package commands

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/state/recording"
)

const recordLong = `Keep what changes in the fleet in a ring of files, so that what happened can be
seen later: by "gctl events", at any moment of the time that is kept. It runs until
ctrl-c. One recorder can write the recording of a context; any number of others can
read it meanwhile.

The files can be read by their owner only. What is older than --keep, and what goes
beyond --max-size, is forgotten. "gctl record export" keeps a part of it as a file of
its own; "gctl record path" prints the folder.

Exit codes: 0 ended by ctrl-c; 1 the recording could not be written; 2 wrong usage;
3 another recorder is at work.`

// How much is kept where nothing else was said.
const (
	usualKeep = 24 * time.Hour
	usualSize = 256 << 20
)

type recordOptions struct {
	f       *Factory
	dir     string
	keep    time.Duration
	maxSize size
}

func newRecord(f *Factory) *cobra.Command {
	o := &recordOptions{f: f, keep: usualKeep, maxSize: usualSize}
	cmd := &cobra.Command{
		Use:   "record",
		Short: "Keep what changes, to see later what happened",
		Long:  recordLong,
		Example: `  gctl record
  gctl record --keep 72h --max-size 1GB
  gctl record export incident.rec --from 14:00 --to 14:30`,
		Args: args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	cmd.PersistentFlags().StringVar(&o.dir, "dir", "", "the `folder` of the recording, instead of the context's own")
	cmd.Flags().Var((*seconds)(&o.keep), "keep", "how long to keep what was recorded: this `duration`")
	cmd.Flags().Var(&o.maxSize, "max-size", "how much to keep: this `size`, as in 500MB")
	cmd.AddCommand(newRecordPath(o), newRecordExport(o))
	return cmd
}

func newRecordPath(o *recordOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "path",
		Short: "Print the folder of the recording",
		Long: `Print the folder of the recording of the selected context, whether there is one or
not.

Exit codes: 0 done; 1 there is no place for it.`,
		Example: `  ls -l $(gctl record path)`,
		Args:    args(0, 0),
		RunE: func(*cobra.Command, []string) error {
			dir, err := recordingDir(o.f, o.dir)
			if err == nil {
				_, err = fmt.Fprintln(o.f.Streams.Out, dir)
			}
			return err
		},
	}
}

func (o *recordOptions) run(ctx context.Context) (err error) {
	// A terminal that is closed ends it in order too.
	ctx, stop := untilHangup(ctx)
	defer stop()
	dir, err := recordingDir(o.f, o.dir)
	if err != nil {
		return err
	}
	recorder, err := recording.NewRecorder(recording.Options{Dir: dir, Keep: o.keep, MaxSize: int64(o.maxSize), Now: o.f.Now})
	if errors.Is(err, recording.ErrBusy) {
		return &fleet.Error{Kind: fleet.Negative, What: "this fleet is being recorded already", Err: err, Hint: "gctl events reads what it writes; --dir keeps another recording"}
	}
	if err != nil {
		return &fleet.Error{What: "the recording cannot be written", Err: err, Hint: "--dir names another folder"}
	}
	defer func() { err = errors.Join(err, recorder.Close()) }()
	store, err := openStore(ctx, o.f)
	if err != nil {
		return err
	}
	defer store.Close()
	o.f.Notef("recording to %s until ctrl-c", dir)
	sources := &sourceWatch{f: o.f}
	line := &progressLine{f: o.f}
	defer line.end()
	err = recorder.Run(ctx, store, func(s recording.Stats) {
		snap := store.Snapshot()
		line.clear()
		sources.look(snap)
		bytes := size(s.Bytes)
		line.show(fmt.Sprintf("%d services, %d instances; %d changes, %s%s",
			len(snap.Services()), snap.Counts().Instances, s.Changes, &bytes, failingSources(snap)))
	})
	if errors.Is(err, context.Canceled) {
		return nil // ctrl-c is how it ends
	}
	return err
}

func failingSources(snap *fleet.Snapshot) string {
	var names []string
	for _, s := range snap.Sources() {
		if s.Status != fleet.SourceFresh {
			names = append(names, s.Name+" "+string(s.Status))
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "; " + strings.Join(names, ", ")
}

// progressLine is one line on a terminal that is written again and again; nothing
// elsewhere.
type progressLine struct {
	f     *Factory
	shown bool
}

func (l *progressLine) show(text string) {
	if l.f.Streams.ErrTTY {
		fmt.Fprint(l.f.Streams.Err, text)
		l.shown = true
	}
}

func (l *progressLine) clear() {
	if l.shown {
		fmt.Fprint(l.f.Streams.Err, "\r\x1b[K")
		l.shown = false
	}
}

func (l *progressLine) end() {
	if l.shown {
		fmt.Fprintln(l.f.Streams.Err)
	}
}

// size is a number of bytes, as a flag and as people read it.
type size int64

// String implements pflag.Value.
func (s *size) String() string {
	for _, u := range sizeUnits {
		if int64(*s) >= u.bytes && u.bytes > 1 {
			return strconv.FormatFloat(float64(*s)/float64(u.bytes), 'g', 3, 64) + u.name
		}
	}
	return strconv.FormatInt(int64(*s), 10) + "B"
}

// Type implements pflag.Value.
func (*size) Type() string { return "size" }

// Set implements pflag.Value.
func (s *size) Set(text string) error {
	for _, u := range sizeUnits {
		number, ok := strings.CutSuffix(strings.ToUpper(strings.Replace(text, "iB", "B", 1)), u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || !(n > 0 && n <= 1<<20 || u.bytes == 1 && n > 0 && n <= 1<<40) {
			break
		}
		*s = size(n * float64(u.bytes))
		return nil
	}
	return fmt.Errorf("%q is no size such as 500MB or 2GB", text)
}

var sizeUnits = []struct {
	name  string
	bytes int64
}{{"GB", 1 << 30}, {"MB", 1 << 20}, {"KB", 1 << 10}, {"B", 1}}
