package trillian_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
)

// everyOperation are all 52 of the reference, by the words a middleware is told.
var everyOperation = strings.Split(strings.TrimSpace(`
GroupChats.List GET groupchats/
GroupChats.Get GET groupchats/:groupchat/
GroupChats.Create POST groupchats/
GroupChats.Update PATCH groupchats/:groupchat/
GroupChats.Media.List GET groupchats/:groupchat/media/
GroupChats.Media.Open GET groupchats/:groupchat/media/:item/
GroupChats.Media.Stat HEAD groupchats/:groupchat/media/:item/
GroupChats.Media.Upload POST groupchats/:groupchat/media/
GroupChats.Media.Delete DELETE groupchats/:groupchat/media/:item/
GroupChats.Members.List GET groupchats/:groupchat/members/
GroupChats.Members.Add POST groupchats/:groupchat/:member/
GroupChats.Members.Remove DELETE groupchats/:groupchat/:member/
GroupChats.Messages.Conversations GET groupchats/:groupchat/messages/
GroupChats.Messages.List GET groupchats/:groupchat/messages/:conversation/:year/:week/
GroupChats.Messages.Send POST groupchats/:groupchat/messages/
GroupChats.Messages.DeleteBlock DELETE groupchats/:groupchat/messages/:conversation/:year/:week/
GroupChats.Messages.DeleteWeek DELETE groupchats/:groupchat/messages/:conversation/:year/:week/
GroupChats.Messages.DeleteConversation DELETE groupchats/:groupchat/messages/:conversation/
Groups.List GET groups/
Groups.Get GET groups/:group/
Groups.Create POST groups/
Groups.Update POST groups/:group/
Groups.Delete DELETE groups/:group/
Groups.Peers.List GET groups/:group/peers/
Groups.Peers.Add POST groups/:group/peers/:peer/
Groups.Peers.Remove DELETE groups/:group/peers/:peer/
Policies.List GET policies/
Policies.Get GET policies/:policy/
Policies.Create POST policies/
Policies.Update PATCH policies/:policy/
Policies.Delete DELETE policies/:policy/
Presence.List GET presence/
Presence.Update PATCH presence/:imaddress/
Users.List GET users/
Users.Get GET users/:user/
Users.Create POST users/
Users.Update PATCH users/:user/
Users.Delete DELETE users/:user/
Users.Avatar.Get GET users/:user/addressbook/avatar/
Users.Avatar.Set PUT users/:user/addressbook/avatar/
Users.Avatar.Delete DELETE users/:user/addressbook/avatar/
Users.Media.List GET users/:user/media/
Users.Media.Open GET users/:user/media/:item/
Users.Media.Stat HEAD users/:user/media/:item/
Users.Media.Upload POST users/:user/media/
Users.Media.Delete DELETE users/:user/media/:item/
Users.Messages.Conversations GET users/:user/messages/
Users.Messages.List GET users/:user/messages/:conversation/:year/:week/
Users.Messages.Send POST users/:user/messages/
Users.Messages.DeleteBlock DELETE users/:user/messages/:conversation/:year/:week/
Users.Messages.DeleteWeek DELETE users/:user/messages/:conversation/:year/:week/
Users.Messages.DeleteConversation DELETE users/:user/messages/:conversation/
`), "\n")

