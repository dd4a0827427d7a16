package trilliantest_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian/trilliantest"
)

func TestClientErrors(t *testing.T) {
	t.Parallel()
	srv := sampleServer(t)
	general := chatPath(trilliantest.SampleGeneral, "")
	media := "users/smw%40cerulean-inc.com/media/"
	messages := chatPath(trilliantest.SampleLaunch, "messages/"+trilliantest.SampleConversation+"/")
	for _, c := range []struct {
		status     int
		verb, path string
		text       string
		params     []string
	}{
		{400, "POST", "groupchats/", "displayname is missing", []string{"flags", "0"}},
		{400, "POST", "groupchats/", "displayname is empty", []string{"displayname", ""}},
		{400, "POST", "groupchats/", "flags is not an integer", []string{"displayname", "x", "flags", "0x1"}},
		{400, "POST", "groupchats/", "flags is not between 0 and 4294967295", []string{"displayname", "x", "flags", "-1"}},
		{400, "PATCH", general, "there is no parameter that changes anything", nil},
		{400, "PATCH", general, "topic is given 2 times", []string{"topic", "a", "topic", "b"}},
		{400, "GET", "groupchats/", "members is not an integer", []string{"members", "yes"}},
		{400, "GET", general, "groups is not an integer", []string{"groups", ""}},
		{400, "POST", media, "name is missing", []string{"data", "", "type", "x/y"}},
		{400, "POST", media, "type is missing", []string{"data", "", "name", "x"}},
		{400, "POST", media, "data is missing", []string{"name", "x", "type", "x/y"}},
		{400, "POST", media, "data is not Base64", []string{"name", "x", "type", "x/y", "data", "YWJ jZA=="}},
		{400, "POST", media, "data is not Base64", []string{"name", "x", "type", "x/y", "data", "YWJ"}},
		{400, "POST", media, "thumbnail is not Base64", []string{"name", "x", "type", "x/y", "data", "", "thumbnail", "!"}},
		{400, "POST", media, "imagewidth is not an integer", []string{"name", "x", "type", "x/y", "data", "", "imagewidth", "1.5"}},
		{400, "POST", "groups/", "name is missing", []string{"displayname", "x"}},
		{400, "POST", "groups/", "policy is 9, and there is no such policy", []string{"displayname", "x", "name", "y", "policy", "9"}},
		{400, "POST", "groups/", "parent is 9, and there is no such group", []string{"displayname", "x", "name", "y", "parent", "9"}},
		{400, "POST", "groups/", "type is not between 0 and 1", []string{"displayname", "x", "name", "y", "type", "2"}},
		{400, "POST", "groups/1/", "name is empty", []string{"name", ""}},
		{400, "POST", "policies/", "data is missing", []string{"name", "x"}},
		{400, "POST", "policies/", "name is missing", []string{"data", ""}},
		{400, "PATCH", "policies/1/", "data is not Base64", []string{"data", "#"}},
		{400, "PATCH", "presence/smw%40cerulean-inc.com/", "status is not an integer", []string{"status", "away"}},
		{400, "POST", "users/", "im is missing", []string{"email", "x"}},
		{400, "POST", "users/", "im is a group chat", []string{"im", "#x@y"}},
		{400, "POST", "users/", "im has a control character", []string{"im", "a\nb"}},
		{400, "POST", "users/", "password is empty", []string{"im", "x@y", "password", ""}},
		{400, "POST", "users/", "is not the name of a parameter", []string{"im", "x@y", "a b", "c"}},
		{400, "POST", "users/", "there is a user smw@cerulean-inc.com", []string{"im", smw}},
		{400, "PATCH", "users/smw%40cerulean-inc.com/", "im cannot be changed", []string{"im", "x@y"}},
		{400, "POST", "users/smw%40cerulean-inc.com/messages/", "from is missing", []string{"message", "x"}},
		{400, "POST", "users/smw%40cerulean-inc.com/messages/", "message is empty", []string{"from", smw, "message", ""}},
		{400, "DELETE", messages + "2016/20/", "block has a line that does not begin with a timestamp", []string{"block", b64("x")}},
		{404, "GET", chatPath("#nothing@cerulean-inc.com", ""), "no such group chat", nil},
		{404, "GET", general + "media/AAAA/", "no such media item", nil},
		{404, "GET", "groups/9/", "no such group", nil},
		{404, "GET", "groups/01/", "no such group", nil},
		{404, "GET", "groups/x/", "no such group", nil},
		{404, "GET", "policies/0/", "no such policy", nil},
		{404, "GET", "users/nobody%40cerulean-inc.com/", "no such user", nil},
		{404, "GET", messages + "2016/21/", "no such week", nil},
		{404, "GET", messages + "2016/020/", "no such week", nil},
		{404, "GET", chatPath(trilliantest.SampleLaunch, "messages/x/2016/20/"), "no such conversation", nil},
		{404, "GET", "", "there is nothing here", nil},
		{404, "GET", "users", "there is nothing here: a path ends in a slash", nil},
		{404, "DELETE", "users/smw%40cerulean-inc.com", "there is nothing here: a path ends in a slash", nil},
		{404, "POST", "groupchats/%23a/messages", "there is nothing here: a path ends in a slash", nil},
		{404, "GET", "nothing", "<error>there is nothing here</error>", nil},
		{404, "GET", "users//", "there is nothing here", nil},
		{404, "DELETE", "users//messages/x/", "there is nothing here", nil},
		{404, "DELETE", messages + "2016//", "there is nothing here", nil},
		{404, "GET", "Users/", "there is nothing here", nil},
		{404, "GET", "users/../groups/", "there is nothing here", nil},
		{404, "GET", "nothing/", "there is nothing here", nil},
		{405, "DELETE", "users/", "there is no DELETE here", nil},
		{405, "PUT", "users/smw%40cerulean-inc.com/", "there is no PUT here", nil},
	} {
		got := expect(t, srv, c.status, c.verb, c.path, c.params...)
		require.Contains(t, got, "<response> <error>")
		require.Contains(t, got, c.text, "%s %s", c.verb, c.path)
	}
	require.Contains(t, expect(t, srv, 200, "GET", "users/"), smw, "nothing was changed")
}

