package commands

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/reflection"
	"github.com/gctl-dev/gctl/rpc/message"
)

// source delivers the requests of a call.
type source struct {
	next func() (proto.Message, error)
	all  []proto.Message // where they were all read before the call
}

// maxAhead is how much of a file is read before the call, so that nothing is
// sent if something in it is wrong. A longer one is read as it is sent.
const maxAhead = 4 << 20

// source finds the requests. What is given in full is read in full; stdin of a
// stream is read as it comes.
func (c *call) source(ctx context.Context) (*source, error) {
	client := c.located.Method.IsStreamingClient()
	whole := c.each || c.dryRun // all of it is wanted before anything is sent
	running := c.located
	var in io.Reader
	live := false
	switch {
	case !c.hasData && client && c.f.Streams.InTTY && !whole:
		c.f.Notef("reading requests from the terminal, one a line; ctrl-d ends them")
		return &source{next: c.interactive(ctx, &running)}, nil
	case !c.hasData:
		return c.fixed(nil)
	case c.data == "@", c.data == "@-":
		in, live = c.f.Streams.In, client && !whole
		if c.f.Streams.InTTY {
			c.f.Notef("reading the request from the terminal; ctrl-d ends it")
		}
	case strings.HasPrefix(c.data, "@"):
		file, err := os.Open(c.data[1:])
		if err != nil {
			return nil, unreadable(err)
		}
		if info, err := file.Stat(); client && !whole && err == nil && (info.Size() > maxAhead || !info.Mode().IsRegular()) {
			return &source{next: c.decode(ctx, file, &running).Next}, nil // closed by the end of the process
		}
		defer file.Close()
		in = file
	default:
		in = strings.NewReader(c.data)
	}
	if live {
		return &source{next: c.decode(ctx, in, &running).Next}, nil
	}
	all, err := c.readUntil(ctx, in)
	if err != nil {
		return nil, err
	}
	return c.fixed(all)
}

func unreadable(err error) error {
	return &fleet.Error{Kind: fleet.Usage, What: "cannot read the request", Err: err}
}

// readUntil is readWhole until ctx ends: who is asked for a request on a
// terminal may want to leave. A read that blocks then ends with the process.
func (c *call) readUntil(ctx context.Context, in io.Reader) ([]proto.Message, error) {
	var all []proto.Message
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		all, err = c.readWhole(ctx, in)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		return nil, unreadable(err)
	}
	return all, err
}

// readWhole reads all requests. If one of them shows that the schema is too old,
// those before it were built by the old one: all are read again.
func (c *call) readWhole(ctx context.Context, in io.Reader) ([]proto.Message, error) {
	var text bytes.Buffer
	before := c.located
	all, err := readAll(c.decode(ctx, io.TeeReader(in, &text), &c.located))
	if err == nil && c.located != before && len(all) > 1 {
		return readAll(c.decode(ctx, &text, &c.located))
	}
	return all, err
}

// decode reads requests by the schema of located, and puts a newer one there if
// they need it. Before the call that is the call's own; while it runs it is not:
// requests are read in another goroutine, and its method stays what it was.
func (c *call) decode(ctx context.Context, in io.Reader, located **reflection.Located) *message.Decoder {
	d := message.NewDecoder(in, message.Format(c.format), (*located).Method.Input(), (*located).Schema.Types())
	d.AllowUnknown = c.allowUnknown
	d.Refresh = func() (protoreflect.MessageDescriptor, message.Types, error) {
		again, err := c.refresh(ctx, *located)
		if err != nil {
			return nil, nil, err
		}
		*located = again
		return again.Method.Input(), again.Schema.Types(), nil
	}
	return d
}

// refresh fetches the schema again when a request does not fit the one from
// the cache.
func (c *call) refresh(ctx context.Context, located *reflection.Located) (*reflection.Located, error) {
	if c.locator == nil {
		return nil, errors.New("the schema is not from a server")
	}
	again, changed, err := c.locator.Again(ctx, located)
	if err != nil {
		return nil, err
	}
	if !changed {
		return nil, errors.New("it is what it was")
	}
	c.f.Verbosef("the schema of %s has changed and was fetched again", located.Service)
	return again, nil
}

// refreshAfterDeployment fetches the schema again when the instances publish
// versions that the cached one does not know. If nobody has a newer one to show,
// the old one must do: what does not fit it is still not sent.
func (c *call) refreshAfterDeployment(ctx context.Context, instances []fleet.Instance) error {
	if c.locator == nil || c.located.Covers(instances) {
		return nil
	}
	again, changed, err := c.locator.Again(ctx, c.located)
	if reflection.IsUnknown(err) {
		return err // the method is gone
	}
	if err != nil {
		c.f.Verbosef("%s has a new version, but its schema could not be fetched: %v", c.located.Service, err)
		return nil
	}
	if changed {
		c.f.Verbosef("%s has a new version; its schema was fetched again", c.located.Service)
	}
	c.located = again
	return nil
}

func readAll(d *message.Decoder) ([]proto.Message, error) {
	var all []proto.Message
	for {
		m, err := d.Next()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
}

// fixed is a source of messages that were read. A method that takes one gets
// exactly one: none written is an empty one.
func (c *call) fixed(all []proto.Message) (*source, error) {
	if !c.located.Method.IsStreamingClient() || !c.hasData {
		if len(all) == 0 {
			all = []proto.Message{dynamicpb.NewMessage(c.located.Method.Input())}
		}
	}
	if !c.located.Method.IsStreamingClient() && len(all) > 1 {
		return nil, &fleet.Error{
			Kind: fleet.Usage, What: c.methodName() + " takes one message, the request has more",
			Hint: "only a method that takes a stream can be sent several",
		}
	}
	return &source{next: deliver(all), all: all}, nil
}

func deliver(all []proto.Message) func() (proto.Message, error) {
	return func() (proto.Message, error) {
		if len(all) == 0 {
			return nil, io.EOF
		}
		m := all[0]
		all = all[1:]
		return m, nil
	}
}

// interactive reads what is typed. A message may take several lines of JSON;
// a wrong one is told and forgotten, since the call goes on.
func (c *call) interactive(ctx context.Context, located **reflection.Located) func() (proto.Message, error) {
	in := bufio.NewReader(c.f.Streams.In)
	var typed bytes.Buffer
	var ready []proto.Message
	return func() (proto.Message, error) {
		for len(ready) == 0 {
			line, err := in.ReadBytes('\n')
			typed.Write(line)
			if len(bytes.TrimSpace(typed.Bytes())) > 0 {
				ready = c.typed(ctx, located, &typed, err != nil)
			}
			if err != nil && len(ready) == 0 {
				return nil, io.EOF
			}
		}
		m := ready[0]
		ready = ready[1:]
		return m, nil
	}
}

// typed decodes what was typed so far; nothing yet if more lines belong to it.
func (c *call) typed(ctx context.Context, located **reflection.Located, typed *bytes.Buffer, end bool) []proto.Message {
	all, err := readAll(c.decode(ctx, bytes.NewReader(typed.Bytes()), located))
	var bad *message.InputError
	if errors.As(err, &bad) && bad.Incomplete && !end {
		return nil
	}
	typed.Reset()
	if err != nil {
		var e *fleet.Error
		hint := ""
		if errors.As(err, &e) && e.Hint != "" {
			hint = " (" + e.Hint + ")"
		}
		c.f.Notef("not sent: %v%s", err, hint)
		return nil
	}
	return all
}
