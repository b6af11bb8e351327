package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

const getUser = `{"id":"u-1"}`

func measureStart(ctx context.Context, w *world, r *report, rounds int) error {
	subjects := []subject{
		w.gctl("gctl version", "version"),
		{name: "grpcurl -version", args: []string{w.grpcurl, "-version"}},
	}
	samples, err := interleave(ctx, rounds, subjects)
	if err != nil {
		return err
	}
	s := r.section("Start-up", "The process that does nothing but say who it is.")
	s.times(subjects, samples)
	s.goal("gctl : grpcurl", ratio(samples[0], samples[1]), 0.70, " ×")
	return nil
}

func measureCall(ctx context.Context, w *world, r *report, rounds int) error {
	subjects := []subject{
		w.gctl("gctl call, cached schema", "call", "--addr", w.userAddr, "user.v1.UserService.GetUser", "-d", getUser),
		{name: "grpcurl, reflection", args: []string{w.grpcurl, "-plaintext", "-d", getUser, w.userAddr, "user.v1.UserService.GetUser"}},
		{name: "grpcurl, protoset", args: []string{w.grpcurl, "-plaintext", "-protoset", w.protoset, "-d", getUser, w.userAddr, "user.v1.UserService.GetUser"}},
		{name: "compiled client", args: []string{w.client, w.userAddr, "u-1"}},
	}
	samples, err := interleave(ctx, rounds, subjects)
	if err != nil {
		return err
	}
	s := r.section("One warm unary call", "`GetUser` over plaintext to one user service on this machine.")
	s.times(subjects, samples)
	s.goal("gctl : grpcurl with reflection", ratio(samples[0], samples[1]), 0.55, " ×")
	s.goal("gctl : compiled client", ratio(samples[0], samples[3]), 1.6, " ×")
	return nil
}

func measureByName(ctx context.Context, w *world, r *report, rounds int) error {
	if err := w.awaitPassing(ctx); err != nil {
		return err
	}
	subjects := []subject{
		w.gctl("gctl call by name", "call", "UserService.GetUser", "-d", getUser),
		{name: "compiled client, one Consul request", args: []string{w.client, "-", "u-1", w.consul}},
		{name: "compiled client, address given", args: []string{w.client, w.userAddr, "u-1"}},
	}
	samples, err := interleave(ctx, rounds, subjects)
	if err != nil {
		return err
	}
	s := r.section("The same call by name through Consul", "gctl finds the service of the method in its cache and the instance in a real Consul agent.")
	s.times(subjects, samples)
	s.goal("gctl : compiled client", ratio(samples[0], samples[2]), 2.0, " ×")
	s.goal("gctl : compiled client with a Consul request", ratio(samples[0], samples[1]), 2.0, " ×")
	return nil
}

func measureCompletion(ctx context.Context, w *world, r *report, rounds int) error {
	subjects := []subject{w.gctl("gctl __complete call UserService.G", "__complete", "call", "UserService.G")}
	samples, err := interleave(ctx, rounds, subjects)
	if err != nil {
		return err
	}
	s := r.section("Completion of a method", "From the cache, no server asked.")
	s.times(subjects, samples)
	s.goal("median", float64(samples[0].median())/float64(time.Millisecond), 20, " ms")
	return nil
}

func measureExplain(ctx context.Context, w *world, r *report, rounds int) error {
	closed, err := freeAddr()
	if err != nil {
		return err
	}
	subjects := []subject{
		w.gctl("all is well", "explain", w.userAddr),
		w.gctl("nothing listens", "explain", closed),
		w.gctl("TLS to a plaintext server", "explain", w.userAddr, "--plaintext=false"),
	}
	subjects[1].exit, subjects[2].exit = 3, 3
	samples, err := interleave(ctx, max(1, rounds/4), subjects)
	if err != nil {
		return err
	}
	s := r.section("The verdict of gctl explain", "On a service of this machine.")
	s.times(subjects, samples)
	for i, sub := range subjects {
		s.goal(sub.name, samples[i].quantile(0.95).Seconds(), 1, " s")
	}
	return nil
}

func measureListing(ctx context.Context, w *world, r *report, rounds int) error {
	if err := w.fillConsul(ctx, 1000, 5); err != nil {
		return err
	}
	rounds = max(1, rounds/4)
	subjects := []subject{w.gctl("gctl services -o json", "services", "-o", "json")}
	samples, err := interleave(ctx, rounds, subjects)
	if err != nil {
		return err
	}
	var bare sample
	for range rounds {
		began := time.Now()
		for _, path := range []string{"/v1/catalog/services", "/v1/health/state/any"} {
			if err := drain(ctx, "http://"+w.consul+path); err != nil {
				return err
			}
		}
		bare = append(bare, time.Since(began))
	}
	slices.Sort(bare)
	s := r.section("Listing 1,000 services, 5,000 instances", "From a real Consul; beside it the time that Consul takes to send `catalog/services` and `health/state/any`, thrown away unread.")
	s.times(subjects, samples)
	s.times([]subject{{name: "Consul's answers alone"}}, []sample{bare})
	s.goal("median", float64(samples[0].median())/float64(time.Millisecond), 150, " ms")
	return nil
}

func drain(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

func measureStream(ctx context.Context, w *world, r *report, _ int) error {
	const method = "grpc.testing.TestService.StreamingOutputCall"
	request := bigStream(100, 1<<20)
	subjects := []subject{
		w.gctl("gctl call", "call", "--addr", w.interopAddr, method, "-d", request),
		{name: "grpcurl", args: []string{w.grpcurl, "-plaintext", "-d", request, w.interopAddr, method}},
	}
	s := r.section("A stream of 100 messages of 1 MiB", "Printed as JSON, thrown away unread. The peak of resident memory is read while the process runs.")
	var times []sample
	var peaks []float64
	for _, sub := range subjects {
		var took sample
		var highest int64
		for range 5 {
			began := time.Now()
			peak, err := sub.peakMemory(ctx)
			if err != nil {
				return err
			}
			took, highest = append(took, time.Since(began)), max(highest, peak)
		}
		slices.Sort(took)
		times, peaks = append(times, took), append(peaks, float64(highest)/(1<<20))
	}
	s.times(subjects, times)
	s.goal("peak resident of gctl", peaks[0], 60, " MiB")
	s.verdicts = append(s.verdicts, fmt.Sprintf("peak resident of grpcurl: %.0f MiB; time of gctl : grpcurl: %.2f ×", peaks[1], ratio(times[0], times[1])))
	return nil
}

// bigStream is the JSON of a StreamingOutputCallRequest for n messages.
func bigStream(n, size int) string {
	one := fmt.Sprintf(`{"size":%d}`, size)
	return `{"response_parameters":[` + strings.Repeat(one+",", n-1) + one + "]}"
}
