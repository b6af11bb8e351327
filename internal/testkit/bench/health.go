package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/gctl-dev/gctl/internal/testkit/load"
)

const (
	roleHealth     = "health"               // many servers of grpc-go with a health service, each at a port of its own
	healthFile     = "GCTL_BENCH_ADDRESSES" // where that role writes its addresses
	healthSize     = 250                    // servers of one process
	healthCrowd    = 1000                   // instances
	healthHanging  = healthCrowd / 100      // of them, in the second measurement
	healthTimeout  = 2 * time.Second        // gctl's for one instance
	probesAtOnce   = 4                      // of grpc_health_probe
	probeRounds    = 3                      // its turn takes seconds
	serviceWell    = "crowd"                // in Consul
	serviceHanging = "crowd-hanging"
)

// serveHealth plays roleHealth.
func serveHealth(ctx context.Context) error {
	var addrs []string
	var all sync.WaitGroup
	defer all.Wait()
	for range healthSize {
		lis, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		server := grpc.NewServer()
		healthpb.RegisterHealthServer(server, health.NewServer())
		context.AfterFunc(ctx, server.Stop)
		all.Go(func() { _ = server.Serve(lis) }) // ends with Stop
		addrs = append(addrs, lis.Addr().String())
	}
	if err := os.WriteFile(os.Getenv(healthFile), []byte(strings.Join(addrs, "\n")+"\n"), 0o600); err != nil {
		return err
	}
	line, err := json.Marshal(map[string]string{"message": "serving", "address": addrs[0]})
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s\n", line)
	return nil
}

// crowd starts the servers and returns their addresses.
func crowd(ctx context.Context, dir string) (addrs []string, stop func(), err error) {
	var started []*load.Instance
	stop = func() {
		for _, i := range started {
			i.Kill()
		}
	}
	self, err := os.Executable()
	if err != nil {
		return nil, stop, err
	}
	for n := range healthCrowd / healthSize {
		file := filepath.Join(dir, fmt.Sprintf("addresses-%d", n))
		cmd := exec.CommandContext(ctx, self)
		cmd.Env = append(os.Environ(), roleVariable+"="+roleHealth, healthFile+"="+file)
		i, err := load.Launch(ctx, cmd)
		if err != nil {
			return nil, stop, err
		}
		started = append(started, i)
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, stop, err
		}
		addrs = append(addrs, strings.Fields(string(data))...)
	}
	return addrs, stop, nil
}

// registerCrowd tells Consul about instances.
func (w *world) registerCrowd(ctx context.Context, service string, addrs []string) error {
	for i, addr := range addrs {
		_, port, err := net.SplitHostPort(addr)
		if err != nil {
			return err
		}
		body := fmt.Sprintf(`{"Node":"node-%d","Address":"127.0.0.1","SkipNodeUpdate":%t,
			"Service":{"ID":"%s-%d","Service":"%s","Address":"127.0.0.1","Port":%s},
			"Check":{"CheckID":"%s-%d","Name":"grpc","Type":"grpc","ServiceID":"%s-%d","Status":"passing"}}`,
			i%100, i >= 100, service, i, service, port, service, i, service, i)
		if err := put(ctx, "http://"+w.consul+"/v1/catalog/register", body); err != nil {
			return err
		}
	}
	return nil
}

// deaf opens ports at which connections are accepted and nothing is ever said.
func deaf(ctx context.Context, n int) (addrs []string, stop func(), err error) {
	var open []net.Listener
	stop = func() {
		for _, l := range open {
			l.Close()
		}
	}
	for range n {
		lis, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, stop, err
		}
		open, addrs = append(open, lis), append(addrs, lis.Addr().String())
	}
	return addrs, stop, nil
}

func measureHealth(ctx context.Context, w *world, r *report, rounds int) error {
	addrs, stop, err := crowd(ctx, w.dir)
	defer stop()
	if err != nil {
		return err
	}
	hanging, stopDeaf, err := deaf(ctx, healthHanging)
	defer stopDeaf()
	if err != nil {
		return err
	}
	mixed := append(slices.Clone(hanging), addrs[:healthCrowd-healthHanging]...)
	list := filepath.Join(w.dir, "addresses")
	err = errors.Join(
		w.registerCrowd(ctx, serviceWell, addrs),
		w.registerCrowd(ctx, serviceHanging, mixed),
		os.WriteFile(list, []byte(strings.Join(addrs, "\n")), 0o600),
	)
	if err != nil {
		return err
	}
	subjects := []subject{
		w.gctl("gctl health, instances from Consul", "health", serviceWell),
		{name: "a bare loop over grpc-go, addresses from a file", args: []string{filepath.Join(w.bin, "tools", "healthloop"), list}},
		w.gctl("gctl health, 1 % of the instances hanging", "health", serviceHanging),
	}
	subjects[2].exit = 3
	samples, err := interleave(ctx, max(1, rounds/4), subjects)
	if err != nil {
		return err
	}
	probes, err := probeAll(ctx, filepath.Join(w.bin, "tools", "grpc_health_probe"), addrs)
	if err != nil {
		return err
	}
	s := r.section("Health of 1,000 instances", fmt.Sprintf(
		"Servers of grpc-go with its health service at 1,000 ports of this machine, in %d processes; whole processes are measured. "+
			"grpc_health_probe is started once for each instance, %d at a time. Those that hang accept connections and say nothing; gctl gives each %s.",
		healthCrowd/healthSize, probesAtOnce, healthTimeout))
	s.times(subjects, samples)
	s.times([]subject{{name: "grpc_health_probe, 4 at a time"}}, []sample{probes})
	s.goal("gctl : bare loop", ratio(samples[0], samples[1]), 1.4, " ×")
	s.atLeast("grpc_health_probe : gctl", ratio(probes, samples[0]), 6, " ×")
	s.goal("1 % hanging, less their timeout : the loop", float64(samples[2].median()-healthTimeout)/float64(samples[1].median()), 1.4, " ×")
	return nil
}

// probeAll runs grpc_health_probe for each address, round after round.
func probeAll(ctx context.Context, probe string, addrs []string) (sample, error) {
	var took sample
	for range probeRounds {
		began := time.Now()
		queue := make(chan string)
		failed := make(chan error, probesAtOnce)
		for range probesAtOnce {
			go func() {
				var err error
				for addr := range queue {
					if err == nil {
						err = exec.CommandContext(ctx, probe, "-addr="+addr).Run()
					}
				}
				failed <- err
			}()
		}
		for _, addr := range addrs {
			queue <- addr
		}
		close(queue)
		for range probesAtOnce {
			if err := <-failed; err != nil {
				return nil, fmt.Errorf("%s: %w", probe, err)
			}
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return took, nil
}
