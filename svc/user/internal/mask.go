package internal

import (
	userv1 "github.com/gctl-dev/gctl/svc/user/api"
	"github.com/gctl-dev/gctl/svc/user/repository"
)

// updatable are the fields that a mask may name.
var updatable = []string{"email", "display_name", "role", "state", "phone", "chat", "groups", "labels"}

// maskOf returns the paths of the fields to change
// (https://google.aip.dev/134): those of the mask, all that can be for *, and
// without a mask those that are set.
func maskOf(r *userv1.UpdateUserRequest) []string {
	switch paths := r.GetUpdateMask().GetPaths(); {
	case len(paths) == 0:
		return populated(r.GetUser())
	case paths[0] == "*":
		return updatable
	default:
		return paths
	}
}

// populated returns the paths of the fields that are set and may be
// updated.
func populated(u *userv1.User) []string {
	var paths []string
	fields := u.ProtoReflect().Descriptor().Fields()
	for _, path := range updatable {
		if u.ProtoReflect().Has(fields.ByTextName(path)) {
			paths = append(paths, path)
		}
	}
	return paths
}

// assign copies the field that path names. Setting one of phone and chat
// clears the other; clearing the one that is not set does nothing.
func assign(u *repository.User, values repository.User, path string) {
	switch path {
	case "email":
		u.Email = values.Email
	case "display_name":
		u.DisplayName = values.DisplayName
	case "role":
		u.Role = values.Role
	case "state":
		u.State = values.State
	case "phone":
		u.Phone = values.Phone
		if u.Phone != "" {
			u.Chat = ""
		}
	case "chat":
		u.Chat = values.Chat
		if u.Chat != "" {
			u.Phone = ""
		}
	case "groups":
		u.Groups = values.Groups
	case "labels":
		u.Labels = values.Labels
	}
}
