package trilliantest_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/trilliantest"
)

func TestPatterns(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern    string
		verb, path string
		met        bool
	}{
		{"GET /users/", "GET", "users/", true},
		{"GET /users/", "HEAD", "users/", false},
		{"GET /users/", "GET", "users/x/", false},
		{"/users/{user}/", "PATCH", "users/x%2Fmessages/", true},
		{"/users/{user}/", "PATCH", "users/x/messages/", false},
		{"/users/{user}/", "GET", "users//", false},
		{"/users/smw@cerulean-inc.com/", "GET", "users/smw%40cerulean-inc.com/", true},
		{"/users/smw%40cerulean-inc.com/", "GET", "users/smw%40cerulean-inc.com/", true},
		{"/users/smw@cerulean-inc.com/", "GET", "users/kwk%40cerulean-inc.com/", false},
		{"/groupchats/" + "#a@b" + "/media/a%2Fb=/", "GET", "groupchats/%23a%40b/media/a%2Fb%3D/", true},
		{"/users/{rest...}", "GET", "users/x/messages/", true},
		{"/users/{rest...}", "GET", "users/", true},
		{"/users/{rest...}", "GET", "groups/", false},
		{"/{rest...}", "DELETE", "anything", true},
		{"/users/{user}/{$}", "GET", "users/x/", true},
		{"POST /groupchats/{chat}/{member}/", "POST", "groupchats/%23a%40b/x/", true},
		{"POST /groupchats/{chat}/{member}/", "POST", "groupchats/%23a%40b/messages/", false},
		{"POST /groupchats/{chat}/{member}/", "POST", "groupchats/%23a%40b/media/", false},
		{"/groupchats/" + "#a@b" + "/{member}/", "GET", "groupchats/%23a%40b/members/", false},
		{"POST /groupchats/{chat}/messages/", "POST", "groupchats/%23a%40b/messages/", true},
		{"POST /groupchats/{chat}/{rest...}", "POST", "groupchats/%23a%40b/messages/", true},
		{"GET /{resource}/", "GET", "groupchats/", true},
		{"/{owners}/{owner}/messages/", "POST", "groupchats/%23a%40b/messages/", true},
		{"/{owners}/{owner}/messages/", "POST", "users/x/messages/", true},
	} {
		srv, err := trilliantest.Start(trilliantest.WithoutListener())
		require.NoError(t, err)
		i := srv.Inject(c.pattern, trilliantest.Status(418))
		got := do(t, srv, rawCall{verb: c.verb, path: c.path})
		require.Equal(t, c.met, got.status == 418, "%s against %s %s", c.pattern, c.verb, c.path)
		require.Equal(t, c.met, i.Met() == 1)
	}
}

func TestBadInjections(t *testing.T) {
	t.Parallel()
	srv, err := trilliantest.Start(trilliantest.WithoutListener())
	require.NoError(t, err)
	for _, c := range []struct{ pattern, text string }{
		{"", "no path that begins with a slash"},
		{"GET", "no path that begins with a slash"},
		{"users/", "no path that begins with a slash"},
		{"GET users/", "no path that begins with a slash"},
		{"/users/{/", "bad segment"},
		{"/users/{}/", "bad segment"},
		{"/{rest...}/x/", "bad segment"},
		{"GET /users", `end in a slash, as in "GET /users/"`},
		{"GET /users/{user}", `end in a slash, as in "GET /users/{user}/"`},
		{"GET /users/{$}/media/", "bad segment"},
		{"GET /user/{u}/", "matches the path of no operation"},
		{"GET /v1/users/", "matches the path of no operation"},
		{"/{$}", "matches the path of no operation"},
		{"/users/{user}/{rest...}/", "bad segment"},
		{"/users/{user}/calendar/{rest...}", "matches the path of no operation"},
		{"PUT /users/", "there is only GET, POST"},
		{"get /users/", "there is only GET, POST"},
		{"POST /groupchats/{chat}/members/", "there is only GET"},          // adding one is POST /groupchats/{chat}/{member}/
		{"GET /groupchats/{chat}/{member}/", "there is only DELETE, POST"}, // the lists have words there
		{"HEAD /{rest...}/", "bad segment"},
		{"OPTIONS /users/{rest...}", "there is only DELETE, GET, HEAD, PATCH, POST, PUT"},
	} {
		err := trilliantest.CheckPattern(c.pattern)
		require.ErrorContains(t, err, c.text, c.pattern)
		require.PanicsWithError(t, err.Error(), func() { srv.Inject(c.pattern, trilliantest.Status(500)) })
		require.PanicsWithError(t, err.Error(), func() { srv.RequestsTo(c.pattern) })
	}
	require.NoError(t, trilliantest.CheckPattern("POST /users/{user}/messages/"))
	require.Panics(t, func() { srv.Inject("/users/") })
	require.PanicsWithError(t, `trilliantest: Inject("/users/") has a Fault that is empty`, func() {
		srv.Inject("/users/", trilliantest.Status(500), trilliantest.Fault{})
	})
	require.Panics(t, func() { trilliantest.Status(99) })
}

