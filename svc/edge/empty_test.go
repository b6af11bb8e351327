package edge_test

import (
	"testing"

	userv1 "github.com/gctl-dev/gctl/svc/user/api"
)

func TestEmptyMessagesDoNotEndAStream(t *testing.T) {
	w := newWorld(t, newUsers(t))
	for _, p := range protocols() {
		if p.major < 2 {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			stream := client[userv1.ImportUsersRequest, userv1.ImportUsersResponse](t, w, p, "ImportUsers").CallClientStream(deadline(t))
			for range 3 {
				if err := stream.Send(&userv1.ImportUsersRequest{}); err != nil {
					t.Fatal(err)
				}
			}
			answer, err := stream.CloseAndReceive()
			if err != nil {
				t.Fatal(err)
			}
			if got := answer.Msg.GetReceived(); got != 3 {
				t.Errorf("%d of 3 messages were received", got)
			}
		})
	}
}
