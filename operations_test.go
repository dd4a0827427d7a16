package trillian_test

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
)

const (
	general  = "#e777b98d42ae25754f3ae6bd2847dc8967ae8c5c@cerulean-inc.com"
	smw      = "smw@cerulean-inc.com"
	kwk      = "kwk@cerulean-inc.com"
	item     = "oaoE1007PaKuresDf88IEcxJ6xsFWS/SuLWP/kzzIjs="
	history  = "c798b870f797b37878fe19cf05198f50d88273dd"
	chatPath = "/v1/groupchats/%23e777b98d42ae25754f3ae6bd2847dc8967ae8c5c%40cerulean-inc.com/"
	userPath = "/v1/users/smw%40cerulean-inc.com/"
	itemPath = "media/oaoE1007PaKuresDf88IEcxJ6xsFWS%2FSuLWP%2FkzzIjs%3D/"
	weekPath = "messages/" + history + "/2016/20/"
)

var week20 = trillian.MessageWeek{Conversation: history, Year: 2016, Week: 20}

// operation is one row of the reference: how it is called, what must arrive at
// the server, how the server answers, and the value that must come back.
type operation struct {
	name   string
	call   func(context.Context, *trillian.Client) (any, error)
	method string
	path   string // escaped
	query  string
	form   url.Values
	status int
	answer string // the name of a sample, or the answer itself
	want   any    // nil where the call returns only an error
}

func TestOperations(t *testing.T) {
	t.Parallel()
	all := allOperations()
	require.Len(t, all, 52, "operations of the reference")

	for _, op := range all {
		t.Run(op.name, func(t *testing.T) {
			t.Parallel()
			answer := op.answer
			if answer != "" && !strings.ContainsAny(answer, "< ") {
				answer = sample(t, answer)
			}
			server := newRecorder(t, op.status, answer)
			got, err := op.call(t.Context(), newClient(t, server.URL))
			require.NoError(t, err)
			require.Equal(t, op.want, got)

			seen := server.only(t)
			require.Equal(t, op.method, seen.Method)
			require.Equal(t, op.path, seen.Path)
			require.Equal(t, op.query, seen.Query)
			if op.form == nil {
				op.form = url.Values{}
			}
			require.Equal(t, op.form, seen.Form)
			require.Equal(t, []string{token}, seen.Token, "the token stands in the query, whatever the verb")
			require.NotContains(t, seen.Form, "token")
			if len(op.form) > 0 {
				require.Equal(t, "application/x-www-form-urlencoded", seen.Header.Get("Content-Type"))
			}
			require.Equal(t, trillian.DefaultUserAgent, seen.Header.Get("User-Agent"))
		})
	}
}

func allOperations() []operation {
	return slices.Concat(groupChatOperations(), groupOperations(), userOperations())
}

// nothing turns a call that returns only an error into an operation's.
func nothing(err error) (any, error) { return nil, err }

func groupChatOperations() []operation {
	ops := []operation{
		{
			name: "list group chats", method: http.MethodGet, path: "/v1/groupchats/", query: "groups=1&members=1",
			status: 200, answer: "groupchats-list", want: []trillian.GroupChat{generalChat(), developmentChat()},
			call: func(ctx context.Context, c *trillian.Client) (any, error) {
				return c.GroupChats.List(ctx, &trillian.GroupChatOptions{Groups: true, Members: true})
			},
		},
		{
			name: "get a group chat", method: http.MethodGet, path: chatPath,
			status: 200, answer: "groupchats-get", want: new(generalChat()),
			call: func(ctx context.Context, c *trillian.Client) (any, error) {
				return c.GroupChats.Get(ctx, general, nil)
			},
		},
		{
			name: "create a group chat", method: http.MethodPost, path: "/v1/groupchats/",
			form:   url.Values{"displayname": {"Sales"}, "flags": {"0"}},
			status: 201, answer: "groupchats-create", want: new(salesChat()),
			call: func(ctx context.Context, c *trillian.Client) (any, error) {
				return c.GroupChats.Create(ctx, trillian.GroupChatCreate{DisplayName: "Sales"})
			},
		},
		{
			name: "update a group chat", method: http.MethodPatch, path: chatPath,
			form:   url.Values{"topic": {"This is a brand new topic!"}, "flags": {"7936"}},
			status: 200, answer: "groupchats-update", want: new(withTopic(withMediaSlash(generalChat()), "This is a brand new topic!")),
			call: func(ctx context.Context, c *trillian.Client) (any, error) {
				return c.GroupChats.Update(ctx, general, trillian.GroupChatUpdate{
					Topic: new("This is a brand new topic!"), Flags: new(trillian.GroupChatFlags(7936)),
				})
			},
		},
		{
			name: "list members", method: http.MethodGet, path: chatPath + "members/", status: 200, answer: "groupchats-members-list",
			want: []trillian.Member{{Name: smw, Flags: trillian.MemberOp}, {Name: kwk, Flags: trillian.MemberOp | trillian.MemberVoice}},
			call: func(ctx context.Context, c *trillian.Client) (any, error) {
				return c.GroupChats.Members.List(ctx, general)
			},
		},
		{
			name: "add a member", method: http.MethodPost, path: chatPath + "kwk%40cerulean-inc.com/", status: 201,
			answer: "groupchats-members-add", want: &trillian.Member{Name: kwk},
			call: func(ctx context.Context, c *trillian.Client) (any, error) {
				return c.GroupChats.Members.Add(ctx, general, kwk)
			},
		},
		{
			name: "delete a member", method: http.MethodDelete, path: chatPath + "kwk%40cerulean-inc.com/", status: 204,
			call: func(ctx context.Context, c *trillian.Client) (any, error) {
				return nothing(c.GroupChats.Members.Remove(ctx, general, kwk))
			},
		},
	}
	ops = append(ops, mediaOperations("group chat", general, chatPath, func(c *trillian.Client) *trillian.MediaService { return c.GroupChats.Media })...)
	return append(ops, messageOperations("group chat", general, chatPath, func(c *trillian.Client) *trillian.MessagesService { return c.GroupChats.Messages })...)
}