// A pattern that no request can ever match is told where it is written, to a test
// as its failure.
func TestBadInjectionFailsTheTest(t *testing.T) {
	t.Parallel()
	tb := &failingTB{TB: t}
	srv := trilliantest.NewServer(tb)
	defer tb.finish()
	require.PanicsWithValue(t, trilliantest.CheckPattern("GET /user/{u}/").Error(), func() {
		srv.Inject("GET /user/{u}/", trilliantest.Status(500))
	})
}

// The pattern of the one operation whose last segment is a name is not met by
// those that have a word there.
func TestAPatternMeansItsOperation(t *testing.T) {
	t.Parallel()
	srv := sampleServer(t)
	const add = "POST /groupchats/{chat}/{member}/"
	srv.Inject(add, trilliantest.Status(403))
	sender, err := srv.Client().WithToken(srv.TokenFor(smw))
	require.NoError(t, err)
	_, err = sender.GroupChats.Messages.Send(t.Context(), trilliantest.SampleGeneral, trillian.MessageSend{From: smw, Text: "Hello"})
	require.NoError(t, err)
	admin := srv.Client()
	_, err = admin.GroupChats.Media.Upload(t.Context(), trilliantest.SampleGeneral, trillian.MediaUpload{Name: "a", Type: "text/plain", Data: strings.NewReader("x")})
	require.NoError(t, err)
	_, err = admin.GroupChats.Members.Add(t.Context(), trilliantest.SampleGeneral, kwk)
	require.ErrorIs(t, err, trillian.ErrForbidden)
	require.Len(t, srv.RequestsTo(add), 1)
}

func TestRequestsTo(t *testing.T) {
	t.Parallel()
	srv := sampleServer(t, trilliantest.WithBasePath("/v1/"))
	self, peer := "users/smw%40cerulean-inc.com/messages/", "users/kwk%40cerulean-inc.com/messages/"
	expect(t, srv, 200, "POST", peer, "from", smw, "message", "one")
	expect(t, srv, 200, "POST", self, "from", kwk, "message", "two")
	expect(t, srv, 404, "POST", "users/nobody/messages/", "from", smw, "message", "three")
	expect(t, srv, 200, "GET", self)
	expect(t, srv, 404, "POST", "users/messages/")
	require.Equal(t, 404, send(t, srv, request(t, "GET", "http://x/v2/"+self+"?"+url.Values{"token": {srv.Token()}}.Encode(), nil)).status)

	texts := func(pattern string) (all []string) {
		for _, r := range srv.RequestsTo(pattern) {
			all = append(all, r.Method+" "+r.Path+" "+r.Form.Get("message"))
		}
		return all
	}
	require.Equal(t, []string{"POST " + peer + " one", "POST " + self + " two", "POST users/nobody/messages/ three"}, texts("POST /users/{user}/messages/"))
	require.Equal(t, []string{"POST " + self + " two", "GET " + self + " "}, texts("/users/smw@cerulean-inc.com/messages/"))
	require.Empty(t, texts("DELETE /users/{user}/"))
	require.Len(t, texts("/{any...}"), 5, "what is not below the base URL is no operation's")

	srv.RequestsTo("POST /users/{user}/messages/")[0].Form.Set("message", "changed")
	require.Equal(t, "one", srv.RequestsTo("POST /users/{user}/messages/")[0].Form.Get("message"), "what is returned is a copy")
}
