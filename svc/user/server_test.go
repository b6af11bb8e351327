package user_test

import (
	"maps"
	"slices"
	"testing"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	alphapb "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
)

func TestHealthListsTheService(t *testing.T) {
	c := start(t, newStore(t))
	r, err := healthpb.NewHealthClient(c.conn).List(deadline(t), &healthpb.HealthListRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if names := slices.Sorted(maps.Keys(r.GetStatuses())); !slices.Equal(names, []string{"", "user.v1.UserService"}) {
		t.Errorf("health knows %q", names)
	}
	for name, s := range r.GetStatuses() {
		if s.GetStatus() != healthpb.HealthCheckResponse_SERVING {
			t.Errorf("%q is %v", name, s.GetStatus())
		}
	}
}

func TestReflectionInBothVersions(t *testing.T) {
	c := start(t, newStore(t))
	v1, err := reflectionpb.NewServerReflectionClient(c.conn).ServerReflectionInfo(deadline(t))
	if err != nil {
		t.Fatal(err)
	}
	err = v1.Send(&reflectionpb.ServerReflectionRequest{MessageRequest: &reflectionpb.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: "user.v1.UserService"}})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := v1.Recv(); err != nil || len(r.GetFileDescriptorResponse().GetFileDescriptorProto()) == 0 {
		t.Errorf("v1: %v, %v", r, err)
	}
	alpha, err := alphapb.NewServerReflectionClient(c.conn).ServerReflectionInfo(deadline(t))
	if err != nil {
		t.Fatal(err)
	}
	err = alpha.Send(&alphapb.ServerReflectionRequest{MessageRequest: &alphapb.ServerReflectionRequest_ListServices{}}) //nolint:staticcheck // deprecated, and still what older clients ask for
	if err != nil {
		t.Fatal(err)
	}
	if r, err := alpha.Recv(); err != nil || len(r.GetListServicesResponse().GetService()) < 3 { //nolint:staticcheck // deprecated, and still what older clients ask for
		t.Errorf("v1alpha: %v, %v", r, err)
	}
	for _, end := range []func() error{v1.CloseSend, alpha.CloseSend} {
		if err := end(); err != nil {
			t.Error(err)
		}
	}
}
