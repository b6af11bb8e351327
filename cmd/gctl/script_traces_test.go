package main

import (
	"io"
	"net/http"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gctl-dev/gctl/internal/stack"
)

func startJaeger(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 0, "jaeger")
	j := stack.JaegerFor(tb(ts))
	ts.Setenv("JAEGER", "http://"+j.Query)
	ts.Setenv("OTLP", j.OTLP)
}

func post(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 2, "post URL FILE")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Post(args[0], "application/json", strings.NewReader(ts.ReadFile(args[1])))
	ts.Check(err)
	defer resp.Body.Close()
	if text, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		ts.Fatalf("%s: %s, %v", resp.Status, text, err)
	}
}
