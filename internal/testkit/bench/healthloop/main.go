// Command healthloop is the yardstick of the health benchmark: a bare loop over
// grpc-go that asks each address of a file for its health, on connections of
// their own, many at a time. It is told where the instances are and what they
// speak, and draws no table.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

const (
	workers = 96
	timeout = 2 * time.Second
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: healthloop FILE")
		os.Exit(2)
	}
	data, err := os.ReadFile(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	addrs := make(chan string)
	var serving atomic.Int64
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for addr := range addrs {
				if check(addr) {
					serving.Add(1)
				}
			}
		})
	}
	list := strings.Fields(string(data))
	for _, addr := range list {
		addrs <- addr
	}
	close(addrs)
	all.Wait()
	fmt.Printf("%d of %d serve\n", serving.Load(), len(list))
}

func check(addr string) bool {
	conn, err := grpc.NewClient("passthrough:///"+addr, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDisableServiceConfig())
	if err != nil {
		return false
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	answer, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{})
	return err == nil && answer.GetStatus() == healthpb.HealthCheckResponse_SERVING
}
