// Package kit is what makes a gRPC service manageable: one server bootstrap
// with TLS, health, reflection, validation and limits, registration in Consul,
// and a Run that serves until a signal and then drains.
//
//	server, err := kit.New(ctx, kit.Options{Service: "hello", Config: config})
//	...
//	hellov1.RegisterHelloServer(server, hello{})
//	err = server.Run(ctx)
//
// Interceptors run in this order: recovery (a panic costs one call, not the
// process), then validation by the rules in the schema.
package kit
