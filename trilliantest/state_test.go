package trilliantest_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/trilliantest"
)

func sampleServer(t *testing.T, opts ...trilliantest.Option) *trilliantest.Server {
	t.Helper()
	return trilliantest.NewServer(t, append([]trilliantest.Option{
		trilliantest.WithSampleCompany(), trilliantest.WithoutListener(),
	}, opts...)...)
}

// expect makes a request and returns the body of its answer.
func expect(t *testing.T, srv *trilliantest.Server, status int, verb, path string, params ...string) string {
	t.Helper()
	call := rawCall{verb: verb, path: path}
	if params != nil {
		call.form = url.Values{}
		for i := 0; i < len(params); i += 2 {
			call.form.Add(params[i], params[i+1])
		}
	}
	if from := call.form.Get("from"); from != "" {
		call.token = srv.TokenFor(from)
	}
	got := do(t, srv, call)
	require.Equal(t, status, got.status, "%s %s: %s", verb, path, got.body)
	return got.body
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func TestGroupChats(t *testing.T) {
	t.Parallel()
	srv := sampleServer(t)
	const sales = salesChat

	expect(t, srv, 201, "POST", "groupchats/", "displayname", "Sales & Co", "flags", "256")
	require.Contains(t, expect(t, srv, 200, "GET", "groupchats/"), "<displayname>Sales &amp; Co</displayname><flags>256</flags>")
	require.Contains(t, expect(t, srv, 201, "POST", "groupchats/", "displayname", "Next"), `<groupchat name="#`)

	got := expect(t, srv, 200, "POST", chatPath(sales, ""), "topic", "Goals", "flags", "0") // POST for PATCH
	require.Contains(t, got, "<displayname>Sales &amp; Co</displayname><flags>0</flags>")
	require.Contains(t, got, "<topic>Goals</topic>")
	require.Contains(t, expect(t, srv, 200, "PATCH", chatPath(sales, ""), "topic", ""), "<topic/>")

	expect(t, srv, 200, "PATCH", chatPath(sales, ""), "flags", "1")
	require.NotContains(t, expect(t, srv, 200, "GET", "groupchats/"), "Sales")
	for _, below := range []string{"", "members/", "media/", "messages/"} {
		require.Contains(t, expect(t, srv, 404, "GET", chatPath(sales, below)), "<error>no such group chat</error>")
	}
}

func TestMembers(t *testing.T) {
	t.Parallel()
	srv := sampleServer(t)
	path := chatPath(trilliantest.SampleGeneral, "")
	expect(t, srv, 204, "DELETE", path+"kwk%40cerulean-inc.com/")
	require.NotContains(t, expect(t, srv, 200, "GET", path+"members/"), kwk)
	require.Contains(t, expect(t, srv, 404, "DELETE", path+"kwk%40cerulean-inc.com/"), "no such member")
	expect(t, srv, 201, "POST", path+"kwk%40cerulean-inc.com/")
	require.Contains(t, expect(t, srv, 200, "GET", path, "members", "1"), `<member name="kwk@cerulean-inc.com"> <flags>0</flags></member></members>`)
	require.NotContains(t, expect(t, srv, 200, "GET", path, "members", "0"), "<member ")
	// Who is a member stays what he is, an operator for example.
	require.Contains(t, expect(t, srv, 201, "POST", path+"smw%40cerulean-inc.com/"), `<member name="smw@cerulean-inc.com"> <flags>1</flags></member>`)
	require.Contains(t, expect(t, srv, 200, "GET", path+"members/"), `<member name="smw@cerulean-inc.com"> <flags>1</flags></member>`)
	require.Contains(t, expect(t, srv, 404, "POST", path+"nobody%40cerulean-inc.com/"), "no such user")
	// The other resources of a group chat are not members.
	expect(t, srv, 405, "POST", path+"members/")
	expect(t, srv, 405, "DELETE", path+"messages/")

	// General forbids it to its users, not to an administrator.
	require.Contains(t, expect(t, srv, 200, "GET", path), "<flags>7936</flags>")
}

func TestExpandedGroups(t *testing.T) {
	t.Parallel()
	srv := sampleServer(t, trilliantest.WithGroupChats(trillian.GroupChat{
		Name: "#a/b@c", Groups: trillian.Collection[trillian.Group]{Items: []trillian.Group{{ID: 2}, {ID: 9, DisplayName: "IT"}}},
	}))
	require.Contains(t, expect(t, srv, 200, "GET", chatPath("#a/b@c", "")), `/v1/groupchats/%23a%2Fb%40c/groups/"/><media`)
	got := expect(t, srv, 200, "GET", "groupchats/", "groups", "1")
	require.Contains(t, got, `groups/"> <group id="2"> <displayname>Sales</displayname>`)
	require.Contains(t, got, `<group id="9"> <displayname>IT</displayname>`)
	require.Contains(t, expect(t, srv, 200, "GET", "groups/"), `<group id="9">`)
}

func TestGroupsAndPeers(t *testing.T) {
	t.Parallel()
	srv := sampleServer(t)
	expect(t, srv, 200, "POST", "groups/", "displayname", "Sub", "name", "sub", "parent", "3", "policy", "2", "priority", "-5", "type", "1")
	require.Contains(t, expect(t, srv, 200, "GET", "groups/4/"),
		`<parent>3</parent><peers href="https://trilliantest.invalid/v1/groups/4/peers/"/><policy>2</policy><priority>-5</priority><type>1</type>`)
	require.Contains(t, expect(t, srv, 500, "DELETE", "groups/3/"), "group 3 is the parent of group 4")
	require.Contains(t, expect(t, srv, 400, "POST", "groups/3/", "parent", "4"), "parent is 4, which is the group itself or below it")
	require.Contains(t, expect(t, srv, 400, "POST", "groups/3/", "parent", "3"), "parent is 3")

	// Peers are not symmetric.
	require.NotContains(t, expect(t, srv, 200, "GET", "groups/1/peers/"), `id="4"`)
	expect(t, srv, 201, "POST", "groups/1/peers/4/")
	expect(t, srv, 201, "POST", "groups/1/peers/4/")
	require.Contains(t, expect(t, srv, 200, "GET", "groups/1/", "peers", "1"), `<peer id="1"/><peer id="2"/><peer id="3"/><peer id="4"/></peers>`)
	expect(t, srv, 204, "DELETE", "groups/4/peers/1/")
	require.NotContains(t, expect(t, srv, 200, "GET", "groups/4/peers/"), `id="1"`)
	require.Contains(t, expect(t, srv, 200, "GET", "groups/1/peers/"), `id="4"`)
	expect(t, srv, 404, "DELETE", "groups/4/peers/1/")
	expect(t, srv, 404, "POST", "groups/4/peers/99/")

	expect(t, srv, 204, "DELETE", "groups/4/")
	expect(t, srv, 404, "GET", "groups/4/")
	require.NotContains(t, expect(t, srv, 200, "GET", "groups/", "peers", "1"), `id="4"`)
	require.Contains(t, expect(t, srv, 200, "POST", "groups/", "displayname", "New", "name", "new"), `<group id="5">`, "ids are not used again")
	require.Contains(t, expect(t, srv, 400, "POST", "groups/2/", "name", "new"), "name is that of group 5 and must be unique")
	expect(t, srv, 200, "POST", "groups/5/", "name", "new", "displayname", "")
}

func TestPolicies(t *testing.T) {
	t.Parallel()
	srv := sampleServer(t)
	got := expect(t, srv, 201, "POST", "policies/", "name", "Lab", "data", " "+b64("a 1\nb ü\n")+"\n")
	require.Contains(t, got, `<policy id="3"> <data> `+b64("a 1\nb ü\n")+` </data><name>Lab</name>`)
	require.Contains(t, expect(t, srv, 200, "GET", "policies/3/"), `<data>`+b64("a 1\nb ü\n")+`</data>`)
	require.Contains(t, expect(t, srv, 200, "PATCH", "policies/3/", "data", ""), `<data/><name>Lab</name>`)
	require.Contains(t, expect(t, srv, 500, "DELETE", "policies/1/"), "policy 1 is bound to group 1")
	expect(t, srv, 204, "DELETE", "policies/3/")
	expect(t, srv, 404, "GET", "policies/3/")
	require.NotContains(t, expect(t, srv, 200, "GET", "policies/"), "Lab")
}

func TestPresence(t *testing.T) {
	t.Parallel()
	srv := sampleServer(t, trilliantest.WithClock(func() time.Time { return time.Unix(1500000000, 0) }))
	expect(t, srv, 204, "PATCH", "presence/smw%40cerulean-inc.com/", "message", `"Back" <now>`)
	expect(t, srv, 204, "PATCH", "presence/kwk%40cerulean-inc.com/", "status", "1")
	got := expect(t, srv, 200, "GET", "presence/")
	require.Contains(t, got, `<presence name="smw@cerulean-inc.com" status="2" message="&quot;Back&quot; &lt;now&gt;" timestamp="1500000000"> <devices> <device ip="2315364544"`)
	require.Contains(t, got, `<presence name="kwk@cerulean-inc.com" status="1" message="" timestamp="1500000000"> <devices/></presence>`)
	expect(t, srv, 404, "PATCH", "presence/nobody/", "status", "1")
}

func TestUsers(t *testing.T) {
	t.Parallel()
	srv := sampleServer(t)
	got := expect(t, srv, 201, "POST", "users/", "im", "new@cerulean-inc.com", "password", "xhTTrDc#p\\C8P9=4B", "email", "new@x", "displayname", "New & Co", "phone", "1")
	require.Equal(t, `<response> <user name="new@cerulean-inc.com"> <displayname>New &amp; Co</displayname><email>new@x</email><phone>1</phone></user></response>`, got)
	require.Contains(t, expect(t, srv, 400, "POST", "users/", "im", "new@cerulean-inc.com"), "there is a user new@cerulean-inc.com")
	got = expect(t, srv, 200, "PATCH", "users/new%40cerulean-inc.com/", "displayname", "N", "phone", "2", "room", "3")
	require.Contains(t, got, `<displayname>N</displayname><email>new@x</email><phone>2</phone><room>3</room>`)
	require.Equal(t, got, expect(t, srv, 200, "GET", "users/new%40cerulean-inc.com/"))
	require.Contains(t, expect(t, srv, 200, "GET", "users/"), strings.TrimPrefix(got, "<response> "))
	expect(t, srv, 200, "PATCH", "users/new%40cerulean-inc.com/", "password", "other")
	expect(t, srv, 400, "PATCH", "users/new%40cerulean-inc.com/", "phone", "9", "room", "9", "im", "other@cerulean-inc.com")
	require.Equal(t, got, expect(t, srv, 200, "GET", "users/new%40cerulean-inc.com/"), "what is refused changes nothing")
}

func TestDeletedUserLeavesNothingOfHisOwn(t *testing.T) {
	t.Parallel()
	srv := sampleServer(t)
	self := "users/smw%40cerulean-inc.com/"
	expect(t, srv, 201, "PUT", self+"addressbook/avatar/", "data", b64("GIF89a"), "type", "image/gif")
	expect(t, srv, 201, "POST", self+"media/", "data", b64("x"), "name", "x.txt", "type", "text/plain")
	expect(t, srv, 200, "POST", "users/kwk%40cerulean-inc.com/messages/", "from", smw, "message", "Hello")
	token := srv.TokenFor(smw)

	require.Empty(t, expect(t, srv, 200, "DELETE", self))
	expect(t, srv, 404, "DELETE", self)
	for _, below := range []string{"", "addressbook/avatar/", "media/", "messages/"} {
		expect(t, srv, 404, "GET", self+below)
	}
	require.NotContains(t, expect(t, srv, 200, "GET", "users/"), smw)
	require.NotContains(t, expect(t, srv, 200, "GET", "groupchats/", "members", "1"), smw)
	require.NotContains(t, expect(t, srv, 200, "GET", "presence/"), smw)
	require.Equal(t, 401, do(t, srv, rawCall{verb: "GET", path: "users/", token: token}).status)

	// What he wrote to others is theirs too.
	require.Contains(t, expect(t, srv, 200, "GET", "users/kwk%40cerulean-inc.com/messages/"), `name="smw@cerulean-inc.com"`)

	expect(t, srv, 201, "POST", "users/", "im", smw)
	require.Equal(t, "<response/>", expect(t, srv, 200, "GET", self+"messages/"), "a new user of the name has no past")
	expect(t, srv, 404, "GET", self+"addressbook/avatar/")
}

func TestAvatar(t *testing.T) {
	t.Parallel()
	srv := sampleServer(t)
	path := "users/kwk%40cerulean-inc.com/addressbook/avatar/"
	require.Contains(t, expect(t, srv, 404, "GET", path), "the user has no avatar")
	expect(t, srv, 404, "DELETE", path)
	require.Contains(t, expect(t, srv, 400, "PUT", path, "type", "image/png"), "data is missing")
	require.Contains(t, expect(t, srv, 400, "PUT", path, "data", ""), "data is empty")
	expect(t, srv, 201, "PUT", path, "data", b64("\x89PNG\r\n\x1a\n"))
	got := do(t, srv, rawCall{verb: "GET", path: path})
	require.Equal(t, "\x89PNG\r\n\x1a\n", got.body)
	require.Equal(t, "image/png", got.header.Get("Content-Type"), "detected")
	expect(t, srv, 201, "PUT", path, "data", b64("GIF89a"), "type", "image/x-own")
	require.Equal(t, "image/x-own", do(t, srv, rawCall{verb: "GET", path: path}).header.Get("Content-Type"))
	expect(t, srv, 204, "DELETE", path)
	expect(t, srv, 404, "GET", path)
}

func TestMedia(t *testing.T) {
	t.Parallel()
	now := func() time.Time { return time.Unix(1464196567, 999e6) }
	for _, owner := range []string{chatPath(trilliantest.SampleGeneral, ""), "users/smw%40cerulean-inc.com/"} {
		srv := sampleServer(t, trilliantest.WithClock(now))
		path := owner + "media/"
		require.Equal(t, "<response/>", expect(t, srv, 200, "GET", path))
		content := string([]byte{0, 1, 2, 0xFB, 0xFF, '&', '+', '%'})
		got := expect(t, srv, 201, "POST", path, "data", b64(content), "name", "a/b.bin", "type", "x/y",
			"thumbnail", b64("small"), "imagewidth", "1", "imageheight", "2")
		require.Regexp(t, `^<response> <media m="[A-Za-z0-9+/]{43}="> <createdAt>1464196567</createdAt><expiresAt>0</expiresAt><size>8</size>`+
			`<owner>[^<]+</owner><type>x/y</type><name>a/b\.bin</name><thumbnail>[A-Za-z0-9+/]{43}=</thumbnail><data>[A-Za-z0-9+/]{43}=</data></media></response>$`, got)
		require.Equal(t, got, expect(t, srv, 200, "GET", path))

		id := url.QueryEscape(strings.Split(got, `"`)[1])
		item := do(t, srv, rawCall{verb: "GET", path: path + id + "/"})
		require.Equal(t, content, item.body)
		require.Equal(t, "x/y", item.header.Get("Content-Type"))
		head := do(t, srv, rawCall{verb: "HEAD", path: path + id + "/"}).header
		require.Equal(t, "8", head.Get("Content-Length"))
		thumbnail := regexp.MustCompile(`<thumbnail>(.+)</thumbnail>`).FindStringSubmatch(got)[1]
		for _, h := range []http.Header{item.header, head} {
			require.Equal(t, []string{"a/b.bin"}, h.Values("Trillian-Media-Name"))
			require.Equal(t, []string{"8"}, h.Values("Trillian-Media-Size"))
			require.Equal(t, []string{"1464196567"}, h.Values("Trillian-Media-Created-At"))
			require.Equal(t, []string{thumbnail}, h.Values("Trillian-Media-Thumbnail"))
		}

		second := expect(t, srv, 201, "POST", path, "data", b64(content), "name", "a/b.bin", "type", "x/y")
		require.NotContains(t, second, strings.Split(got, `"`)[1], "the same file again is another item")
		require.Contains(t, second, "<thumbnail/>")
		head = do(t, srv, rawCall{verb: "HEAD", path: path + url.QueryEscape(strings.Split(second, `"`)[1]) + "/"}).header
		require.NotContains(t, head, "Trillian-Media-Thumbnail")

		expect(t, srv, 204, "DELETE", path+id+"/")
		expect(t, srv, 404, "DELETE", path+id+"/")
		expect(t, srv, 404, "GET", path+id+"/")
		require.NotContains(t, expect(t, srv, 200, "GET", path), strings.Split(got, `"`)[1])
	}
}

// Whatever a file is called, its name neither breaks the headers apart nor is lost.
func TestMediaNameInAHeader(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, srv *trilliantest.Server) {
		path := "users/smw%40cerulean-inc.com/media/"
		got := expect(t, srv, 201, "POST", path, "data", "", "name", "Übersicht\r\nX: y\x7f 概要.pdf", "type", "x/y")
		head := do(t, srv, rawCall{verb: "HEAD", path: path + url.QueryEscape(strings.Split(got, `"`)[1]) + "/"})
		require.Equal(t, 200, head.status)
		require.Equal(t, "Übersicht\uFFFD\uFFFDX: y\uFFFD 概要.pdf", head.header.Get("Trillian-Media-Name"))
		require.Equal(t, "0", head.header.Get("Trillian-Media-Size"))
	})
}

