// Package sqltrace opens databases of database/sql whose statements are spans in
// the trace of the call that runs them.
package sqltrace

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"unicode"

	"github.com/XSAM/otelsql"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace"
)

// Open is sql.Open with spans. system is the database's name in OpenTelemetry's
// conventions, "sqlite" or "postgresql". Statements are recorded with their
// placeholders, never with the values.
//
// Only what runs in a sampled call is recorded: what a service does on its own,
// such as looking for changes ten times a second, makes no traces.
func Open(driverName, dataSource, system string, provider trace.TracerProvider) (*sql.DB, error) {
	return otelsql.Open(driverName, dataSource,
		otelsql.WithTracerProvider(provider),
		otelsql.WithMeterProvider(noop.NewMeterProvider()),
		otelsql.WithAttributes(attribute.String("db.system.name", system)),
		otelsql.WithSpanNameFormatter(spanName),
		otelsql.WithSpanOptions(otelsql.SpanOptions{
			DisableErrSkip:       true, // the driver asks for another way, nothing failed
			OmitConnResetSession: true,
			OmitConnPrepare:      true,
			OmitRows:             true,
			OmitConnectorConnect: true,
			RecordError:          func(err error) bool { return !errors.Is(err, sql.ErrNoRows) },
			SpanFilter: func(ctx context.Context, _ otelsql.Method, _ string, _ []driver.NamedValue) bool {
				return trace.SpanFromContext(ctx).IsRecording()
			},
		}))
}

// spanName is what the statement does, "SELECT", or the name of the method
// where there is no statement ("sql.conn.begin_tx").
func spanName(_ context.Context, method otelsql.Method, query string) string {
	query = strings.TrimSpace(query)
	if end := strings.IndexFunc(query, unicode.IsSpace); end > 0 {
		query = query[:end]
	}
	if query == "" || len(query) > 16 {
		return string(method)
	}
	return strings.ToUpper(query)
}
