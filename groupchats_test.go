package trillian_test

import (
	"context"
	"net/http"
	"net/url"

	"github.com/trillian-go/trillian"
)

func groupChatOperations() []operation {
	ops := []operation{
		{
			name: "list group chats", method: http.MethodGet, path: "/v1/groupchats/", query: "groups=1&members=1",
			status: 200, answer: "groupchats-list", want: []trillian.GroupChat{generalChat(), developmentChat()},
			call: func(ctx context.Context, c *trillian.Client) (any, error) {
				return c.GroupChats.List(ctx, &trillian.GroupChatOptions{Groups: true, Members: true})
			},
		},
		{
			name: "get a group chat", method: http.MethodGet, path: chatPath,
			status: 200, answer: "groupchats-get", want: new(generalChat()),
			call: func(ctx context.Context, c *trillian.Client) (any, error) {
				return c.GroupChats.Get(ctx, general, nil)
			},
		},
		{
			name: "create a group chat", method: http.MethodPost, path: "/v1/groupchats/",
			form:   url.Values{"displayname": {"Sales"}, "flags": {"0"}},
			status: 201, answer: "groupchats-create", want: new(salesChat()),
			call: func(ctx context.Context, c *trillian.Client) (any, error) {
				return c.GroupChats.Create(ctx, trillian.GroupChatCreate{DisplayName: "Sales"})
			},
		},
		{
			name: "update a group chat", method: http.MethodPatch, path: chatPath,
			form:   url.Values{"topic": {"This is a brand new topic!"}, "flags": {"7936"}},
			status: 200, answer: "groupchats-update", want: new(withTopic(withMediaSlash(generalChat()), "This is a brand new topic!")),
			call: func(ctx context.Context, c *trillian.Client) (any, error) {
				return c.GroupChats.Update(ctx, general, trillian.GroupChatUpdate{
					Topic: new("This is a brand new topic!"), Flags: new(trillian.GroupChatFlags(7936)),
				})
			},
		},
		{
			name: "list members", method: http.MethodGet, path: chatPath + "members/", status: 200, answer: "groupchats-members-list",
			want: []trillian.Member{{Name: smw, Flags: trillian.MemberOp}, {Name: kwk, Flags: trillian.MemberOp | trillian.MemberVoice}},
			call: func(ctx context.Context, c *trillian.Client) (any, error) {
				return c.GroupChats.Members.List(ctx, general)
			},
		},
		{
			name: "add a member", method: http.MethodPost, path: chatPath + "kwk%40cerulean-inc.com/", status: 201,
			answer: "groupchats-members-add", want: &trillian.Member{Name: kwk},
			call: func(ctx context.Context, c *trillian.Client) (any, error) {
				return c.GroupChats.Members.Add(ctx, general, kwk)
			},
		},
		{
			name: "delete a member", method: http.MethodDelete, path: chatPath + "kwk%40cerulean-inc.com/", status: 204,
			call: func(ctx context.Context, c *trillian.Client) (any, error) {
				return nothing(c.GroupChats.Members.Remove(ctx, general, kwk))
			},
		},
	}
	ops = append(ops, mediaOperations("group chat", general, chatPath, func(c *trillian.Client) *trillian.MediaService { return c.GroupChats.Media })...)
	return append(ops, messageOperations("group chat", general, chatPath, func(c *trillian.Client) *trillian.MessagesService { return c.GroupChats.Messages })...)
}