func TestAllowedVerbs(t *testing.T) {
	t.Parallel()
	srv := sampleServer(t)
	for path, allow := range map[string]string{
		"groupchats/":                      "GET, POST",
		"groupchats/x/":                    "GET, PATCH, POST",
		"groupchats/x/media/":              "GET, POST",
		"groupchats/x/media/y/":            "DELETE, GET, HEAD",
		"groupchats/x/members/":            "GET",
		"groupchats/x/y/":                  "DELETE, POST",
		"groupchats/x/messages/":           "GET, POST",
		"groupchats/x/messages/y/":         "DELETE",
		"groupchats/x/messages/y/2016/20/": "DELETE, GET",
		"groups/":                          "GET, POST",
		"groups/1/":                        "DELETE, GET, POST",
		"groups/1/peers/":                  "GET",
		"groups/1/peers/2/":                "DELETE, POST",
		"policies/":                        "GET, POST",
		"policies/1/":                      "DELETE, GET, PATCH, POST",
		"presence/":                        "GET",
		"presence/x/":                      "PATCH, POST",
		"users/":                           "GET, POST",
		"users/x/":                         "DELETE, GET, PATCH, POST",
		"users/x/addressbook/avatar/":      "DELETE, GET, PUT",
		"users/x/media/":                   "GET, POST",
		"users/x/media/y/":                 "DELETE, GET, HEAD",
		"users/x/messages/":                "GET, POST",
		"users/x/messages/y/":              "DELETE",
		"users/x/messages/y/2016/20/":      "DELETE, GET",
		"users/a%2Fmessages%2Fb/":          "DELETE, GET, PATCH, POST", // one segment
		"users/a%2F/media/%2F%2B%3D/":      "DELETE, GET, HEAD",
	} {
		got := do(t, srv, rawCall{verb: "OPTIONS", path: path})
		require.Equal(t, 405, got.status, path)
		require.Equal(t, allow, got.header.Get("Allow"), path)
		for verb := range strings.SplitSeq(allow, ", ") {
			require.NoError(t, trilliantest.CheckPattern(verb+" /"+path))
		}
		require.ErrorContains(t, trilliantest.CheckPattern("OPTIONS /"+path), "there is only "+allow)
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	srv, other := sampleServer(t), sampleServer(t)
	own := srv.TokenFor(smw)
	messages := "users/kwk%40cerulean-inc.com/messages/"
	hello := url.Values{"from": {smw}, "message": {"x"}}
	for _, c := range []struct {
		status int
		call   rawCall
	}{
		{401, rawCall{verb: "GET", path: "users/", token: "x"}},
		{401, rawCall{verb: "GET", path: "users/", token: other.Token()}},
		{401, rawCall{verb: "GET", path: "users/", token: other.TokenFor(smw)}},
		{401, rawCall{verb: "GET", path: "users/", token: srv.TokenFor("nobody@cerulean-inc.com")}},
		{401, rawCall{verb: "GET", path: "nothing/", token: "x"}},
		{401, rawCall{verb: "POST", path: messages, form: hello}}, // the administrator's
		{401, rawCall{verb: "POST", path: messages, form: hello, token: srv.TokenFor(kwk)}},
		{200, rawCall{verb: "POST", path: messages, form: hello, token: own}},
		{200, rawCall{verb: "GET", path: messages, token: own}},
		{401, rawCall{verb: "POST", path: "users/", form: url.Values{"im": {"x@y"}}, token: own}},
		{401, rawCall{verb: "DELETE", path: messages + "x/", token: own}},
		{401, rawCall{verb: "PATCH", path: "users/smw%40cerulean-inc.com/", form: url.Values{"email": {"x"}}, token: own}},
	} {
		got := do(t, srv, c.call)
		require.Equal(t, c.status, got.status, "%s %s: %s", c.call.verb, c.call.path, got.body)
	}

	// Only the URL holds a token.
	for _, target := range []string{"users/", "users/?token=", "users/?token=" + url.QueryEscape(own) + "&token=" + url.QueryEscape(own)} {
		req, err := http.NewRequest("POST", srv.BaseURL()+target, strings.NewReader("im=x%40y&token="+url.QueryEscape(srv.Token())))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Authorization", "Bearer "+srv.Token())
		require.Equal(t, 401, send(t, srv, req).status, target)
	}
	twice := url.Values{"token": {srv.Token(), srv.Token()}}.Encode()
	require.Equal(t, 401, send(t, srv, request(t, "GET", srv.BaseURL()+"users/?"+twice, nil)).status)
}

func TestForms(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status          int
		mediaType, body string
		want            string
	}{
		{201, "application/x-www-form-urlencoded; charset=utf-8", "&&displayname=a+b%2bc%2BC%20%c3%BC&x&=y&flags=1&", "a b+c+C ü"},
		{201, "application/x-www-form-urlencoded", "displayname=a=b", "a=b"},
		{400, "application/x-www-form-urlencoded", "displayname=a%2", "escapes nothing"},
		{400, "application/x-www-form-urlencoded", "displayname=a%zz", "escapes nothing"},
		{400, "application/x-www-form-urlencoded", "displayname", "displayname is empty"},
		{400, "text/plain", "displayname=a", "not application/x-www-form-urlencoded"},
		{400, "multipart/form-data; boundary=x", "displayname=a", "not application/x-www-form-urlencoded"},
		{400, "", "displayname=a", "not application/x-www-form-urlencoded"},
		{400, "", "", "displayname is missing"},
	} {
		srv := sampleServer(t)
		req, err := http.NewRequest("POST", srv.BaseURL()+"groupchats/?token="+url.QueryEscape(srv.Token()), strings.NewReader(c.body))
		require.NoError(t, err)
		req.Header.Set("Content-Type", c.mediaType)
		got := send(t, srv, req)
		require.Equal(t, c.status, got.status, "%q: %s", c.body, got.body)
		require.Contains(t, got.body, c.want)
	}
}

// Parameters of a request that changes something do not come from the URL.
func TestQueryIsNoForm(t *testing.T) {
	t.Parallel()
	srv := sampleServer(t)
	req, err := http.NewRequest("POST", srv.BaseURL()+"groupchats/?displayname=x&token="+url.QueryEscape(srv.Token()), nil)
	require.NoError(t, err)
	got := send(t, srv, req)
	require.Equal(t, 400, got.status)
	require.Contains(t, got.body, "displayname is missing")
}
