package trilliantest_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/trilliantest"
)

func message(from, text string) trillian.Message { return trillian.Message{From: from, Text: text} }

// An option is no stream: every server that it fills has the whole file.
func TestMediaOptionFillsMoreThanOneServer(t *testing.T) {
	t.Parallel()
	option := trilliantest.WithMedia(smw, trillian.MediaUpload{Name: "n", Type: "t", Data: strings.NewReader("abc")})
	for range 2 {
		client := sampleServer(t, option).Client()
		items, err := client.Users.Media.List(t.Context(), smw)
		require.NoError(t, err)
		require.Equal(t, int64(3), items[0].Size)
		var got bytes.Buffer
		_, err = client.Users.Media.Download(t.Context(), smw, items[0].ID, &got)
		require.NoError(t, err)
		require.Equal(t, "abc", got.String())
	}
}

// history is an owner's conversations as text: id, the other side, and messages.
func history(t *testing.T, srv *trilliantest.Server, owner string) (all []string) {
	t.Helper()
	client := srv.Client()
	conversations, err := client.Users.Messages.Conversations(t.Context(), owner)
	require.NoError(t, err)
	for _, c := range conversations {
		text := c.ID + " " + c.Name + ":"
		for _, w := range c.Weeks {
			messages, err := client.Users.Messages.List(t.Context(), owner, w)
			require.NoError(t, err)
			for _, m := range messages {
				text += fmt.Sprintf(" %s=%s", m.From, m.Text)
			}
		}
		all = append(all, text)
	}
	return all
}

func TestBothSidesHaveTheMessages(t *testing.T) {
	t.Parallel()
	const third = "third@cerulean-inc.com"
	for name, c := range map[string]struct {
		options  []trilliantest.Option
		smw, kwk []string
		sent     string // the id of the conversation that smw's next message to kwk is in
	}{
		"to the owner": {
			options: []trilliantest.Option{trilliantest.WithMessages(smw, "c1", message(kwk, "1"))},
			smw:     []string{"c1 " + kwk + ": " + kwk + "=1"}, kwk: []string{"c1 " + smw + ": " + kwk + "=1"}, sent: "c1",
		},
		"both ways": {
			options: []trilliantest.Option{trilliantest.WithMessages(kwk, "c1", message(kwk, "1"), message(smw, "2"))},
			smw:     []string{"c1 " + kwk + ": " + kwk + "=1 " + smw + "=2"}, kwk: []string{"c1 " + smw + ": " + kwk + "=1 " + smw + "=2"}, sent: "c1",
		},
		"from both sides, with one id": {
			options: []trilliantest.Option{trilliantest.WithMessages(smw, "c1", message(kwk, "1")), trilliantest.WithMessages(kwk, "c1", message(smw, "2"))},
			smw:     []string{"c1 " + kwk + ": " + kwk + "=1 " + smw + "=2"}, kwk: []string{"c1 " + smw + ": " + kwk + "=1 " + smw + "=2"}, sent: "c1",
		},
		"the owner's answer later": {
			options: []trilliantest.Option{trilliantest.WithMessages(smw, "c1", message(kwk, "1")), trilliantest.WithMessages(smw, "c1", message(smw, "2"))},
			smw:     []string{"c1 " + kwk + ": " + kwk + "=1 " + smw + "=2"}, kwk: []string{"c1 " + smw + ": " + kwk + "=1 " + smw + "=2"}, sent: "c1",
		},
		"only the owner's: to nobody else": {
			options: []trilliantest.Option{trilliantest.WithMessages(smw, "c1", message(smw, "1"))},
			smw:     []string{"c1 " + smw + ": " + smw + "=1"},
		},
		"a third sender": {
			options: []trilliantest.Option{trilliantest.WithMessages(smw, "c1", message(kwk, "1"), message(third, "2"))},
			smw:     []string{"c1 " + kwk + ": " + kwk + "=1 " + third + "=2"}, kwk: []string{"c1 " + smw + ": " + kwk + "=1 " + third + "=2"}, sent: "c1",
		},
		"in a group chat": {
			options: []trilliantest.Option{trilliantest.WithMessages(trilliantest.SampleGeneral, "c1", message(kwk, "1"), message(smw, "2"))},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := sampleServer(t, append([]trilliantest.Option{trilliantest.WithUsers(trillian.User{Name: third})}, c.options...)...)
			require.Equal(t, c.smw, history(t, srv, smw))
			require.Equal(t, c.kwk, history(t, srv, kwk))
			require.Empty(t, history(t, srv, third))

			expect(t, srv, 200, "POST", "users/kwk%40cerulean-inc.com/messages/", "from", smw, "message", "sent")
			conversation := func(owner, peer string) trillian.Conversation {
				all, err := srv.Client().Users.Messages.Conversations(t.Context(), owner)
				require.NoError(t, err)
				var found []trillian.Conversation
				for _, one := range all {
					if one.Name == peer {
						found = append(found, one)
					}
				}
				require.Len(t, found, 1)
				return found[0]
			}
			mine, theirs := conversation(smw, kwk), conversation(kwk, smw)
			require.Equal(t, mine.ID, theirs.ID)
			if c.sent != "" {
				require.Equal(t, c.sent, mine.ID)
			}
			require.Equal(t, mine.Revision, theirs.Revision)
		})
	}
}

