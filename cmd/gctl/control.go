package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"google.golang.org/grpc/metadata"

	"github.com/gctl-dev/gctl/commands"
	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/channelz"
	"github.com/gctl-dev/gctl/fleet/control"
	"github.com/gctl-dev/gctl/internal/config"
	"github.com/gctl-dev/gctl/internal/state"
	"github.com/gctl-dev/gctl/ops/action"
	"github.com/gctl-dev/gctl/rpc"
)

// wireControl gives the factory what reads and changes running instances.
func wireControl(f *commands.Factory) {
	source := sync.OnceValues(func() (*control.Source, error) {
		c, err := f.Context()
		if err != nil {
			return nil, err
		}
		return control.New(control.Options{Service: serviceWay(&c), Admin: adminWay(&c)}), nil
	})
	f.ControlPlane = func() (fleet.ControlPlane, error) { return source() }
	metrics := &lateMetrics{f: f}
	f.BreakerReaders = func() ([]fleet.BreakerReader, error) {
		s, err := source()
		return []fleet.BreakerReader{s, metrics}, err
	}
	f.Actions = sync.OnceValues(func() (action.Journal, error) {
		dir, err := state.Dir(os.Getenv)
		if err != nil {
			return nil, &fleet.Error{What: "find the folder of what was done", Err: err, Hint: "set XDG_STATE_HOME or HOME"}
		}
		return state.NewJournal(filepath.Join(dir, "actions.jsonl")), nil
	})
}

// openChannels opens what reads channels. Where the context says how control APIs
// are reached, that is the way to their addresses, and the flags are about the
// services.
func openChannels(f *commands.Factory, o commands.ProbeOptions) (fleet.ChannelReader, error) {
	c, err := f.Context()
	if err != nil {
		return nil, err
	}
	service := channelz.Way{RPC: o.RPC, Headers: func(context.Context) (metadata.MD, error) { return o.Headers, nil }}
	admin := service
	if c.Admin.TLS != (config.TLS{}) || len(c.Admin.Headers) > 0 || c.Admin.Auth != "" {
		admin = channelz.Way(adminWay(&c))
	}
	return channelz.New(channelz.Options{Service: service, Admin: admin, Timeout: o.Timeout})
}

// serviceWay is how the instances of a context are reached.
func serviceWay(c *config.Context) control.Way {
	return way(c.TLS, c.Headers, c.Auth, c.Proxy)
}

// adminWay is how their control APIs are: what the context does not say of them is
// as for the instances.
func adminWay(c *config.Context) control.Way {
	tls, headers, auth := c.TLS, c.Headers, c.Auth
	if c.Admin.TLS != (config.TLS{}) {
		tls = c.Admin.TLS
	}
	if len(c.Admin.Headers) > 0 {
		headers = c.Admin.Headers
	}
	if c.Admin.Auth != "" {
		auth = c.Admin.Auth
	}
	return way(tls, headers, auth, c.Proxy)
}

func way(tls config.TLS, headers map[string]string, auth, proxy string) control.Way {
	w := control.Way{RPC: rpc.Options{
		Plaintext: tls.Plaintext, Insecure: tls.Insecure, CACert: tls.CACert, Cert: tls.Cert, Key: tls.Key, ServerName: tls.ServerName,
		Proxy: proxy, Secret: auth != "" || len(headers) > 0,
	}}
	if w.RPC.Secret {
		w.Headers = func(ctx context.Context) (metadata.MD, error) {
			sent := metadata.MD{}
			for name, value := range headers {
				key, decoded, err := commands.ParseHeader(name + ": " + value)
				if err != nil {
					return nil, err
				}
				sent.Set(strings.ToLower(key), decoded)
			}
			if auth == "" {
				return sent, nil
			}
			token, err := commands.AuthToken(ctx, auth)
			sent.Set("authorization", token)
			return sent, err
		}
	}
	return w
}
