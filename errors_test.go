package trillian_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/internal/servertest"
)

var once = trillian.WithRetryPolicy(trillian.RetryPolicy{MaxAttempts: 1})

// fast tries as often as the default, without the waits.
var fast = trillian.WithRetryPolicy(trillian.RetryPolicy{MinWait: 1, MaxWait: time.Millisecond})

func TestErrorIsBuiltForAPerson(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		want   string
		is     error
	}{
		"the API's own":          {404, "<response> <error>no such user</error></response>", "404 Not Found: no such user", trillian.ErrNotFound},
		"plain text":             {400, "im is missing\n", "400 Bad Request (not a Trillian response: text/plain): im is missing", trillian.ErrBadRequest},
		"a page":                 {403, "<html><head><title>Go &amp; away</title><style>x{}</style></head><body>no</body>", "403 Forbidden (not a Trillian response: text/html): Go & away", trillian.ErrForbidden},
		"a page without a title": {401, "<!-- x --><script>alert(1)</script><p>Log in</p>\x1b[31m\u202e", "401 Unauthorized (not a Trillian response: text/html): Log in [31m", trillian.ErrUnauthorized},
		"a proxy's page":         {502, "<html><head><title>502 Bad Gateway</title></head></html>", "502 Bad Gateway (not a Trillian response: text/html)", trillian.ErrServer},
		"a page that says more":  {503, "<h1>503 Service Unavailable</h1>\nNo server is available.", "503 Service Unavailable (not a Trillian response: text/html): No server is available.", trillian.ErrServer},
		"the status, in small":   {403, "<response><error>forbidden</error></response>", "403 Forbidden", trillian.ErrForbidden},
		"a word of the status":   {403, "<response><error>forbidden words: x</error></response>", "403 Forbidden: forbidden words: x", trillian.ErrForbidden},
		"nothing":                {500, "", "500 Internal Server Error", trillian.ErrServer},
		"long":                   {429, strings.Repeat("é", 200), "429 Too Many Requests (not a Trillian response: text/plain): " + strings.Repeat("é", 150) + "…", trillian.ErrRateLimited},
		"an odd status":          {599, "x", "599 (not a Trillian response: text/plain): x", trillian.ErrServer},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := servertest.New(t, c.status, c.body)
			user, err := newClient(t, server.URL, once).Users.Get(t.Context(), "nobody@example.com")
			require.Nil(t, user)
			require.EqualError(t, err, "trillian: GET users/nobody%40example.com/: "+c.want)
			require.ErrorIs(t, err, c.is)
			for _, other := range []error{trillian.ErrMalformedResponse, trillian.ErrInvalidArgument, trillian.ErrRedirected, trillian.ErrOutcomeUnknown} {
				require.NotErrorIs(t, err, other)
			}
			var e *trillian.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, c.status, e.StatusCode)
			require.Equal(t, 1, e.Attempts)
		})
	}
}

func TestErrorSaysHowLongToWait(t *testing.T) {
	t.Parallel()
	server := servertest.New(t, 429, "slower")
	server.Header.Set("Retry-After", "3600")
	_, err := newClient(t, server.URL).Users.Get(t.Context(), "nobody@example.com")
	var e *trillian.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, time.Hour, e.RetryAfter)
	require.Equal(t, 1, server.Count(), "an hour is longer than the policy waits")
}

func TestErrorWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	base := errors.New("the cable is out")
	client, err := trillian.NewClient(token, once, trillian.WithHTTPClient(&http.Client{
		Transport: roundTripper(func(*http.Request) (*http.Response, error) { return nil, base }),
	}))
	require.NoError(t, err)
	_, err = client.Groups.Get(t.Context(), 7, nil)
	require.EqualError(t, err, "trillian: GET groups/7/: the cable is out")
	require.ErrorIs(t, err, base)

	_, err = client.Groups.Create(t.Context(), trillian.GroupCreate{Name: "n"})
	require.EqualError(t, err, "trillian: POST groups/: the cable is out; it may have been carried out, look before you repeat it")
	require.ErrorIs(t, err, trillian.ErrOutcomeUnknown)
	require.ErrorIs(t, err, base)
}

func TestAnswersThatLackTheThing(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"an empty answer": "<response/>", "another thing": `<response><group id="1"/></response>`, "no answer": "",
		"two of it": `<response><policy id="1"/><policy id="2"/></response>`,
		"a page":    "<!DOCTYPE html><html><body>Please log in</body></html>",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := servertest.New(t, 200, body)
			server.Header.Set("Content-Type", "text/html")
			policy, err := newClient(t, server.URL).Policies.Get(t.Context(), 1)
			require.Nil(t, policy)
			require.ErrorIs(t, err, trillian.ErrMalformedResponse)
			var e *trillian.DecodeError
			require.ErrorAs(t, err, &e)
			require.Equal(t, "policies/1/", e.Path)
			require.Equal(t, "text/html", e.ContentType)
			require.NotContains(t, err.Error(), "log in")
		})
	}
}

// TestChangesWithoutABody shows that a 2xx without a body is a success where the
// reference shows none, but one with a page is not.
func TestChangesWithoutABody(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", " \n", "<response/>", "<response> </response>"} {
		client := newClient(t, servertest.New(t, 201, body).URL)
		user, err := client.Users.Update(t.Context(), smw, trillian.UserUpdate{Email: new("s@x")})
		require.NoError(t, err)
		require.Equal(t, &trillian.User{Name: smw, Email: "s@x"}, user)
		require.NoError(t, client.Groups.Delete(t.Context(), 3))
	}
	client := newClient(t, servertest.New(t, 200, "<html></html>").URL)
	_, err := client.Groups.Update(t.Context(), 3, trillian.GroupUpdate{Policy: new(2)})
	require.ErrorIs(t, err, trillian.ErrMalformedResponse)
	require.ErrorIs(t, err, trillian.ErrOutcomeUnknown)
	require.ErrorIs(t, client.Groups.Delete(t.Context(), 3), trillian.ErrMalformedResponse, "a proxy's page deletes nothing")
}
