// Package adversarial holds the client, from outside, to what SECURITY.md promises.
// It has tests only, one file a promise.
package adversarial

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
)

// token has every character that an escaping can get wrong.
const token = "AVS/w8J7+UELk4=Q9%pB5 iz&66p=="

// What the reference's samples name.
const (
	general = "#e777b98d42ae25754f3ae6bd2847dc8967ae8c5c@cerulean-inc.com"
	smw     = "smw@cerulean-inc.com"
	kwk     = "kwk@cerulean-inc.com"
	item    = "oaoE1007PaKuresDf88IEcxJ6xsFWS/SuLWP/kzzIjs="
	history = "c798b870f797b37878fe19cf05198f50d88273dd"
)

const usersAnswer = `<response> <user><im>smw@cerulean-inc.com</im><email>smw@example.com</email></user><user name="kwk@cerulean-inc.com"/></response>`

var week20 = trillian.MessageWeek{Conversation: history, Year: 2016, Week: 20}

var (
	once = trillian.WithRetryPolicy(trillian.RetryPolicy{MaxAttempts: 1})
	fast = trillian.WithRetryPolicy(trillian.RetryPolicy{MinWait: 1, MaxWait: time.Millisecond})
)

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// exchange is one request as a server received it.
type exchange struct {
	Method, Path, Query string
	Token               []string
	Form                url.Values
	Header              http.Header
}

// recorder answers every request in the same way and remembers what it saw.
type recorder struct {
	*httptest.Server
	status int
	header http.Header
	answer string

	mu   sync.Mutex
	seen []exchange
}

func newRecorder(t testing.TB, status int, answer string) *recorder {
	t.Helper()
	r := &recorder{status: status, answer: answer, header: http.Header{}}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	form, _ := url.ParseQuery(string(body))
	query := req.URL.Query()
	seen := exchange{
		Method: req.Method, Path: req.URL.EscapedPath(), Token: query["token"], Form: form, Header: req.Header,
	}
	query.Del("token")
	seen.Query = query.Encode()
	r.mu.Lock()
	r.seen = append(r.seen, seen)
	r.mu.Unlock()
	for name, values := range r.header {
		w.Header()[name] = values
	}
	w.WriteHeader(r.status)
	_, _ = io.WriteString(w, r.answer)
}

// only returns the one request that arrived.
func (r *recorder) only(t testing.TB) exchange {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	require.Len(t, r.seen, 1, "requests that arrived")
	return r.seen[0]
}

func (r *recorder) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.seen)
}

// newClient returns a client of the server's /v1/.
func newClient(t testing.TB, base string, opts ...trillian.Option) *trillian.Client {
	t.Helper()
	c, err := trillian.NewClient(token, append([]trillian.Option{trillian.WithBaseURL(base + "/v1/")}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// callEverything makes a call of every operation of the reference.
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