// mediaOperations are those that a group chat and a user have alike.
func mediaOperations(kind, owner, base string, of func(*trillian.Client) *trillian.MediaService) []operation {
	return []operation{
		{
			name: "list media of a " + kind, method: http.MethodGet, path: base + "media/", status: 200,
			answer: "groupchats-media-list", want: sampleMedia(),
			call: func(ctx context.Context, c *trillian.Client) (any, error) { return of(c).List(ctx, owner) },
		},
		{
			name: "get media of a " + kind, method: http.MethodGet, path: base + itemPath, status: 200,
			answer: "Sell more", want: "Sell more",
			call: func(ctx context.Context, c *trillian.Client) (any, error) {
				var b bytes.Buffer
				info, err := of(c).Download(ctx, owner, item, &b)
				if err == nil && info.Size != int64(b.Len()) {
					return info, nil
				}
				return b.String(), err
			},
		},
		{
			name: "look at media of a " + kind, method: http.MethodHead, path: base + itemPath, status: 200,
			answer: "Sell more", want: int64(9),
			call: func(ctx context.Context, c *trillian.Client) (any, error) {
				info, err := of(c).Stat(ctx, owner, item)
				if err != nil {
					return nil, err
				}
				return info.Size, nil
			},
		},
		{
			name: "create media of a " + kind, method: http.MethodPost, path: base + "media/", status: 201,
			form: url.Values{
				"data": {"+/8="}, "imageheight": {"2"}, "imagewidth": {"3"}, "name": {"a b&c.png"}, "thumbnail": {"AP8="}, "type": {"image/png"},
			},
			want: &trillian.Media{Owner: owner, Name: "a b&c.png", Type: "image/png", Size: 2},
			call: func(ctx context.Context, c *trillian.Client) (any, error) {
				return of(c).Upload(ctx, owner, trillian.MediaUpload{
					Name: "a b&c.png", Type: "image/png", Data: bytes.NewReader([]byte{0xfb, 0xff}), Thumbnail: []byte{0, 0xff},
					ImageWidth: 3, ImageHeight: 2,
				})
			},
		},
		{
			name: "delete media of a " + kind, method: http.MethodDelete, path: base + itemPath, status: 204,
			call: func(ctx context.Context, c *trillian.Client) (any, error) {
				return nothing(of(c).Delete(ctx, owner, item))
			},
		},
	}
}

// messageOperations are those that a group chat and a user have alike.
func messageOperations(kind, owner, base string, of func(*trillian.Client) *trillian.MessagesService) []operation {
	return []operation{
		{
			name: "list message weeks of a " + kind, method: http.MethodGet, path: base + "messages/", status: 200,
			answer: "groupchats-messages-conversations", want: []trillian.Conversation{sampleConversation()},
			call: func(ctx context.Context, c *trillian.Client) (any, error) { return of(c).Conversations(ctx, owner) },
		},
		{
			name: "get a week's messages of a " + kind, method: http.MethodGet, path: base + weekPath, status: 200,
			answer: "groupchats-messages-list", want: sampleMessages(),
			call: func(ctx context.Context, c *trillian.Client) (any, error) { return of(c).List(ctx, owner, week20) },
		},
		{
			name: "send a message to a " + kind, method: http.MethodPost, path: base + "messages/", status: 200,
			form:   url.Values{"from": {smw}, "message": {"Hello from the API!"}},
			answer: "groupchats-messages-send",
			want:   &trillian.Message{Timestamp: millis(1464201252102), From: smw, Text: "Hello from the API!"},
			call: func(ctx context.Context, c *trillian.Client) (any, error) {
				return of(c).Send(ctx, owner, trillian.MessageSend{From: smw, Text: "Hello from the API!"})
			},
		},
		{
			name: "delete a message block of a " + kind, method: http.MethodDelete, path: base + weekPath, status: 204,
			form: url.Values{"block": {"++8="}},
			call: func(ctx context.Context, c *trillian.Client) (any, error) {
				return nothing(of(c).DeleteBlock(ctx, owner, week20, []byte{0xfb, 0xef}))
			},
		},
		{
			name: "delete a week of a " + kind, method: http.MethodDelete, path: base + weekPath, status: 204,
			call: func(ctx context.Context, c *trillian.Client) (any, error) {
				return nothing(of(c).DeleteWeek(ctx, owner, week20))
			},
		},
		{
			name: "delete all messages of a " + kind, method: http.MethodDelete, path: base + "messages/" + history + "/", status: 204,
			call: func(ctx context.Context, c *trillian.Client) (any, error) {
				return nothing(of(c).DeleteConversation(ctx, owner, history))
			},
		},
	}
}
