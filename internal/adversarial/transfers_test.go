package adversarial

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
)

// TestTransfers is about what HTTP does to a good document.
func TestTransfers(t *testing.T) {
	t.Parallel()
	good, small := doc("m"), zipped(doc("m"))
	wrongSum := []byte(small)
	wrongSum[len(wrongSum)-6] ^= 1
	withLength := func(status int, header, body string) string {
		return fmt.Sprintf("HTTP/1.1 %d X\r\n%sContent-Length: %d\r\n\r\n%s", status, header, len(body), body)
	}
	const gz = "Content-Encoding: gzip\r\n"
	for name, c := range map[string]struct {
		answer string
		err    error // nil: the right values
	}{
		"201":                          {withLength(201, "", good), nil},
		"203":                          {withLength(203, "", good), nil},
		"205":                          {withLength(205, "", good), nil},
		"299":                          {withLength(299, "", good), nil},
		"206 unasked":                  {withLength(206, "Content-Range: bytes 0-9/10\r\n", good), trillian.ErrMalformedResponse},
		"204 with a body":              {withLength(204, "", good), errEmpty},
		"204":                          {"HTTP/1.1 204 No Content\r\n\r\n", errEmpty},
		"200 without a body":           {withLength(200, "", ""), errEmpty},
		"until the end":                {"HTTP/1.0 200 OK\r\n\r\n" + good, nil},
		"until the end, cut":           {"HTTP/1.0 200 OK\r\n\r\n" + good[:len(good)-3], trillian.ErrMalformedResponse},
		"chunked":                      {fmt.Sprintf("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(good), good), nil},
		"chunked, cut after the root":  {fmt.Sprintf("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", len(good), good), io.ErrUnexpectedEOF},
		"length beyond the root":       {fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(good)+1, good), io.ErrUnexpectedEOF},
		"length before the root's end": {fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(good)-1, good), trillian.ErrMalformedResponse},
		"after early hints":            {strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", 3) + withLength(200, "", good), nil},
		"after continue":               {"HTTP/1.1 100 Continue\r\n\r\n" + withLength(200, "", good), nil},
		"switching protocols":          {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n" + good, errStatus},
		"600":                          {withLength(600, "", good), errStatus},
		"999":                          {withLength(999, "", good), errStatus},
		"no status":                    {"HTTP/1.1\r\n\r\n" + good, errAny},
		"HTTP/0.9":                     {good, errAny},
		"HTTP/3.0":                     {"HTTP/9.9 200 OK\r\n\r\n" + good, nil},
		"a header without a colon":     {"HTTP/1.1 200 OK\r\nwhat\r\n\r\n" + good, errAny},
		"12 MiB of headers":            {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 12<<20) + "\r\n\r\n" + good, errAny},
		"12 MiB of early hints":        {strings.Repeat("HTTP/1.1 103 Early Hints\r\nX: "+strings.Repeat("x", 1<<20)+"\r\n\r\n", 12) + withLength(200, "", good), errAny},
		"no content type":              {withLength(200, "", good), nil},
		"a hostile content type":       {withLength(200, "Content-Type: "+strings.Repeat("x", 10_000)+"\r\n", "<html>"), trillian.ErrMalformedResponse},
		"the content type of HTML":     {withLength(200, "Content-Type: text/html\r\n", good), nil},

		"gzip":                     {withLength(200, gz, small), nil},
		"gzip in two members":      {withLength(200, gz, zipped(good[:50])+zipped(good[50:])), nil},
		"gzip, truncated":          {withLength(200, gz, small[:len(small)-20]), io.ErrUnexpectedEOF},
		"gzip without its sum":     {withLength(200, gz, small[:len(small)-8]), io.ErrUnexpectedEOF},
		"gzip with a wrong sum":    {withLength(200, gz, string(wrongSum)), trillian.ErrMalformedResponse},
		"gzip and junk":            {withLength(200, gz, small+"junk"), io.ErrUnexpectedEOF},
		"gzip that is none":        {withLength(200, gz, good), trillian.ErrMalformedResponse},
		"gzip of nothing":          {withLength(200, gz, zipped("")), errEmpty},
		"gzip twice":               {withLength(200, gz, zipped(small)), trillian.ErrMalformedResponse},
		"gzip unannounced":         {withLength(200, "", small), trillian.ErrMalformedResponse},
		"an encoding unasked":      {withLength(200, "Content-Encoding: br\r\n", "\x0b\x02\x80"), trillian.ErrMalformedResponse},
		"gzip, and its header cut": {withLength(200, gz, small[:5]), io.ErrUnexpectedEOF},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, consumer := range reading(len(c.answer)) {
				server := newFaultServer(t, false, fault{answer: writes(c.answer)}, answers(200, "", doc("next")))
				client := server.client(t, 10*time.Second, single, unkept)
				text, any, err := consumer.call(t.Context(), client)
				switch {
				case c.err == nil || c.err == errEmpty && consumer.none:
					require.NoError(t, err, consumer.name)
					require.True(t, consumer.none || c.err == errEmpty || text == "m", "%s: %q", consumer.name, text)
				case c.err == io.ErrUnexpectedEOF:
					requireBrokenOff(t, consumer.name, any, err)
				case c.err == trillian.ErrMalformedResponse || c.err == errEmpty:
					requireMalformed(t, consumer.name, any, err)
				default:
					require.False(t, any, consumer.name)
					failure, ok := errors.AsType[*trillian.Error](err)
					require.True(t, ok, "%T %v", err, err)
					require.Equal(t, c.err == errStatus, failure.StatusCode != 0, "%v", err)
				}
				text, _, err = consumers[2].call(t.Context(), client)
				require.NoError(t, err, "the client is as good as before")
				require.Equal(t, "next", text)
			}
		})
	}
}

