package conformance_test

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/trilliantest"
	"github.com/trillian-go/trillian/trilliantest/conformance"
)

const sender = "smw@cerulean-inc.com"

// brokenServer is an in-memory server whose requests and answers something stands
// between.
type brokenServer struct {
	*trilliantest.Server
	breakIt func(*brokenServer, *http.Request) *http.Response
}

// RoundTrip is the broken server's.
func (b *brokenServer) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	if resp := b.breakIt(b, req); resp != nil {
		return resp, nil
	}
	return nil, errors.New("the test gave no answer")
}

// ask is the answer of the server itself.
func (b *brokenServer) ask(req *http.Request) *http.Response {
	resp, err := b.Transport().RoundTrip(req)
	if err != nil {
		panic(err)
	}
	return resp
}

// examine runs the checks on a broken server and returns how many failed, by the
// operation's title.
func examine(t *testing.T, breakIt func(*brokenServer, *http.Request) *http.Response) (failed map[string]int, report conformance.Report) {
	t.Helper()
	return examineFor(t, true, breakIt)
}

// examineFor is examine where it is enough to read, which is much quicker: the
// first group chat and the first user have something of all that can be read.
func examineFor(t *testing.T, write bool, breakIt func(*brokenServer, *http.Request) *http.Response) (failed map[string]int, report conformance.Report) {
	t.Helper()
	options := []trilliantest.Option{trilliantest.WithoutListener(), trilliantest.WithSampleCompany(), midweek()}
	for _, owner := range []string{trilliantest.SampleGeneral, sender} {
		options = append(options,
			trilliantest.WithMedia(owner, trillian.MediaUpload{Name: "a.txt", Type: "text/plain", Data: strings.NewReader("a")}),
			trilliantest.WithMessages(owner, "conversation", trillian.Message{From: sender, Text: "Hello"}))
	}
	b := &brokenServer{trilliantest.NewServer(t, options...), breakIt}
	target := onFake(b.Server, sender)
	target.Write = write
	target.New = func(opts ...trillian.Option) (*trillian.Client, error) {
		return b.Client(append(opts, trillian.WithHTTPClient(&http.Client{Transport: b}))...), nil
	}
	report, err := conformance.Examine(t.Context(), target)
	require.NoError(t, err)
	failed = map[string]int{}
	for _, result := range report {
		failed[result.Title] = result.Count(conformance.Failed)
	}
	return failed, report
}

func unbroken(b *brokenServer, req *http.Request) *http.Response { return b.ask(req) }

// isOf reports whether a request is one of a reference's operation.
func isOf(req *http.Request, verb, path string) bool {
	got, want := strings.Split(req.URL.EscapedPath(), "/"), strings.Split(path, "/")
	if req.Method != verb || len(got) != len(want) {
		return false
	}
	for i := range want {
		if !strings.HasPrefix(want[i], ":") && want[i] != got[i] {
			return false
		}
	}
	return true
}

func setIfMissing(name, value string) func(url.Values) {
	return func(form url.Values) {
		if !form.Has(name) {
			form.Set(name, value)
		}
	}
}

// inAnswer changes every answer of XML.
func inAnswer(pattern, replacement string) func(*brokenServer, *http.Request) *http.Response {
	re := regexp.MustCompile(pattern)
	return func(b *brokenServer, req *http.Request) *http.Response {
		resp := b.ask(req)
		if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/xml") {
			replaceBody(resp, func(body string) string { return re.ReplaceAllString(body, replacement) })
		}
		return resp
	}
}

func replaceBody(resp *http.Response, change func(string) string) {
	body, _ := io.ReadAll(resp.Body)
	text := change(string(body))
	resp.Body, resp.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
	resp.Header.Set("Content-Length", strconv.Itoa(len(text)))
}

// replaceForm changes the parameters in the body of a request.
func replaceForm(req *http.Request, change func(url.Values)) {
	var body []byte
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body)
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		panic(err)
	}
	change(form)
	text := form.Encode()
	req.Body, req.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
	if text != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
}

// replaceStatus makes a refusal a success.
func replaceStatus(resp *http.Response, status int) *http.Response {
	if resp.StatusCode != status {
		return resp
	}
	return answer(resp.Request, http.StatusOK, "<response/>")
}

func answer(req *http.Request, status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Status: strconv.Itoa(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/xml"}}, Body: io.NopCloser(strings.NewReader(body)),
		ContentLength: int64(len(body)), Request: req,
	}
}
