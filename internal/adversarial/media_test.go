package adversarial

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
)

const file = "0123456789"

// download is what a server answers when a file is asked for.
type download struct {
	name   string
	script []fault
	wire   []string
	want   string // what must arrive
	err    error  // or what must be said
}

// head answers HEAD with one header line or none.
func head(header string) fault {
	return fault{answer: writes("HTTP/1.1 200 OK\r\n" + header + "\r\n\r\n")}
}

func downloads() []download {
	var all []download
	once, thrice := []string{"GET"}, []string{"GET", "GET", "GET"} // again if nothing came
	for n := range len(file) {
		d := download{name: fmt.Sprintf("%d bytes under Content-Length", n), err: io.ErrUnexpectedEOF, wire: once,
			script: []fault{{answer: writes("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n" + file[:n])}}}
		if n == 0 {
			d.wire, d.script = thrice, []fault{d.script[0], d.script[0], d.script[0]}
		}
		all = append(all, d)
	}
	for _, c := range []struct {
		body string // what broke off within its first 3 bytes has none of the file
		err  error
	}{
		{"a\r\n" + file + "\r\n0\r\n\r\n", nil}, {"5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n", nil},
		{"", io.ErrUnexpectedEOF}, {"a", io.ErrUnexpectedEOF}, {"a\r\n", io.ErrUnexpectedEOF}, {"a\r\n01234", io.ErrUnexpectedEOF},
		{"a\r\n" + file, io.ErrUnexpectedEOF}, {"a\r\n" + file + "\r\n", io.ErrUnexpectedEOF},
		{"a\r\n" + file + "\r\n0", io.ErrUnexpectedEOF}, {"a\r\n" + file + "\r\n0\r\n", trillian.ErrMalformedResponse},
		{"c\r\n" + file, io.ErrUnexpectedEOF}, {"9\r\n" + file + "\r\n0\r\n\r\n", errAny}, {"-1\r\n" + file, errAny},
		{"zz\r\n" + file, errAny}, {"fffffffffffffffff\r\n" + file, errAny},
	} {
		d := download{name: fmt.Sprintf("chunked %q", c.body), want: file, err: c.err, wire: once,
			script: []fault{{answer: writes("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + c.body)}}}
		if len(c.body) <= 3 {
			d.wire, d.script = thrice, []fault{d.script[0], d.script[0], d.script[0]}
		}
		all = append(all, d)
	}
	whole, short, long := file, file[:9], file+"!"
	listed := func(size string) fault {
		return answers(200, "", `<response><media m="other"><size>3</size></media><media m="`+item+`"><size>`+size+`</size></media></response>`)
	}
	for _, start := range []string{"HTTP/1.0 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"} {
		ending := func(body string) fault { return fault{answer: writes(start + body)} }
		kind := start[:8] + " until the end, "
		all = append(all,
			download{name: kind + "whole by HEAD", script: []fault{ending(whole), head("Content-Length: 10"), ending(whole)}, want: file, wire: []string{"GET", "HEAD", "GET"}},
			download{name: kind + "short by HEAD", script: []fault{ending(short), head("Content-Length: 10"), ending(short)}, err: io.ErrUnexpectedEOF, wire: []string{"GET", "HEAD", "GET"}},
			download{name: kind + "nothing by HEAD", err: io.ErrUnexpectedEOF, wire: []string{"GET", "HEAD", "GET", "GET", "GET"}, script: []fault{
				ending(""), head("Content-Length: 10"), ending(""), ending(""), ending("")}},
			download{name: kind + "nothing, and then all", want: file, wire: []string{"GET", "HEAD", "GET", "GET"}, script: []fault{
				ending(""), head("Content-Length: 10"), ending(""), ending(whole)}},
			download{name: kind + "too long by HEAD", script: []fault{ending(long), head("Content-Length: 10"), ending(long)}, err: trillian.ErrMalformedResponse, wire: []string{"GET", "HEAD", "GET"}},
			download{name: kind + "whole by the list", script: []fault{ending(whole), head("X: y"), listed("10"), ending(whole)}, want: file, wire: []string{"GET", "HEAD", "GET", "GET"}},
			download{name: kind + "short by the list", script: []fault{ending(short), head("X: y"), listed("10"), ending(short)}, err: io.ErrUnexpectedEOF, wire: []string{"GET", "HEAD", "GET", "GET"}},
			download{name: kind + "too long by the list", script: []fault{ending(long), head("X: y"), listed("10"), ending(long)}, err: trillian.ErrMalformedResponse, wire: []string{"GET", "HEAD", "GET", "GET"}},
			download{name: kind + "listed without a size", script: []fault{ending(whole), head("X: y"), listed(""), ending(whole)}, err: trillian.ErrMalformedResponse, wire: []string{"GET", "HEAD", "GET", "GET"}},
			download{name: kind + "listed with a negative size", script: []fault{ending(whole), head("X: y"), listed("-10")}, err: trillian.ErrMalformedResponse, wire: []string{"GET", "HEAD", "GET"}},
			download{name: kind + "not listed", script: []fault{ending(whole), head("X: y"), answers(200, "", "<response/>")}, err: trillian.ErrMalformedResponse, wire: []string{"GET", "HEAD", "GET"}},
			download{name: kind + "HEAD refused", script: []fault{ending(whole), answers(403, "", "")}, err: trillian.ErrForbidden, wire: []string{"GET", "HEAD"}},
		)
	}
	broken := fault{answer: func(conn net.Conn, _ *http.Request) bool {
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
		time.Sleep(10 * time.Millisecond) // so that the header is read before the reset
		reset(conn)
		return false
	}}
	cut := fault{answer: writes("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")}
	return append(all,
		download{name: "whole", script: []fault{answers(200, "", file)}, want: file, wire: []string{"GET"}},
		download{name: "whole by its header", script: []fault{{answer: writes("HTTP/1.0 200 OK\r\nTrillian-Media-Size: 10\r\n\r\n" + file)}}, want: file, wire: once},
		download{name: "short by its header", script: []fault{{answer: writes("HTTP/1.0 200 OK\r\nTrillian-Media-Size: 10\r\n\r\n" + short)}}, err: io.ErrUnexpectedEOF, wire: once},
		download{name: "too long by its header", script: []fault{{answer: writes("HTTP/1.0 200 OK\r\nTrillian-Media-Size: 10\r\n\r\n" + long)}}, err: trillian.ErrMalformedResponse, wire: once},
		download{name: "chunked, short by its header", err: io.ErrUnexpectedEOF, wire: once,
			script: []fault{{answer: writes("HTTP/1.1 200 OK\r\nTrillian-Media-Size: 10\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n" + short + "\r\n0\r\n\r\n")}}},
		download{name: "a header of no size", want: file, wire: []string{"GET", "HEAD", "GET"}, script: []fault{
			{answer: writes("HTTP/1.0 200 OK\r\nTrillian-Media-Size: -10\r\n\r\n" + file)}, head("Content-Length: 10"),
			{answer: writes("HTTP/1.0 200 OK\r\n\r\n" + file)}}},
		download{name: "a length beside another header", want: file, wire: once,
			script: []fault{{answer: writes("HTTP/1.1 200 OK\r\nTrillian-Media-Size: 3\r\nContent-Length: 10\r\n\r\n" + file)}}},
		download{name: "whole by the header of HEAD", want: file, wire: []string{"GET", "HEAD", "GET"}, script: []fault{
			{answer: writes("HTTP/1.0 200 OK\r\n\r\n" + file)}, head("Trillian-Media-Size: 10"), {answer: writes("HTTP/1.0 200 OK\r\n\r\n" + file)}}},
		download{name: "an empty file", script: []fault{answers(200, "", "")}, want: "", wire: []string{"GET"}},
		download{name: "more than announced", script: []fault{{answer: writes("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n" + file + "!")}}, want: file, wire: []string{"GET"}},
		download{name: "after a fault", script: []fault{dropped, answers(503, "", ""), answers(200, "", file)}, want: file, wire: []string{"GET", "GET", "GET"}},
		download{name: "reset", wire: thrice, err: errAny, script: []fault{broken, broken, broken}},
		download{name: "broken off, and then whole", script: []fault{cut, cut, answers(200, "", file)}, want: file, wire: thrice},
		download{name: "a part", script: []fault{answers(206, "Content-Range: bytes 0-4/10", "01234")}, err: trillian.ErrMalformedResponse, wire: []string{"GET"}},
		download{name: "compressed", script: []fault{answers(200, "Content-Encoding: gzip", file)}, err: trillian.ErrMalformedResponse, wire: []string{"GET"}},
		download{name: "two lengths", script: []fault{{answer: writes("HTTP/1.1 200 OK\r\nContent-Length: 10\r\nContent-Length: 5\r\n\r\n" + file)}, answers(404, "", "")}, err: trillian.ErrNotFound, wire: []string{"GET", "GET"}},
		download{name: "a negative length", script: []fault{{answer: writes("HTTP/1.1 200 OK\r\nContent-Length: -10\r\n\r\n" + file)}, answers(404, "", "")}, err: trillian.ErrNotFound, wire: []string{"GET", "GET"}},
	)
}

func TestDownloads(t *testing.T) {
	t.Parallel()
	for _, d := range downloads() {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			server := newFaultServer(t, false, d.script...)
			var got bytes.Buffer
			info, err := server.client(t, 10*time.Second).Users.Media.Download(t.Context(), smw, item, &got)
			require.Equal(t, d.wire, server.wire(t), "%v", err)
			d.check(t, info, got.String(), err)
		})
	}
}

func (d download) check(t *testing.T, info *trillian.MediaInfo, got string, err error) {
	t.Helper()
	if d.err == nil {
		require.NoError(t, err)
		require.Equal(t, d.want, got)
		require.Contains(t, []int64{-1, int64(len(got))}, info.Size)
		return
	}
	require.Error(t, err)
	require.Nil(t, info)
	require.True(t, strings.HasPrefix(file, got), "%q", got)
	if d.err != errAny {
		require.ErrorIs(t, err, d.err)
	}
}

// TestDownloadsOverOneConnection would wait for ever for a second one, to ask for the
// file's size.
func TestDownloadsOverOneConnection(t *testing.T) {
	t.Parallel()
	ending := fault{answer: writes("HTTP/1.0 200 OK\r\n\r\n" + file)}
	listed := answers(200, "", `<response><media m="`+item+`"><size>10</size></media></response>`)
	for name, call := range map[string]func(context.Context, *trillian.MediaService) ([]byte, error){
		"Download": func(ctx context.Context, media *trillian.MediaService) ([]byte, error) {
			var got bytes.Buffer
			_, err := media.Download(ctx, smw, item, &got)
			return got.Bytes(), err
		},
		"Open": func(ctx context.Context, media *trillian.MediaService) ([]byte, error) {
			m, err := media.Open(ctx, smw, item)
			if err != nil {
				return nil, err
			}
			defer m.Close()
			if m.Size != 10 {
				return nil, fmt.Errorf("size %d", m.Size)
			}
			return io.ReadAll(m)
		},
	} {
		for how, c := range map[string]struct {
			script []fault
			wire   []string
		}{
			"by HEAD":             {[]fault{ending, head("Content-Length: 10"), ending}, []string{"GET", "HEAD", "GET"}},
			"by the list":         {[]fault{ending, head("X: y"), listed, ending}, []string{"GET", "HEAD", "GET", "GET"}},
			"by the second GET":   {[]fault{ending, head("Content-Length: 9"), answers(200, "", file)}, []string{"GET", "HEAD", "GET"}},
			"after a bad gateway": {[]fault{ending, head("Content-Length: 10"), answers(502, "", ""), ending}, []string{"GET", "HEAD", "GET", "GET"}},
		} {
			t.Run(name+", "+how, func(t *testing.T) {
				t.Parallel()
				server := newFaultServer(t, false, c.script...)
				client := server.client(t, 0, trillian.WithHTTPClient(&http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}}))
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				got, err := call(ctx, client.Users.Media)
				require.NoError(t, err)
				require.Equal(t, file, string(got))
				require.Equal(t, c.wire, server.wire(t))
			})
		}
	}
}

