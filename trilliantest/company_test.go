package trilliantest_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/trilliantest"
)

var chatName = regexp.MustCompile(`groupchat name="([^"]+)"`)
var userName = regexp.MustCompile(`user name="([^"]+)"`)
var weekLink = regexp.MustCompile(`https://trilliantest.invalid/v1/(\S+?/messages/\S+?/)"`)

// everything writes all that the server answers to those who read all there is.
func everything(t *testing.T, srv *trilliantest.Server, w io.Writer) {
	t.Helper()
	get := func(path string, params ...string) string {
		body := expect(t, srv, 200, "GET", path, params...)
		fmt.Fprintln(w, path, body)
		return body
	}
	get("policies/")
	get("groups/", "peers", "1")
	get("presence/")
	below := func(owner string) {
		for _, m := range regexp.MustCompile(`media m="([^"]+)"`).FindAllStringSubmatch(get(owner+"media/"), -1) {
			get(owner + "media/" + url.QueryEscape(m[1]) + "/")
		}
		for _, m := range weekLink.FindAllStringSubmatch(get(owner+"messages/"), -1) {
			get(m[1])
		}
	}
	for _, m := range userName.FindAllStringSubmatch(get("users/"), -1) {
		below("users/" + url.QueryEscape(m[1]) + "/")
	}
	for _, m := range chatName.FindAllStringSubmatch(get("groupchats/", "members", "1", "groups", "1"), -1) {
		below(chatPath(m[1], ""))
	}
}

// Two programs that ask for the same company have the same one, today and with
// any version of Go.
func TestGeneratedCompanyIsTheSameEverywhere(t *testing.T) {
	t.Parallel()
	srv := trilliantest.NewServer(t, trilliantest.WithoutListener(), trilliantest.WithGeneratedCompany(30, 6, 60))
	sum := sha256.New()
	everything(t, srv, sum)
	require.Equal(t, "929f29d7e6be847a300ff8da8146e685683ed894e2a6772a6582430947cdd23a", hex.EncodeToString(sum.Sum(nil)))
}

func TestGeneratedCompany(t *testing.T) {
	t.Parallel()
	const users, chats, weeks = 40, 8, 110
	srv := trilliantest.NewServer(t, trilliantest.WithoutListener(), trilliantest.WithSampleCompany(), trilliantest.WithGeneratedCompany(users, chats, weeks))
	client, ctx := srv.Client(), t.Context()

	all, err := client.Users.List(ctx)
	require.NoError(t, err)
	require.Len(t, all, 2+users, "beside the company that there is")
	require.Equal(t, "anna.adams@acme.example", all[2].Name)
	require.Equal(t, "Anna Adams", all[2].DisplayName)

	groups, err := client.Groups.List(ctx, &trillian.GroupOptions{Peers: true})
	require.NoError(t, err)
	require.Len(t, groups, 3+9)
	require.Equal(t, groups[3].ID, groups[11].Parent)
	require.Equal(t, groups[3].Peers.Items, groups[11].Peers.Items)
	policies, err := client.Policies.List(ctx)
	require.NoError(t, err)
	require.Len(t, policies, 2+3)
	presence, err := client.Presence.List(ctx)
	require.NoError(t, err)
	require.Len(t, presence, 1+users/2)

	list, err := client.GroupChats.List(ctx, &trillian.GroupChatOptions{Members: true, Groups: true})
	require.NoError(t, err)
	require.Len(t, list, 2+chats)
	require.Len(t, list[2].Members.Items, users)
	for _, chat := range list[2:] {
		members := map[string]bool{}
		for _, m := range chat.Members.Items {
			require.False(t, members[m.Name], "a member is one once")
			members[m.Name] = true
		}
		require.GreaterOrEqual(t, len(members), 5)
		conversations, err := client.GroupChats.Messages.Conversations(ctx, chat.Name)
		require.NoError(t, err)
		require.Len(t, conversations, 1)
		require.Len(t, conversations[0].Weeks, weeks)
		var last, count = time.Time{}, 0
		for i, w := range conversations[0].Weeks {
			require.Equal(t, []int{2024 + i/53, i % 53}, []int{w.Year, w.Week})
			messages, err := client.GroupChats.Messages.List(ctx, chat.Name, w)
			require.NoError(t, err)
			require.NotEmpty(t, messages)
			for _, m := range messages {
				require.True(t, members[m.From], "members write")
				require.False(t, m.Timestamp.Before(last), "in order")
				last = m.Timestamp.Time
				require.Equal(t, []int{w.Year, w.Week}, []int{last.Year(), (last.YearDay() - 1) / 7})
				count++
			}
		}
		require.Equal(t, count, conversations[0].Revision)
		require.True(t, last.Equal(chat.MessageTimestamp.Time))
		media, err := client.GroupChats.Media.List(ctx, chat.Name)
		require.NoError(t, err)
		require.Len(t, media, 2)
	}

	// A message may be in any language, and goes on where the company left off.
	anna, ben := all[2].Name, all[3].Name
	before := history(t, srv, anna)
	require.Len(t, before, 2)
	expect(t, srv, 200, "POST", "users/"+url.QueryEscape(ben)+"/messages/", "from", anna, "message", "sent")
	require.Equal(t, before[0]+" "+anna+"=sent", history(t, srv, anna)[0])
	require.Contains(t, strings.Join(history(t, srv, ben), "\n"), anna+"=sent")
	require.Equal(t, before[1], history(t, srv, anna)[1])
	everyone := strings.Join(before, "")
	for _, word := range []string{"Good morning", "Guten Morgen", "Bonjour", "ありがとう", "Спасибо", "فاتورة"} {
		require.Contains(t, everyone, word)
	}
}

