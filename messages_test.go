package trillian_test

import (
	"context"
	"net/http"
	"net/url"

	"github.com/trillian-go/trillian"
)

// messageOperations are those that a group chat and a user have alike.
func messageOperations(kind, owner, base string, of func(*trillian.Client) *trillian.MessagesService) []operation {
	return []operation{
		{
			name: "list message weeks of a " + kind, method: http.MethodGet, path: base + "messages/", status: 200,
			answer: "groupchats-messages-conversations", want: []trillian.Conversation{sampleConversation()},
			call: func(ctx context.Context, c *trillian.Client) (any, error) { return of(c).Conversations(ctx, owner) },
		},
		{
			name: "get a week's messages of a " + kind, method: http.MethodGet, path: base + weekPath, status: 200,
			answer: "groupchats-messages-list", want: sampleMessages(),
			call: func(ctx context.Context, c *trillian.Client) (any, error) { return of(c).List(ctx, owner, week20) },
		},
		{
			name: "send a message to a " + kind, method: http.MethodPost, path: base + "messages/", status: 200,
			form:   url.Values{"from": {smw}, "message": {"Hello from the API!"}},
			answer: "groupchats-messages-send",
			want:   &trillian.Message{Timestamp: millis(1464201252102), From: smw, Text: "Hello from the API!"},
			call: func(ctx context.Context, c *trillian.Client) (any, error) {
				return of(c).Send(ctx, owner, trillian.MessageSend{From: smw, Text: "Hello from the API!"})
			},
		},
		{
			name: "delete a message block of a " + kind, method: http.MethodDelete, path: base + weekPath, status: 204,
			form: url.Values{"block": {"++8="}},
			call: func(ctx context.Context, c *trillian.Client) (any, error) {
				return nothing(of(c).DeleteBlock(ctx, owner, week20, []byte{0xfb, 0xef}))
			},
		},
		{
			name: "delete a week of a " + kind, method: http.MethodDelete, path: base + weekPath, status: 204,
			call: func(ctx context.Context, c *trillian.Client) (any, error) {
				return nothing(of(c).DeleteWeek(ctx, owner, week20))
			},
		},
		{
			name: "delete all messages of a " + kind, method: http.MethodDelete, path: base + "messages/" + history + "/", status: 204,
			call: func(ctx context.Context, c *trillian.Client) (any, error) {
				return nothing(of(c).DeleteConversation(ctx, owner, history))
			},
		},
	}
}
