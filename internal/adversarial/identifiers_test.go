package adversarial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
)

// hostileIDs are what no identifier looks like, and whether it is refused. What
// is not refused must reach the server as one segment that says the same.
var hostileIDs = []struct {
	id      string
	refused bool
}{
	{"", true}, {" ", true}, {"\t", true}, {"\u00a0", true}, {"\u3000 ", true},
	{".", true}, {"..", true}, {"a/../b", true}, {"../x", true}, {`..\x`, true}, {"./x", true}, {"x/.", true}, {"x/..", true},
	{"/../", true}, {`a\..\b`, true}, {"..;", true}, {"..;x=1/b", true}, {"a/..;/b", true},
	{"\x00", true}, {"a\x00b", true}, {"a\nb", true}, {"a\r\nHost: evil\r\n\r\nb", true}, {"a\x7fb", true}, {"a\u0085b", true}, {"\x1b[2J", true},
	{"\xff", true}, {"a\xc3\x28", true}, {"\xed\xa0\x80", true}, {"\xc0\xae\xc0\xae/x", true},
	{strings.Repeat("x", 10_000), true}, {strings.Repeat("x", 2049), true}, {strings.Repeat("\u00e9", 1025), true},
	{strings.Repeat("x", 2048), false}, {strings.Repeat("%", 2048), false},
	{"...", false}, {". .", false}, {"a..b", false}, {"..a", false},
	{"%2F", false}, {"%2e%2e", false}, {"%2e%2e%2f", false}, {"%", false}, {"%zz", false}, {"%00", false}, {"%25", false}, {"a%0d%0ab", false},
	{"?", false}, {"?a=b", false}, {"peer?", false}, {"#", false}, {"#top", false}, {`\`, false}, {"a;b=c", false}, {";", false}, {"&", false}, {"token=x&y", false},
	{"a//b", false}, {"/", false}, {"//", false}, {"/a", false}, {"a/", false}, {"users/", false}, {"http://evil.example.com/", false}, {"//evil.example.com", false},
	{"oaoE1007PaKuresDf88IEcxJ6xsFWS/SuLWP/kzzIjs+=", false}, {"+", false}, {"a b", false}, {"a+b", false}, {" a ", false},
	{"messages", false}, {"media", false}, {"members", false}, {"groups", false}, {"MESSAGES", false}, {"media/", false}, {"/messages/x", false},
	{"\u200f\u202eabc", false}, {"\u200b", false}, {"\ufeff", false}, {"\u2028", true}, {"a\u2028b", false}, {"\U0001f600\u200d\U0001f3fd", false}, {"e\u0301", false}, {"\ufffd", false}, {"\uff0e\uff0e", false},
	{"0", false}, {"-1", false}, {"null", false}, {"*", false}, {"~", false}, {"@", false}, {":", false}, {"!$'()*,", false}, {`"<>^` + "`{|}", false}, {"[::1]", false},
}

// argument is one identifier of one method, and the path that it has a place in.
type argument struct {
	name string
	path string // {} is the place
	call func(ctx context.Context, c *trillian.Client, id string) error
}

// wire keeps the request targets as they arrived.
type wire struct {
	*httptest.Server
	mu      sync.Mutex
	targets []string
}

func newWire(t *testing.T) *wire {
	w := &wire{}
	w.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.targets = append(w.targets, r.Method+" "+r.RequestURI)
		if path, _, _ := strings.Cut(r.RequestURI, "?"); path != r.URL.EscapedPath() {
			w.targets = append(w.targets, "which the server took for "+r.URL.EscapedPath())
		}
		w.mu.Unlock()
		_, _ = io.Copy(io.Discard, r.Body)
		if r.Method == http.MethodGet {
			_, _ = io.WriteString(rw, "<response/>")
		}
	}))
	t.Cleanup(w.Close)
	return w
}

func (w *wire) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	targets := w.targets
	w.targets = nil
	return targets
}

func TestIdentifiers(t *testing.T) {
	t.Parallel()
	require.GreaterOrEqual(t, len(hostileIDs), 25)
	for _, arg := range pathArguments() {
		t.Run(arg.name, func(t *testing.T) {
			t.Parallel()
			server := newWire(t)
			c := newClient(t, server.URL, once)
			for _, h := range hostileIDs {
				err := arg.call(t.Context(), c, h.id)
				targets := server.take()
				if h.refused || arg.refuses(h.id) {
					require.ErrorIs(t, err, trillian.ErrInvalidArgument, "%q", h.id)
					var argument *trillian.ArgumentError
					require.ErrorAs(t, err, &argument)
					require.Empty(t, targets, "%q was refused, and sent", h.id)
				} else {
					require.NotErrorIs(t, err, trillian.ErrInvalidArgument, "%q", h.id)
					require.Len(t, targets, 1, "%q: %v", h.id, err)
					requireSegment(t, arg.path, h.id, targets[0])
				}
			}
		})
	}
}

// requireSegment asserts that a request target is the operation's path, with the
// identifier as one segment of it.
func requireSegment(t *testing.T, path, id, got string) {
	_, uri, _ := strings.Cut(got, " ")
	uri, query, _ := strings.Cut(uri, "?")
	require.Equal(t, "token="+url.QueryEscape(token), query)
	want, have := strings.Split("/v1/"+path, "/"), strings.Split(uri, "/")
	require.Len(t, have, len(want), "segments of %q", uri)
	for i, segment := range want {
		if segment != "{}" {
			require.Equal(t, segment, have[i])
			continue
		}
		plain, err := url.PathUnescape(have[i])
		require.NoError(t, err)
		require.Equal(t, id, plain)
		require.NotContains(t, []string{"", ".", ".."}, have[i])
		for _, c := range []byte(have[i]) {
			require.True(t, c == '%' || c < 0x80 && strings.ContainsRune("-._~", rune(c)) || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z',
				"%q in %q is reserved", c, have[i])
		}
	}
}

// refuses reports whether this argument is refused where others are not: only a
// media id needs slashes, and a member stands where a group chat's other resources
// do.
func (a argument) refuses(id string) bool {
	if !strings.HasSuffix(a.name, ".id") && strings.ContainsAny(id, `/\`) {
		return true
	}
	first, _, _ := strings.Cut(strings.Trim(strings.ToLower(id), "/"), "/")
	return strings.HasSuffix(a.name, ".member") && slices.Contains([]string{"groups", "media", "members", "messages"}, first)
}

func pathArguments() []argument {
	ignore := func(_ any, err error) error { return err }
	args := []argument{
		{"GroupChats.Get.chat", "groupchats/{}/", func(ctx context.Context, c *trillian.Client, id string) error {
			return ignore(c.GroupChats.Get(ctx, id, nil))
		}},
		{"GroupChats.Update.chat", "groupchats/{}/", func(ctx context.Context, c *trillian.Client, id string) error {
			return ignore(c.GroupChats.Update(ctx, id, trillian.GroupChatUpdate{Topic: new("x")}))
		}},
		{"Members.List.chat", "groupchats/{}/members/", func(ctx context.Context, c *trillian.Client, id string) error {
			return ignore(c.GroupChats.Members.List(ctx, id))
		}},
		{"Members.Add.chat", "groupchats/{}/smw/", func(ctx context.Context, c *trillian.Client, id string) error {
			return ignore(c.GroupChats.Members.Add(ctx, id, "smw"))
		}},
		{"Members.Add.member", "groupchats/chat/{}/", func(ctx context.Context, c *trillian.Client, id string) error {
			return ignore(c.GroupChats.Members.Add(ctx, "chat", id))
		}},
		{"Members.Remove.chat", "groupchats/{}/smw/", func(ctx context.Context, c *trillian.Client, id string) error {
			return c.GroupChats.Members.Remove(ctx, id, "smw")
		}},
		{"Members.Remove.member", "groupchats/chat/{}/", func(ctx context.Context, c *trillian.Client, id string) error {
			return c.GroupChats.Members.Remove(ctx, "chat", id)
		}},
		{"Presence.Update.user", "presence/{}/", func(ctx context.Context, c *trillian.Client, id string) error {
			return c.Presence.Update(ctx, id, trillian.PresenceUpdate{Message: new("x")})
		}},
		{"Users.Get.user", "users/{}/", func(ctx context.Context, c *trillian.Client, id string) error { return ignore(c.Users.Get(ctx, id)) }},
		{"Users.Update.user", "users/{}/", func(ctx context.Context, c *trillian.Client, id string) error {
			return ignore(c.Users.Update(ctx, id, trillian.UserUpdate{Email: new("x")}))
		}},
		{"Users.Update.user with a password", "users/{}/", func(ctx context.Context, c *trillian.Client, id string) error {
			return ignore(c.Users.Update(ctx, id, trillian.UserUpdate{Password: new(trillian.Secret("x"))}))
		}},
		{"Users.Delete.user", "users/{}/", func(ctx context.Context, c *trillian.Client, id string) error { return c.Users.Delete(ctx, id) }},
		{"Avatar.Get.user", "users/{}/addressbook/avatar/", func(ctx context.Context, c *trillian.Client, id string) error {
			return ignore(c.Users.Avatar.Get(ctx, id))
		}},
		{"Avatar.Set.user", "users/{}/addressbook/avatar/", func(ctx context.Context, c *trillian.Client, id string) error {
			return c.Users.Avatar.Set(ctx, id, trillian.Avatar{Type: "image/png", Data: []byte("x")})
		}},
		{"Avatar.Delete.user", "users/{}/addressbook/avatar/", func(ctx context.Context, c *trillian.Client, id string) error {
			return c.Users.Avatar.Delete(ctx, id)
		}},
	}
	groupChatMedia := func(c *trillian.Client) *trillian.MediaService { return c.GroupChats.Media }
	userMedia := func(c *trillian.Client) *trillian.MediaService { return c.Users.Media }
	groupChatMessages := func(c *trillian.Client) *trillian.MessagesService { return c.GroupChats.Messages }
	userMessages := func(c *trillian.Client) *trillian.MessagesService { return c.Users.Messages }
	args = append(args, mediaArguments("groupchats/", groupChatMedia)...)
	args = append(args, mediaArguments("users/", userMedia)...)
	args = append(args, messageArguments("groupchats/", groupChatMessages)...)
	return append(args, messageArguments("users/", userMessages)...)
}

// mediaArguments are those of the methods that a group chat and a user have alike.
func mediaArguments(base string, of func(*trillian.Client) *trillian.MediaService) []argument {
	type method func(s *trillian.MediaService, ctx context.Context, owner, id string) error
	file := func() trillian.MediaUpload {
		return trillian.MediaUpload{Name: "a.txt", Data: strings.NewReader("x")}
	}
	var args []argument
	add := func(name, path string, m method) {
		args = append(args, argument{base + "Media." + name + ".owner", base + "{}/media/" + path, func(ctx context.Context, c *trillian.Client, id string) error {
			return m(of(c), ctx, id, "item")
		}})
		if path != "" {
			args = append(args, argument{base + "Media." + name + ".id", base + "owner/media/{}/", func(ctx context.Context, c *trillian.Client, id string) error {
				return m(of(c), ctx, "owner", id)
			}})
		}
	}
	add("List", "", func(s *trillian.MediaService, ctx context.Context, owner, _ string) error {
		_, err := s.List(ctx, owner)
		return err
	})
	add("Stat", "item/", func(s *trillian.MediaService, ctx context.Context, owner, id string) error {
		_, err := s.Stat(ctx, owner, id)
		return err
	})
	add("Open", "item/", func(s *trillian.MediaService, ctx context.Context, owner, id string) error {
		m, err := s.Open(ctx, owner, id)
		if err == nil {
			err = m.Close()
		}
		return err
	})
	add("Download", "item/", func(s *trillian.MediaService, ctx context.Context, owner, id string) error {
		_, err := s.Download(ctx, owner, id, io.Discard)
		return err
	})
	add("Upload", "", func(s *trillian.MediaService, ctx context.Context, owner, _ string) error {
		_, err := s.Upload(ctx, owner, file())
		return err
	})
	add("Delete", "item/", func(s *trillian.MediaService, ctx context.Context, owner, id string) error {
		return s.Delete(ctx, owner, id)
	})
	return args
}

// messageArguments are those of the methods that a group chat and a user have alike.
func messageArguments(base string, of func(*trillian.Client) *trillian.MessagesService) []argument {
	type method func(s *trillian.MessagesService, ctx context.Context, owner, conversation string) error
	var args []argument
	add := func(name, path string, m method) {
		args = append(args, argument{base + "Messages." + name + ".owner", base + "{}/messages/" + path, func(ctx context.Context, c *trillian.Client, id string) error {
			return m(of(c), ctx, id, "conversation")
		}})
		if path != "" {
			path = strings.Replace(path, "conversation", "{}", 1)
			args = append(args, argument{base + "Messages." + name + ".conversation", base + "owner/messages/" + path, func(ctx context.Context, c *trillian.Client, id string) error {
				return m(of(c), ctx, "owner", id)
			}})
		}
	}
	week := func(conversation string) trillian.MessageWeek {
		return trillian.MessageWeek{Conversation: conversation, Year: 2016, Week: 20}
	}
	add("Conversations", "", func(s *trillian.MessagesService, ctx context.Context, owner, _ string) error {
		_, err := s.Conversations(ctx, owner)
		return err
	})
	add("History", "", func(s *trillian.MessagesService, ctx context.Context, owner, _ string) error {
		return last(s.History(ctx, owner, nil))
	})
	add("All", "conversation/2016/20/", func(s *trillian.MessagesService, ctx context.Context, owner, conversation string) error {
		return last(s.All(ctx, owner, week(conversation)))
	})
	add("List", "conversation/2016/20/", func(s *trillian.MessagesService, ctx context.Context, owner, conversation string) error {
		_, err := s.List(ctx, owner, week(conversation))
		return err
	})
	add("Send", "", func(s *trillian.MessagesService, ctx context.Context, owner, _ string) error {
		_, err := s.Send(ctx, owner, trillian.MessageSend{From: smw, Text: "x"})
		return err
	})
	add("DeleteBlock", "conversation/2016/20/", func(s *trillian.MessagesService, ctx context.Context, owner, conversation string) error {
		return s.DeleteBlock(ctx, owner, week(conversation), []byte("x"))
	})
	add("DeleteWeek", "conversation/2016/20/", func(s *trillian.MessagesService, ctx context.Context, owner, conversation string) error {
		return s.DeleteWeek(ctx, owner, week(conversation))
	})
	add("DeleteConversation", "conversation/", func(s *trillian.MessagesService, ctx context.Context, owner, conversation string) error {
		return s.DeleteConversation(ctx, owner, conversation)
	})
	return args
}

// TestNumbers does the same to identifiers that are numbers, and to weeks.
func TestNumbers(t *testing.T) {
	t.Parallel()
	server := newWire(t)
	c, ctx := newClient(t, server.URL, once), t.Context()
	second := func(_ any, err error) error { return err }
	numbers := map[string]func(int) error{
		"groups/%d/ get":      func(n int) error { return second(c.Groups.Get(ctx, n, nil)) },
		"groups/%d/ update":   func(n int) error { return second(c.Groups.Update(ctx, n, trillian.GroupUpdate{Policy: new(1)})) },
		"groups/%d/ delete":   func(n int) error { return c.Groups.Delete(ctx, n) },
		"groups/%d/peers/":    func(n int) error { return second(c.Groups.Peers.List(ctx, n)) },
		"groups/%d/peers/7/":  func(n int) error { return second(c.Groups.Peers.Add(ctx, n, 7)) },
		"groups/7/peers/%d/":  func(n int) error { return second(c.Groups.Peers.Add(ctx, 7, n)) },
		"groups/%d/peers/8/":  func(n int) error { return c.Groups.Peers.Remove(ctx, n, 8) },
		"groups/8/peers/%d/":  func(n int) error { return c.Groups.Peers.Remove(ctx, 8, n) },
		"policies/%d/ get":    func(n int) error { return second(c.Policies.Get(ctx, n)) },
		"policies/%d/ update": func(n int) error { return second(c.Policies.Update(ctx, n, trillian.PolicyUpdate{Name: new("x")})) },
		"policies/%d/ delete": func(n int) error { return c.Policies.Delete(ctx, n) },
	}
	for path, call := range numbers {
		for _, n := range []int{0, -1, math.MinInt, math.MinInt32, 1, math.MaxInt32, math.MaxInt} {
			good := n > 0
			err := call(n)
			if !good {
				require.ErrorIs(t, err, trillian.ErrInvalidArgument, "%s %d", path, n)
				require.Empty(t, server.take())
			} else {
				path, _, _ := strings.Cut(path, " ")
				targets := server.take()
				require.Len(t, targets, 1)
				require.Contains(t, targets[0], " /v1/"+fmt.Sprintf(path, n)+"?token=")
			}
		}
	}
	for _, s := range []*trillian.MessagesService{c.GroupChats.Messages, c.Users.Messages} {
		calls := map[string]func(trillian.MessageWeek) error{
			"list":   func(w trillian.MessageWeek) error { return second(s.List(ctx, smw, w)) },
			"all":    func(w trillian.MessageWeek) error { return last(s.All(ctx, smw, w)) },
			"delete": func(w trillian.MessageWeek) error { return s.DeleteWeek(ctx, smw, w) },
			"block":  func(w trillian.MessageWeek) error { return s.DeleteBlock(ctx, smw, w, []byte("x")) },
		}
		for name, call := range calls {
			for _, w := range []struct{ year, week int }{
				{0, 0}, {0, 20}, {-1, 20}, {math.MinInt, 20}, {10_000, 20}, {math.MaxInt, 20},
				{2016, -1}, {2016, math.MinInt}, {-2016, -20},
			} {
				err := call(trillian.MessageWeek{Conversation: history, Year: w.year, Week: w.week})
				require.ErrorIs(t, err, trillian.ErrInvalidArgument, "%s %v", name, w)
				require.Empty(t, server.take())
			}
			for _, w := range []struct{ year, week int }{{2016, 0}, {2016, 53}, {2016, 54}, {2016, math.MaxInt}, {1, 1}, {9999, 52}} {
				require.NoError(t, call(trillian.MessageWeek{Conversation: history, Year: w.year, Week: w.week}))
				targets := server.take()
				require.Len(t, targets, 1)
				require.Contains(t, targets[0], fmt.Sprintf("/messages/%s/%d/%d/?token=", history, w.year, w.week))
			}
		}
	}
}

// TestNothingIsSent tries what a program does by mistake: the zero
// value of an argument must never widen what is deleted.
func TestNothingIsSent(t *testing.T) {
	t.Parallel()
	server := newWire(t)
	c, ctx := newClient(t, server.URL, once), t.Context()
	for _, s := range []*trillian.MessagesService{c.GroupChats.Messages, c.Users.Messages} {
		for name, err := range map[string]error{
			"DeleteBlock, nil":                s.DeleteBlock(ctx, smw, week20, nil),
			"DeleteBlock, empty":              s.DeleteBlock(ctx, smw, week20, []byte{}),
			"DeleteBlock, zero week":          s.DeleteBlock(ctx, smw, trillian.MessageWeek{}, []byte("x")),
			"DeleteWeek, zero week":           s.DeleteWeek(ctx, smw, trillian.MessageWeek{}),
			"DeleteWeek, no year":             s.DeleteWeek(ctx, smw, trillian.MessageWeek{Conversation: history, Week: 20}),
			"DeleteWeek, no conversation":     s.DeleteWeek(ctx, smw, trillian.MessageWeek{Year: 2016, Week: 20}),
			"DeleteConversation, empty":       s.DeleteConversation(ctx, smw, ""),
			"DeleteConversation, no owner":    s.DeleteConversation(ctx, "", history),
			"DeleteConversation, blank owner": s.DeleteConversation(ctx, "\t ", history),
		} {
			require.ErrorIs(t, err, trillian.ErrInvalidArgument, name)
		}
	}
	require.Empty(t, server.take())
}

// TestPathsOfDo gives Do what its callers might fail to escape.
func TestPathsOfDo(t *testing.T) {
	t.Parallel()
	server := newWire(t)
	c := newClient(t, server.URL, once)
	paths := map[string]bool{ // whether it is sent
		"users/": true, "users": true, "users/a%2Fb/": true, "users/%23a%40b/": true, "users/a%20b/c": true, "users/a+b=c;d@e:f!$&'()*,~": true,
		"users/%25/": true, "users/...": true, "users/" + strings.Repeat("x", 2000): true,
		"": false, " ": false, "/": false, "/users/": false, "//evil.example.com/": false, "https://evil.example.com/": false, "http:evil": true,
		"..": false, ".": false, "../users/": false, "users/..": false, "users/../groups/": false, "users/./": false, "users/%2e%2e/groups/": false, "users/%2E/": false,
		"users/%2e./x": false, "users/a%2F..%2Fb/": false, "users/..%2Fgroups": false, "users/..%5Cgroups/": false, "users/..%3B/groups/": false, "users/..;/groups/": false,
		"users//": false, "users//messages/": false, "users/\\": false, "users?a=b": false, "users/?token=x": false, "users/#": false, "users/a#b": false,
		"users/%": false, "users/%zz/": false, "users/%2": false, "users/%00/": false, "users/%0d%0aHost:%20x/": false, "users/\x00": false, "users/\n": false, "users/a b/": false,
		"users/\xff/": false, "users/%ff/": false, "users/é/": false, "users/%C3%A9/": true, "users/\u202e/": false,
		`users/a%2Fb"/`: false, "users/a%2F<b>/": false, "users/a%2F^/": false, "users/a%2F{b}/": false, "users/a%2F|/": false, "users/a%2F`/": false,
	}
	for path, sent := range paths {
		for _, method := range []string{"GET", "DELETE", "POST"} {
			err := c.Do(t.Context(), method, path, nil, nil)
			targets := server.take()
			if sent {
				require.NoError(t, err, path)
				require.Equal(t, []string{method + " /v1/" + path + "?token=" + url.QueryEscape(token)}, targets)
			} else {
				require.ErrorIs(t, err, trillian.ErrInvalidArgument, "%q", path)
				require.Empty(t, targets, "%q", path)
			}
		}
	}
	for _, method := range []string{"", " ", "GE T", "GET\r\nX: y", "GET /", "DÉL", "\x00"} {
		err := c.Do(t.Context(), method, "users/", nil, nil)
		if !errors.Is(err, trillian.ErrInvalidArgument) {
			require.Fail(t, "accepted", "%q: %v", method, err)
		}
		require.Empty(t, server.take())
	}
}
