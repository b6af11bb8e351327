package output

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/itchyny/gojq"
)

// QueryError is a jq expression that is wrong or does not fit the answer.
type QueryError struct {
	Expr string
	Err  error
}

// Error returns the expression and what is wrong with it.
func (e *QueryError) Error() string { return fmt.Sprintf("--jq %q: %v", e.Expr, e.Err) }

// Unwrap returns the cause.
func (e *QueryError) Unwrap() error { return e.Err }

// grace is the time of an expression that begins when the command's is over.
const grace = time.Second

type query struct {
	expr string
	code *gojq.Code
}

func compile(expr string) (*query, error) {
	parsed, err := gojq.Parse(expr)
	if err != nil {
		return nil, &QueryError{expr, err}
	}
	code, err := gojq.Compile(parsed)
	if err != nil {
		return nil, &QueryError{expr, err}
	}
	return &query{expr, code}, nil
}

// filter prints the results of the expression over one JSON document: strings
// raw, everything else as JSON.
func (p *Printer) filter(raw []byte) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var in any
	if err := dec.Decode(&in); err != nil {
		return err
	}
	ctx := p.opts.Context
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		// What was found before the time was over is still told.
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer cancel()
	}
	results := p.query.code.RunWithContext(ctx, in)
	for {
		v, ok := results.Next()
		if !ok {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err, failed := v.(error); failed {
			var halt *gojq.HaltError
			if errors.As(err, &halt) && halt.Value() == nil {
				return nil
			}
			return &QueryError{p.query.expr, err}
		}
		if err := p.result(v); err != nil {
			return err
		}
	}
}

func (p *Printer) result(v any) error {
	if s, ok := v.(string); ok {
		if p.opts.TTY {
			s = p.text(s)
		}
		_, err := io.WriteString(p.opts.Out, s+"\n")
		return err
	}
	raw, err := gojq.Marshal(v)
	if err != nil {
		return &QueryError{p.query.expr, err}
	}
	return p.document(EscapeJSON(raw))
}

// CheckQuery tells what is wrong with a jq expression, before there is anything
// to apply it to.
func CheckQuery(expr string) error {
	_, err := compile(expr)
	return err
}

// maxResults bounds what Query collects: an expression may never end.
const maxResults = 1000

// Query returns the results of a jq expression over one JSON document.
func Query(ctx context.Context, expr string, document []byte) ([]any, error) {
	q, err := compile(expr)
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(document))
	dec.UseNumber()
	var in any
	if err := dec.Decode(&in); err != nil {
		return nil, err
	}
	var out []any
	for iter := q.code.RunWithContext(ctx, in); len(out) < maxResults; {
		v, more := iter.Next()
		if !more {
			break
		}
		if err, failed := v.(error); failed {
			return nil, &QueryError{expr, err}
		}
		out = append(out, v)
	}
	return out, nil
}
