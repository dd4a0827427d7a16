package trillian_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
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
	for n := range len(file) {
		all = append(all, download{name: fmt.Sprintf("%d bytes under Content-Length", n), err: io.ErrUnexpectedEOF, wire: []string{"GET"},
			script: []fault{{answer: writes("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n" + file[:n])}}})
	}
	for _, c := range []struct {
		body string
		err  error
	}{
		{"a\r\n" + file + "\r\n0\r\n\r\n", nil}, {"5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n", nil},
		{"", io.ErrUnexpectedEOF}, {"a", io.ErrUnexpectedEOF}, {"a\r\n", io.ErrUnexpectedEOF}, {"a\r\n01234", io.ErrUnexpectedEOF},
		{"a\r\n" + file, io.ErrUnexpectedEOF}, {"a\r\n" + file + "\r\n", io.ErrUnexpectedEOF},
		{"a\r\n" + file + "\r\n0", io.ErrUnexpectedEOF}, {"a\r\n" + file + "\r\n0\r\n", trillian.ErrMalformedResponse},
		{"c\r\n" + file, io.ErrUnexpectedEOF}, {"9\r\n" + file + "\r\n0\r\n\r\n", errAny}, {"-1\r\n" + file, errAny},
		{"zz\r\n" + file, errAny}, {"fffffffffffffffff\r\n" + file, errAny},
	} {
		all = append(all, download{name: fmt.Sprintf("chunked %q", c.body), want: file, err: c.err, wire: []string{"GET"},
			script: []fault{{answer: writes("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + c.body)}}})
	}
	whole, short, long := file, file[:9], file+"!"
	listed := func(size string) fault {
		return answers(200, "", `<response><media m="other"><size>3</size></media><media m="`+item+`"><size>`+size+`</size></media></response>`)
	}
	for _, start := range []string{"HTTP/1.0 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"} {
		ending := func(body string) fault { return fault{answer: writes(start + body)} }
		kind := start[:8] + " until the end, "
		all = append(all,
			download{name: kind + "whole by HEAD", script: []fault{ending(whole), head("Content-Length: 10")}, want: file, wire: []string{"GET", "HEAD"}},
			download{name: kind + "short by HEAD", script: []fault{ending(short), head("Content-Length: 10")}, err: io.ErrUnexpectedEOF, wire: []string{"GET", "HEAD"}},
			download{name: kind + "nothing by HEAD", script: []fault{ending(""), head("Content-Length: 10")}, err: io.ErrUnexpectedEOF, wire: []string{"GET", "HEAD"}},
			download{name: kind + "too long by HEAD", script: []fault{ending(long), head("Content-Length: 10")}, err: trillian.ErrMalformedResponse, wire: []string{"GET", "HEAD"}},
			download{name: kind + "whole by the list", script: []fault{ending(whole), head("X: y"), listed("10")}, want: file, wire: []string{"GET", "HEAD", "GET"}},
			download{name: kind + "short by the list", script: []fault{ending(short), head("X: y"), listed("10")}, err: io.ErrUnexpectedEOF, wire: []string{"GET", "HEAD", "GET"}},
			download{name: kind + "too long by the list", script: []fault{ending(long), head("X: y"), listed("10")}, err: trillian.ErrMalformedResponse, wire: []string{"GET", "HEAD", "GET"}},
			download{name: kind + "listed without a size", script: []fault{ending(whole), head("X: y"), listed("")}, err: trillian.ErrMalformedResponse, wire: []string{"GET", "HEAD", "GET"}},
			download{name: kind + "listed with a negative size", script: []fault{ending(whole), head("X: y"), listed("-10")}, err: trillian.ErrMalformedResponse, wire: []string{"GET", "HEAD", "GET"}},
			download{name: kind + "not listed", script: []fault{ending(whole), head("X: y"), answers(200, "", "<response/>")}, err: trillian.ErrMalformedResponse, wire: []string{"GET", "HEAD", "GET"}},
			download{name: kind + "HEAD refused", script: []fault{ending(whole), answers(403, "", "")}, err: trillian.ErrForbidden, wire: []string{"GET", "HEAD"}},
		)
	}
	return append(all,
		download{name: "whole", script: []fault{answers(200, "", file)}, want: file, wire: []string{"GET"}},
		download{name: "an empty file", script: []fault{answers(200, "", "")}, want: "", wire: []string{"GET"}},
		download{name: "more than announced", script: []fault{{answer: writes("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n" + file + "!")}}, want: file, wire: []string{"GET"}},
		download{name: "after a fault", script: []fault{dropped, answers(503, "", ""), answers(200, "", file)}, want: file, wire: []string{"GET", "GET", "GET"}},
		download{name: "reset", wire: []string{"GET"}, err: errAny, script: []fault{{answer: func(conn net.Conn, _ *http.Request) bool {
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234")
			reset(conn)
			return false
		}}}},
		download{name: "a part", script: []fault{answers(206, "Content-Range: bytes 0-4/10", "01234")}, err: trillian.ErrMalformedResponse, wire: []string{"GET"}},
		download{name: "compressed", script: []fault{answers(200, "Content-Encoding: gzip", file)}, err: trillian.ErrMalformedResponse, wire: []string{"GET"}},
		download{name: "two lengths", script: []fault{{answer: writes("HTTP/1.1 200 OK\r\nContent-Length: 10\r\nContent-Length: 5\r\n\r\n" + file)}, answers(404, "", "")}, err: trillian.ErrNotFound, wire: []string{"GET", "GET"}},
		download{name: "a negative length", script: []fault{{answer: writes("HTTP/1.1 200 OK\r\nContent-Length: -10\r\n\r\n" + file)}, answers(404, "", "")}, err: trillian.ErrNotFound, wire: []string{"GET", "GET"}},
	)
}

func TestAdversarialDownloads(t *testing.T) {
	t.Parallel()
	for _, d := range downloads() {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			server := newFaultServer(t, false, d.script...)
			var got bytes.Buffer
			info, err := server.client(t, 10*time.Second).Users.Media.Download(t.Context(), smw, item, &got)
			require.Equal(t, d.wire, server.wire(t), "%v", err)
			d.check(t, info, got.String(), err)
			held.add("media cases", 1)
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

// TestAdversarialDownloadsOverHTTP2 breaks off what is framed in another way.
func TestAdversarialDownloadsOverHTTP2(t *testing.T) {
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
			held.add("media cases", 1)
		})
	}
}

func TestAdversarialAvatarThatBreaksOff(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{
		"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 10\r\n\r\n01234",
		"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n",
		"HTTP/1.0 200 OK\r\nContent-Type: image/png\r\n\r\n01234",
	} {
		cut := fault{answer: writes(answer)}
		server := newFaultServer(t, false, cut, cut, cut)
		avatar, err := server.client(t, 10*time.Second).Users.Avatar.Get(t.Context(), smw)
		require.ErrorIs(t, err, trillian.ErrMalformedResponse)
		require.Nil(t, avatar)
		held.add("media cases", 1)
	}
}

// changing is a file with other bytes each time it is read from the start.
type changing struct {
	*strings.Reader
	versions []string
}

func (c *changing) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekStart && len(c.versions) > 1 {
		c.versions = c.versions[1:]
	}
	if whence == io.SeekStart {
		c.Reader = strings.NewReader(c.versions[0])
	}
	return c.Reader.Seek(offset, whence)
}

func changes(before, after string) io.Reader {
	return &changing{strings.NewReader(before), []string{before, after}}
}

// source is a file that cannot seek and reads as its function does.
type source func([]byte) (int, error)

func (f source) Read(p []byte) (int, error) { return f(p) }

// unseekable fails when it is to be read a second time.
type unseekable struct {
	*strings.Reader
	err error
}

func (u unseekable) Seek(_ int64, whence int) (int64, error) {
	if whence == io.SeekStart {
		return 0, u.err
	}
	return 0, nil
}

// TestAdversarialUploadsWhoseSourceFails must never leave a request that looks
// whole, whatever the server has read of it.
func TestAdversarialUploadsWhoseSourceFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is gone")
	text := func(n int) string { return strings.Repeat("abcdefgh?>", n/10) }
	cases := map[string]struct {
		data io.Reader
		err  error
	}{
		"fails at once":              {iotest.ErrReader(broken), broken},
		"fails after some":           {io.MultiReader(strings.NewReader(text(50)), iotest.ErrReader(broken)), broken},
		"fails after a lot":          {io.MultiReader(strings.NewReader(text(500_000)), iotest.ErrReader(broken)), broken},
		"fails with its last bytes":  {source(func(p []byte) (int, error) { return copy(p, "last"), broken }), broken},
		"ends in an unexpected EOF":  {io.MultiReader(strings.NewReader(text(500_000)), iotest.ErrReader(io.ErrUnexpectedEOF)), io.ErrUnexpectedEOF},
		"panics":                     {source(func([]byte) (int, error) { panic("the disk is gone") }), errAny},
		"counts below nothing":       {source(func([]byte) (int, error) { return -1, nil }), errAny},
		"counts beyond the buffer":   {source(func(p []byte) (int, error) { return len(p) + 1, nil }), errAny},
		"never gets on":              {source(func([]byte) (int, error) { return 0, nil }), io.ErrNoProgress},
		"cannot be read again":       {unseekable{strings.NewReader(text(50)), broken}, broken},
		"shrinks":                    {changes(text(500_000), text(499_990)), errAny},
		"shrinks to nothing":         {changes(text(500_000), ""), errAny},
		"shrinks within a block":     {changes(text(50), text(40)), errAny},
		"grows":                      {changes(text(500_000), text(500_010)), errAny},
		"grows within a block":       {changes(text(40), text(50)), errAny},
		"grows from nothing":         {changes("", "x"), errAny},
		"changes to a longer form":   {changes(strings.Repeat("a", 300_000), strings.Repeat("\xff", 300_000)), errAny},
		"changes to a shorter form":  {changes(strings.Repeat("\xff", 300_000), strings.Repeat("a", 300_000)), errAny},
		"changes at its end only":    {changes(strings.Repeat("a", 300), strings.Repeat("a", 297)+"\xff\xff\xff"), errAny},
		"changes a single character": {changes("aaa", "\xff\xff\xff"), errAny},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newFaultServer(t, false)
			client := server.client(t, 10*time.Second)
			media, err := client.Users.Media.Upload(t.Context(), smw, trillian.MediaUpload{Name: "f", Data: c.data})
			client.Close()
			server.drain()
			require.Error(t, err)
			require.Nil(t, media)
			if c.err != errAny {
				require.ErrorIs(t, err, c.err)
			}
			require.NotErrorIs(t, err, trillian.ErrOutcomeUnknown, "a request without its end is not carried out")
			requests := server.wire(t)
			require.LessOrEqual(t, len(requests), 1, "it is not tried again")
			require.Equal(t, len(requests), server.cut, "requests that look whole")
			held.add("media cases", 1)
		})
	}
}

