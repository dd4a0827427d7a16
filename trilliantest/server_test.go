package trilliantest_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/trilliantest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return l
}

func TestHundredsOfServersAtOnce(t *testing.T) {
	t.Parallel()
	for i := range 200 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			opts := []trilliantest.Option{trilliantest.WithSampleCompany()}
			if i%2 == 1 {
				opts = append(opts, trilliantest.WithoutListener())
			}
			srv := trilliantest.NewServer(t, opts...)
			client := srv.Client()
			defer client.CloseIdleConnections()
			srv.Inject("GET /groups/", trilliantest.Status(502))
			var wg sync.WaitGroup
			for n := range 4 {
				wg.Go(func() {
					user := fmt.Sprintf("u%d@cerulean-inc.com", n)
					_, err := client.Users.Create(t.Context(), trillian.UserCreate{IM: user, Password: "x"})
					require.NoError(t, err)
					own, err := client.WithToken(srv.TokenFor(user))
					require.NoError(t, err)
					_, err = own.Users.Messages.Send(t.Context(), smw, trillian.MessageSend{From: user, Text: user})
					require.NoError(t, err)
					_, err = client.Groups.List(t.Context(), nil)
					require.NoError(t, err)
					_ = srv.Requests()
					_ = srv.Log()
				})
			}
			wg.Wait()
			users, err := client.Users.List(t.Context())
			require.NoError(t, err)
			require.Len(t, users, 6)
			conversations, err := client.Users.Messages.Conversations(t.Context(), smw)
			require.NoError(t, err)
			require.Len(t, conversations, 4)
		})
	}
}

// The same requests get the same answers in every run.
func TestDeterminism(t *testing.T) {
	t.Parallel()
	run := func(opts ...trilliantest.Option) string {
		srv := trilliantest.NewServer(t, append(opts, trilliantest.WithoutListener(),
			trilliantest.WithClock(func() time.Time { return time.Unix(1e9, 0) }))...)
		var b strings.Builder
		for _, name := range []string{"b@x.org", "a@x.org"} {
			b.WriteString(expect(t, srv, 201, "POST", "users/", "im", name, "z", "1", "y", "2"))
			b.WriteString(expect(t, srv, 201, "POST", "groupchats/", "displayname", name))
			b.WriteString(expect(t, srv, 201, "POST", "users/"+url.QueryEscape(name)+"/media/", "data", "", "name", "x", "type", "y"))
		}
		b.WriteString(expect(t, srv, 200, "POST", "users/a%40x.org/messages/", "from", "b@x.org", "message", "x"))
		for _, path := range []string{"users/", "groupchats/", "users/a%40x.org/messages/", "presence/", "groups/"} {
			b.WriteString(expect(t, srv, 200, "GET", path))
		}
		return b.String()
	}
	first := run()
	require.Equal(t, first, run())
	require.Regexp(t, `<groupchat name="#[0-9a-f]{40}@x\.org">`, first)
	require.Less(t, strings.Index(first, `<user name="b@x.org">`), strings.LastIndex(first, `<user name="a@x.org">`))

	n := 0
	own := run(trilliantest.WithIDs(func() string { n++; return fmt.Sprintf("id%d", n) }))
	require.Contains(t, own, `<groupchat name="#id1@x.org">`)
}

func TestRepeatedIDs(t *testing.T) {
	t.Parallel()
	srv := trilliantest.NewServer(t, trilliantest.WithoutListener(), trilliantest.WithIDs(func() string { return "same" }))
	require.Contains(t, expect(t, srv, 201, "POST", "groupchats/", "displayname", "x"), `"#same@example.com"`)
	require.Contains(t, expect(t, srv, 500, "POST", "groupchats/", "displayname", "x"), "the source of ids repeats itself")
}

