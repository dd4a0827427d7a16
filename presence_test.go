package trillian_test

import (
	"context"
	"net/http"
	"net/url"

	"github.com/trillian-go/trillian"
)

func presenceOperations() []operation {
	return []operation{
		{
			name: "list presence", method: http.MethodGet, path: "/v1/presence/", status: 200, answer: "presence-list",
			want: []trillian.Presence{samplePresence()},
			call: func(ctx context.Context, c *trillian.Client) (any, error) { return c.Presence.List(ctx) },
		},
		{
			name: "update a user's presence", method: http.MethodPatch, path: "/v1/presence/smw%40cerulean-inc.com/", status: 204,
			form: url.Values{"message": {""}, "status": {"2"}},
			call: func(ctx context.Context, c *trillian.Client) (any, error) {
				return nothing(c.Presence.Update(ctx, smw, trillian.PresenceUpdate{Status: new(trillian.PresenceAway), Message: new("")}))
			},
		},
	}
}
