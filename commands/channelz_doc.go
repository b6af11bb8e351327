package commands

import (
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/ops/channels"
)

// What channelz tells, as JSON.
type (
	channelzDoc struct {
		Instances []channelzInstance `json:"instances"`
		Findings  []channelzFinding  `json:"findings"`
	}
	channelzInstance struct {
		Service  string           `json:"service"`
		ID       string           `json:"id"`
		Address  string           `json:"address"` // where it was read
		Error    string           `json:"error"`
		Unread   int              `json:"unread"`
		Channels []channelDoc     `json:"channels"`
		Servers  []channelzServer `json:"servers"`
	}
	channelDoc struct {
		ID          int64              `json:"id"`
		Parent      int64              `json:"parent"`
		Target      string             `json:"target"`
		State       fleet.Connectivity `json:"state"`
		Calls       callsDoc           `json:"calls"`
		LastError   *eventDoc          `json:"last_error"`
		Subchannels []subchannelDoc    `json:"subchannels"`
	}
	subchannelDoc struct {
		ID        int64              `json:"id"`
		Target    string             `json:"target"`
		State     fleet.Connectivity `json:"state"`
		Calls     callsDoc           `json:"calls"`
		LastError *eventDoc          `json:"last_error"`
		Sockets   []socketDoc        `json:"sockets"`
	}
	channelzServer struct {
		ID      int64       `json:"id"`
		Listen  []string    `json:"listen"`
		Calls   callsDoc    `json:"calls"`
		Sockets []socketDoc `json:"sockets"`
	}
	socketDoc struct {
		ID           int64      `json:"id"`
		Local        string     `json:"local"`
		Remote       string     `json:"remote"`
		Security     string     `json:"security"`
		Streams      callsDoc   `json:"streams"`
		Sent         int64      `json:"messages_sent"`
		Received     int64      `json:"messages_received"`
		KeepAlives   int64      `json:"keepalives_sent"`
		LastSent     *time.Time `json:"last_sent"`
		LastReceived *time.Time `json:"last_received"`
		Own          bool       `json:"own"`
	}
	callsDoc struct {
		Started   int64      `json:"started"`
		Succeeded int64      `json:"succeeded"`
		Failed    int64      `json:"failed"`
		Open      int64      `json:"open"`
		Last      *time.Time `json:"last"`
	}
	eventDoc struct {
		At   *time.Time `json:"at"`
		Text string     `json:"text"`
	}
	channelzFinding struct {
		Service  string        `json:"service"`
		Instance string        `json:"instance"`
		Kind     channels.Kind `json:"kind"`
		Part     channels.Part `json:"part"`
		ID       int64         `json:"id"`
		Where    string        `json:"where"`
		Since    *time.Time    `json:"since"`
		Text     string        `json:"text"`
	}
)

func newChannelzDoc(read []channelsOf, found []channels.Finding) channelzDoc {
	doc := channelzDoc{Instances: []channelzInstance{}, Findings: []channelzFinding{}}
	for _, r := range read {
		in := channelzInstance{
			Service: r.in.Service, ID: r.in.ID, Address: r.tree.Address, Error: inShort(r.err), Unread: r.tree.Unread,
			Channels: []channelDoc{}, Servers: []channelzServer{},
		}
		for _, c := range r.tree.Channels {
			in.Channels = append(in.Channels, newChannelDoc(&c))
		}
		for _, s := range r.tree.Servers {
			in.Servers = append(in.Servers, channelzServer{s.ID, orEmpty(s.Listen), newCallsDoc(s.Calls), socketDocs(s.Sockets)})
		}
		doc.Instances = append(doc.Instances, in)
	}
	for _, f := range found {
		doc.Findings = append(doc.Findings, channelzFinding{
			f.Instance.Service, f.Instance.ID, f.Kind, f.Part, f.ID, f.Where, timeOrNil(f.Since), f.Text,
		})
	}
	return doc
}

func newChannelDoc(c *fleet.Channel) channelDoc {
	doc := channelDoc{c.ID, c.Parent, c.Target, c.State, newCallsDoc(c.Calls), lastErrorDoc(c.Events), []subchannelDoc{}}
	for _, s := range c.Subchannels {
		doc.Subchannels = append(doc.Subchannels, subchannelDoc{s.ID, s.Target, s.State, newCallsDoc(s.Calls), lastErrorDoc(s.Events), socketDocs(s.Sockets)})
	}
	return doc
}

func newCallsDoc(c fleet.CallCounts) callsDoc {
	return callsDoc{c.Started, c.Succeeded, c.Failed, c.Open(), timeOrNil(c.Last)}
}

func lastErrorDoc(events []fleet.ChannelEvent) *eventDoc {
	e, ok := channels.LastProblem(events)
	if !ok {
		return nil
	}
	return &eventDoc{timeOrNil(e.At), e.Text}
}

func socketDocs(list []fleet.Socket) []socketDoc {
	docs := make([]socketDoc, 0, len(list))
	for i := range list {
		s := &list[i]
		docs = append(docs, socketDoc{
			s.ID, s.Local, s.Remote, s.Security, newCallsDoc(s.Streams), s.Sent, s.Received, s.KeepAlives,
			timeOrNil(s.LastSent), timeOrNil(s.LastReceived), s.Own,
		})
	}
	return docs
}
