package trillian

import (
	"context"
	"iter"
	"maps"
	"net/http"
)

// UsersService manages users.
//
// Trillian API: Users.
type UsersService struct {
	client *Client

	Avatar   *AvatarService
	Media    *MediaService
	Messages *MessagesService
}

// User is a user as the server returns it. The reference does not document its
// shape: the fields are inferred from the parameters of creating one and from
// other resources, and Fields keeps all the rest.
type User struct {
	Name        string `xml:"name,attr" json:"name"` // the user's IM address
	Email       string `xml:"email" json:"email"`
	DisplayName string `xml:"displayname" json:"displayName"`

	// Fields are the attributes and children that the struct has no field for,
	// by name; below a child the names are joined: "groups/group/id". A name that
	// comes again is counted: "phone", "phone[2]". Nil when there are none.
	Fields map[string]string `xml:",any" json:"fields,omitempty"`
}

// settle takes the fields from wherever the server put them: whether a name is
// an attribute or an element is not documented.
func (u *User) settle() {
	take := func(field *string, name string) {
		if v, ok := u.Fields[name]; ok && *field == "" {
			*field = v
			delete(u.Fields, name)
		}
	}
	take(&u.Name, "name")
	take(&u.Name, "im")
	take(&u.Email, "email")
	take(&u.DisplayName, "displayname")
	if len(u.Fields) == 0 {
		u.Fields = nil
	}
}

// UserCreate describes a new user (inferred from the reference's curl example, and
// DisplayName from the vendor's console).
type UserCreate struct {
	IM          string `url:"im"`                 // the user's IM address, such as smw@cerulean-inc.com
	Password    Secret `url:"password,omitempty"` // "" sends none
	Email       string `url:"email,omitempty"`
	DisplayName string `url:"displayname,omitempty"`

	// Fields are further parameters of your server's, by name. They are not
	// treated as secrets.
	Fields map[string]string `url:"-"`
}

// UserUpdate describes changes to a user (inferred). Nil fields are left alone.
type UserUpdate struct {
	Password    *Secret `url:"password,omitempty"` // not empty
	Email       *string `url:"email,omitempty"`
	DisplayName *string `url:"displayname,omitempty"`

	// Fields are further parameters of your server's, by name. They are not
	// treated as secrets.
	Fields map[string]string `url:"-"`
}

// The parameters of UserCreate and UserUpdate, which Fields must not set.
var userParams = []string{"im", "password", "email", "displayname"}

// List returns every user.
//
// Trillian API: GET /v1/users/
func (s *UsersService) List(ctx context.Context) ([]User, error) {
	users, err := list[User](ctx, s.client, endpoint("Users.List", "users/"), "user")
	for i := range users {
		users[i].settle()
	}
	return users, err
}

// All yields every user while the response arrives. An error comes last, once,
// with a zero User.
//
// Trillian API: GET /v1/users/
func (s *UsersService) All(ctx context.Context) iter.Seq2[User, error] {
	return func(yield func(User, error) bool) {
		for user, err := range stream[User](ctx, s.client, endpoint("Users.All", "users/"), "user") {
			user.settle()
			if !yield(user, err) {
				return
			}
		}
	}
}

// Get returns one user, by IM address.
//
// Trillian API: GET /v1/users/:user/
func (s *UsersService) Get(ctx context.Context, user string) (*User, error) {
	return settled(get[User](ctx, s.client, endpoint("Users.Get", "users/:user/", user), "user"))
}

// Create makes a new user and returns it. The response is not documented: where it
// has no user, what was sent is returned.
//
// Trillian API: POST /v1/users/
func (s *UsersService) Create(ctx context.Context, user UserCreate) (*User, error) {
	if user.IM == "" {
		return nil, &ArgumentError{Name: "im", Reason: "is empty"}
	}
	if err := user.Password.check(); err != nil {
		return nil, err
	}
	req := endpoint("Users.Create", "users/").form(user).fields(user.Fields, userParams)
	req.secret = "password"
	sent := &User{Name: user.IM, Email: user.Email, DisplayName: user.DisplayName, Fields: maps.Clone(user.Fields)}
	return settled(change(ctx, s.client, http.MethodPost, req, "user", sent))
}

// Update changes a user and returns it as it is then. The response is not documented:
// where it has no user, what was sent is returned, and nothing else is known.
//
// Trillian API: PATCH /v1/users/:user/
func (s *UsersService) Update(ctx context.Context, user string, update UserUpdate) (*User, error) {
	if update.Password != nil && *update.Password == "" {
		return nil, &ArgumentError{Name: "password", Reason: "is empty"}
	}
	if err := value(update.Password).check(); err != nil {
		return nil, err
	}
	req := endpoint("Users.Update", "users/:user/", user).form(update).fields(update.Fields, userParams).needChanges()
	req.secret = "password"
	sent := &User{Name: user, Email: value(update.Email), DisplayName: value(update.DisplayName), Fields: maps.Clone(update.Fields)}
	return settled(change(ctx, s.client, http.MethodPatch, req, "user", sent))
}

// Delete removes a user.
//
// Trillian API: DELETE /v1/users/:user/
func (s *UsersService) Delete(ctx context.Context, user string) error {
	return s.client.act(ctx, http.MethodDelete, endpoint("Users.Delete", "users/:user/", user))
}

func settled(u *User, err error) (*User, error) {
	if err == nil {
		u.settle()
	}
	return u, err
}
