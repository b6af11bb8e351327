package load

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"

	"google.golang.org/grpc"

	userv1 "github.com/gctl-dev/gctl/svc/user/api"
)

// Users makes unary calls of the user service: 86 % reads, 8 % updates, which are
// idempotent too, and users that come and go, so that there are never many. All instances of a SQLite store
// wait for one lock to write.
type Users struct {
	client userv1.UserServiceClient
	name   string // begins the e-mail addresses

	mu      sync.Mutex
	made    int
	ids     []string // of users that stay
	passing []string // of users that may be deleted
}

// seeds is how many users there are to read and update.
const seeds = 20

// NewUsers creates some users by conn and returns the calls about them. The name,
// lower-case letters, must differ for each Users over one store.
func NewUsers(ctx context.Context, conn grpc.ClientConnInterface, name string) (*Users, error) {
	u := &Users{client: userv1.NewUserServiceClient(conn), name: name}
	for range seeds {
		user, err := u.client.CreateUser(ctx, u.newUser(), grpc.WaitForReady(true))
		if err != nil {
			return nil, fmt.Errorf("create a user: %w", err)
		}
		u.ids = append(u.ids, user.GetId())
	}
	return u, nil
}

func (u *Users) newUser() *userv1.CreateUserRequest {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.made++
	return &userv1.CreateUserRequest{User: &userv1.User{
		Email: fmt.Sprintf("%s-%d@example.com", u.name, u.made), DisplayName: "Somebody",
	}}
}

// Any returns one of the users that stay.
func (u *Users) Any() string { return u.ids[rand.IntN(len(u.ids))] }

// Next returns the next call of the mix.
func (u *Users) Next() Op {
	switch n := rand.IntN(100); {
	case n < 66:
		return u.Get()
	case n < 76:
		return Op{"ListUsers", true, func(ctx context.Context) error {
			_, err := u.client.ListUsers(ctx, &userv1.ListUsersRequest{PageSize: 20})
			return err
		}}
	case n < 86:
		return Op{"BatchGetUsers", true, func(ctx context.Context) error {
			_, err := u.client.BatchGetUsers(ctx, &userv1.BatchGetUsersRequest{Ids: u.ids[:10]})
			return err
		}}
	case n < 94:
		return Op{"UpdateUser", true, func(ctx context.Context) error {
			_, err := u.client.UpdateUser(ctx, &userv1.UpdateUserRequest{User: &userv1.User{Id: u.Any(), DisplayName: fmt.Sprint("Somebody ", n)}})
			return err
		}}
	case n < 97:
		return Op{"CreateUser", false, u.create}
	}
	if id := u.takePassing(); id != "" {
		return Op{"DeleteUser", false, func(ctx context.Context) error {
			_, err := u.client.DeleteUser(ctx, &userv1.DeleteUserRequest{Id: id})
			return err
		}}
	}
	return u.Get()
}

// Get returns a read of one user.
func (u *Users) Get() Op {
	return Op{"GetUser", true, func(ctx context.Context) error {
		_, err := u.client.GetUser(ctx, &userv1.GetUserRequest{Id: u.Any()})
		return err
	}}
}

func (u *Users) create(ctx context.Context) error {
	user, err := u.client.CreateUser(ctx, u.newUser())
	if err != nil {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.passing = append(u.passing, user.GetId())
	return nil
}

// takePassing returns a user to be deleted, or "".
func (u *Users) takePassing() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	n := len(u.passing)
	if n == 0 {
		return ""
	}
	id := u.passing[n-1]
	u.passing = u.passing[:n-1]
	return id
}