// An unknown sender comes into being, with a copy of his own.
func TestUnknownSender(t *testing.T) {
	t.Parallel()
	srv := trilliantest.NewServer(t, trilliantest.WithoutListener(), trilliantest.WithMessages("a@x", "c1", message("b@x", "1")))
	require.Equal(t, []string{"c1 a@x: b@x=1"}, history(t, srv, "b@x"))
}

// A user who was deleted and made anew has no past, and yet goes on under the id
// that the other side kept.
func TestConversationIDOfANewUser(t *testing.T) {
	t.Parallel()
	srv := sampleServer(t, trilliantest.WithMessages(smw, "c1", message(kwk, "1")))
	expect(t, srv, 200, "DELETE", "users/kwk%40cerulean-inc.com/")
	srv.Fill(trilliantest.WithMessages(smw, "c1", message(smw, "2")))
	expect(t, srv, 404, "GET", "users/kwk%40cerulean-inc.com/") // not brought back by it
	expect(t, srv, 201, "POST", "users/", "im", kwk)
	for _, to := range []string{"kwk", "smw"} {
		expect(t, srv, 200, "POST", "users/"+to+"%40cerulean-inc.com/messages/", "from", map[string]string{"kwk": smw, "smw": kwk}[to], "message", "3")
	}
	require.Equal(t, []string{"c1 " + kwk + ": " + kwk + "=1 " + smw + "=2 " + smw + "=3 " + kwk + "=3"}, history(t, srv, smw))
	require.Equal(t, []string{"c1 " + smw + ": " + smw + "=3 " + kwk + "=3"}, history(t, srv, kwk))
}

