// Package servertest has what the tests of the client share.
package servertest

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
)

// What the reference's samples name.
const (
	general = "#e777b98d42ae25754f3ae6bd2847dc8967ae8c5c@cerulean-inc.com"
	smw     = "smw@cerulean-inc.com"
)

// Request is one request as a server received it.
type Request struct {
	Method, Path, Query string
	Token               []string
	Form                url.Values
	Header              http.Header
}

// Recorder is a server that answers every request in the same way and remembers what
// it saw.
type Recorder struct {
	*httptest.Server
	Status int
	Header http.Header
	Answer string

	mu   sync.Mutex
	Seen []Request // read it when nobody asks any more
}

// New starts a Recorder, which is closed with the test.
func New(t testing.TB, status int, answer string) *Recorder {
	t.Helper()
	r := &Recorder{Status: status, Answer: answer, Header: http.Header{}}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

// ServeHTTP answers a request.
func (r *Recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	form, _ := url.ParseQuery(string(body))
	query := req.URL.Query()
	seen := Request{
		Method: req.Method, Path: req.URL.EscapedPath(), Token: query["token"], Form: form, Header: req.Header,
	}
	query.Del("token")
	seen.Query = query.Encode()
	r.mu.Lock()
	r.Seen = append(r.Seen, seen)
	r.mu.Unlock()
	for name, values := range r.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(r.Status)
	_, _ = io.WriteString(w, r.Answer)
}

// Only returns the one request that arrived.
func (r *Recorder) Only(t testing.TB) Request {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	require.Len(t, r.Seen, 1, "requests that arrived")
	return r.Seen[0]
}

// Count returns how many requests have arrived.
func (r *Recorder) Count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.Seen)
}

// CallEverything makes a call of every operation of the reference, whatever comes of
// it.
func CallEverything(ctx context.Context, c *trillian.Client) {
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
