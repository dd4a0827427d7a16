package conformance_test

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian/trilliantest/conformance"
)

// An unexpected status of success is seen, whichever operation has it.
func TestWrongStatusIsSeen(t *testing.T) {
	t.Parallel()
	failed, report := examine(t, unbroken)
	require.Zero(t, report.Count(conformance.Failed), "%v", report)
	require.Len(t, failed, 52)
	for _, result := range report {
		t.Run(result.Title, func(t *testing.T) {
			t.Parallel()
			reads := result.Verb == "GET" && result.Title != "Get a user's avatar" || result.Verb == "HEAD"
			failed, _ := examineFor(t, !reads, func(b *brokenServer, req *http.Request) *http.Response {
				resp := b.ask(req)
				if isOf(req, result.Verb, result.Path) && resp.StatusCode/100 == 2 {
					resp.StatusCode = http.StatusAccepted
				}
				return resp
			})
			require.NotZero(t, failed[result.Title])
		})
	}
}

// What every operation must do, and a server that does not.
func TestBrokenForAllIsSeenForAll(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		concerns func(verb, path string) bool
		breakIt  func(*brokenServer, *http.Request) *http.Response
	}{
		"any token will do": {
			func(string, string) bool { return true },
			func(b *brokenServer, req *http.Request) *http.Response {
				q := req.URL.Query()
				if token := q.Get("token"); token != b.Token() && token != b.TokenFor(sender) {
					q.Set("token", b.Token())
					if strings.HasSuffix(req.URL.Path, "/messages/") && req.Method == "POST" {
						q.Set("token", b.TokenFor(sender))
						replaceForm(req, func(form url.Values) { form.Set("from", sender) })
					}
					req.URL.RawQuery = q.Encode()
				}
				return b.ask(req)
			},
		},
		"there is everything": {
			func(_, path string) bool { return strings.Contains(path, ":") },
			func(b *brokenServer, req *http.Request) *http.Response { return replaceStatus(b.ask(req), 404) },
		},
		"nothing that is deleted goes": {
			func(verb, _ string) bool { return verb == "DELETE" },
			func(b *brokenServer, req *http.Request) *http.Response {
				if req.Method == "DELETE" && !strings.Contains(req.URL.EscapedPath(), "00000000") {
					return answer(req, http.StatusNoContent, "")
				}
				return b.ask(req)
			},
		},
		"no content has content": {
			func(verb, path string) bool {
				return verb == "DELETE" && path != "/v1/users/:user/" || path == "/v1/presence/:imaddress/"
			},
			func(b *brokenServer, req *http.Request) *http.Response {
				resp := b.ask(req)
				if resp.StatusCode == http.StatusNoContent {
					resp.Body, resp.ContentLength = io.NopCloser(strings.NewReader("<response/>")), 11
				}
				return resp
			},
		},
		"updates need PATCH": {
			func(verb, _ string) bool { return verb == "PATCH" },
			func(b *brokenServer, req *http.Request) *http.Response {
				for _, path := range []string{"/v1/groupchats/:chat/", "/v1/policies/:policy/", "/v1/presence/:user/", "/v1/users/:user/"} {
					if isOf(req, "POST", path) {
						return answer(req, http.StatusMethodNotAllowed, "<response/>")
					}
				}
				return b.ask(req)
			},
		},
		"updates are answered, and forgotten": {
			func(verb, _ string) bool { return verb == "PATCH" },
			func(b *brokenServer, req *http.Request) *http.Response {
				if req.Method == "PATCH" && !strings.Contains(req.URL.Path, "presence") {
					req.Method, req.Body = "GET", nil
				}
				if req.Method == "PATCH" {
					return answer(req, http.StatusNoContent, "")
				}
				return b.ask(req)
			},
		},
		"the answer is a page": {
			func(verb, _ string) bool { return verb == "GET" || verb == "POST" || verb == "PATCH" },
			func(_ *brokenServer, req *http.Request) *http.Response {
				return answer(req, http.StatusOK, "<html><body>Welcome</body></html>")
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, report := examine(t, test.breakIt)
			for _, result := range report {
				if test.concerns(result.Verb, result.Path) {
					require.True(t, result.Count(conformance.Failed) > 0 || wasSkipped(result), "%s %s (%s): %v",
						result.Verb, result.Path, result.Title, result.Checks)
				}
			}
		})
	}
}