func TestSeeds(t *testing.T) {
	t.Parallel()
	at := trillian.Timestamp{Time: time.Date(2020, 2, 29, 0, 0, 0, 0, time.UTC)}
	srv := trilliantest.NewServer(t,
		trilliantest.WithClock(func() time.Time { return time.Unix(1e9, 0) }),
		trilliantest.WithMessages("a@x", "c1", trillian.Message{From: "a@x", Text: "1", Timestamp: at}, trillian.Message{From: "b@x", Text: "2"}),
		trilliantest.WithUsers(trillian.User{Name: "a@x", Email: "a@mail", DisplayName: "A", Fields: map[string]string{"phone": "1"}}),
		trilliantest.WithGroups(trillian.Group{DisplayName: "one"}, trillian.Group{ID: 7}, trillian.Group{DisplayName: "eight", Type: trillian.GroupTypeLDAP}),
		trilliantest.WithPolicies(trillian.Policy{Name: "p", Data: "a 1\n"}, trillian.Policy{ID: 1, Name: "q"}),
		trilliantest.WithGroupChats(
			trillian.GroupChat{DisplayName: "unnamed"},
			trillian.GroupChat{Name: "#c@x", Members: trillian.Collection[trillian.Member]{Items: []trillian.Member{{Name: "m@x", Flags: 3}}}, MessageTimestamp: at},
			trillian.GroupChat{Name: "#gone@x", Flags: trillian.GroupChatDeleted},
		),
		trilliantest.WithPresence(trillian.Presence{Name: "p@x", Devices: []trillian.Device{
			{IP: trillian.DeviceIP{Addr: netip.MustParseAddr("fe80::1")}}, {IP: trillian.DeviceIP{Addr: netip.MustParseAddr("::ffff:1.2.3.4")}}, {},
		}}),
		trilliantest.WithMedia("#c@x", trillian.MediaUpload{Name: "n", Type: "t", Data: strings.NewReader("abc"), Thumbnail: []byte("t")}),
	)
	client := srv.Client()
	defer client.CloseIdleConnections()
	ctx := t.Context()

	users, err := client.Users.List(ctx)
	require.NoError(t, err)
	var names []string
	for _, u := range users {
		names = append(names, u.Name)
	}
	require.Equal(t, []string{"a@x", "b@x", "m@x", "p@x"}, names, "whoever is named exists")
	require.Equal(t, trillian.User{Name: "a@x", Email: "a@mail", DisplayName: "A", Fields: map[string]string{"phone": "1"}}, users[0])

	history, err := client.Users.Messages.Conversations(ctx, "a@x")
	require.NoError(t, err)
	require.Equal(t, "b@x", history[0].Name)
	require.Equal(t, "c1", history[0].ID)
	require.Equal(t, []int{2001, 2020}, []int{history[0].Weeks[0].Year, history[0].Weeks[1].Year}, "without a timestamp it is now")

	groups, err := client.Groups.List(ctx, &trillian.GroupOptions{Peers: true})
	require.NoError(t, err)
	require.Equal(t, []int{1, 7, 8}, []int{groups[0].ID, groups[1].ID, groups[2].ID})
	require.Equal(t, []trillian.Peer{{ID: 1}, {ID: 7}, {ID: 8}}, groups[2].Peers.Items)
	require.Equal(t, trillian.GroupTypeLDAP, groups[2].Type)

	policies, err := client.Policies.List(ctx)
	require.NoError(t, err)
	require.Equal(t, []trillian.Policy{{ID: 1, Name: "q"}}, policies, "the later one holds")

	chats, err := client.GroupChats.List(ctx, &trillian.GroupChatOptions{Members: true})
	require.NoError(t, err)
	require.Len(t, chats, 2)
	require.True(t, at.Equal(chats[1].MessageTimestamp.Time))
	require.Equal(t, []trillian.Member{{Name: "m@x", Flags: 3}}, chats[1].Members.Items)

	presence, err := client.Presence.List(ctx)
	require.NoError(t, err)
	require.Equal(t, "fe80::1", presence[0].Devices[0].IP.String())
	require.Equal(t, "1.2.3.4", presence[0].Devices[1].IP.String())
	require.True(t, presence[0].Timestamp.IsZero())

	media, err := client.GroupChats.Media.List(ctx, "#c@x")
	require.NoError(t, err)
	require.Equal(t, int64(3), media[0].Size)
	require.Equal(t, int64(1e9), media[0].CreatedAt.Unix())
}

