package edge

import "google.golang.org/genproto/googleapis/api/annotations"

// restPrefix is how the paths of the REST API begin.
const restPrefix = "/v1/"

// rules maps REST onto the unary methods of the user service, as google.api.http
// does (https://google.aip.dev/127). Streams have no such form: their clients
// speak Connect, gRPC-Web or gRPC.
func rules() []*annotations.HttpRule {
	return []*annotations.HttpRule{
		{
			Selector: "user.v1.UserService.GetUser",
			Pattern:  &annotations.HttpRule_Get{Get: "/v1/users/{id}"},
		},
		{
			Selector: "user.v1.UserService.ListUsers",
			Pattern:  &annotations.HttpRule_Get{Get: "/v1/users"},
		},
		{
			Selector: "user.v1.UserService.BatchGetUsers",
			Pattern:  &annotations.HttpRule_Get{Get: "/v1/users:batchGet"},
		},
		{
			Selector: "user.v1.UserService.CreateUser",
			Pattern:  &annotations.HttpRule_Post{Post: "/v1/users"}, Body: "user",
		},
		{
			Selector: "user.v1.UserService.UpdateUser",
			Pattern:  &annotations.HttpRule_Patch{Patch: "/v1/users/{user.id}"}, Body: "user",
		},
		{
			Selector: "user.v1.UserService.DeleteUser",
			Pattern:  &annotations.HttpRule_Delete{Delete: "/v1/users/{id}"},
		},
	}
}