// unkept keeps no connection: of what is left on it net/http would make an answer.
var unkept = around(func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
	r.Close = true
	return next.RoundTrip(r)
})

var (
	errEmpty  = errors.New("well where nothing is expected, malformed elsewhere")
	errStatus = errors.New("an error with the answer's status")
)

// TestErrorTexts has refusals whose bodies are not fit to print.
func TestErrorTexts(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"binary": "\x00\x01\x02\xff\xfe", "terminal escapes": "\x1b[2J\x1b]0;owned\x07 no", "right to left": "\u202Eno\u2066", "lines": "no\r\nGET / HTTP/1.1\n\n",
		"a megabyte": strings.Repeat("no ", 400_000), "a megabyte of one word": strings.Repeat("é", 500_000), "HTML": "<html><head><title>no\x1b[m</title><script>evil()</script></head>",
		"half a character": strings.Repeat("x", 299) + "é", "a title without end": "<title>" + strings.Repeat("x", 1000), "entities": "&#27;[2J&#x202e;&lt;b&gt;",
		"brackets": strings.Repeat("<", 100_000), "comments": strings.Repeat("<!--", 25_000), "gzip unannounced": zipped("no"), "empty": "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newFaultServer(t, false, answers(400, "", body))
			err := server.client(t, 10*time.Second).Do(t.Context(), http.MethodPut, "groups/1/", nil, nil)
			failure, ok := errors.AsType[*trillian.Error](err)
			require.True(t, ok, "%v", err)
			require.ErrorIs(t, err, trillian.ErrBadRequest)
			require.Less(t, len(failure.Message), 320)
			require.True(t, utf8.ValidString(err.Error()))
			require.False(t, strings.ContainsFunc(err.Error(), func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }), "%q", err)
		})
	}
}