func TestFill(t *testing.T) {
	t.Parallel()
	at := time.Unix(1e9, 0).UTC()
	bothWays(t, func(t *testing.T, srv *trilliantest.Server) {
		client := srv.Client()
		ctx := t.Context()
		srv.Fill(
			trilliantest.WithUsers(trillian.User{Name: "new@cerulean-inc.com", DisplayName: "New"}),
			trilliantest.WithPresence(trillian.Presence{
				Name: kwk, Status: trillian.PresenceAway, Timestamp: trillian.Timestamp{Time: at},
				Devices: []trillian.Device{{IP: trillian.DeviceIP{Addr: netip.MustParseAddr("10.0.0.1")}, Name: "PHONE"}},
			}),
			trilliantest.WithGroups(trillian.Group{DisplayName: "IT", Name: "it"}),
			trilliantest.WithMessages(trilliantest.SampleLaunch, trilliantest.SampleConversation, message(kwk, "later")),
			trilliantest.WithMedia(kwk, trillian.MediaUpload{Name: "n", Type: "t", Data: strings.NewReader("abc")}),
		)
		user, err := client.Users.Get(ctx, "new@cerulean-inc.com")
		require.NoError(t, err)
		require.Equal(t, "New", user.DisplayName)
		presence, err := client.Presence.List(ctx)
		require.NoError(t, err)
		require.Len(t, presence, 2)
		require.Equal(t, "PHONE", presence[1].Devices[0].Name)
		require.True(t, at.Equal(presence[1].Timestamp.Time))
		group, err := client.Groups.Get(ctx, 4, nil)
		require.NoError(t, err)
		require.Equal(t, "IT", group.DisplayName)
		conversations, err := client.GroupChats.Messages.Conversations(ctx, trilliantest.SampleLaunch)
		require.NoError(t, err)
		require.Len(t, conversations, 1)
		require.Len(t, conversations[0].Weeks, 2)
		media, err := client.Users.Media.List(ctx, kwk)
		require.NoError(t, err)
		require.Len(t, media, 1)

		// Of two things with the same name, the later one holds; what it says
		// nothing of stays.
		srv.Fill(trilliantest.WithGroupChats(trillian.GroupChat{
			Name: trilliantest.SampleLaunch, DisplayName: "Launched",
			Members: trillian.Collection[trillian.Member]{Items: []trillian.Member{{Name: "new@cerulean-inc.com"}}},
		}))
		chat, err := client.GroupChats.Get(ctx, trilliantest.SampleLaunch, &trillian.GroupChatOptions{Members: true})
		require.NoError(t, err)
		require.Equal(t, "Launched", chat.DisplayName)
		require.Equal(t, []trillian.Member{{Name: "new@cerulean-inc.com"}}, chat.Members.Items)
		require.False(t, chat.MessageTimestamp.IsZero(), "it still has its messages")
		srv.Fill(trilliantest.WithGroupChats(trillian.GroupChat{Name: trilliantest.SampleLaunch, DisplayName: "Done"}))
		require.Contains(t, expect(t, srv, 200, "GET", chatPath(trilliantest.SampleLaunch, "members/")), "new@cerulean-inc.com")
	})
}

// What is set up once cannot be changed while it runs, and is named.
func TestFillRefusesSettings(t *testing.T) {
	t.Parallel()
	for name, option := range map[string]trilliantest.Option{
		"WithAddress":      trilliantest.WithAddress("127.0.0.1:0"),
		"WithBasePath":     trilliantest.WithBasePath("/v2/"),
		"WithClock":        trilliantest.WithClock(time.Now),
		"WithIDs":          trilliantest.WithIDs(func() string { return "x" }),
		"WithKeptRequests": trilliantest.WithKeptRequests(1),
		"WithToken":        trilliantest.WithToken("token"),
		"WithTLS":          trilliantest.WithTLS(),
		"WithoutListener":  trilliantest.WithoutListener(),
	} {
		srv, err := trilliantest.Start(trilliantest.WithoutListener())
		require.NoError(t, err)
		require.PanicsWithError(t, "trilliantest: Fill: "+name+" cannot be changed while the server runs", func() {
			srv.Fill(trilliantest.WithUsers(trillian.User{Name: "a@x"}), option)
		})
		require.Equal(t, "<response/>", expect(t, srv, 200, "GET", "users/"), "nothing was filled in")
	}

	tb := &failingTB{TB: t}
	srv := trilliantest.NewServer(tb, trilliantest.WithoutListener())
	defer tb.finish()
	require.PanicsWithValue(t, `trilliantest: Fill: WithUsers: the name "" is empty`, func() { srv.Fill(trilliantest.WithUsers(trillian.User{})) })
	require.Equal(t, "<response/>", expect(t, srv, 200, "GET", "users/"), "and it still answers")
}

func TestFillWhileItAnswers(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, srv *trilliantest.Server) {
		client := srv.Client()
		var wg sync.WaitGroup
		for n := range 8 {
			wg.Go(func() {
				name := fmt.Sprintf("u%d@cerulean-inc.com", n)
				srv.Fill(trilliantest.WithUsers(trillian.User{Name: name}), trilliantest.WithPresence(trillian.Presence{Name: name}),
					trilliantest.WithMessages(name, "c", message(smw, "Hello")))
				_, err := client.Users.List(t.Context())
				require.NoError(t, err)
				_, err = client.Presence.List(t.Context())
				require.NoError(t, err)
			})
		}
		wg.Wait()
		users, err := client.Users.List(t.Context())
		require.NoError(t, err)
		require.Len(t, users, 10)
	})
}