// TestDownloadsOverHTTP2 breaks off what is framed in another way.
func TestDownloadsOverHTTP2(t *testing.T) {
	t.Parallel()
	for name, serve := range map[string]http.HandlerFunc{
		"stream reset": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, file[:5])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		},
		"less than announced": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "10")
			_, _ = io.WriteString(w, file[:5])
		},
		"less than announced, and reset": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "10")
			_, _ = io.WriteString(w, file[:5])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewUnstartedServer(serve)
			server.EnableHTTP2 = true
			server.StartTLS()
			t.Cleanup(server.Close)
			var got bytes.Buffer
			info, err := newClient(t, server.URL, trillian.WithHTTPClient(server.Client())).Users.Media.Download(t.Context(), smw, item, &got)
			download{err: errAny}.check(t, info, got.String(), err)
		})
	}
}

func TestAvatarThatBreaksOff(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{
		"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 10\r\n\r\n01234",
		"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n",
		"HTTP/1.0 200 OK\r\nContent-Type: image/png\r\n\r\n01234",
	} {
		cut := fault{answer: writes(answer)}
		server := newFaultServer(t, false, cut, cut, cut)
		avatar, err := server.client(t, 10*time.Second).Users.Avatar.Get(t.Context(), smw)
		_, decoded := errors.AsType[*trillian.DecodeError](err)
		require.Equal(t, strings.HasPrefix(answer, "HTTP/1.0"), decoded, "%v", err)
		require.Nil(t, avatar)
	}
}

// TestMediaReaderKeepsItsPromise has a caller that writes to what is exported.
func TestMediaReaderKeepsItsPromise(t *testing.T) {
	t.Parallel()
	server := newFaultServer(t, false, fault{answer: writes("HTTP/1.0 200 OK\r\nTrillian-Media-Size: 10\r\n\r\n01234")},
		fault{answer: writes("HTTP/1.0 200 OK\r\nTrillian-Media-Size: 5\r\n\r\n01234")})
	client := server.client(t, 10*time.Second)
	m, err := client.Users.Media.Open(t.Context(), smw, item)
	require.NoError(t, err)
	require.Equal(t, int64(10), m.Size)
	m.Size = -1
	_, err = io.ReadAll(m)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.NoError(t, m.Close())

	m, err = client.Users.Media.Open(t.Context(), smw, item)
	require.NoError(t, err)
	m.Size = 3
	all, err := io.ReadAll(m)
	require.NoError(t, err)
	require.Equal(t, "01234", string(all))
	require.NoError(t, m.Close())
}
