package kit

import (
	"context"
	"io"
	"os"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

func TestASecondSignalDoesNotWaitForHandlers(t *testing.T) {
	s, err := New(t.Context(), Options{
		Config:  Config{Listen: "127.0.0.1:0", Plaintext: true},
		Service: "stuck", LogTo: io.Discard,
	})
	if err != nil {
		t.Fatal(err)
	}
	entered, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	s.RegisterService(&grpc.ServiceDesc{
		ServiceName: "test.Stuck", HandlerType: (*any)(nil),
		Streams: []grpc.StreamDesc{{StreamName: "Call", ServerStreams: true, Handler: func(any, grpc.ServerStream) error {
			close(entered)
			<-release
			return nil
		}}},
	}, struct{}{})
	signals := make(chan os.Signal, 2)
	ran := make(chan error, 1)
	go func() { ran <- s.run(context.Background(), signals) }()
	conn, err := grpc.NewClient(s.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.NewStream(t.Context(), &grpc.StreamDesc{ServerStreams: true}, "/test.Stuck/Call"); err != nil {
		t.Fatal(err)
	}
	<-entered
	signals <- syscall.SIGTERM
	<-s.Stopping()
	signals <- os.Interrupt
	select {
	case err := <-ran:
		if err != nil {
			t.Errorf("run = %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("the second signal waits for the handler")
	}
}
