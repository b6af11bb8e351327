package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/gctl-dev/gctl/internal/config"
	"github.com/gctl-dev/gctl/internal/demo"
)

// measureWhy asks gctl why in the world of gctl demo --stack, with nothing in the
// cache, and with each backend in turn taking connections and saying nothing.
func measureWhy(ctx context.Context, b *bench, r *report) (err error) {
	home := filepath.Join(b.dir, "why")
	file := filepath.Join(home, "gctl", "config.yaml")
	d, err := demo.Start(ctx, demo.Options{Userd: filepath.Join(b.bin, "userd"), Edged: filepath.Join(b.bin, "edged"), Config: file, Stack: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Stop()) }()
	d.StartLoad(ctx)
	silent, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // local
	if err != nil {
		return err
	}
	defer silent.Close() // nobody accepts: what is sent is taken, and not answered
	subjects, err := whySubjects(b, home, file, silent.Addr().String())
	if err != nil {
		return err
	}
	select { // there is something to look at
	case <-time.After(time.Duration(b.times(30)) * time.Second):
	case <-ctx.Done():
		return ctx.Err()
	}
	samples, err := interleave(ctx, b.times(15), subjects)
	if err != nil {
		return err
	}
	s := r.section("gctl why", "In a world of six users and an edge with Consul, Prometheus and Jaeger, nothing in the cache, and one backend hanging: it takes connections and says nothing.")
	s.times(subjects, samples)
	for i, sub := range subjects {
		s.goal(sub.name+", the slowest", samples[i].quantile(1).Seconds(), 2, " s")
	}
	return nil
}

func whySubjects(b *bench, home, file, silent string) ([]subject, error) {
	all, err := config.Load(file)
	if err != nil {
		return nil, err
	}
	c, err := all.Select(demo.Context)
	if err != nil {
		return nil, err
	}
	variants := map[string]func(*config.Context){
		"consul": func(c *config.Context) { c.Catalog = "consul://" + silent },
		"prom":   func(c *config.Context) { c.Prometheus.URL = "http://" + silent },
		"jaeger": func(c *config.Context) { c.Jaeger.URL = "http://" + silent },
	}
	for name, change := range variants {
		own := c
		own.Name = name
		change(&own)
		if err := all.Put(own); err != nil {
			return nil, err
		}
	}
	nothing := filepath.Join(home, "nothing") // a file: nothing can be kept below it
	if err := os.WriteFile(nothing, nil, 0o600); err != nil {
		return nil, err
	}
	ask := func(name, of string) subject {
		return subject{
			name: name,
			args: []string{filepath.Join(b.bin, "gctl"), "--context", of, "why", demo.Edge},
			env:  []string{"HOME=" + home, "XDG_CONFIG_HOME=" + home, "XDG_CACHE_HOME=" + nothing, "XDG_STATE_HOME=" + home},
		}
	}
	subjects := []subject{ask("all answer", demo.Context)}
	for _, hung := range []string{"consul", "prom", "jaeger"} {
		subjects = append(subjects, ask(fmt.Sprintf("%s hangs", hung), hung))
	}
	return subjects, nil
}