func TestThumbnailLimit(t *testing.T) {
	t.Parallel()
	srv := sampleServer(t)
	upload := func(status, size int) string {
		return expect(t, srv, status, "POST", "users/smw%40cerulean-inc.com/media/",
			"data", b64("x"), "name", "x", "type", "x/y", "thumbnail", b64(strings.Repeat("x", size)))
	}
	upload(201, 65535)
	require.Contains(t, upload(400, 65536), "thumbnail exceeds 65535 bytes")
}

func TestMessagesMoveWeeksAndRevisions(t *testing.T) {
	t.Parallel()
	now := time.UnixMilli(1464201252102)
	srv := sampleServer(t, trilliantest.WithClock(func() time.Time { return now }))
	path := chatPath(trilliantest.SampleLaunch, "messages/")
	sendTo := func(text string) { expect(t, srv, 200, "POST", path, "from", smw, "message", text) }

	sendTo("one")
	require.Contains(t, expect(t, srv, 200, "GET", path), `revision="4"> <week flags="2" href="https://trilliantest.invalid/v1/`+path+
		trilliantest.SampleConversation+`/2016/20/" messages="4" week="20" year="2016"/></messages>`)
	require.Contains(t, expect(t, srv, 200, "GET", chatPath(trilliantest.SampleLaunch, "")), "<messageTimestamp>1464201252102<")
	now = time.Date(2017, 1, 1, 0, 0, 0, 0, time.FixedZone("east", 3600)) // still 2016 in UTC
	sendTo("two")
	now = time.Date(2015, 1, 7, 0, 0, 0, 0, time.UTC)
	sendTo("three & <four>\r\n\x00")
	got := expect(t, srv, 200, "GET", path)
	require.Regexp(t, `revision="6"> <week [^>]*messages="1" week="0" year="2015"/><week [^>]*messages="4" week="20" year="2016"/><week [^>]*messages="1" week="52" year="2016"/>`, got)
	conversation := path + trilliantest.SampleConversation + "/"
	require.Contains(t, expect(t, srv, 200, "GET", conversation+"2015/0/"), "three &amp; &lt;four&gt;&#13;\n\uFFFD</message></messages>")

	expect(t, srv, 204, "DELETE", conversation+"2016/52/")
	expect(t, srv, 404, "GET", conversation+"2016/52/")
	expect(t, srv, 404, "DELETE", conversation+"2016/52/")
	require.Contains(t, expect(t, srv, 200, "GET", path), `revision="7"`)

	// A block is the messages of its lines, all or none.
	week := conversation + "2016/20/"
	expect(t, srv, 404, "DELETE", week, "block", b64("1464200972389\n5\n"))
	expect(t, srv, 204, "DELETE", week, "block", b64("1464200982855 "+kwk))
	require.Contains(t, expect(t, srv, 200, "GET", week), "Great - have")
	require.NotContains(t, expect(t, srv, 200, "GET", week), "Looks like")
	expect(t, srv, 204, "DELETE", week, "block", b64("1464200972389\n1464200982855\n"))
	require.Contains(t, expect(t, srv, 200, "GET", path), `revision="9"> <week`)
	require.Contains(t, expect(t, srv, 200, "GET", path), `messages="1" week="20"`)
	for _, empty := range []string{"", " ", "!", "MTI"} {
		require.Contains(t, expect(t, srv, 400, "DELETE", week, "block", empty), "block is")
	}
	expect(t, srv, 200, "GET", week)

	expect(t, srv, 204, "DELETE", conversation)
	expect(t, srv, 404, "DELETE", conversation)
	require.Equal(t, "<response/>", expect(t, srv, 200, "GET", path))
	expect(t, srv, 404, "GET", week)
	sendTo("again")
	require.Contains(t, expect(t, srv, 200, "GET", path), trilliantest.SampleConversation)
}

