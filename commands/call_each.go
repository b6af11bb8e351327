package commands

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/output"
	"github.com/gctl-dev/gctl/rpc"
	"github.com/gctl-dev/gctl/rpc/message"
)

// eachRow is the answer of one instance.
type eachRow struct {
	Instance  string            `json:"instance"`
	Address   string            `json:"address"`
	Code      string            `json:"code"` // empty if there was no connection
	Error     string            `json:"error,omitempty"`
	LatencyMS float64           `json:"latency_ms"`
	Messages  []json.RawMessage `json:"messages"`
	Differs   bool              `json:"differs"` // from what most instances answered

	err  error
	code codes.Code
}

var eachTable = output.Rows[eachRow]{
	Columns: []output.Column[eachRow]{
		{Name: "INSTANCE", Cell: func(r eachRow) output.Cell { return output.Text(r.Instance) }},
		{Name: "ADDRESS", Wide: true, Cell: func(r eachRow) output.Cell { return output.Text(r.Address) }},
		{Name: "STATUS", Cell: eachStatus},
		{Name: "MS", Right: true, Cell: func(r eachRow) output.Cell { return output.Text(formatMS(r.LatencyMS)) }},
		{Name: "SAME", Cell: func(r eachRow) output.Cell {
			if r.Differs {
				return output.Cell{Text: "differs", Style: output.Caution}
			}
			return output.Text("same")
		}},
		{Name: "ANSWER", Cell: func(r eachRow) output.Cell { return output.Text(r.answer()) }},
	},
	Key: func(r eachRow) string { return r.Instance },
}

func eachStatus(r eachRow) output.Cell {
	switch {
	case r.err != nil:
		return output.Cell{Text: "no connection", Style: output.Bad}
	case r.code != codes.OK:
		return output.Cell{Text: r.Code, Style: output.Bad}
	default:
		return output.Cell{Text: r.Code, Style: output.Good}
	}
}

// answer is what is compared and shown in one line.
func (r *eachRow) answer() string {
	if r.Error != "" {
		return r.Error
	}
	parts := make([]string, len(r.Messages))
	for i, m := range r.Messages {
		parts[i] = string(m)
	}
	return strings.Join(parts, " ")
}

func formatMS(ms float64) string { return strconv.FormatFloat(ms, 'f', 1, 64) }

// eachAtOnce is how many instances are called at a time.
const eachAtOnce = 64

// eachInstance calls all instances with the same requests.
func (c *call) eachInstance(ctx context.Context, instances []fleet.Instance) error {
	src, err := c.source(ctx)
	if err != nil {
		return err
	}
	p, err := c.f.Printer()
	if err != nil {
		return err
	}
	rows := make([]eachRow, len(instances))
	slots := make(chan struct{}, eachAtOnce)
	var all sync.WaitGroup
	for i := range instances {
		slots <- struct{}{}
		all.Go(func() {
			rows[i] = c.callOne(ctx, instances[i], src.all)
			<-slots
		})
	}
	all.Wait()
	markDiffering(rows)
	if err := eachTable.Print(p, rows, nil); err != nil {
		return wasSent(err)
	}
	return eachVerdict(rows)
}

func (c *call) callOne(ctx context.Context, in fleet.Instance, requests []proto.Message) eachRow {
	row := eachRow{Instance: in.ID, Address: in.Addr, Messages: []json.RawMessage{}}
	encoder := message.Encoder{Types: c.located.Schema.Types(), EmitDefaults: c.emitDefaults, Compact: true}
	start := time.Now()
	result, err := c.callInstance(ctx, in, requests, func(m proto.Message) error {
		raw, err := encoder.Encode(m)
		if err == nil {
			row.Messages = append(row.Messages, append(json.RawMessage(nil), raw...))
		}
		return err
	})
	row.LatencyMS = ms(time.Since(start))
	if err != nil {
		row.err, row.Error = err, err.Error()
		return row
	}
	row.LatencyMS = ms(result.Timing.LastByte)
	row.code, row.Code = result.Status.Code(), rpc.CodeName(result.Status.Code())
	if row.code != codes.OK {
		row.Error = result.Status.Message()
	}
	return row
}

func (c *call) callInstance(ctx context.Context, in fleet.Instance, requests []proto.Message, each func(proto.Message) error) (*rpc.Result, error) {
	conn, err := dial([]fleet.Instance{in}, c.options, c.protocol)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	return conn.Call(ctx, &rpc.Invocation{
		Method: c.located.Method, Headers: c.headers.rpc, MaxTime: c.limit(),
		Next: deliver(slices.Clone(requests)), OnMessage: each,
	})
}

// markDiffering marks the rows whose answer is not the one that most have; of
// equally many the first counts.
func markDiffering(rows []eachRow) {
	key := func(r *eachRow) string { return r.Code + "\x00" + r.answer() }
	counts := map[string]int{}
	for i := range rows {
		counts[key(&rows[i])]++
	}
	most := ""
	for i := range rows {
		if k := key(&rows[i]); most == "" || counts[k] > counts[most] {
			most = k
		}
	}
	for i := range rows {
		rows[i].Differs = key(&rows[i]) != most
	}
}

// eachVerdict is the code that all rows have in common, else the answer is no.
func eachVerdict(rows []eachRow) error {
	same := func(r eachRow) bool { return r.code == rows[0].code && (r.err == nil) == (rows[0].err == nil) }
	failed := 0
	for i := range rows {
		if rows[i].err != nil || rows[i].code != codes.OK {
			failed++
		}
	}
	switch all := !slices.ContainsFunc(rows, func(r eachRow) bool { return !same(r) }); {
	case failed == 0:
		return nil
	case all && rows[0].err != nil:
		return &fleet.Error{What: "no instance could be reached", Err: errors.New("the first: " + rows[0].Error)}
	case all:
		return &rpcError{&fleet.Error{What: "every instance answered " + rows[0].Code}, rows[0].code}
	default:
		return &fleet.Error{Kind: fleet.Negative, What: "the instances disagree", Hint: "the rows marked with another status tell which"}
	}
}
