package trillian_test

import (
	"context"
	"net/http"
	"net/url"

	"github.com/trillian-go/trillian"
)

func groupOperations() []operation {
	return []operation{
		{
			name: "list groups", method: http.MethodGet, path: "/v1/groups/", query: "peers=1", status: 200,
			answer: "groups-list", want: []trillian.Group{sampleGroup(1), sampleGroup(2), sampleGroup(3)},
			call: func(ctx context.Context, c *trillian.Client) (any, error) {
				return c.Groups.List(ctx, &trillian.GroupOptions{Peers: true})
			},
		},
		{
			name: "get a group", method: http.MethodGet, path: "/v1/groups/1/", status: 200, answer: "groups-get", want: new(sampleGroup(1)),
			call: func(ctx context.Context, c *trillian.Client) (any, error) { return c.Groups.Get(ctx, 1, nil) },
		},
		{
			name: "create a group", method: http.MethodPost, path: "/v1/groups/", status: 200,
			form: url.Values{
				"displayname": {"Development"}, "name": {"f7ff9e8b7bb2e09b70935a5d785e0cc5d9d0abf0"},
				"parent": {"0"}, "policy": {"1"}, "priority": {"0"}, "type": {"1"},
			},
			answer: "groups-create", want: new(createdGroup()),
			call: func(ctx context.Context, c *trillian.Client) (any, error) {
				return c.Groups.Create(ctx, trillian.GroupCreate{
					DisplayName: "Development", Name: "f7ff9e8b7bb2e09b70935a5d785e0cc5d9d0abf0", Policy: 1, Type: trillian.GroupTypeLDAP,
				})
			},
		},
		{
			name: "update a group", method: http.MethodPost, path: "/v1/groups/3/", status: 200,
			form:   url.Values{"policy": {"2"}, "parent": {"0"}, "type": {"0"}},
			answer: "groups-update", want: new(withPolicy(sampleGroup(3), 2)),
			call: func(ctx context.Context, c *trillian.Client) (any, error) {
				return c.Groups.Update(ctx, 3, trillian.GroupUpdate{Policy: new(2), Parent: new(0), Type: new(trillian.GroupTypeStandard)})
			},
		},
		{
			name: "delete a group", method: http.MethodDelete, path: "/v1/groups/3/", status: 204,
			call: func(ctx context.Context, c *trillian.Client) (any, error) { return nothing(c.Groups.Delete(ctx, 3)) },
		},
		{
			name: "list peers", method: http.MethodGet, path: "/v1/groups/4/peers/", status: 200, answer: "groups-peers-list",
			want: []trillian.Peer{{ID: 1}, {ID: 2}, {ID: 3}, {ID: 4}},
			call: func(ctx context.Context, c *trillian.Client) (any, error) { return c.Groups.Peers.List(ctx, 4) },
		},
		{
			name: "add a peer", method: http.MethodPost, path: "/v1/groups/1/peers/4/", status: 201, answer: "groups-peers-add",
			want: &trillian.Peer{ID: 4},
			call: func(ctx context.Context, c *trillian.Client) (any, error) { return c.Groups.Peers.Add(ctx, 1, 4) },
		},
		{
			name: "remove a peer", method: http.MethodDelete, path: "/v1/groups/1/peers/4/", status: 204,
			call: func(ctx context.Context, c *trillian.Client) (any, error) {
				return nothing(c.Groups.Peers.Remove(ctx, 1, 4))
			},
		},
	}
}