func callEverything(ctx context.Context, c *trillian.Client) {
	week := trillian.MessageWeek{Conversation: "c", Year: 2016, Week: 20}
	owned := func(media *trillian.MediaService, messages *trillian.MessagesService, owner string) {
		_, _ = media.List(ctx, owner)
		_, _ = media.Open(ctx, owner, "1")
		_, _ = media.Stat(ctx, owner, "1")
		_, _ = media.Upload(ctx, owner, trillian.MediaUpload{Name: "f", Data: strings.NewReader("x")})
		_ = media.Delete(ctx, owner, "1")
		_, _ = messages.Conversations(ctx, owner)
		_, _ = messages.List(ctx, owner, week)
		_, _ = messages.Send(ctx, owner, trillian.MessageSend{From: smw, Text: "x"})
		_ = messages.DeleteBlock(ctx, owner, week, []byte("x"))
		_ = messages.DeleteWeek(ctx, owner, week)
		_ = messages.DeleteConversation(ctx, owner, "c")
	}
	_, _ = c.GroupChats.List(ctx, nil)
	_, _ = c.GroupChats.Get(ctx, general, nil)
	_, _ = c.GroupChats.Create(ctx, trillian.GroupChatCreate{})
	_, _ = c.GroupChats.Update(ctx, general, trillian.GroupChatUpdate{Topic: new("x")})
	_, _ = c.GroupChats.Members.List(ctx, general)
	_, _ = c.GroupChats.Members.Add(ctx, general, smw)
	_ = c.GroupChats.Members.Remove(ctx, general, smw)
	owned(c.GroupChats.Media, c.GroupChats.Messages, general)
	_, _ = c.Groups.List(ctx, nil)
	_, _ = c.Groups.Get(ctx, 1, nil)
	_, _ = c.Groups.Create(ctx, trillian.GroupCreate{})
	_, _ = c.Groups.Update(ctx, 1, trillian.GroupUpdate{Name: new("x")})
	_ = c.Groups.Delete(ctx, 1)
	_, _ = c.Groups.Peers.List(ctx, 1)
	_, _ = c.Groups.Peers.Add(ctx, 1, 2)
	_ = c.Groups.Peers.Remove(ctx, 1, 2)
	_, _ = c.Policies.List(ctx)
	_, _ = c.Policies.Get(ctx, 1)
	_, _ = c.Policies.Create(ctx, trillian.PolicyCreate{})
	_, _ = c.Policies.Update(ctx, 1, trillian.PolicyUpdate{Name: new("x")})
	_ = c.Policies.Delete(ctx, 1)
	_, _ = c.Presence.List(ctx)
	_ = c.Presence.Update(ctx, smw, trillian.PresenceUpdate{Message: new("x")})
	_, _ = c.Users.List(ctx)
	_, _ = c.Users.Get(ctx, smw)
	_, _ = c.Users.Create(ctx, trillian.UserCreate{IM: smw})
	_, _ = c.Users.Update(ctx, smw, trillian.UserUpdate{Email: new("x")})
	_ = c.Users.Delete(ctx, smw)
	_, _ = c.Users.Avatar.Get(ctx, smw)
	_ = c.Users.Avatar.Set(ctx, smw, trillian.Avatar{Data: []byte("\x89PNG\r\n\x1a\n")})
	_ = c.Users.Avatar.Delete(ctx, smw)
	owned(c.Users.Media, c.Users.Messages, smw)
}

// seenBy is a middleware that notes every request's operation, and refuses it.
func seenBy(seen *[]string) trillian.Option {
	return trillian.WithMiddleware(func(http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			op, ok := trillian.OperationOf(r.Context())
			if !ok || op.Attempt != 1 || op.Method != r.Method {
				return nil, errors.New("no operation")
			}
			*seen = append(*seen, op.Name+" "+op.Method+" "+op.Route)
			return nil, trillian.ErrNotSent
		})
	})
}

func TestOperationOf(t *testing.T) {
	t.Parallel()
	require.Len(t, everyOperation, 52)
	var seen []string
	callEverything(t.Context(), newClient(t, "https://im.test", seenBy(&seen)))
	slices.Sort(seen)
	want := slices.Sorted(slices.Values(everyOperation))
	require.Equal(t, want, seen)
}

func TestOperationOfDo(t *testing.T) {
	t.Parallel()
	for path, route := range map[string]string{
		"users/": "users/", "presence": "presence", "users/smw/": "", "users/smw%40x/messages/": "", "smw%40x/": "",
	} {
		var seen []string
		require.Error(t, newClient(t, "https://im.test", seenBy(&seen)).Do(t.Context(), "GET", path, nil, nil))
		require.Equal(t, []string{"Do GET " + route}, seen, path)
	}
	_, ok := trillian.OperationOf(t.Context())
	require.False(t, ok)
}

