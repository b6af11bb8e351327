package control_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/durationpb"

	controlv1 "github.com/gctl-dev/gctl/api/gctl/control/v1"
	"github.com/gctl-dev/gctl/svc/kit/control"
	"github.com/gctl-dev/gctl/svc/kit/fault"
)

// A server that has a log level and faults adopts the control API for both.
func Example() {
	level := new(slog.LevelVar)
	faults := fault.New(fault.Options{})
	server := grpc.NewServer(grpc.ChainUnaryInterceptor(faults.Unary), grpc.ChainStreamInterceptor(faults.Stream))
	c, err := control.New(control.Options{
		Level: level, Faults: faults, Services: server.GetServiceInfo, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		log.Print(err)
		return
	}
	defer c.Close()
	c.Register(server)
	listener, err := net.Listen("tcp", "127.0.0.1:0") // everybody who can connect may change things
	if err != nil {
		log.Print(err)
		return
	}
	go func() { _ = server.Serve(listener) }()
	defer server.Stop()

	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Print(err)
		return
	}
	defer conn.Close()
	response, err := controlv1.NewControlServiceClient(conn).SetLogLevel(context.Background(), &controlv1.SetLogLevelRequest{
		Level:    controlv1.LogLevel_LOG_LEVEL_DEBUG,
		Mutation: &controlv1.Mutation{Reason: "calls hang", Ttl: durationpb.New(10 * time.Minute), Etag: "*"},
	})
	if err != nil {
		log.Print(err)
		return
	}
	change := response.GetChange()
	fmt.Println(change.GetResource(), change.GetValue(), "by", change.GetActor(), "for", change.GetExpireTime().AsTime().Sub(change.GetSetTime().AsTime()))
	fmt.Println(level.Level())
	// Output:
	// log_level debug by 127.0.0.1 for 10m0s
	// DEBUG
}
