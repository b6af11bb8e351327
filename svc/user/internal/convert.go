package internal

import (
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	userv1 "github.com/gctl-dev/gctl/svc/user/api"
	"github.com/gctl-dev/gctl/svc/user/repository"
)

// ToProto returns the message of a user.
func ToProto(u repository.User) *userv1.User {
	m := &userv1.User{
		Id:          u.ID,
		Email:       u.Email,
		DisplayName: u.DisplayName,
		Role:        userv1.Role(userv1.Role_value["ROLE_"+strings.ToUpper(string(u.Role))]),
		State:       userv1.State(userv1.State_value["STATE_"+strings.ToUpper(string(u.State))]),
		Groups:      u.Groups,
		Labels:      u.Labels,
		CreateTime:  timestamppb.New(u.Created),
		UpdateTime:  timestamppb.New(u.Updated),
		Revision:    u.Revision,
		Etag:        etag(u),
	}
	switch {
	case u.Phone != "":
		m.Contact = &userv1.User_Phone{Phone: u.Phone}
	case u.Chat != "":
		m.Contact = &userv1.User_Chat{Chat: u.Chat}
	}
	return m
}

// FromProto returns the user of a message, without what only the server sets.
func FromProto(m *userv1.User) repository.User {
	return repository.User{
		ID:          m.GetId(),
		Email:       m.GetEmail(),
		DisplayName: m.GetDisplayName(),
		Role:        repository.Role(enumName(m.GetRole().String())),
		State:       repository.State(enumName(m.GetState().String())),
		Phone:       m.GetPhone(),
		Chat:        m.GetChat(),
		Groups:      m.GetGroups(),
		Labels:      m.GetLabels(),
	}
}

// enumName returns the domain's word for an enum value, empty for unspecified.
func enumName(value string) string {
	value = strings.ToLower(value)
	value = strings.TrimPrefix(strings.TrimPrefix(value, "role_"), "state_")
	if value == "unspecified" {
		return ""
	}
	return value
}

// changeToProto returns the message of a change of the store with that
// identity.
func changeToProto(c repository.Change, store string) *userv1.UserChange {
	m := &userv1.UserChange{ChangeTime: timestamppb.New(c.At), Token: changeToken(store, c.Seq)}
	switch c.Kind {
	case repository.Created:
		m.Change = &userv1.UserChange_Created{Created: ToProto(c.User)}
	case repository.Updated:
		m.Change = &userv1.UserChange_Updated{Updated: ToProto(c.User)}
	case repository.Deleted:
		m.Change = &userv1.UserChange_Deleted{Deleted: ToProto(c.User)}
	}
	return m
}