func TestBadSeeds(t *testing.T) {
	t.Parallel()
	for name, opt := range map[string]trilliantest.Option{
		"user":         trilliantest.WithUsers(trillian.User{}),
		"field":        trilliantest.WithUsers(trillian.User{Name: "a", Fields: map[string]string{"a b": "c"}}),
		"group":        trilliantest.WithGroups(trillian.Group{ID: -1}),
		"policy":       trilliantest.WithPolicies(trillian.Policy{ID: -1}),
		"member":       trilliantest.WithGroupChats(trillian.GroupChat{Members: trillian.Collection[trillian.Member]{Items: []trillian.Member{{}}}}),
		"presence":     trilliantest.WithPresence(trillian.Presence{}),
		"owner":        trilliantest.WithMessages("", "c", trillian.Message{From: "a"}),
		"sender":       trilliantest.WithMessages("a", "c", trillian.Message{}),
		"media owner":  trilliantest.WithMedia("", trillian.MediaUpload{Data: strings.NewReader("")}),
		"media data":   trilliantest.WithMedia("a", trillian.MediaUpload{}),
		"media reader": trilliantest.WithMedia("a", trillian.MediaUpload{Data: io.MultiReader(failingReader{})}),
		"address":      trilliantest.WithAddress("256.0.0.1:0"),
	} {
		srv, err := trilliantest.Start(opt)
		require.ErrorContains(t, err, "trilliantest: ", name)
		require.Nil(t, srv, name)
		require.Panics(t, func() { trilliantest.NewServer(&failingTB{TB: t}, opt) }, name)
	}
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestBasePathAndAddress(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{"/v2/cerulean-inc.com/": "/v2/cerulean-inc.com/", "v3": "/v3/", "": "/"} {
		srv := trilliantest.NewServer(t, trilliantest.WithSampleCompany(), trilliantest.WithBasePath(path),
			trilliantest.WithAddress("localhost:0"), trilliantest.WithToken("a b/+=%&#ü"))
		require.True(t, strings.HasSuffix(srv.BaseURL(), want), srv.BaseURL())
		require.Equal(t, "a b/+=%&#ü", srv.Token())
		client := srv.Client()
		defer client.CloseIdleConnections()
		group, err := client.Groups.Get(t.Context(), 1, nil)
		require.NoError(t, err)
		require.Equal(t, srv.BaseURL()+"groups/1/peers/", group.Peers.Href)
		if want != "/" {
			resp, err := srv.Transport().RoundTrip(request(t, "GET", "http://x/v1/groups/?token=x", nil))
			require.NoError(t, err)
			require.Equal(t, 401, resp.StatusCode)
			requests := srv.Requests()
			require.Equal(t, "/v1/groups/", requests[len(requests)-1].Path, "it is not below the base URL")
		}
	}
}

func request(t *testing.T, verb, target string, body io.Reader) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), verb, target, body)
	require.NoError(t, err)
	return req
}

func TestRecordedRequests(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, srv *trilliantest.Server) {
		client := srv.Client(trillian.WithUserAgent("tool/1"))
		_, err := client.Users.Create(t.Context(), trillian.UserCreate{IM: "n@cerulean-inc.com", Password: "s3cret&+", Email: "e"})
		require.NoError(t, err)
		_, err = client.GroupChats.List(t.Context(), &trillian.GroupChatOptions{Members: true})
		require.NoError(t, err)
		_, err = client.GroupChats.Get(t.Context(), "#a+b@c", nil)
		require.ErrorIs(t, err, trillian.ErrNotFound)

		got := srv.Requests()
		require.Len(t, got, 3)
		require.Equal(t, "POST", got[0].Method)
		require.Equal(t, "users/", got[0].Path)
		require.Equal(t, url.Values{"im": {"n@cerulean-inc.com"}, "password": {"s3cret&+"}, "email": {"e"}}, got[0].Form)
		require.Empty(t, got[0].Query)
		require.Equal(t, "tool/1", got[0].Header.Get("User-Agent"))
		require.Equal(t, 201, got[0].Status)
		require.Equal(t, trilliantest.Administrator, got[0].User)
		require.Equal(t, url.Values{"members": {"1"}}, got[1].Form)
		require.Equal(t, url.Values{"members": {"1"}}, got[1].Query)
		require.Equal(t, "groupchats/%23a%2Bb%40c/", got[2].Path)
		require.Equal(t, 404, got[2].Status)

		got[0].Form.Set("im", "changed")
		got[0].Header.Set("User-Agent", "changed")
		require.Equal(t, "n@cerulean-inc.com", srv.Requests()[0].Form.Get("im"), "what is returned is a copy")
		require.Equal(t, "tool/1", srv.Requests()[0].Header.Get("User-Agent"))
	})
}

// Wherever a request has a token, the record has none, and a password is not
// printed.
func TestRecordsKeepSecrets(t *testing.T) {
	t.Parallel()
	srv := sampleServer(t)
	token := srv.Token()
	foreign := "foreign/token+of=someone"
	req := request(t, "POST", srv.BaseURL()+"users/"+url.PathEscape(foreign)+"/?token="+url.QueryEscape(foreign)+"&x="+url.QueryEscape(foreign),
		strings.NewReader("password=s3cret&token=bodytoken1&note="+url.QueryEscape("it is "+token)+"&"+url.QueryEscape(token)+"=name"))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Cookie", "a="+token)
	req.Header.Set("Referer", srv.BaseURL()+"?token="+url.QueryEscape(token))
	send(t, srv, req)

	r := srv.Requests()[0]
	type bare trilliantest.Request // without methods, so that everything is printed
	all := fmt.Sprintf("%+v %#v", bare(r), bare(r))
	for _, secret := range []string{token, url.QueryEscape(token), foreign, url.QueryEscape(foreign), url.PathEscape(foreign), "bodytoken1", "Bearer"} {
		require.NotContains(t, all, secret)
	}
	require.Equal(t, "users/[token]/", r.Path)
	require.Equal(t, "s3cret", r.Form.Get("password"), "a test may ask whether it arrived")
	for _, text := range []string{r.String(), fmt.Sprintf("%v %+v %#v", r, r, r), fmt.Sprintf("%+v %#v", []trilliantest.Request{r}, &r), srv.Log()} {
		require.NotContains(t, text, "s3cret")
		require.Contains(t, text, "password=[redacted]")
		require.Contains(t, text, "(no valid token) -> 401 Unauthorized")
	}
}