// The messages of two users are kept once, until one of them loses or gets some.
func TestGeneratedMessagesAreEachSidesOwn(t *testing.T) {
	t.Parallel()
	srv := trilliantest.NewServer(t, trilliantest.WithoutListener(), trilliantest.WithGeneratedCompany(2, 0, 1),
		trilliantest.WithClock(func() time.Time { return time.Date(2024, 1, 7, 23, 0, 0, 0, time.UTC) }))
	const anna, ben = "anna.adams@acme.example", "ben.bauer@acme.example"
	before := history(t, srv, anna)
	require.Len(t, before, 1)
	client := srv.Client()
	conversations, err := client.Users.Messages.Conversations(t.Context(), ben)
	require.NoError(t, err)
	week := conversations[0].Weeks[0]
	messages, err := client.Users.Messages.List(t.Context(), ben, week)
	require.NoError(t, err)
	require.NoError(t, client.Users.Messages.DeleteBlock(t.Context(), ben, week, fmt.Append(nil, messages[0].Timestamp.UnixMilli())))
	require.Equal(t, before, history(t, srv, anna))
	expect(t, srv, 200, "POST", "users/"+url.QueryEscape(ben)+"/messages/", "from", anna, "message", "sent")
	require.Equal(t, before[0]+" "+anna+"=sent", history(t, srv, anna)[0])
	require.Equal(t, len(messages), strings.Count(history(t, srv, ben)[0], "="))
}

func TestGeneratedNames(t *testing.T) {
	t.Parallel()
	srv := trilliantest.NewServer(t, trilliantest.WithoutListener(), trilliantest.WithGeneratedCompany(3500, 0, 0))
	users, err := srv.Client().Users.List(t.Context())
	require.NoError(t, err)
	names, displayNames := map[string]bool{}, map[string]bool{}
	for _, u := range users {
		require.Regexp(t, `^[a-z]+\.[a-z]+\d*@acme\.example$`, u.Name)
		names[u.Name], displayNames[u.DisplayName] = true, true
	}
	require.Len(t, names, 3500)
	require.Len(t, displayNames, 3500)
}

func TestBadGeneratedCompanies(t *testing.T) {
	t.Parallel()
	for _, n := range [][3]int{{-1, 0, 0}, {1, -1, 0}, {1, 1, -1}, {0, 1, 0}} {
		_, err := trilliantest.Start(trilliantest.WithoutListener(), trilliantest.WithGeneratedCompany(n[0], n[1], n[2]))
		require.ErrorContains(t, err, "trilliantest: WithGeneratedCompany: ", n)
	}
	for _, n := range [][3]int{{0, 0, 0}, {1, 1, 1}, {1, 0, 5}} {
		_, err := trilliantest.Start(trilliantest.WithoutListener(), trilliantest.WithGeneratedCompany(n[0], n[1], n[2]))
		require.NoError(t, err, n)
	}
}

func TestLargeGeneratedCompany(t *testing.T) {
	// Not parallel: it counts what is kept.
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	srv := trilliantest.NewServer(t, trilliantest.WithoutListener(), trilliantest.WithGeneratedCompany(1000, 50, 100))
	runtime.GC()
	runtime.ReadMemStats(&after)
	kept := int64(after.HeapAlloc) - int64(before.HeapAlloc) // less than nothing, where others were let go
	t.Logf("%d MiB", kept>>20)
	require.Less(t, kept, int64(64<<20))
	expect(t, srv, 200, "GET", "users/")
}
