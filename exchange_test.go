package trillian_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/internal/servertest"
)

// changeOperations are the operations that create or update something, by whether the
// reference shows what they answer.
func changeOperations() (shown, notShown []operation) {
	for _, op := range allOperations() {
		changing := op.method == http.MethodPost || op.method == http.MethodPatch
		switch {
		case changing && op.answer != "" && op.want != nil && op.name != "update a user" && op.name != "send a message to a user":
			shown = append(shown, op)
		case changing:
			notShown = append(notShown, op)
		}
	}
	return shown, notShown
}

// TestNoResultIsMadeUp answers a change without the thing that was changed.
func TestNoResultIsMadeUp(t *testing.T) {
	t.Parallel()
	shown, notShown := changeOperations()
	require.Len(t, shown, 9, "group chats, members, their messages, groups, peers and policies")
	for _, answer := range []string{"", " \n", "<response/>", "<response> <other name='x' id='1'/> </response>"} {
		for _, op := range shown {
			got, err := op.call(t.Context(), newClient(t, servertest.New(t, op.status, answer).URL))
			require.Nil(t, got, op.name)
			require.ErrorIs(t, err, trillian.ErrMalformedResponse, op.name)
			require.ErrorIs(t, err, trillian.ErrOutcomeUnknown, op.name)
			require.ErrorContains(t, err, "has no <", op.name)
		}
		for _, op := range notShown {
			_, err := op.call(t.Context(), newClient(t, servertest.New(t, op.status, answer).URL))
			require.NoError(t, err, op.name)
		}
	}
}

// TestWhatWasSentStandsIn is about the operations whose answer is not documented.
func TestWhatWasSentStandsIn(t *testing.T) {
	t.Parallel()
	c := newClient(t, servertest.New(t, 200, "<response/>").URL)
	message, err := c.Users.Messages.Send(t.Context(), kwk, trillian.MessageSend{From: smw, Text: "Hello"})
	require.NoError(t, err)
	require.Equal(t, &trillian.Message{From: smw, Text: "Hello"}, message)
	_, err = c.GroupChats.Messages.Send(t.Context(), general, trillian.MessageSend{From: smw, Text: "Hello"})
	require.ErrorIs(t, err, trillian.ErrOutcomeUnknown, "that of a group chat is")
}

// TestAnErrorIsNoSuccess answers every operation that answers XML with a status of
// success and an error.
func TestAnErrorIsNoSuccess(t *testing.T) {
	t.Parallel()
	const body = "<response>\n<error>no license left</error></response>"
	tried := 0
	for _, op := range allOperations() {
		if op.method == http.MethodHead || strings.HasPrefix(op.name, "get media") || op.name == "get an avatar" {
			continue
		}
		tried++
		server := servertest.New(t, op.status, body)
		if op.status == http.StatusNoContent {
			server.Status = http.StatusOK
		}
		got, err := op.call(t.Context(), newClient(t, server.URL))
		require.Empty(t, got, op.name)
		decoding, ok := errors.AsType[*trillian.DecodeError](err)
		require.True(t, ok, "%s: %v", op.name, err)
		require.ErrorContains(t, err, `"no license left"`, op.name)
		require.Equal(t, op.method == http.MethodPost || op.method == http.MethodPatch, decoding.OutcomeUnknown, op.name)
		require.Equal(t, 1, server.Count(), op.name)
	}
	require.Equal(t, 47, tried)
}

func TestAnErrorBesideItemsIsNoSuccess(t *testing.T) {
	t.Parallel()
	c := newClient(t, servertest.New(t, 200, `<response><user name="a"/><error>out of memory</error></response>`).URL)
	users, err := c.Users.List(t.Context())
	require.Nil(t, users)
	require.ErrorContains(t, err, "out of memory")
	n := 0
	for _, err = range c.Users.All(t.Context()) {
		n++
	}
	require.Equal(t, 2, n)
	require.ErrorContains(t, err, "out of memory")
	_, err = c.Users.Get(t.Context(), "a")
	require.ErrorIs(t, err, trillian.ErrMalformedResponse)
}

func TestAnErrorsTextIsScrubbedAndShort(t *testing.T) {
	t.Parallel()
	const password = "hunter2 & 1 secret"
	answer := func(text string) error {
		server := servertest.New(t, 200, "<response><error>"+text+"</error></response>")
		_, err := newClient(t, server.URL).Users.Create(t.Context(), trillian.UserCreate{IM: smw, Password: password})
		return err
	}
	err := answer("no user with hunter2 &amp; 1 secret and " + strings.ReplaceAll(token, "&", "&amp;"))
	require.ErrorContains(t, err, "no user with [redacted] and [redacted]")
	require.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, err), "hunter2")
	require.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, err), "AVS/w8J7")

	err = answer(strings.Repeat("no\u0085 license &lt;b&gt;\n", 10_000))
	require.Less(t, len(err.Error()), 600)
	require.ErrorContains(t, err, "no license <b> no license")

	for _, nothing := range []string{"", "  "} {
		require.ErrorContains(t, answer(nothing), "is an <error>")
	}
}

// TestAnErrorDeeperDownIsNone lets a <error> pass that is not about the request.
func TestAnErrorDeeperDownIsNone(t *testing.T) {
	t.Parallel()
	c := newClient(t, servertest.New(t, 200, `<response><user name="a"><error>5</error></user></response>`).URL)
	user, err := c.Users.Get(context.Background(), "a")
	require.NoError(t, err)
	require.Equal(t, map[string]string{"error": "5"}, user.Fields)
}

// TestA500OfTheAPIsThatQuotesXML has a password that is a word of the response: the
// text is scrubbed, and still the API's.
func TestA500OfTheAPIsThatQuotesXML(t *testing.T) {
	t.Parallel()
	for _, password := range []trillian.Secret{"response", "error", "<response>", "</error>"} {
		server := servertest.New(t, 500, "<response><error>no response</error></response>")
		_, err := newClient(t, server.URL).Users.Create(t.Context(), trillian.UserCreate{IM: smw, Password: password})
		require.NotErrorIs(t, err, trillian.ErrOutcomeUnknown)
		require.NotContains(t, err.Error(), "not a Trillian response")
		require.Equal(t, password == "response", strings.HasSuffix(err.Error(), "no [redacted]"), "%v", err)

		server = servertest.New(t, 500, "<html>no response</html>")
		_, err = newClient(t, server.URL).Users.Create(t.Context(), trillian.UserCreate{IM: smw, Password: password})
		require.ErrorIs(t, err, trillian.ErrOutcomeUnknown)
	}
}

// TestTokenAsAName holds that what an error says of a document is scrubbed too.
func TestTokenAsAName(t *testing.T) {
	t.Parallel()
	for _, token := range []string{"a-secret-that-is-a-name", "a-secret-that-is-a-name-and-much-longer-than-names-are"} {
		for _, body := range []string{"<" + token + "/>", "<response><" + token + "/></response>"} {
			c, err := trillian.NewClient(token, trillian.WithBaseURL(servertest.New(t, 200, body).URL+"/v1/"))
			require.NoError(t, err)
			t.Cleanup(c.CloseIdleConnections)
			_, err = c.Users.List(t.Context())
			require.ErrorIs(t, err, trillian.ErrMalformedResponse)
			require.NotContains(t, err.Error(), "secret", body)
		}
	}
}