// wasSkipped reports whether an operation's success was not come to.
func wasSkipped(result conformance.Result) bool { return result.Count(conformance.Skipped) > 0 }

// Behaviour of single operations.
func TestBrokenBehaviourIsSeen(t *testing.T) {
	t.Parallel()
	inForm := func(verb, path string, change func(url.Values)) func(*brokenServer, *http.Request) *http.Response {
		return func(b *brokenServer, req *http.Request) *http.Response {
			if isOf(req, verb, path) {
				replaceForm(req, change)
			}
			return b.ask(req)
		}
	}
	inQuery := func(change func(url.Values)) func(*brokenServer, *http.Request) *http.Response {
		return func(b *brokenServer, req *http.Request) *http.Response {
			if q := req.URL.Query(); req.Method == "GET" {
				change(q)
				req.URL.RawQuery = q.Encode()
			}
			return b.ask(req)
		}
	}
	tests := map[string]struct {
		seenIn  []string
		breakIt func(*brokenServer, *http.Request) *http.Response
	}{
		"members are never expanded": {
			[]string{"Get all group chats", "Get a single group chat"}, inQuery(func(q url.Values) { q.Del("members") }),
		},
		"members are always expanded": {
			[]string{"Get all group chats", "Get a single group chat"}, inQuery(func(q url.Values) { q.Set("members", "1") }),
		},
		"peers are never expanded": {
			[]string{"Get all groups", "Get a single group"}, inQuery(func(q url.Values) { q.Del("peers") }),
		},
		"peers are always expanded": {
			[]string{"Get all groups", "Get a single group"}, inQuery(func(q url.Values) { q.Set("peers", "1") }),
		},
		"wrong parameters are let pass": {
			[]string{
				"Get all group chats", "Get a single group chat", "Create a group chat", "Update a group chat",
				"Create a media item owned by a group chat", "Create a media item owned by a user",
				"Send a message to a group chat", "Send a message to a user",
				"Delete one or more messages from a group chat", "Delete one or more messages from a user",
				"Get all groups", "Get a single group", "Create a group", "Update a group", "Create a policy", "Update a policy",
				"Update a user's presence", "Create a user",
			},
			func(b *brokenServer, req *http.Request) *http.Response { return replaceStatus(b.ask(req), 400) },
		},
		"a new group chat's flags are lost": {
			[]string{"Create a group chat"}, inForm("POST", "/v1/groupchats/", func(form url.Values) { form.Del("flags") }),
		},
		"an update resets the flags": {
			[]string{"Update a group chat"}, inForm("PATCH", "/v1/groupchats/:chat/", setIfMissing("flags", "0")),
		},
		"an update resets the display name": {
			[]string{"Update a group chat"}, inForm("PATCH", "/v1/groupchats/:chat/", setIfMissing("displayname", "")),
		},
		"plus signs are lost in a topic": {
			[]string{"Update a group chat"},
			inForm("PATCH", "/v1/groupchats/:chat/", func(form url.Values) {
				if form.Has("topic") {
					form.Set("topic", strings.ReplaceAll(form.Get("topic"), "+", " "))
				}
			}),
		},
		"a new group's parent is lost": {
			[]string{"Create a group"}, inForm("POST", "/v1/groups/", func(form url.Values) { form.Del("parent") }),
		},
		"an update resets a group's policy": {
			[]string{"Update a group"}, inForm("POST", "/v1/groups/:group/", setIfMissing("policy", "0")),
		},
		"an update resets a policy's data": {
			[]string{"Update a policy"}, inForm("PATCH", "/v1/policies/:policy/", setIfMissing("data", "")),
		},
		"an update resets a presence's status": {
			[]string{"Update a user's presence"}, inForm("POST", "/v1/presence/:user/", setIfMissing("status", "0")),
		},
		"a new user's email is lost": {
			[]string{"Create a user"}, inForm("POST", "/v1/users/", func(form url.Values) { form.Del("email") }),
		},
		"an update resets a user's email": {
			[]string{"Update a user"}, inForm("POST", "/v1/users/:user/", setIfMissing("email", "")),
		},
		"a file's name is lost": {
			[]string{"Create a media item owned by a group chat"},
			inForm("POST", "/v1/groupchats/:chat/media/", func(form url.Values) { form.Set("name", "file") }),
		},
		"a thumbnail is lost": {
			[]string{"Create a media item owned by a user"},
			inForm("POST", "/v1/users/:user/media/", func(form url.Values) { form.Del("thumbnail") }),
		},
		"another avatar": {
			[]string{"Set a user's avatar"},
			inForm("PUT", "/v1/users/:user/addressbook/avatar/", func(form url.Values) { form.Set("data", "R0lGODlh") }),
		},
		"HEAD says another size": {
			[]string{"Get information about a media item owned by a group chat", "Get information about a media item owned by a user"},
			func(b *brokenServer, req *http.Request) *http.Response {
				resp := b.ask(req)
				if req.Method == "HEAD" {
					resp.ContentLength++
				}
				return resp
			},
		},
		"HEAD says another type": {
			[]string{"Get information about a media item owned by a group chat", "Get information about a media item owned by a user"},
			func(b *brokenServer, req *http.Request) *http.Response {
				resp := b.ask(req)
				if req.Method == "HEAD" {
					resp.Header.Set("Content-Type", "application/x-unknown")
				}
				return resp
			},
		},
		"files are as text": {
			[]string{"Create a media item owned by a group chat", "Create a media item owned by a user", "Get a single media item owned by a group chat"},
			func(b *brokenServer, req *http.Request) *http.Response {
				resp := b.ask(req)
				if isOf(req, "GET", "/v1/groupchats/:chat/media/:item/") || isOf(req, "GET", "/v1/users/:user/media/:item/") {
					replaceBody(resp, func(body string) string { return strings.ToValidUTF8(body, "\uFFFD") })
				}
				return resp
			},
		},
		"members get flags": {
			[]string{"Add a member to a group chat"},
			func(b *brokenServer, req *http.Request) *http.Response {
				resp := b.ask(req)
				if isOf(req, "POST", "/v1/groupchats/:chat/:member/") {
					replaceBody(resp, func(body string) string { return strings.ReplaceAll(body, "<flags>0<", "<flags>1<") })
				}
				return resp
			},
		},
		"messages are delivered twice": {
			[]string{"Send a message to a group chat", "Send a message to a user"},
			func(b *brokenServer, req *http.Request) *http.Response {
				if isOf(req, "POST", "/v1/groupchats/:chat/messages/") || isOf(req, "POST", "/v1/users/:user/messages/") {
					body, _ := io.ReadAll(req.Body)
					req.Body = io.NopCloser(bytes.NewReader(body))
					b.ask(req)
					req.Body = io.NopCloser(bytes.NewReader(body))
				}
				return b.ask(req)
			},
		},
		"any token sends": {
			[]string{"Send a message to a group chat"},
			func(b *brokenServer, req *http.Request) *http.Response {
				if isOf(req, "POST", "/v1/groupchats/:chat/messages/") {
					var from string
					replaceForm(req, func(form url.Values) { from = form.Get("from") })
					if from != "" && from != sender {
						req.URL.RawQuery = url.Values{"token": {b.TokenFor(from)}}.Encode()
					}
				}
				return b.ask(req)
			},
		},
		"a block deletes the week": {
			[]string{"Delete one or more messages from a group chat", "Delete one or more messages from a user"},
			func(b *brokenServer, req *http.Request) *http.Response {
				if req.Method == "DELETE" {
					replaceForm(req, func(form url.Values) { form.Del("block") })
				}
				return b.ask(req)
			},
		},
		"the count of a week is wrong": {
			[]string{"Get messages from a group chat by week", "Get messages from a user by week"}, inAnswer(`messages="(\d)"`, `messages="${1}0"`),
		},
		"flags are negative":        {[]string{"Get all group chats"}, inAnswer(`<flags>(\d+)<`, `<flags>-$1<`)},
		"links are relative":        {[]string{"Get all group chats", "Get all groups"}, inAnswer(`href="https?://[^/]*`, `href="`)},
		"timestamps are dates":      {[]string{"Get all presence", "Send a message to a group chat"}, inAnswer(`timestamp="\d+"`, `timestamp="2016-05-25"`)},
		"media ids are numbers":     {[]string{"Get all media owned by a group chat"}, inAnswer(`m="[^"]*"`, `m="7"`)},
		"policies are not Base64":   {[]string{"Get all policies"}, inAnswer(`<data>[^<]*<`, `<data>a b 1<`)},
		"the root is another":       {[]string{"Get all groups"}, inAnswer(`(</?)response`, `${1}answer`)},
		"all devices have no build": {[]string{"Get all presence"}, inAnswer(` build="[^"]*"`, ``)},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			failed, report := examine(t, test.breakIt)
			for _, title := range test.seenIn {
				require.NotZero(t, failed[title], "%s\n%v", title, report)
			}
		})
	}
}