func TestLargeUploadIsKeptOnce(t *testing.T) {
	// Not parallel: it counts what is allocated.
	const size = 9 << 20
	content := make([]byte, size)
	r := rand.NewChaCha8([32]byte{})
	_, _ = r.Read(content)
	srv := trilliantest.NewServer(t, trilliantest.WithSampleCompany())
	client := srv.Client()
	defer client.CloseIdleConnections()

	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	media, err := client.Users.Media.Upload(t.Context(), smw, trillian.MediaUpload{Name: "x.bin", Type: "x/y", Data: bytes.NewReader(content)})
	require.NoError(t, err)
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(size)*3/2)
	require.Equal(t, int64(size), media.Size)

	var got bytes.Buffer
	_, err = client.Users.Media.Download(t.Context(), smw, media.ID, &got)
	require.NoError(t, err)
	require.True(t, bytes.Equal(content, got.Bytes()))

	record := srv.Requests()[0]
	require.Len(t, record.Form.Get("data"), 1024)
	require.Contains(t, record.String(), fmt.Sprintf("data=<%d bytes>", size/3*4))
	require.Less(t, len(srv.Log()), 2000)
}

// A body that does not arrive as it was announced changes nothing.
func TestBrokenUpload(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, srv *trilliantest.Server) {
		req := request(t, "POST", srv.BaseURL()+"groupchats/?token="+url.QueryEscape(srv.Token()), io.MultiReader(strings.NewReader("displayname=Sal"), failingReader{}))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		transport := srv.Transport()
		if strings.Contains(srv.BaseURL(), "//127.0.0.1:") {
			own := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
			defer own.CloseIdleConnections()
			transport = own
		}
		_, err := transport.RoundTrip(req)
		require.ErrorIs(t, err, io.ErrClosedPipe)
		require.False(t, strings.Contains(expect(t, srv, 200, "GET", "groupchats/"), "Sal"))
	})
}

func TestStartedServer(t *testing.T) {
	t.Parallel()
	srv, err := trilliantest.Start(trilliantest.WithSampleCompany())
	require.NoError(t, err)
	srv.Inject("GET /users/", trilliantest.Status(500))
	client := srv.Client()
	_, err = client.Groups.List(t.Context(), nil)
	require.NoError(t, err)
	srv.Close()
	srv.Close()
	require.Equal(t, []string{"GET /users/ Status(500) (met by 0 of 1 requests)"}, srv.Unconsumed())
	require.Len(t, srv.Requests(), 1)
	_, err = once(srv).Groups.List(t.Context(), nil)
	require.Error(t, err)
}

// Any host will do in process: a client made for the cloud can be pointed here.
func TestTransportStandsForTheCloud(t *testing.T) {
	t.Parallel()
	srv := sampleServer(t)
	client, err := trillian.NewClient(srv.Token(), trillian.WithHTTPClient(&http.Client{Transport: srv.Transport()}))
	require.NoError(t, err)
	group, err := client.Groups.Get(t.Context(), 1, nil)
	require.NoError(t, err)
	require.Equal(t, "https://api.trillian.im/v1/groups/1/peers/", group.Peers.Href)
}

func TestKeptRequests(t *testing.T) {
	t.Parallel()
	for _, kept := range []int{-1, 0, 1, 2, 3, 8} {
		srv := trilliantest.NewServer(t, trilliantest.WithoutListener(), trilliantest.WithKeptRequests(kept))
		for range 10 {
			expect(t, srv, 200, "GET", "users/")
		}
		expect(t, srv, 200, "GET", "policies/")
		requests := srv.Requests()
		require.LessOrEqual(t, len(requests), max(kept, 1))
		require.Greater(t, len(requests), kept/2-1)
		require.Equal(t, "policies/", requests[len(requests)-1].Path, "the latest stay")
		require.Contains(t, srv.Log(), "requests to the server: 11")
	}
}
