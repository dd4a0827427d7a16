package trillian_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/internal/servertest"
)

// TestArguments shows what is refused before anything is sent, and in which words.
func TestArguments(t *testing.T) {
	t.Parallel()
	server := servertest.New(t, 200, "<response/>")
	c, ctx := newClient(t, server.URL), t.Context()
	file := trillian.MediaUpload{Name: "a.txt", Data: strings.NewReader("x")}
	upload := func(change func(*trillian.MediaUpload)) error {
		u := file
		change(&u)
		_, err := c.Users.Media.Upload(ctx, smw, u)
		return err
	}
	second := func(_ any, err error) error { return err }
	var none context.Context
	for want, err := range map[string]error{
		"chat is empty":                                          second(c.GroupChats.Get(ctx, "", nil)),
		"chat is blank":                                          second(c.GroupChats.Get(ctx, " ", nil)),
		"user has a dot segment":                                 second(c.Users.Get(ctx, "..")),
		"id has a dot segment":                                   c.Users.Media.Delete(ctx, smw, "a/../b"),
		"user is not valid UTF-8":                                c.Presence.Update(ctx, "\xff", trillian.PresenceUpdate{Message: new("")}),
		"user has a control character":                           c.Users.Delete(ctx, "smw\n"),
		"user is longer than 2048 bytes":                         c.Users.Avatar.Delete(ctx, strings.Repeat("x", 2049)),
		"member is the name of another resource of a group chat": second(c.GroupChats.Members.Add(ctx, general, "Messages")),
		"w is nil":                                          second(c.Users.Media.Download(ctx, smw, item, nil)),
		"v is nil":                                          c.Do(ctx, "POST", "users/", nil, (*bytes.Buffer)(nil)),
		"group is 0, which is not an ID":                    c.Groups.Delete(ctx, 0),
		"peer is -1, which is not an ID":                    c.Groups.Peers.Remove(ctx, 1, -1),
		"policy is 0, which is not an ID":                   second(c.Policies.Get(ctx, 0)),
		"conversation is empty":                             c.Users.Messages.DeleteConversation(ctx, smw, ""),
		"week has the year 0":                               c.Users.Messages.DeleteWeek(ctx, smw, trillian.MessageWeek{Conversation: history}),
		"week has the number -1":                            second(c.Users.Messages.List(ctx, smw, trillian.MessageWeek{Conversation: history, Year: 2016, Week: -1})),
		"block is empty: DeleteWeek deletes the whole week": c.GroupChats.Messages.DeleteBlock(ctx, general, week20, nil),
		"from is empty":                                     second(c.Users.Messages.Send(ctx, kwk, trillian.MessageSend{Text: "x"})),
		"message is empty":                                  second(c.Users.Messages.Send(ctx, kwk, trillian.MessageSend{From: smw})),
		"update changes nothing: set a field":               second(c.Users.Update(ctx, smw, trillian.UserUpdate{})),
		"im is empty":                                       second(c.Users.Create(ctx, trillian.UserCreate{})),
		"status is MOBILE, which only the server sets":      c.Presence.Update(ctx, smw, trillian.PresenceUpdate{Status: new(trillian.PresenceMobile)}),
		`fields have the name "displayname", which is a field of the struct`: second(c.Users.Create(ctx, trillian.UserCreate{IM: smw, Fields: map[string]string{"displayname": "x"}})),
		"password is empty": second(c.Users.Update(ctx, smw, trillian.UserUpdate{Password: new(trillian.Secret(""))})),
		`fields have the name "token", which is not a parameter`:          second(c.Users.Create(ctx, trillian.UserCreate{IM: smw, Fields: map[string]string{"token": "x"}})),
		`fields have the name "password", which is a field of the struct`: second(c.Users.Update(ctx, smw, trillian.UserUpdate{Fields: map[string]string{"password": "x"}})),
		"avatar is empty: Delete removes one":                             c.Users.Avatar.Set(ctx, smw, trillian.Avatar{Type: "image/png"}),
		"name is empty":                                                   upload(func(u *trillian.MediaUpload) { u.Name = "" }),
		"data is nil":                                                     upload(func(u *trillian.MediaUpload) { u.Data = nil }),
		"image size is negative":                                          upload(func(u *trillian.MediaUpload) { u.ImageWidth = -1 }),
		"thumbnail has 65536 bytes: at most 65535 are allowed":            upload(func(u *trillian.MediaUpload) { u.Thumbnail = make([]byte, 65536) }),
		"context is nil":                                                  c.Users.Delete(none, smw),
		"method is empty":                                                 c.Do(ctx, "", "users/", nil, nil),
		"method is not an HTTP method":                                    c.Do(ctx, "GE T", "users/", nil, nil),
		"path is empty":                                                   c.Do(ctx, "GET", "", nil, nil),
		"path is not escaped":                                             c.Do(ctx, "GET", "users/%zz/", nil, nil),
		`path is not relative to the base URL: leave out what comes before "users/"`: c.Do(ctx, "GET", "/v1/users/", nil, nil),
		"path has a query, a fragment or a backslash: parameters go to params":       c.Do(ctx, "GET", "users/?a=b", nil, nil),
		"path has characters that must be escaped, or a dot segment":                 c.Do(ctx, "GET", "users/../groups/", nil, nil),
		"path has an empty segment":                    c.Do(ctx, "DELETE", "users//messages/", nil, nil),
		"params have a token: the client adds its own": c.Do(ctx, "GET", "users/", url.Values{"token": {"x"}}, nil),
	} {
		require.EqualError(t, err, "trillian: "+want)
		require.ErrorIs(t, err, trillian.ErrInvalidArgument)
	}
	for _, data := range []io.Reader{(*os.File)(nil), (*bytes.Reader)(nil)} {
		require.EqualError(t, upload(func(u *trillian.MediaUpload) { u.Data = data }), "trillian: data is nil", "%T", data)
	}
	for _, member := range []string{"messages", "Media;x", "groups;"} {
		require.ErrorIs(t, c.GroupChats.Members.Remove(ctx, general, member), trillian.ErrInvalidArgument)
	}
	require.ErrorIs(t, c.Do(ctx, "GET", "users/%2e%2e/groups/", nil, nil), trillian.ErrInvalidArgument)
	require.ErrorIs(t, c.Do(ctx, "GET", "users/", nil, struct{}{}), trillian.ErrInvalidArgument, "v is no pointer")
	require.ErrorIs(t, c.Do(ctx, "GET", "users/", nil, new(chan int)), trillian.ErrInvalidArgument)
	for _, err := range c.Users.Messages.History(ctx, smw, &trillian.HistoryOptions{Concurrency: 65}) {
		require.EqualError(t, err, "trillian: concurrency is 65, not 0 to 64")
	}
	require.Zero(t, server.Count(), "nothing was sent")
}