// An element or attribute of a sample that an answer lacks is missed.
func TestMissingElementsAndAttributesAreSeen(t *testing.T) {
	t.Parallel()
	elements := map[string][]string{
		"Get all group chats":                    {"displayname", "flags", "groups", "media", "members", "messageTimestamp", "messages", "topic"},
		"Create a group chat":                    {"displayname", "flags", "groups", "media", "members", "messageTimestamp", "messages", "topic"},
		"Get all media owned by a group chat":    {"createdAt", "expiresAt", "size", "owner", "type", "name", "thumbnail", "data"},
		"Get all members of a group chat":        {"members", "flags"},
		"Add a member to a group chat":           {"member", "flags"},
		"Get messages from a group chat by week": {"messages"},
		"Send a message to a group chat":         {"message"},
		"Get a single group":                     {"group", "displayname", "name", "parent", "peers", "policy", "priority", "type"},
		"Get all peers of a group":               {"peers"},
		"Add a peer to a group":                  {"peer"},
		"Update a policy":                        {"policy", "data", "name"},
		"Get all presence":                       {"devices"},
	}
	attributes := map[string][]string{
		"Get a single group chat":                 {"name", "href"},
		"Get all media owned by a group chat":     {"m"},
		"Get all members of a group chat":         {"name", "href"},
		"Get all message weeks from a group chat": {"conversation", "medium", "name", "revision", "flags", "href", "messages", "week", "year"},
		"Get messages from a group chat by week":  {"timestamp", "from"},
		"Get all groups":                          {"id", "href"},
		"Get all peers of a group":                {"id", "href"},
		"Get all policies":                        {"id"},
		"Get all presence":                        {"name", "status", "message", "timestamp", "ip", "platform", "version", "build"},
	}
	_, unbrokenReport := examine(t, unbroken)
	check := func(title, what, pattern string) {
		i := slices.IndexFunc(unbrokenReport, func(r conformance.Result) bool { return r.Title == title })
		require.GreaterOrEqual(t, i, 0, title)
		t.Run(title+"/"+what, func(t *testing.T) {
			t.Parallel()
			rename := inAnswer(pattern, "${1}x-other")
			reads := unbrokenReport[i].Verb == "GET"
			failed, report := examineFor(t, !reads, func(b *brokenServer, req *http.Request) *http.Response {
				if isOf(req, unbrokenReport[i].Verb, unbrokenReport[i].Path) {
					return rename(b, req)
				}
				return b.ask(req)
			})
			require.NotZero(t, failed[title], "%v", report)
		})
	}
	for title, names := range elements {
		for _, name := range names {
			check(title, name, `(</?)`+name+`\b`)
		}
	}
	for title, names := range attributes {
		for _, name := range names {
			check(title, "@"+name, `( )`+name+`\b`)
		}
	}
}
