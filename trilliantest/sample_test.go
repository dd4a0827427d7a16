package trilliantest_test

import (
	"crypto/tls"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian/trilliantest"
)

const (
	smw = "smw@cerulean-inc.com"
	kwk = "kwk@cerulean-inc.com"
)

// rawCall is a request made by hand, so that no mistake of the client can agree
// with one of the server.
type rawCall struct {
	verb, path string // the path is escaped, below the base URL
	form       url.Values
	token      string // the administrator's where empty
}

type rawAnswer struct {
	status int
	header http.Header
	body   string
}

func do(t testing.TB, srv *trilliantest.Server, call rawCall) rawAnswer {
	t.Helper()
	token := call.token
	if token == "" {
		token = srv.Token()
	}
	query := url.Values{"token": {token}}
	var body io.Reader
	if call.verb == http.MethodGet || call.verb == http.MethodHead {
		for name, values := range call.form {
			query[name] = values
		}
	} else if call.form != nil {
		body = strings.NewReader(call.form.Encode())
	}
	req, err := http.NewRequestWithContext(t.Context(), call.verb, srv.BaseURL()+call.path+"?"+query.Encode(), body)
	require.NoError(t, err)
	if body != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return send(t, srv, req)
}

func send(t testing.TB, srv *trilliantest.Server, req *http.Request) rawAnswer {
	t.Helper()
	transport := srv.Transport()
	if strings.Contains(srv.BaseURL(), "//127.0.0.1:") {
		own := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
		defer own.CloseIdleConnections()
		transport = own
	}
	resp, err := transport.RoundTrip(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return rawAnswer{resp.StatusCode, resp.Header, string(text)}
}

func chatPath(name, below string) string { return "groupchats/" + url.QueryEscape(name) + "/" + below }

// sampleRequests ask for what each of the reference's samples answers.
var sampleRequests = []struct {
	file   string
	before []rawCall
	call   rawCall
	status int
}{
	{file: "groupchats-list", call: rawCall{verb: "GET", path: "groupchats/"}, status: 200},
	{file: "groupchats-get", call: rawCall{verb: "GET", path: chatPath(trilliantest.SampleGeneral, "")}, status: 200},
	{file: "groupchats-create", call: createSalesChat, status: 201},
	{
		file: "groupchats-update",
		call: rawCall{
			verb: "PATCH", path: chatPath(trilliantest.SampleGeneral, ""),
			form: url.Values{"topic": {"This is a brand new topic!"}},
		},
		status: 200,
	},
	{file: "groupchats-media-list", call: rawCall{verb: "GET", path: chatPath(trilliantest.SampleLaunch, "media/")}, status: 200},
	{file: "groupchats-members-list", call: rawCall{verb: "GET", path: chatPath(trilliantest.SampleDevelopment, "members/")}, status: 200},
	{
		file: "groupchats-members-add", before: []rawCall{createSalesChat},
		call:   rawCall{verb: "POST", path: chatPath(salesChat, "kwk%40cerulean-inc.com/")},
		status: 201,
	},
	{
		file: "groupchats-messages-conversations",
		call: rawCall{verb: "GET", path: chatPath(trilliantest.SampleLaunch, "messages/")}, status: 200,
	},
	{
		file:   "groupchats-messages-list",
		call:   rawCall{verb: "GET", path: chatPath(trilliantest.SampleLaunch, "messages/"+trilliantest.SampleConversation+"/2016/20/")},
		status: 200,
	},
	{
		file: "groupchats-messages-send",
		call: rawCall{
			verb: "POST", path: chatPath(trilliantest.SampleLaunch, "messages/"), token: smw,
			form: url.Values{"from": {smw}, "message": {"Hello from the API!"}},
		},
		status: 200,
	},
	{file: "groups-list", call: rawCall{verb: "GET", path: "groups/"}, status: 200},
	{file: "groups-get", call: rawCall{verb: "GET", path: "groups/1/"}, status: 200},
	{file: "groups-create", call: createDevelopment, status: 200},
	{file: "groups-update", call: rawCall{verb: "POST", path: "groups/3/", form: url.Values{"policy": {"2"}}}, status: 200},
	{file: "groups-peers-list", before: []rawCall{createDevelopment}, call: rawCall{verb: "GET", path: "groups/4/peers/"}, status: 200},
	{file: "groups-peers-add", before: []rawCall{createDevelopment}, call: rawCall{verb: "POST", path: "groups/1/peers/4/"}, status: 201},
	{file: "policies-list", call: rawCall{verb: "GET", path: "policies/"}, status: 200},
	{file: "policies-get", call: rawCall{verb: "GET", path: "policies/1/"}, status: 200},
	{file: "policies-create", call: createMarketing, status: 201},
	{
		file: "policies-update", before: []rawCall{createMarketing},
		call:   rawCall{verb: "PATCH", path: "policies/3/", form: url.Values{"name": {"Marketing and HR"}}},
		status: 200,
	},
	{file: "presence-list", call: rawCall{verb: "GET", path: "presence/"}, status: 200},
}

var (
	createSalesChat   = rawCall{verb: "POST", path: "groupchats/", form: url.Values{"displayname": {"Sales"}, "flags": {"0"}}}
	createDevelopment = rawCall{verb: "POST", path: "groups/", form: url.Values{
		"displayname": {"Development"}, "name": {"f7ff9e8b7bb2e09b70935a5d785e0cc5d9d0abf0"},
		"parent": {"0"}, "policy": {"1"}, "priority": {"0"}, "type": {"0"},
	}}
	createMarketing = rawCall{verb: "POST", path: "policies/", form: url.Values{
		"name": {"Marketing"}, "data": {base64.StdEncoding.EncodeToString([]byte(policy1))},
	}}
)

// salesChat is the name that the reference's new group chat is given.
const salesChat = "#bf1fe6f61bd917cc5dae911945b6dec415dbe9aa@cerulean-inc.com"

const policy1 = "trillian.filetransfer server\ntrillian.history.cloud 1\ntrillian.history.disclaimer.frequency 1440\n" +
	"trillian.plugin.facebook 0\ntrillian.plugin.foursquare 0\ntrillian.plugin.irc 0\ntrillian.plugin.linkedin 0\n" +
	"trillian.plugin.msn 0\ntrillian.plugin.myspace 0\ntrillian.plugin.oscar 0\ntrillian.plugin.rendezvous 0\n" +
	"trillian.plugin.skype 0\ntrillian.plugin.twitter 0\ntrillian.plugin.xmpp 0\ntrillian.plugin.yahoo 0\n"

var chatHref = regexp.MustCompile(`/groupchats/%23[0-9a-f]{40}%40cerulean-inc\.com/`)

// printed is a sample with what the page abbreviates written in one way: two of
// its links lack the slash between the dots and "media".
func printed(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile("../testdata/" + file + ".xml")
	require.NoError(t, err)
	s := strings.ReplaceAll(strings.TrimSpace(string(text)), "https://api.trillian.im/v1/", "BASE/")
	return strings.ReplaceAll(s, "/...media/", "/.../media/")
}

func TestSampleCompanyAnswersWhatTheReferencePrints(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../testdata/*.xml")
	require.NoError(t, err)
	require.Len(t, files, len(sampleRequests), "a request for every sample")

	for _, sample := range sampleRequests {
		t.Run(sample.file, func(t *testing.T) {
			t.Parallel()
			srv := trilliantest.NewServer(t, trilliantest.WithSampleCompany(),
				trilliantest.WithClock(func() time.Time { return time.UnixMilli(1464201252102) }))
			for _, call := range sample.before {
				do(t, srv, call)
			}
			call := sample.call
			if call.token != "" {
				call.token = srv.TokenFor(call.token)
			}
			got := do(t, srv, call)
			require.Equal(t, sample.status, got.status)
			require.Equal(t, "application/xml; charset=utf-8", got.header.Get("Content-Type"))
			body := strings.ReplaceAll(got.body, srv.BaseURL(), "BASE/")
			body = chatHref.ReplaceAllString(body, "/groupchats/.../")
			require.Equal(t, printed(t, sample.file), body)
		})
	}
}

func TestSampleMedia(t *testing.T) {
	t.Parallel()
	srv := trilliantest.NewServer(t, trilliantest.WithSampleCompany())
	for id, want := range map[string]struct{ mediaType, length string }{
		"oaoE1007PaKuresDf88IEcxJ6xsFWS/SuLWP/kzzIjs=": {"text/plain", "6"},
		"ZZQbFbiyRJ1IJdlIkaQkIwXkDFa2K8NKmC+3pwjR7wU=": {"image/jpeg", "77998"},
	} {
		path := chatPath(trilliantest.SampleLaunch, "media/"+url.QueryEscape(id)+"/")
		got := do(t, srv, rawCall{verb: "GET", path: path})
		require.Equal(t, 200, got.status)
		require.Equal(t, want.mediaType, got.header.Get("Content-Type"))
		require.Equal(t, want.length, got.header.Get("Content-Length"))
		again := do(t, srv, rawCall{verb: "GET", path: path})
		require.Equal(t, got.body, again.body)

		head := do(t, srv, rawCall{verb: "HEAD", path: path})
		require.Equal(t, 200, head.status)
		require.Empty(t, head.body)
		require.Equal(t, want.mediaType, head.header.Get("Content-Type"))
		require.Equal(t, want.length, head.header.Get("Content-Length"))
	}
}

// The reference lists two group chats; the third, which owns its messages and
// media, is there for those who know its name.
func TestSampleLaunchIsReachedByName(t *testing.T) {
	t.Parallel()
	srv := trilliantest.NewServer(t, trilliantest.WithSampleCompany())
	got := do(t, srv, rawCall{verb: "GET", path: chatPath(trilliantest.SampleLaunch, ""), form: url.Values{"members": {"1"}}})
	require.Equal(t, 200, got.status)
	require.Contains(t, got.body, "<displayname>Stage 3 Launch</displayname>")
	require.Contains(t, got.body, "<messageTimestamp>1464200982855</messageTimestamp>")
	require.Contains(t, got.body, `members/"> <member name="smw@cerulean-inc.com"> <flags>1</flags></member>`)
}
