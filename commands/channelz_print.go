package commands

import (
	"fmt"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/output"
	"github.com/gctl-dev/gctl/internal/term"
	"github.com/gctl-dev/gctl/ops/channels"
)

// channelRow is a line of the table, and of -o jsonl.
type channelRow struct {
	Service   string        `json:"service"`
	Instance  string        `json:"instance"`
	Part      channels.Part `json:"part"`
	ID        int64         `json:"id"`
	Depth     int           `json:"depth"`
	Name      string        `json:"name"` // target, address or connection
	State     string        `json:"state"`
	Started   int64         `json:"started"` // calls; streams of a socket
	Open      int64         `json:"open"`
	Failed    int64         `json:"failed"`
	Last      *time.Time    `json:"last"` // the last call; of a socket the last message received
	Findings  []string      `json:"findings"`
	LastError string        `json:"last_error"`
}

var channelTable = output.Rows[channelRow]{
	Columns: []output.Column[channelRow]{
		{Name: "INSTANCE", Cell: func(r channelRow) output.Cell { return output.Text(r.Instance) }},
		{Name: "WHAT", Cell: func(r channelRow) output.Cell {
			return output.Text(strings.Repeat("  ", r.Depth) + string(r.Part) + " " + fmt.Sprint(r.ID))
		}},
		{Name: "NAME", Cell: func(r channelRow) output.Cell { return output.Text(r.Name) }},
		{Name: "STATE", Cell: channelRow.state},
		{Name: "CALLS", Right: true, Spare: true, Cell: func(r channelRow) output.Cell { return output.Text(fmt.Sprint(r.Started)) }},
		{Name: "OPEN", Right: true, Spare: true, Cell: func(r channelRow) output.Cell { return output.Count(int(r.Open), output.Plain) }},
		{Name: "FAILED", Right: true, Cell: func(r channelRow) output.Cell { return output.Count(int(r.Failed), output.Caution) }},
		{Name: "LAST", Spare: true, Cell: func(r channelRow) output.Cell {
			if r.Last == nil {
				return output.Text("")
			}
			return output.Time(*r.Last)
		}},
		{Name: "FOUND", Cell: func(r channelRow) output.Cell {
			c := output.Text(strings.Join(r.Findings, ","))
			if c.Text != "" {
				c.Style = output.Bad
			}
			return c
		}},
		{Name: "LAST ERROR", Wide: true, Cell: func(r channelRow) output.Cell { return output.Text(r.LastError) }},
	},
	Key: func(r channelRow) string { return fmt.Sprint(r.Instance, " ", r.Part, " ", r.ID) },
}

func (r channelRow) state() output.Cell {
	c := output.Text(r.State)
	switch fleet.Connectivity(r.State) {
	case fleet.ChannelReady:
		c.Style = output.Good
	case fleet.ChannelFailing:
		c.Style = output.Bad
	case fleet.ChannelConnecting:
		c.Style = output.Caution
	}
	return c
}

func (o *channelzOptions) print(p *output.Printer, read []channelsOf, found []channels.Finding) error {
	var rows []channelRow
	for _, r := range read {
		if r.err == nil {
			rows = append(rows, channelRows(r.tree, found)...)
			if r.tree.Unread > 0 {
				o.f.Notef("note: %s has at least %d more channels or connections that were not read", r.in.ID, r.tree.Unread)
			}
		}
		o.f.Evidence(r.tree.Provenance)
	}
	table := channelTable
	if len(read) == 1 && p.Format() != output.Wide { // its name is known
		table.Columns = table.Columns[1:]
	}
	if err := table.Print(p, rows, newChannelzDoc(read, found)); err != nil {
		return err
	}
	switch p.Format() {
	case "", output.Table, output.Wide:
		for i, f := range found {
			if i == 0 {
				fmt.Fprintln(o.f.Streams.Out)
			}
			fmt.Fprintln(o.f.Streams.Out, term.CleanLine(fmt.Sprintf("%s: %s %s %d (%s): %s", f.Kind, f.Instance.ID, f.Part, f.ID, f.Where, f.Text)))
		}
	}
	return nil
}

// channelRows lays a tree out in lines.
func channelRows(t *fleet.ChannelTree, found []channels.Finding) []channelRow {
	var rows []channelRow
	add := func(part channels.Part, depth int, id int64, name, state string, c fleet.CallCounts, last time.Time, events []fleet.ChannelEvent) {
		row := channelRow{
			Service: t.Instance.Service, Instance: t.Instance.ID, Part: part, ID: id, Depth: depth, Name: name, State: state,
			Started: c.Started, Open: c.Open(), Failed: c.Failed, Last: timeOrNil(last), Findings: []string{},
		}
		for _, f := range found {
			if f.Instance.ID == t.Instance.ID && f.Part == part && f.ID == id {
				row.Findings = append(row.Findings, string(f.Kind))
			}
		}
		if e, ok := channels.LastProblem(events); ok {
			row.LastError = e.Text
		}
		rows = append(rows, row)
	}
	sockets := func(depth int, list []fleet.Socket, other func(*fleet.Socket) string) {
		for i := range list {
			s := &list[i]
			state := s.Security
			if s.Own {
				state = "ours"
			}
			add(channels.PartSocket, depth, s.ID, other(s), state, s.Streams, s.LastReceived, nil)
		}
	}
	for _, c := range t.Channels {
		add(channels.PartChannel, 0, c.ID, c.Target, string(c.State), c.Calls, c.Calls.Last, c.Events)
		for _, s := range c.Subchannels {
			add(channels.PartSubchannel, 1, s.ID, s.Target, string(s.State), s.Calls, s.Calls.Last, s.Events)
			sockets(2, s.Sockets, func(s *fleet.Socket) string { return "to " + s.Remote })
		}
	}
	for _, s := range t.Servers {
		add(channels.PartServer, 0, s.ID, strings.Join(s.Listen, ","), "", s.Calls, s.Calls.Last, nil)
		sockets(1, s.Sockets, func(s *fleet.Socket) string { return "from " + s.Remote })
	}
	return rows
}
