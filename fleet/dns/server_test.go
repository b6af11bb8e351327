package dns_test

import (
	"net"
	"strconv"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// server is a name server that knows the addresses of one name, and, below
// _grpc._tcp, the same as SRV records.
type server struct {
	addr string

	mu     sync.Mutex
	name   string
	ips    []net.IP
	broken bool
	silent bool
	asked  chan struct{} // one for each question for an address; nil: nobody counts
}

func newServer(t *testing.T, name string) *server {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{addr: conn.LocalAddr().String(), name: name + "."}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			if reply := s.reply(t, buf[:n]); reply != nil {
				if _, err := conn.WriteTo(reply, from); err != nil {
					t.Error(err)
				}
			}
		}
	}()
	t.Cleanup(func() { conn.Close(); <-done })
	return s
}

func (s *server) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *server) reply(t *testing.T, query []byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil {
		t.Error(err)
		return nil
	}
	if s.silent {
		return nil
	}
	m.Response, m.Authoritative, m.Additionals = true, true, nil
	q := m.Questions[0]
	if s.asked != nil && q.Type == dnsmessage.TypeA {
		s.asked <- struct{}{}
	}
	header := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}
	switch name := q.Name.String(); {
	case s.broken:
		m.RCode = dnsmessage.RCodeServerFailure
	case name == s.name && q.Type == dnsmessage.TypeA:
		for _, ip := range s.ips {
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: [4]byte(ip.To4())}})
		}
	case name == "_grpc._tcp."+s.name && q.Type == dnsmessage.TypeSRV:
		for i := range s.ips {
			target := dnsmessage.MustNewName("host-" + strconv.Itoa(i) + "." + s.name)
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.SRVResource{Port: uint16(9000 + i), Target: target}})
		}
	case name != s.name:
		m.RCode = dnsmessage.RCodeNameError
	}
	data, err := m.Pack()
	if err != nil {
		t.Error(err)
	}
	return data
}
