package internal

import (
	"context"
	"crypto/rand"
	"strings"

	userv1 "github.com/gctl-dev/gctl/svc/user/api"
	"github.com/gctl-dev/gctl/svc/user/repository"
)

const defaultPageSize = 50

// GetUser implements user.v1.UserService.
func (s *Server) GetUser(ctx context.Context, r *userv1.GetUserRequest) (*userv1.User, error) {
	u, err := s.users.Get(ctx, r.GetId())
	return answer(u, r.GetId(), err)
}

// CreateUser implements user.v1.UserService.
func (s *Server) CreateUser(ctx context.Context, r *userv1.CreateUserRequest) (*userv1.User, error) {
	asked := FromProto(r.GetUser())
	request, err := requestOf(r.GetRequestId(), asked)
	if err != nil {
		return nil, err
	}
	u := withDefaults(asked)
	created, err := s.users.Create(ctx, u, request)
	return answer(created, u.ID, err)
}

// UpdateUser implements user.v1.UserService.
func (s *Server) UpdateUser(ctx context.Context, r *userv1.UpdateUserRequest) (*userv1.User, error) {
	id := r.GetUser().GetId()
	values := withDefaults(FromProto(r.GetUser()))
	u, err := s.users.Update(ctx, id, func(u *repository.User) error {
		if err := expectEtag(r.GetUser().GetEtag(), *u); err != nil {
			return err
		}
		for _, path := range maskOf(r) {
			assign(u, values, path)
		}
		return nil
	})
	return answer(u, id, err)
}

// DeleteUser implements user.v1.UserService.
func (s *Server) DeleteUser(ctx context.Context, r *userv1.DeleteUserRequest) (*userv1.DeleteUserResponse, error) {
	err := s.users.Delete(ctx, r.GetId(), func(u repository.User) error { return expectEtag(r.GetEtag(), u) })
	if err != nil {
		return nil, toStatus(err, r.GetId())
	}
	return &userv1.DeleteUserResponse{}, nil
}

// ListUsers implements user.v1.UserService.
func (s *Server) ListUsers(ctx context.Context, r *userv1.ListUsersRequest) (*userv1.ListUsersResponse, error) {
	size := int(r.GetPageSize())
	if size == 0 {
		size = defaultPageSize
	}
	query, err := parseQuery(r)
	if err != nil {
		return nil, err
	}
	query.Limit = size + 1 // one more says whether there is a next page
	users, err := s.users.List(ctx, query)
	if err != nil {
		return nil, toStatus(err, "")
	}
	response := &userv1.ListUsersResponse{}
	if len(users) > size {
		users = users[:size]
		response.NextPageToken = pageToken(r, query.Order, users[size-1])
	}
	for _, u := range users {
		response.Users = append(response.Users, ToProto(u))
	}
	return response, nil
}

// BatchGetUsers implements user.v1.UserService.
func (s *Server) BatchGetUsers(ctx context.Context, r *userv1.BatchGetUsersRequest) (*userv1.BatchGetUsersResponse, error) {
	users, err := s.users.GetMany(ctx, r.GetIds())
	if err != nil {
		return nil, toStatus(err, "")
	}
	response := &userv1.BatchGetUsersResponse{}
	found := make(map[string]bool, len(users))
	for _, u := range users {
		found[u.ID] = true
		response.Users = append(response.Users, ToProto(u))
	}
	for _, id := range r.GetIds() {
		if !found[id] {
			response.MissingIds = append(response.MissingIds, id)
		}
	}
	return response, nil
}

func answer(u repository.User, id string, err error) (*userv1.User, error) {
	if err != nil {
		return nil, toStatus(err, id)
	}
	return ToProto(u), nil
}

// withDefaults fills in what a new user may leave out.
func withDefaults(u repository.User) repository.User {
	if u.ID == "" {
		u.ID = "u-" + strings.ToLower(rand.Text()[:12])
	}
	if u.Role == "" {
		u.Role = repository.Member
	}
	if u.State == "" {
		u.State = repository.Active
	}
	return u
}
