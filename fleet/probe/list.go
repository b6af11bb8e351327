package probe

import (
	"context"
	"fmt"
	"slices"
	"time"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/gctl-dev/gctl/fleet"
)

// maxNames bounds the names of one instance: grpc-go lists a hundred at most.
const maxNames = 1000

// HealthList implements fleet.Prober. The names are sorted, that of the server
// as a whole first.
func (p *Prober) HealthList(ctx context.Context, in fleet.Instance) []fleet.Health {
	began := time.Now()
	limited, cancel := context.WithTimeoutCause(ctx, p.timeout, errNoAnswer)
	defer cancel()
	h := blank(in, "", healthpb.Health_List_FullMethodName)
	conn, err := p.connect(limited, in)
	if err != nil {
		return []fleet.Health{p.failed(ctx, h, false, err)}
	}
	defer conn.Close()
	answer, err := healthpb.NewHealthClient(conn).List(p.send(limited, conn), &healthpb.HealthListRequest{})
	h.Provenance.At = time.Now()
	if err != nil {
		h = p.failed(ctx, h, true, err)
		if h.State == fleet.Unimplemented {
			h.Err = &fleet.Error{What: "it does not list its names", Instance: in.ID, Hint: "ask for one by --name"}
		}
		return []fleet.Health{h}
	}
	h.Latency = time.Since(began)
	return listed(h, answer.GetStatuses())
}

func listed(h fleet.Health, statuses map[string]*healthpb.HealthCheckResponse) []fleet.Health {
	if len(statuses) == 0 {
		h.Err = &fleet.Error{What: "its list of names is empty", Instance: h.Instance.ID}
		return []fleet.Health{h}
	}
	if len(statuses) > maxNames {
		h.Err = &fleet.Error{What: fmt.Sprintf("it lists %d names, more than %d", len(statuses), maxNames), Instance: h.Instance.ID}
		return []fleet.Health{h}
	}
	list := make([]fleet.Health, 0, len(statuses))
	for name, s := range statuses {
		one := h
		one.Name = name
		list = append(list, says(one, s.GetStatus()))
	}
	slices.SortFunc(list, func(a, b fleet.Health) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return list
}