// TestMaxResponseSize draws the limit at the last byte, after
// decompression.
func TestMaxResponseSize(t *testing.T) {
	t.Parallel()
	good := doc(strings.Repeat("m", 5000))
	for name, answer := range map[string]fault{
		"with a length": answers(200, "", good),
		"until the end": {answer: writes("HTTP/1.0 200 OK\r\n\r\n" + good)},
		"chunked":       {answer: writes(fmt.Sprintf("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(good), good))},
		"gzip":          answers(200, "Content-Encoding: gzip", zipped(good)),
	} {
		for _, over := range []int{-1, 0, 1, 2, len(good) - 1, -len(good)} { // the last lifts the limit
			t.Run(fmt.Sprintf("%s, %d over", name, over), func(t *testing.T) {
				t.Parallel()
				limit := trillian.WithMaxResponseSize(int64(max(len(good)-over, 0)))
				if over == -len(good) {
					limit = trillian.WithMaxResponseSize(0)
				}
				for _, c := range consumers {
					client := newFaultServer(t, false, answer).client(t, 10*time.Second, limit)
					text, any, err := c.call(t.Context(), client)
					if over <= 0 {
						require.NoError(t, err, c.name)
						require.True(t, c.none || text == strings.Repeat("m", 5000), c.name)
						continue
					}
					requireMalformed(t, c.name, any, err)
					require.ErrorIs(t, err, trillian.ErrResponseTooLarge, c.name)
				}
				var b bytes.Buffer
				client := newFaultServer(t, false, answer).client(t, 10*time.Second, limit)
				err := client.Do(t.Context(), http.MethodGet, "groups/", nil, &b)
				switch {
				case name == "gzip": // bytes as they are would be bytes as they were compressed
					require.ErrorIs(t, err, trillian.ErrMalformedResponse)
				case over <= 0:
					require.NoError(t, err)
					require.Equal(t, good, b.String())
				default:
					require.ErrorIs(t, err, trillian.ErrResponseTooLarge)
					require.Equal(t, good[:len(good)-over], b.String())
				}
			})
		}
	}
}

func TestMaxResponseSizeOfBytes(t *testing.T) {
	t.Parallel()
	for limit, fits := range map[int64]bool{999: false, 1000: true} {
		opt := trillian.WithMaxResponseSize(limit)
		avatar := fault{answer: writes("HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 1000\r\n\r\n" + strings.Repeat("x", 1000))}
		got, err := newFaultServer(t, false, avatar).client(t, 10*time.Second, opt).Users.Avatar.Get(t.Context(), smw)
		if fits {
			require.NoError(t, err)
			require.Len(t, got.Data, 1000)
		} else {
			require.ErrorIs(t, err, trillian.ErrResponseTooLarge)
			require.Nil(t, got)
		}
		var b bytes.Buffer
		_, err = newFaultServer(t, false, avatar).client(t, 10*time.Second, opt).Users.Media.Download(t.Context(), smw, item, &b)
		require.NoError(t, err, "downloads are not limited")
		require.Equal(t, 1000, b.Len())
	}
}

// endlessly repeats a text after a start, for as long as makes no difference.
func endlessly(start, text string) io.Reader {
	return io.LimitReader(io.MultiReader(strings.NewReader(start), &looping{text: strings.Repeat(text, 1000)}), 256<<20)
}

type looping struct {
	text string
	at   int
}

func (r *looping) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		m := copy(p[n:], r.text[r.at:])
		n, r.at = n+m, (r.at+m)%len(r.text)
	}
	return n, nil
}

// TestMemory must not run beside other tests: it counts what is
// allocated by the whole program.
func TestMemory(t *testing.T) {
	bomb := bytes.Repeat([]byte(zipped(strings.Repeat("x", 1<<20))), 512) // half a gigabyte in half a megabyte
	limited := trillian.WithMaxResponseSize(1 << 20)
	repeat := func(start, text string) func() io.Reader { return func() io.Reader { return endlessly(start, text) } }
	of := func(text string) func() io.Reader { return func() io.Reader { return strings.NewReader(text) } }
	for _, c := range []struct {
		name string
		body func() io.Reader
		gzip bool
		opts []trillian.Option
		code int
		most uint64 // MiB allocated in all, over seven calls, or one
		err  error
	}{
		{name: "gzip bomb", body: of("\x1f" + string(bomb[1:])), gzip: true, opts: []trillian.Option{limited}, most: 100, err: trillian.ErrMalformedResponse},
		{name: "gzip bomb in a text", body: func() io.Reader {
			return io.MultiReader(strings.NewReader(zipped(docStart)), bytes.NewReader(bomb))
		}, gzip: true, opts: []trillian.Option{limited}, most: 100, err: trillian.ErrResponseTooLarge},
		{name: "gzip bomb in a text, by default", body: func() io.Reader {
			return io.MultiReader(strings.NewReader(zipped(docStart)), bytes.NewReader(bomb))
		}, gzip: true, most: 400, err: trillian.ErrMalformedResponse},
		{name: "endless space", body: repeat("", " \n"), opts: []trillian.Option{limited}, most: 20, err: trillian.ErrResponseTooLarge},
		{name: "endless siblings of nothing", body: repeat("<response>", "<a/>"), opts: []trillian.Option{limited}, most: 20, err: trillian.ErrResponseTooLarge},
		{name: "endless comments", body: repeat("<response>", "<!-- x -->"), opts: []trillian.Option{limited}, most: 20, err: trillian.ErrResponseTooLarge},
		{name: "an endless comment", body: repeat("<response><!--", "x"), opts: []trillian.Option{limited}, most: 20, err: trillian.ErrResponseTooLarge},
		{name: "endless depth", body: repeat("<response>", "<a>"), most: 20, err: trillian.ErrMalformedResponse},
		{name: "endless depth of chats", body: repeat("<response>", "<groupchat>"), most: 20, err: trillian.ErrMalformedResponse},
		{name: "an endless name", body: repeat("<response><", "a"), most: 400, err: trillian.ErrMalformedResponse},
		{name: "endless attributes", body: repeat("<response ", "a='b' "), opts: []trillian.Option{limited}, most: 20, err: trillian.ErrResponseTooLarge},
		{name: "an endless attribute", body: repeat("<response><groupchat name='", "x"), most: 400, err: trillian.ErrMalformedResponse},
		{name: "an endless entity", body: repeat(docStart+"&", "x"), most: 20, err: trillian.ErrMalformedResponse},
		{name: "an endless declaration", body: repeat("<?xml ", "x"), most: 20, err: trillian.ErrMalformedResponse},
		{name: "an endless error", body: repeat("", "no "), code: 500, most: 20, err: trillian.ErrServer},
		{name: "an endless error, unavailable", body: repeat("", "no "), code: 503, most: 20, err: trillian.ErrServer},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := newClient(t, "https://im.test", append(c.opts, single, trillian.WithHTTPClient(&http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
				resp := respond(r, 200, "")
				if c.code != 0 {
					resp.StatusCode = c.code
				}
				resp.Body, resp.ContentLength = io.NopCloser(c.body()), -1
				if c.gzip {
					inner, err := gzip.NewReader(c.body())
					if err != nil {
						return nil, err
					}
					resp.Body, resp.Uncompressed = inner, true
				}
				return resp, nil
			})}))...)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for _, consumer := range reading(int(c.most) << 14) {
				_, any, err := consumer.call(t.Context(), client)
				require.False(t, any, consumer.name)
				require.ErrorIs(t, err, c.err, consumer.name)
			}
			runtime.ReadMemStats(&after)
			require.Less(t, (after.TotalAlloc-before.TotalAlloc)>>20, c.most, "MiB allocated in all")
			runtime.GC()
			runtime.ReadMemStats(&after)
			require.Less(t, int64(after.HeapAlloc)-int64(before.HeapAlloc), int64(32<<20), "bytes kept")
		})
	}
}

func TestMillionItems(t *testing.T) {
	client := newClient(t, "https://im.test", canned(func() io.Reader {
		return io.MultiReader(strings.NewReader("<response><members>"), io.LimitReader(&looping{text: "<member/>"}, 9e6), strings.NewReader("</members></response>"))
	}), single)
	members, err := client.GroupChats.Members.List(t.Context(), general)
	require.NoError(t, err)
	require.Len(t, members, 1e6)
	require.False(t, slices.ContainsFunc(members, func(m trillian.Member) bool { return m.Name != "" }))
}
