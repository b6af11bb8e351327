package consul

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

// nodesText is an answer with what is hard to read in it.
const nodesText = ` [
	{"ID": "", "Node": "n\u0031", "Address": "10.0.0.1", "Meta": {"a": "}]\"\\"}, "PeerName": "", "Services": [
		{"ID": "u1", "Service": "user", "Port": 9000, "Tags": ["a", "b]"], "Meta": {"version": "v1 \\\" {"}, "Weights": {"Passing": 1}},
		{"ID": "u2", "Service": "user", "Kind": "connect-proxy", "Port": -1.5e0, "Enable": false}
	], "Checks": [{"Node": "n1", "CheckID": "c", "Status": "critical", "ServiceID": "u1", "Output": "é \u00e9 \\"}, null]},
	{"Services": null, "Checks": [], "Node": "last, and its name comes late", "Number": 12}, {}
] `

type plainNode struct {
	Node     string         `json:"Node"`
	Address  string         `json:"Address"`
	PeerName string         `json:"PeerName"`
	Services []*nodeService `json:"Services"`
	Checks   []*check       `json:"Checks"`
}

func nodesOf(r io.Reader, seen *nodeCache) (all []plainNode, err error) {
	seen.turn()
	err = eachNode(r, seen, func(n *nodeEntry) {
		all = append(all, plainNode{n.name, n.address, n.peer, append([]*nodeService(nil), n.services...), append([]*check(nil), n.checks...)})
	})
	return all, err
}

func TestNodesAreReadAsTheDecoderReadsThem(t *testing.T) {
	text := strings.Replace(nodesText, "-1.5e0", "15", 1)
	var want []plainNode
	if err := json.Unmarshal([]byte(strings.Replace(text, ", null]", ", {}]", 1)), &want); err != nil { //nolint:musttag // Consul writes the names of the fields
		t.Fatal(err)
	}
	var seen nodeCache
	for _, r := range []io.Reader{
		strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text)), iotest.HalfReader(strings.NewReader(text)),
		iotest.DataErrReader(strings.NewReader(strings.Repeat(" ", 3*scanSize) + text)),
	} {
		got, err := nodesOf(r, &seen)
		if err != nil {
			t.Fatal(err)
		}
		if is, wanted := fmt.Sprintf("%+v", dump(t, got)), fmt.Sprintf("%+v", dump(t, want)); is != wanted {
			t.Errorf("read\n%s\nwant\n%s", is, wanted)
		}
	}
	if got, err := nodesOf(strings.NewReader("null"), &seen); err != nil || got != nil {
		t.Errorf("null = %v, %v", got, err)
	}
}

// dump is JSON in which an empty list is as good as none.
func dump(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(raw), "[]", "null")
}

func TestWhatIsTheSameTextIsDecodedOnce(t *testing.T) {
	text := strings.Replace(nodesText, "-1.5e0", "15", 1)
	var seen nodeCache
	first, err := nodesOf(strings.NewReader(text), &seen)
	if err != nil {
		t.Fatal(err)
	}
	second, err := nodesOf(strings.NewReader(strings.Replace(text, "v1", "v2", 1)), &seen)
	if err != nil {
		t.Fatal(err)
	}
	if first[0].Services[1] != second[0].Services[1] || first[0].Checks[0] != second[0].Checks[0] {
		t.Error("what did not change was decoded again")
	}
	if first[0].Services[0] == second[0].Services[0] || !strings.HasPrefix(second[0].Services[0].Meta["version"], "v2") {
		t.Errorf("what changed is %+v", second[0].Services[0])
	}
	if _, err := nodesOf(strings.NewReader("[]"), &seen); err != nil {
		t.Fatal(err)
	}
	if _, err := nodesOf(strings.NewReader("[]"), &seen); err != nil || len(seen.services.last)+len(seen.checks.last) > 0 {
		t.Errorf("what is gone is remembered: %+v, %v", seen, err)
	}
}

func TestNodesThatAreNone(t *testing.T) {
	for _, text := range []string{
		"", "{}", "nul", "nothing", "[", "[1]", `["a"]`, "[{]", `[{"Node"}]`, `[{"Node":}]`, `[{"Node":1}]`, `[{"Node":"a",}]`, `[{} {}]`, `[{},]`,
		`[{1:2}]`, `[{"Services":{}}]`, `[{"Services":[1]}]`, `[{"Services":[{"ID":1}]}]`, `[{"Services":[{]}]`, `[{"Node":"a`, `[{"Node":"a\`,
		nodesText,
	} {
		var seen nodeCache
		if got, err := nodesOf(strings.NewReader(text), &seen); err == nil {
			t.Errorf("%.40s is read as %+v", text, got)
		}
	}
	var seen nodeCache
	broken := errors.New("broken")
	if _, err := nodesOf(io.MultiReader(strings.NewReader(nodesText[:100]), iotest.ErrReader(broken)), &seen); !errors.Is(err, broken) {
		t.Errorf("err = %v, want the reader's", err)
	}
}

func FuzzNodes(f *testing.F) {
	f.Add([]byte(nodesText))
	f.Fuzz(func(t *testing.T, text []byte) {
		var seen nodeCache
		got, err := nodesOf(bytes.NewReader(text), &seen)
		var want []plainNode
		if !json.Valid(text) || json.Unmarshal(text, &want) != nil || err != nil { //nolint:musttag // as above
			return // what is skipped is not looked into
		}
		if len(got) != len(want) {
			t.Fatalf("%d nodes, want %d", len(got), len(want))
		}
		again, err := nodesOf(iotest.OneByteReader(bytes.NewReader(text)), &seen)
		if err != nil || !reflect.DeepEqual(got, again) {
			t.Fatalf("byte by byte: %+v, %v; at once: %+v", again, err, got)
		}
	})
}