func TestUsersHaveAConversationEach(t *testing.T) {
	t.Parallel()
	srv := sampleServer(t, trilliantest.WithUsers(trillian.User{Name: "third@cerulean-inc.com"}),
		trilliantest.WithClock(func() time.Time { return time.UnixMilli(1464201252102) })) // all in one week
	smwPath, kwkPath := "users/smw%40cerulean-inc.com/messages/", "users/kwk%40cerulean-inc.com/messages/"
	expect(t, srv, 200, "POST", kwkPath, "from", smw, "message", "Hello")
	expect(t, srv, 200, "POST", smwPath, "from", kwk, "message", "Hi")
	expect(t, srv, 200, "POST", smwPath, "from", "third@cerulean-inc.com", "message", "Me too")
	expect(t, srv, 200, "POST", smwPath, "from", smw, "message", "Note to self")

	client := srv.Client()
	mine, err := client.Users.Messages.Conversations(t.Context(), smw)
	require.NoError(t, err)
	require.Len(t, mine, 3)
	require.Equal(t, kwk, mine[0].Name)
	require.Equal(t, 2, mine[0].Revision)
	require.Regexp(t, "^[0-9a-f]{40}$", mine[0].ID)
	require.Equal(t, "third@cerulean-inc.com", mine[1].Name)
	require.Equal(t, smw, mine[2].Name)
	require.Equal(t, 1, mine[2].Weeks[0].Count)

	theirs, err := client.Users.Messages.Conversations(t.Context(), kwk)
	require.NoError(t, err)
	require.Len(t, theirs, 1)
	require.Equal(t, mine[0].ID, theirs[0].ID)
	require.Equal(t, smw, theirs[0].Name)
	messages, err := client.Users.Messages.List(t.Context(), kwk, theirs[0].Weeks[0])
	require.NoError(t, err)
	require.Len(t, messages, 2)
	require.Equal(t, "Hello", messages[0].Text)

	require.NoError(t, client.Users.Messages.DeleteConversation(t.Context(), smw, mine[0].ID))
	_, err = client.Users.Messages.List(t.Context(), kwk, theirs[0].Weeks[0])
	require.NoError(t, err, "the other side keeps its copy")
}

func TestModeratedChat(t *testing.T) {
	t.Parallel()
	srv := sampleServer(t, trilliantest.WithUsers(trillian.User{Name: "third@cerulean-inc.com"}))
	path := chatPath(trilliantest.SampleLaunch, "")
	expect(t, srv, 201, "POST", path+"third%40cerulean-inc.com/")
	expect(t, srv, 200, "POST", path+"messages/", "from", "third@cerulean-inc.com", "message", "x")
	expect(t, srv, 200, "PATCH", path, "flags", strconv.Itoa(0x2000))
	require.Contains(t, expect(t, srv, 500, "POST", path+"messages/", "from", "third@cerulean-inc.com", "message", "x"), "may not send")
	expect(t, srv, 200, "POST", path+"messages/", "from", smw, "message", "x")
}
