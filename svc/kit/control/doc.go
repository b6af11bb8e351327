// Package control serves the control API, gctl.control.v1.ControlService: what
// an operator may read and change in a running instance. Any grpc-go server can
// adopt it alone, with the parts that it has:
//
//	level := new(slog.LevelVar)
//	faults := fault.New(fault.Options{})
//	server := grpc.NewServer(grpc.ChainUnaryInterceptor(faults.Unary), grpc.ChainStreamInterceptor(faults.Stream))
//	c, err := control.New(control.Options{Level: level, Faults: faults, Services: server.GetServiceInfo, Log: log})
//	...
//	defer c.Close()
//	c.Register(server)
//
// Every change is a lease: it has a reason and an end, and reverts by itself to
// what is configured. Leases live in the process: one that ends takes its
// changes with it.
//
// # Who may change
//
// The package logs who changed what and lets everybody do it. Put an interceptor
// for authentication in front. Without one, serve it only where everybody who
// can connect may do everything: on a loopback address or a unix socket.
package control
