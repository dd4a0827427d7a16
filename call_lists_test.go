package trillian_test

import (
	"context"
	"iter"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/internal/servertest"
)

// listing is a list that is asked for in both ways.
type listing struct {
	path, sample string
	list         func(context.Context, *trillian.Client) (any, error)
	all          func(context.Context, *trillian.Client) (any, error)
}

func gather[T any](items iter.Seq2[T, error]) (any, error) {
	var all []T
	for item, err := range items {
		if err != nil {
			return nil, err
		}
		all = append(all, item)
	}
	return all, nil
}

func listed[T any](items []T, err error) (any, error) { return items, err }

// TestListAndAll holds that they ask alike and find the same.
func TestListAndAll(t *testing.T) {
	t.Parallel()
	for _, l := range []listing{
		{"/v1/groupchats/", "groupchats-list",
			func(ctx context.Context, c *trillian.Client) (any, error) { return listed(c.GroupChats.List(ctx, nil)) },
			func(ctx context.Context, c *trillian.Client) (any, error) { return gather(c.GroupChats.All(ctx, nil)) }},
		{chatPath + "members/", "groupchats-members-list",
			func(ctx context.Context, c *trillian.Client) (any, error) {
				return listed(c.GroupChats.Members.List(ctx, general))
			},
			func(ctx context.Context, c *trillian.Client) (any, error) {
				return gather(c.GroupChats.Members.All(ctx, general))
			}},
		{userPath + "media/", "groupchats-media-list",
			func(ctx context.Context, c *trillian.Client) (any, error) {
				return listed(c.Users.Media.List(ctx, smw))
			},
			func(ctx context.Context, c *trillian.Client) (any, error) { return gather(c.Users.Media.All(ctx, smw)) }},
		{chatPath + weekPath, "groupchats-messages-list",
			func(ctx context.Context, c *trillian.Client) (any, error) {
				return listed(c.GroupChats.Messages.List(ctx, general, week20))
			},
			func(ctx context.Context, c *trillian.Client) (any, error) {
				return gather(c.GroupChats.Messages.All(ctx, general, week20))
			}},
		{"/v1/groups/", "groups-list",
			func(ctx context.Context, c *trillian.Client) (any, error) { return listed(c.Groups.List(ctx, nil)) },
			func(ctx context.Context, c *trillian.Client) (any, error) { return gather(c.Groups.All(ctx, nil)) }},
		{"/v1/groups/4/peers/", "groups-peers-list",
			func(ctx context.Context, c *trillian.Client) (any, error) { return listed(c.Groups.Peers.List(ctx, 4)) },
			func(ctx context.Context, c *trillian.Client) (any, error) { return gather(c.Groups.Peers.All(ctx, 4)) }},
		{"/v1/policies/", "policies-list",
			func(ctx context.Context, c *trillian.Client) (any, error) { return listed(c.Policies.List(ctx)) },
			func(ctx context.Context, c *trillian.Client) (any, error) { return gather(c.Policies.All(ctx)) }},
		{"/v1/presence/", "presence-list",
			func(ctx context.Context, c *trillian.Client) (any, error) { return listed(c.Presence.List(ctx)) },
			func(ctx context.Context, c *trillian.Client) (any, error) { return gather(c.Presence.All(ctx)) }},
	} {
		server := servertest.New(t, 200, sample(t, l.sample))
		c := newClient(t, server.URL)
		list, err := l.list(t.Context(), c)
		require.NoError(t, err)
		require.NotEmpty(t, list)
		all, err := l.all(t.Context(), c)
		require.NoError(t, err)
		require.Equal(t, list, all, l.path)
		for _, seen := range server.Seen {
			require.Equal(t, "GET", seen.Method)
			require.Equal(t, l.path, seen.Path)
		}

		empty := newClient(t, servertest.New(t, 200, "<response/>").URL)
		list, err = l.list(t.Context(), empty)
		require.NoError(t, err)
		require.Empty(t, list)
		all, err = l.all(t.Context(), empty)
		require.NoError(t, err)
		require.Empty(t, all)

		other := newClient(t, servertest.New(t, 200, "<response><items><item/></items></response>").URL)
		_, err = l.list(t.Context(), other)
		require.ErrorIs(t, err, trillian.ErrMalformedResponse, "an empty list would not be true")
		require.ErrorContains(t, err, "there is <items>, but no <")
		_, err = l.all(t.Context(), other)
		require.ErrorIs(t, err, trillian.ErrMalformedResponse)
	}
}

func TestPresenceStatus(t *testing.T) {
	t.Parallel()
	for status, want := range []string{"OFFLINE", "ONLINE", "AWAY", "DO_NOT_DISTURB", "INVISIBLE", "MOBILE", "6"} {
		require.Equal(t, want, trillian.PresenceStatus(status).String())
	}
	require.Equal(t, "-1", trillian.PresenceStatus(-1).String())
	require.Equal(t, trillian.PresenceStatus(5), trillian.PresenceMobile)
	server := servertest.New(t, 204, "")
	require.NoError(t, newClient(t, server.URL).Presence.Update(t.Context(), smw, trillian.PresenceUpdate{Status: new(trillian.PresenceOffline)}))
	require.Equal(t, []string{"0"}, server.Only(t).Form["status"])
}