// TestAdversarialUploadsAnsweredTooEarly has a server say 201 to a file that it
// has not read: what was not sent is not stored.
func TestAdversarialUploadsAnsweredTooEarly(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is gone")
	for name, data := range map[string]func(answered <-chan struct{}) io.Reader{
		"chunked": func(<-chan struct{}) io.Reader { return io.LimitReader(endless{}, 1<<30) },
		"with a length": func(<-chan struct{}) io.Reader {
			return io.NewSectionReader(endless{}, 0, 16<<20)
		},
		"whose source then fails": func(answered <-chan struct{}) io.Reader {
			return io.MultiReader(strings.NewReader(strings.Repeat("x", 200_000)), source(func([]byte) (int, error) { <-answered; return 0, broken }))
		},
		"whose source then ends": func(answered <-chan struct{}) io.Reader {
			return io.MultiReader(strings.NewReader(strings.Repeat("x", 200_000)), source(func([]byte) (int, error) {
				<-answered
				time.Sleep(50 * time.Millisecond) // the answer is read meanwhile
				return 0, io.EOF
			}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answered := make(chan struct{})
			var whole atomic.Bool
			server := newFaultServer(t, false, fault{accept: func(conn net.Conn) {
				req, err := http.ReadRequest(bufio.NewReader(conn))
				if err != nil {
					return
				}
				_, _ = io.ReadFull(req.Body, make([]byte, 10))
				_, _ = io.WriteString(conn, "HTTP/1.1 201 Created\r\nContent-Length: 11\r\n\r\n<response/>")
				close(answered)
				time.Sleep(20 * time.Millisecond)
				_, err = io.Copy(io.Discard, req.Body)
				whole.Store(err == nil)
			}})
			client := server.client(t, 10*time.Second)
			media, err := client.Users.Media.Upload(t.Context(), smw, trillian.MediaUpload{Name: "f", Data: data(answered)})
			client.Close()
			server.drain()
			if !whole.Load() {
				require.Error(t, err, "a file that was not sent whole")
				require.Nil(t, media)
				if !errors.Is(err, broken) {
					require.ErrorIs(t, err, trillian.ErrOutcomeUnknown, "the server said that it did something")
				}
			}
			held.add("media cases", 1)
		})
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error)            { clear(p); return len(p), nil }
func (endless) ReadAt(p []byte, _ int64) (int, error) { clear(p); return len(p), nil }

// TestAdversarialUploadsThatArrive compares, byte by byte, what a file is and
// what the server got, also when it took several requests.
func TestAdversarialUploadsThatArrive(t *testing.T) {
	t.Parallel()
	stored := answers(201, "", `<response><media m="1"/></response>`)
	for _, size := range []int{0, 1, 2, 3, 100, 24 << 10, 70_001} {
		data := make([]byte, size)
		for i := range data {
			data[i] = byte(i * 31)
		}
		for name, c := range map[string]struct {
			data   io.Reader
			script []fault
			wire   int
			err    error
			maybe  bool
		}{
			"seekable":                      {bytes.NewReader(data), []fault{stored}, 1, nil, false},
			"seekable and refused twice":    {bytes.NewReader(data), []fault{refused, refused, stored}, 1, nil, false},
			"seekable and limited":          {bytes.NewReader(data), []fault{answers(429, "", ""), answers(503, "Retry-After: 0", ""), stored}, 3, nil, false},
			"seekable and dropped":          {bytes.NewReader(data), []fault{dropped}, 1, errAny, true},
			"seekable and a bad gateway":    {bytes.NewReader(data), []fault{answers(502, "", "")}, 1, trillian.ErrServer, true},
			"unseekable":                    {io.MultiReader(bytes.NewReader(data)), []fault{stored}, 1, nil, false},
			"unseekable and refused twice":  {io.MultiReader(bytes.NewReader(data)), []fault{refused, refused, stored}, 1, nil, false},
			"unseekable and limited":        {io.MultiReader(bytes.NewReader(data)), []fault{answers(429, "", "")}, 1, trillian.ErrRateLimited, false},
			"unseekable and not available":  {io.MultiReader(bytes.NewReader(data)), []fault{answers(503, "Retry-After: 0", "")}, 1, trillian.ErrServer, false},
			"unseekable and dropped":        {io.MultiReader(bytes.NewReader(data)), []fault{dropped}, 1, errAny, true},
			"unseekable over a reset dial":  {io.MultiReader(bytes.NewReader(data)), []fault{refused, dropped}, 1, errAny, true},
			"seekable byte by byte":         {oneByte{bytes.NewReader(data)}, []fault{answers(429, "", ""), stored}, 2, nil, false},
			"unseekable, data with its EOF": {iotest.DataErrReader(bytes.NewReader(data)), []fault{stored}, 1, nil, false},
		} {
			t.Run(fmt.Sprintf("%d bytes, %s", size, name), func(t *testing.T) {
				t.Parallel()
				_, seekable := c.data.(io.Seeker)
				server := newFaultServer(t, false, c.script...)
				media, err := server.client(t, 10*time.Second).Users.Media.Upload(t.Context(), smw, trillian.MediaUpload{Name: "f", Data: c.data})
				require.Len(t, server.wire(t), c.wire, "%v", err)
				switch {
				case c.err == nil:
					require.NoError(t, err)
					require.Equal(t, "1", media.ID)
				case c.err == errAny:
					require.Error(t, err)
				default:
					require.ErrorIs(t, err, c.err)
				}
				require.Equal(t, c.maybe, errors.Is(err, trillian.ErrOutcomeUnknown), "%v", err)
				for i, body := range server.bodies {
					want := int64(-1)
					if seekable {
						want = int64(len(body))
					}
					require.Equal(t, want, server.requests[i].ContentLength)
					form, err := url.ParseQuery(body)
					require.NoError(t, err)
					require.Equal(t, base64.StdEncoding.EncodeToString(data), form.Get("data"))
					require.Equal(t, "f", form.Get("name"))
				}
				held.add("media cases", 1)
			})
		}
	}
}

// oneByte reads at most a byte at a time.
type oneByte struct{ io.ReadSeeker }

func (o oneByte) Read(p []byte) (int, error) { return o.ReadSeeker.Read(p[:min(1, len(p))]) }

func TestAdversarialThumbnails(t *testing.T) {
	t.Parallel()
	for size, sent := range map[int]bool{0: true, 1: true, 65_535: true, 65_536: false, 1 << 20: false} {
		server := newRecorder(t, 201, "<response/>")
		data := strings.NewReader("data")
		_, err := newClient(t, server.URL).GroupChats.Media.Upload(t.Context(), general, trillian.MediaUpload{Name: "f", Data: data, Thumbnail: make([]byte, size)})
		if sent {
			require.NoError(t, err)
			require.Equal(t, base64.StdEncoding.EncodeToString(make([]byte, size)), server.only(t).Form.Get("thumbnail"))
		} else {
			argument, ok := errors.AsType[*trillian.ArgumentError](err)
			require.True(t, ok, "%v", err)
			require.Equal(t, "thumbnail", argument.Name)
			require.Zero(t, server.count(), "requests")
			require.Equal(t, 4, data.Len(), "the file is not touched")
		}
		held.add("media cases", 1)
	}
}

// TestAdversarialUploadWhoseSourceHangs cancels an upload that waits for its file.
func TestAdversarialUploadWhoseSourceHangs(t *testing.T) {
	t.Parallel()
	for _, before := range []int{0, 10, 200_000} {
		server := newFaultServer(t, false, fault{accept: func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }})
		client := server.client(t, 10*time.Second)
		file, writer := io.Pipe()
		ctx, cancel := context.WithCancelCause(t.Context())
		cause := errors.New("the user went home")
		go func() {
			_, _ = writer.Write(make([]byte, before))
			time.Sleep(20 * time.Millisecond)
			cancel(cause)
		}()
		begin := time.Now()
		media, err := client.Users.Media.Upload(ctx, smw, trillian.MediaUpload{Name: "f", Data: file})
		require.Less(t, time.Since(begin), 5*time.Second)
		require.ErrorIs(t, err, cause)
		require.Nil(t, media)
		_ = writer.Close()
		client.Close()
		server.drain()
		require.Equal(t, 0, len(server.requests)-server.cut, "requests that look whole")
		held.add("media cases", 1)
	}
}

// TestAdversarialSourceIsTheCallersAgain watches a file after Upload returned,
// however early that was: net/http may still be reading the request's body then.
func TestAdversarialSourceIsTheCallersAgain(t *testing.T) {
	t.Parallel()
	early := func(answer string) fault {
		return fault{accept: func(conn net.Conn) {
			_, _ = io.ReadFull(conn, make([]byte, 1000))
			_, _ = io.WriteString(conn, answer)
			_, _ = io.Copy(io.Discard, conn)
		}}
	}
	for name, step := range map[string]fault{
		"refused":   early("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n"),
		"accepted":  early("HTTP/1.1 201 Created\r\nContent-Length: 11\r\n\r\n<response/>"),
		"not HTTP":  early("what?\r\n\r\n"),
		"cancelled": {accept: func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }},
		"reset":     {accept: func(conn net.Conn) { _, _ = io.ReadFull(conn, make([]byte, 1000)); reset(conn) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newFaultServer(t, false, step)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var mu sync.Mutex
			returned, reads := false, 0
			_, err := server.client(t, 10*time.Second).Users.Media.Upload(ctx, smw, trillian.MediaUpload{Name: "f", Data: source(func(p []byte) (int, error) {
				mu.Lock()
				defer mu.Unlock()
				if returned {
					t.Error("the file is read after Upload returned")
				}
				if reads++; reads < 20 {
					return len(p), nil
				}
				if name == "cancelled" && reads == 40 {
					cancel()
				}
				time.Sleep(time.Millisecond)
				return min(len(p), 100), nil // a dead connection shows once a block is full
			})})
			mu.Lock()
			returned = true
			mu.Unlock()
			require.Error(t, err)
			time.Sleep(30 * time.Millisecond)
			held.add("media cases", 1)
		})
	}
}
