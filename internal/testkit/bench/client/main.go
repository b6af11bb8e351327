// Command client is the yardstick of the call benchmarks: a compiled gRPC
// client that makes one GetUser call, prints the answer as JSON and exits. It
// does what gctl does, without having to find out how.
//
// With a third argument it first asks the Consul agent there for the instances
// of the service "user" and calls the first one.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"

	userv1 "github.com/gctl-dev/gctl/svc/user/api"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 2 {
		return fmt.Errorf("usage: client ADDR ID [CONSUL]")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	addr := args[0]
	if len(args) > 2 {
		found, err := lookUp(ctx, args[2])
		if err != nil {
			return err
		}
		addr = found
	}
	conn, err := grpc.NewClient("passthrough:///"+addr,
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDisableServiceConfig())
	if err != nil {
		return err
	}
	defer conn.Close()
	user, err := userv1.NewUserServiceClient(conn).GetUser(ctx, &userv1.GetUserRequest{Id: args[1]})
	if err != nil {
		return err
	}
	out, err := protojson.Marshal(user)
	if err != nil {
		return err
	}
	fmt.Println(string(out))
	return nil
}

func lookUp(ctx context.Context, consul string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+consul+"/v1/health/service/user?passing=1", nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var entries []struct {
		Service struct {
			Address string `json:"Address"`
			Port    int    `json:"Port"`
		} `json:"Service"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&entries); err != nil {
		return "", err
	}
	if len(entries) == 0 {
		return "", fmt.Errorf("consul knows no passing instance of user")
	}
	return fmt.Sprintf("%s:%d", entries[0].Service.Address, entries[0].Service.Port), nil
}