// TestOperationOfAnAttempt has the base transport ask, too.
func TestOperationOfAnAttempt(t *testing.T) {
	t.Parallel()
	var attempts []int
	base := roundTripper(func(r *http.Request) (*http.Response, error) {
		op, _ := trillian.OperationOf(r.Context())
		attempts = append(attempts, op.Attempt)
		return &http.Response{StatusCode: 503, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
	})
	c := newClient(t, "https://im.test", trillian.WithHTTPClient(&http.Client{Transport: base}),
		trillian.WithRetryPolicy(trillian.RetryPolicy{MaxAttempts: 3, MinWait: 1, MaxWait: 1}))
	_, err := c.Users.Get(t.Context(), smw)
	require.ErrorIs(t, err, trillian.ErrServer)
	require.Equal(t, []int{1, 2, 3}, attempts)
}

// TestErrNotSent is a dry run: nothing is tried again, and nothing is in doubt.
func TestErrNotSent(t *testing.T) {
	t.Parallel()
	tries := 0
	c := newClient(t, "https://im.test", trillian.WithMiddleware(func(http.RoundTripper) http.RoundTripper {
		return roundTripper(func(*http.Request) (*http.Response, error) {
			tries++
			return nil, errors.Join(errors.New("a dry run"), trillian.ErrNotSent)
		})
	}))
	_, err := c.Users.Create(t.Context(), trillian.UserCreate{IM: smw})
	require.ErrorIs(t, err, trillian.ErrNotSent)
	require.NotErrorIs(t, err, trillian.ErrOutcomeUnknown)
	require.ErrorContains(t, err, "a dry run")
	require.Equal(t, 1, tries)
	failure, ok := errors.AsType[*trillian.Error](err)
	require.True(t, ok)
	require.Zero(t, failure.Attempts)
}

// TestMiddlewareIsShared counts how often a middleware is made, and by whom it is
// passed.
func TestMiddlewareIsShared(t *testing.T) {
	t.Parallel()
	server := newRecorder(t, 200, "<response/>")
	var made, passed atomic.Int32
	counting := trillian.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
		made.Add(1)
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			passed.Add(1)
			return next.RoundTrip(r)
		})
	})
	c := newClient(t, server.URL, counting)
	other, err := c.WithToken("another")
	require.NoError(t, err)
	var order []string
	further, err := other.With(trillian.WithUserAgent("tool/2"), trillian.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			order = append(order, "further")
			require.Equal(t, int32(3), passed.Load(), "the earlier middleware is outside of the later")
			return next.RoundTrip(r)
		})
	}))
	require.NoError(t, err)
	for _, c := range []*trillian.Client{c, other, further} {
		_, err := c.Users.List(t.Context())
		require.NoError(t, err)
	}
	require.Equal(t, int32(1), made.Load())
	require.Equal(t, int32(3), passed.Load())
	require.Equal(t, []string{"further"}, order)
	require.Equal(t, []string{token}, server.seen[0].Token)
	require.Equal(t, []string{"another"}, server.seen[1].Token)
	require.Equal(t, []string{"another"}, server.seen[2].Token)
	require.Equal(t, "tool/2", server.seen[2].Header.Get("User-Agent"))
	require.Equal(t, trillian.DefaultUserAgent, server.seen[1].Header.Get("User-Agent"), "the first is left as it was")
}

// TestWithSharesConnections counts the connections of a client and those derived
// from it.
func TestWithSharesConnections(t *testing.T) {
	t.Parallel()
	var connections atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	c := newClient(t, server.URL)
	patient, err := c.With(trillian.WithTimeout(time.Hour), trillian.WithRetryPolicy(trillian.RetryPolicy{MaxAttempts: 1}))
	require.NoError(t, err)
	other, err := patient.WithToken("another")
	require.NoError(t, err)
	for _, c := range []*trillian.Client{c, patient, other} {
		require.NoError(t, c.Do(t.Context(), "GET", "users/", nil, io.Discard))
	}
	require.Equal(t, int32(1), connections.Load())
	require.Equal(t, server.URL+"/v1/", other.BaseURL())
	_, err = c.With(trillian.WithTimeout(-1))
	require.ErrorIs(t, err, trillian.ErrInvalidArgument)
}
