// Package fault makes a share of the calls of a gRPC server slow or fail on
// purpose, so that its callers can be watched in trouble that ends when one
// says so.
//
//	faults := fault.New(fault.Options{})
//	server := grpc.NewServer(
//		grpc.ChainUnaryInterceptor(faults.Unary),
//		grpc.ChainStreamInterceptor(faults.Stream),
//	)
//	faults.Put("slow", fault.Fault{Method: "user.v1.UserService/*", Percentage: 10, Latency: time.Second})
//
// The interceptors belong behind those for metrics, logs and traces, which then
// show the injected failures as callers see them.
package fault

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
)

// controlService is how a fault is ended: it must never be met by one.
const controlService = "gctl.control.v1.ControlService"

// Fault is trouble on purpose.
type Fault struct {
	// Method is a full method, "user.v1.UserService/GetUser", a service,
	// "user.v1.UserService/*", or "*" for all but health, reflection, channelz
	// and control.
	Method string
	// Percentage of the calls that it meets: above 0, at most 100.
	Percentage float64
	// Latency holds a call up, or the start of a stream.
	Latency time.Duration
	// Code is the status that the call gets after the latency; OK lets it
	// through.
	Code codes.Code
}

// Check tells what is wrong with a fault: a method that is none, a percentage or
// code out of range, or that it would do nothing.
func (f Fault) Check() error {
	if _, err := parse(f.Method); err != nil {
		return err
	}
	switch {
	case math.IsNaN(f.Percentage) || f.Percentage <= 0 || f.Percentage > 100:
		return errors.New("the percentage must be above 0 and at most 100")
	case f.Latency < 0:
		return errors.New("the latency must not be negative")
	case f.Code > codes.Unauthenticated:
		return fmt.Errorf("%d is no status code", f.Code)
	case f.Latency == 0 && f.Code == codes.OK:
		return errors.New("a fault has a latency, a code or both")
	}
	return nil
}

// String is the fault as people read it.
func (f Fault) String() string {
	text := fmt.Sprintf("%s: %g %%", f.Method, f.Percentage)
	if f.Latency > 0 {
		text += fmt.Sprintf(", +%v", f.Latency)
	}
	if f.Code != codes.OK {
		text += fmt.Sprintf(", %v", f.Code)
	}
	return text
}

// pattern is a parsed Fault.Method.
type pattern struct {
	service string // empty: every one
	method  string // empty: each of the service
}

func parse(text string) (pattern, error) {
	if text == "*" {
		return pattern{}, nil
	}
	service, method, ok := strings.Cut(text, "/")
	switch {
	case !ok || service == "" || method == "" || strings.Contains(method, "/"):
		return pattern{}, errors.New(`a method is "package.Service/Method", "package.Service/*" or "*"`)
	case strings.Contains(service, "*") || method != "*" && strings.Contains(method, "*"):
		return pattern{}, errors.New(`"*" stands for every method of a service, or alone`)
	case service == controlService:
		return pattern{}, errors.New("the control API is never met by a fault: it is what ends one")
	case method == "*":
		method = ""
	}
	return pattern{service, method}, nil
}

// meets tells whether a call of a full method, "/package.Service/Method", is
// covered.
func (p pattern) meets(fullMethod string) bool {
	service, method, _ := strings.Cut(strings.TrimPrefix(fullMethod, "/"), "/")
	if p.service == "" {
		return !spared(service)
	}
	return service == p.service && (p.method == "" || method == p.method)
}

// spared tells whether "*" leaves a service out: what shows and ends trouble
// must not be part of it.
func spared(service string) bool {
	switch service {
	case "grpc.health.v1.Health", "grpc.channelz.v1.Channelz", controlService,
		"grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection":
		return true
	}
	return false
}
