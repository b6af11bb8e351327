// Command hello is the smallest service on the kit.
package main

import (
	"context"
	"os"

	"github.com/gctl-dev/gctl/svc/kit"
	hellov1 "github.com/gctl-dev/gctl/svc/kit/example/hello/api"
)

type hello struct {
	hellov1.UnimplementedHelloServiceServer
}

// Say needs no checks of its own: the kit has applied the rules of the schema.
func (hello) Say(_ context.Context, r *hellov1.SayRequest) (*hellov1.SayResponse, error) {
	return &hellov1.SayResponse{Text: "Hello, " + r.GetName() + "!"}, nil
}

func main() {
	app := kit.App{
		Name: "hello", Service: "hello", Version: "v0.1.0", Short: "greets",
		Setup: func(_ context.Context, s *kit.Server) error {
			hellov1.RegisterHelloServiceServer(s, hello{})
			return nil
		},
	}
	os.Exit(app.Main(os.Args[1:]))
}
