package trillian_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/internal/servertest"
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
	servertest.CallEverything(t.Context(), newClient(t, "https://im.test", seenBy(&seen)))
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
	server := servertest.New(t, 200, "<response/>")
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
	require.Equal(t, []string{token}, server.Seen[0].Token)
	require.Equal(t, []string{"another"}, server.Seen[1].Token)
	require.Equal(t, []string{"another"}, server.Seen[2].Token)
	require.Equal(t, "tool/2", server.Seen[2].Header.Get("User-Agent"))
	require.Equal(t, trillian.DefaultUserAgent, server.Seen[1].Header.Get("User-Agent"), "the first is left as it was")
}

// TestWithSharesConnections has a client that is derived anew find the connection of the
// first one, of ten times once: net/http does not keep a connection of which it has not
// heard within 50 ms that the request was written.
func TestWithSharesConnections(t *testing.T) {
	t.Parallel()
	server := servertest.New(t, 200, "")
	c := newClient(t, server.URL)
	shared := false
	for n := 0; !shared && n < 10; n++ {
		require.NoError(t, c.Do(t.Context(), "GET", "users/", nil, io.Discard))
		patient, err := c.With(trillian.WithTimeout(time.Hour), trillian.WithRetryPolicy(trillian.RetryPolicy{MaxAttempts: 1}))
		require.NoError(t, err)
		other, err := patient.WithToken("another")
		require.NoError(t, err)
		require.Equal(t, server.URL+"/v1/", other.BaseURL())
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(conn httptrace.GotConnInfo) { shared = conn.Reused }})
		require.NoError(t, other.Do(ctx, "GET", "users/", nil, io.Discard))
	}
	require.True(t, shared)
	_, err := c.With(trillian.WithTimeout(-1))
	require.ErrorIs(t, err, trillian.ErrInvalidArgument)
}
