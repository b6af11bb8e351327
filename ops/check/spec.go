package check

// shape is the form of a value in the file.
type shape int

const (
	text       shape = iota // a string; numbers and booleans are taken as written
	duration                // 300ms
	comparison              // "< 1%"
	amount                  // 2 or 80%
	count                   // a number from 0
	yesNo                   // true or false
	texts                   // a string or a list of them
	pairs                   // a mapping of strings
	anything                // any YAML: the data of a request
	mapping                 // of fields
)

// field is a key of the file. The table of all is what the reader, the schema
// and the documentation have in common.
type field struct {
	name     string
	shape    shape
	unit     unit // of a comparison
	doc      string
	required bool
	oneOf    []string // the values that are allowed; any where empty
	fields   []field  // of a mapping
	set      func(*Check, *value)
}

// kindSpec is a kind of check: what it asks, and what may be expected.
type kindSpec struct {
	kind   Kind
	doc    string
	scalar func(*Check, *value) // set where the subject is one string
	about  []field
	expect []field
}

// grpcCodes are the names of the codes, as the specification of gRPC has them:
// https://grpc.io/docs/guides/status-codes/.
func grpcCodes() []string {
	return []string{
		"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
		"RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS",
		"UNAUTHENTICATED",
	}
}

func serviceField(doc string) field {
	return field{name: "service", doc: doc, required: true, set: func(c *Check, v *value) { c.About.Service = v.text }}
}

func underField() field {
	return field{name: "under", shape: duration, doc: "it must take less than this", set: func(c *Check, v *value) { c.Expect.Under = v.duration }}
}

func callFields() []field {
	return []field{
		{name: "method", doc: "the method, as gctl call takes it", required: true, set: func(c *Check, v *value) { c.About.Method = v.text }},
		{name: "data", shape: anything, doc: "the request; a list is several requests of a client stream", set: func(c *Check, v *value) { c.About.Data = v.json }},
		{name: "headers", shape: pairs, doc: "metadata sent with the call", set: func(c *Check, v *value) { c.About.Headers = v.pairs }},
		{name: "service", doc: "the service of the catalog, where several serve the method", set: func(c *Check, v *value) { c.About.Service = v.text }},
		{name: "instance", doc: "the ID of the one instance to call", set: func(c *Check, v *value) { c.About.Instance = v.text }},
	}
}

func compared(name string, u unit, doc string, at func(*Expectation) **Comparison) field {
	return field{name: name, shape: comparison, unit: u, doc: doc, set: func(c *Check, v *value) { *at(&c.Expect) = v.comparison }}
}

// spec is everything that a check can say.
func spec() []kindSpec {
	return []kindSpec{
		{
			kind: Health, doc: "the instances of a service say by grpc.health.v1 that they serve",
			about: []field{
				serviceField("a service of the catalog"),
				{name: "name", doc: "the gRPC service asked about; the server as a whole where it is left out", set: func(c *Check, v *value) { c.About.GRPCName = v.text }},
			},
			expect: []field{
				{name: "min_serving", shape: amount, doc: "how many must serve, 2 or 80%; all where it is left out", set: func(c *Check, v *value) { c.Expect.Serving.Least, c.Expect.Least = v.least, v.text }},
				{name: "unimplemented", doc: "ok where an instance without a health service counts as serving", oneOf: []string{"ok"}, set: func(c *Check, _ *value) { c.Expect.Serving.Unimplemented = true }},
				{name: "version", doc: "the version that every instance must publish", set: func(c *Check, v *value) { c.Expect.Version = v.text }},
			},
		},
		{
			kind: Call, doc: "a call is answered as expected", about: callFields(),
			expect: []field{
				{name: "code", doc: "the status of the call; OK where it is left out", oneOf: grpcCodes(), set: func(c *Check, v *value) { c.Expect.Code = v.text }},
				underField(),
				{name: "jq", doc: "a jq expression over the response (a list of them for a stream) that must be true", set: func(c *Check, v *value) { c.Expect.JQ = v.text }},
			},
		},
		{
			kind: Metrics, doc: "rate, errors and latency of a service are in their bounds",
			about: []field{
				serviceField("a service of the catalog"),
				{name: "method", doc: "one method by its full name; all where it is left out", set: func(c *Check, v *value) { c.About.Method = v.text }},
				{name: "side", doc: "who counted: server, or client for its callers", oneOf: []string{"server", "client"}, set: func(c *Check, v *value) { c.About.Side = v.text }},
				{name: "window", shape: duration, doc: "the time looked back on; 5m where it is left out", set: func(c *Check, v *value) { c.About.Window = v.duration }},
			},
			expect: []field{
				compared("error_ratio", ratio, "share of the calls that failed", func(e *Expectation) **Comparison { return &e.ErrorRatio }),
				compared("rate", perSecond, "calls a second", func(e *Expectation) **Comparison { return &e.Rate }),
				compared("p50", seconds, "median latency", func(e *Expectation) **Comparison { return &e.P50 }),
				compared("p95", seconds, "latency of the 95th percentile", func(e *Expectation) **Comparison { return &e.P95 }),
				compared("p99", seconds, "latency of the 99th percentile", func(e *Expectation) **Comparison { return &e.P99 }),
			},
		},
		{
			kind: Breakers, doc: "circuit breakers are in the expected state",
			about: []field{
				{name: "caller", doc: "the service in which the breakers are; all callers where it is left out", set: func(c *Check, v *value) { c.About.Caller = v.text }},
				{name: "target", doc: "the service that they guard; any where it is left out", set: func(c *Check, v *value) { c.About.Target = v.text }},
			},
			expect: []field{
				{
					name: "state", shape: texts, doc: "the state, or any of a list", oneOf: []string{"closed", "open", "half_open", "throttling"},
					set: func(c *Check, v *value) { c.Expect.States = v.texts },
				},
				{name: "flapping", shape: yesNo, doc: "whether they may change their state often", set: func(c *Check, v *value) { c.Expect.Flapping = &v.yes }},
			},
		},
		{
			kind: SLO, doc: "the error budget of a service, whose objective the context states, is in bounds",
			about: []field{serviceField("a service of the catalog that has an slo in the context")},
			expect: []field{
				compared("burn_rate", plainNumber, "1 spends the budget in exactly the window of the objective", func(e *Expectation) **Comparison { return &e.BurnRate }),
				compared("budget_left", ratio, "share of the error budget that is left", func(e *Expectation) **Comparison { return &e.BudgetLeft }),
			},
		},
		{
			kind: PromQL, doc: "the answer to a query", scalar: func(c *Check, v *value) { c.About.Query = v.text },
			expect: []field{compared("value", plainNumber, "every value of the answer", func(e *Expectation) **Comparison { return &e.Value })},
		},
		{
			kind: Trace, doc: "one call leaves the expected trace",
			about: []field{{name: "call", shape: mapping, doc: "the call", required: true, fields: callFields()}},
			expect: []field{
				{name: "services", shape: texts, doc: "services that must be in the trace, as the tracing system names them", set: func(c *Check, v *value) { c.Expect.Services = v.texts }},
				{name: "errors", shape: count, doc: "how many spans may have an error", set: func(c *Check, v *value) { c.Expect.Errors = &v.count }},
				underField(),
			},
		},
	}
}
