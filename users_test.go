package trillian_test

import (
	"context"
	"net/http"
	"net/url"

	"github.com/trillian-go/trillian"
)

// The reference does not document a user's answer: these are two of the shapes
// it may have.
const (
	userAnswer = `<response> <user name="smw@cerulean-inc.com" id="7"> <email>smw@example.com</email><displayname>Scott</displayname>` +
		`<groups href="x"><group id="2"/><group id="3"/></groups></user></response>`
	usersAnswer = `<response> <user><im>smw@cerulean-inc.com</im><email>smw@example.com</email></user><user name="kwk@cerulean-inc.com"/></response>`
)

func userOperations() []operation {
	ops := []operation{
		{
			name: "list users", method: http.MethodGet, path: "/v1/users/", status: 200, answer: usersAnswer,
			want: []trillian.User{{Name: smw, Email: "smw@example.com"}, {Name: kwk}},
			call: func(ctx context.Context, c *trillian.Client) (any, error) { return c.Users.List(ctx) },
		},
		{
			name: "get a user", method: http.MethodGet, path: userPath, status: 200, answer: userAnswer,
			want: &trillian.User{Name: smw, Email: "smw@example.com", DisplayName: "Scott", Fields: map[string]string{
				"id": "7", "groups/href": "x", "groups/group/id": "2", "groups/group[2]/id": "3",
			}},
			call: func(ctx context.Context, c *trillian.Client) (any, error) { return c.Users.Get(ctx, smw) },
		},
		{
			name: "create a user", method: http.MethodPost, path: "/v1/users/", status: 201,
			form: url.Values{"im": {smw}, "password": {`xhTTrDc#p\8P9=B &+`}, "email": {"smw@example.com"}, "displayname": {"Scott"}, "phone": {"1"}},
			want: &trillian.User{Name: smw, Email: "smw@example.com", DisplayName: "Scott", Fields: map[string]string{"phone": "1"}},
			call: func(ctx context.Context, c *trillian.Client) (any, error) {
				return c.Users.Create(ctx, trillian.UserCreate{
					IM: smw, Password: `xhTTrDc#p\8P9=B &+`, Email: "smw@example.com", DisplayName: "Scott", Fields: map[string]string{"phone": "1"},
				})
			},
		},
		{
			name: "update a user", method: http.MethodPatch, path: userPath, status: 200,
			form: url.Values{"password": {"new+secret="}, "email": {""}, "displayname": {"Sam"}}, answer: "<response/> ",
			want: &trillian.User{Name: smw, DisplayName: "Sam"},
			call: func(ctx context.Context, c *trillian.Client) (any, error) {
				return c.Users.Update(ctx, smw, trillian.UserUpdate{Password: new(trillian.Secret("new+secret=")), Email: new(""), DisplayName: new("Sam")})
			},
		},
		{
			name: "delete a user", method: http.MethodDelete, path: userPath, status: 200,
			call: func(ctx context.Context, c *trillian.Client) (any, error) { return nothing(c.Users.Delete(ctx, smw)) },
		},
		{
			name: "get an avatar", method: http.MethodGet, path: userPath + "addressbook/avatar/", status: 200, answer: "\x89PNG\r\n\x1a\n picture",
			want: &trillian.Avatar{Type: "image/png", Data: []byte("\x89PNG\r\n\x1a\n picture")},
			call: func(ctx context.Context, c *trillian.Client) (any, error) { return c.Users.Avatar.Get(ctx, smw) },
		},
		{
			name: "set an avatar", method: http.MethodPut, path: userPath + "addressbook/avatar/", status: 201,
			form: url.Values{"data": {"+/8="}, "type": {"image/png"}},
			call: func(ctx context.Context, c *trillian.Client) (any, error) {
				return nothing(c.Users.Avatar.Set(ctx, smw, trillian.Avatar{Type: "image/png", Data: []byte{0xfb, 0xff}}))
			},
		},
		{
			name: "delete an avatar", method: http.MethodDelete, path: userPath + "addressbook/avatar/", status: 204,
			call: func(ctx context.Context, c *trillian.Client) (any, error) {
				return nothing(c.Users.Avatar.Delete(ctx, smw))
			},
		},
	}
	ops = append(ops, mediaOperations("user", smw, userPath, func(c *trillian.Client) *trillian.MediaService { return c.Users.Media })...)
	return append(ops, messageOperations("user", smw, userPath, func(c *trillian.Client) *trillian.MessagesService { return c.Users.Messages })...)
}