func TestDo(t *testing.T) {
	t.Parallel()
	server := servertest.New(t, 200, `<response version="2"> <license seats="5">x</license></response>`)
	c, ctx := newClient(t, server.URL), t.Context()

	var v struct {
		Version int `xml:"version,attr"`
		License struct {
			Seats int `xml:"seats,attr"`
		} `xml:"license"`
	}
	require.NoError(t, c.Do(ctx, "get", "license/a%2Fb/", url.Values{"x": {"1 2"}}, &v))
	require.Equal(t, 2, v.Version)
	require.Equal(t, 5, v.License.Seats)

	var raw bytes.Buffer
	require.NoError(t, c.Do(ctx, "POST", "license/", url.Values{"key": {"a&b"}}, &raw))
	require.Equal(t, server.Answer, raw.String())
	require.NoError(t, c.Do(ctx, "DELETE", "license/", nil, nil))

	require.Equal(t, "/v1/license/a%2Fb/", server.Seen[0].Path)
	require.Equal(t, "x=1+2", server.Seen[0].Query)
	require.Equal(t, url.Values{"key": {"a&b"}}, server.Seen[1].Form)
	require.Empty(t, server.Seen[1].Query)
	require.Empty(t, server.Seen[2].Form)

	v.Version = 7
	server.Answer = "<response version=\"3\"><license seats=\"many\"/></response>"
	require.ErrorIs(t, c.Do(ctx, "GET", "license/", nil, &v), trillian.ErrMalformedResponse)
	require.Equal(t, 7, v.Version, "a value that fails to decode is left as it was")
}

// TestPasswordThatWentThroughJSON is no password any more.
func TestPasswordThatWentThroughJSON(t *testing.T) {
	t.Parallel()
	server := servertest.New(t, 200, "")
	users := newClient(t, server.URL).Users
	b, err := json.Marshal(trillian.UserCreate{IM: smw, Password: "hunter2"})
	require.NoError(t, err)
	var create trillian.UserCreate
	require.NoError(t, json.Unmarshal(b, &create))
	require.Equal(t, smw, create.IM)
	_, created := users.Create(t.Context(), create)
	_, updated := users.Update(t.Context(), smw, trillian.UserUpdate{Password: &create.Password, Email: new("")})
	for _, err := range []error{created, updated} {
		require.EqualError(t, err, `trillian: password is "[redacted]", which stood in its place where it was written down`)
		require.ErrorIs(t, err, trillian.ErrInvalidArgument)
	}
	require.Zero(t, server.Count())

	_, err = users.Create(t.Context(), trillian.UserCreate{IM: smw})
	require.NoError(t, err)
	require.NotContains(t, server.Only(t).Form, "password", "a user may be created without one")
}

// TestFieldsStayTheCallers is about a map that many calls may share.
func TestFieldsStayTheCallers(t *testing.T) {
	t.Parallel()
	server := servertest.New(t, 200, "")
	fields := map[string]string{"phone": "1"}
	want := maps.Clone(fields)
	users := newClient(t, server.URL).Users
	created, err := users.Create(t.Context(), trillian.UserCreate{IM: smw, Fields: fields})
	require.NoError(t, err)
	require.Equal(t, "1", created.Fields["phone"])
	updated, err := users.Update(t.Context(), smw, trillian.UserUpdate{Fields: fields})
	require.NoError(t, err)
	created.Fields["phone"], updated.Fields["phone"] = "2", "3"
	require.Equal(t, want, fields)
}
