package adversarial

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
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/internal/servertest"
)

// changing is a file with other bytes each time it is read from the start, where
// seeking is what makes it start, or reading at 0.
type changing struct {
	file     *strings.Reader
	versions []string // to come
}

func (c *changing) start() {
	if len(c.versions) > 0 {
		c.file, c.versions = strings.NewReader(c.versions[0]), c.versions[1:]
	}
}

func (c *changing) Read(p []byte) (int, error) { return c.file.Read(p) }

func (c *changing) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekStart {
		c.start()
	}
	return c.file.Seek(offset, whence)
}

type changingReaderAt struct{ *changing }

func (c changingReaderAt) ReadAt(p []byte, at int64) (int, error) {
	if at == 0 {
		c.start()
	}
	return c.file.ReadAt(p, at)
}

func (c changingReaderAt) Seek(offset int64, whence int) (int64, error) {
	return c.file.Seek(offset, whence)
}

func changes(before, after string) io.Reader {
	return &changing{strings.NewReader(""), []string{before, after}}
}

func changesAt(before, after string) io.Reader {
	return changingReaderAt{&changing{strings.NewReader(""), []string{before, after}}}
}

// source is a file that cannot seek and reads as its function does.
type source func([]byte) (int, error)

func (f source) Read(p []byte) (int, error) { return f(p) }

// unseekable fails when it is to be read a second time.
type unseekable struct {
	io.Reader
	err error
}

func (u unseekable) Seek(_ int64, whence int) (int64, error) {
	if whence == io.SeekStart {
		return 0, u.err
	}
	return 0, nil
}

// TestUploadsWhoseSourceFails must never leave a request that looks
// whole, whatever the server has read of it.
func TestUploadsWhoseSourceFails(t *testing.T) {
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
		"grows, read at places":      {changesAt(text(500_000), text(500_010)), errAny},
		"shrinks, read at places":    {changesAt(text(500_000), text(499_990)), errAny},
		"changes, read at places":    {changesAt(strings.Repeat("a", 300_000), strings.Repeat("\xff", 300_000)), errAny},
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
			client.CloseIdleConnections()
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
		})
	}
}

// TestUploadsAnsweredTooEarly has a server say 201 to a file that it
// has not read: what was not sent is not stored.
func TestUploadsAnsweredTooEarly(t *testing.T) {
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
			client.CloseIdleConnections()
			server.drain()
			if !whole.Load() {
				require.Error(t, err, "a file that was not sent whole")
				require.Nil(t, media)
				if !errors.Is(err, broken) {
					require.ErrorIs(t, err, trillian.ErrOutcomeUnknown, "the server said that it did something")
				}
			}
		})
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error)            { clear(p); return len(p), nil }
func (endless) ReadAt(p []byte, _ int64) (int, error) { clear(p); return len(p), nil }

// TestUploadsThatArrive compares, byte by byte, what a file is and
// what the server got, also when it took several requests.
func TestUploadsThatArrive(t *testing.T) {
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
			"seekable and limited":          {bytes.NewReader(data), []fault{answers(429, "", ""), answers(429, "Retry-After: 0", ""), stored}, 3, nil, false},
			"seekable and dropped":          {bytes.NewReader(data), []fault{dropped}, 1, errAny, true},
			"seekable and a bad gateway":    {bytes.NewReader(data), []fault{answers(502, "", "")}, 1, trillian.ErrServer, true},
			"unseekable":                    {io.MultiReader(bytes.NewReader(data)), []fault{stored}, 1, nil, false},
			"unseekable and refused twice":  {io.MultiReader(bytes.NewReader(data)), []fault{refused, refused, stored}, 1, nil, false},
			"unseekable and limited":        {io.MultiReader(bytes.NewReader(data)), []fault{answers(429, "", "")}, 1, trillian.ErrRateLimited, false},
			"unseekable and not available":  {io.MultiReader(bytes.NewReader(data)), []fault{answers(503, "Retry-After: 0", "")}, 1, trillian.ErrServer, true},
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
			})
		}
	}
}

// oneByte reads at most a byte at a time.
type oneByte struct{ io.ReadSeeker }

func (o oneByte) Read(p []byte) (int, error) { return o.ReadSeeker.Read(p[:min(1, len(p))]) }

func TestThumbnails(t *testing.T) {
	t.Parallel()
	for size, sent := range map[int]bool{0: true, 1: true, 65_535: true, 65_536: false, 1 << 20: false} {
		server := servertest.New(t, 201, "<response/>")
		data := strings.NewReader("data")
		_, err := newClient(t, server.URL).GroupChats.Media.Upload(t.Context(), general, trillian.MediaUpload{Name: "f", Data: data, Thumbnail: make([]byte, size)})
		if sent {
			require.NoError(t, err)
			require.Equal(t, base64.StdEncoding.EncodeToString(make([]byte, size)), server.Only(t).Form.Get("thumbnail"))
		} else {
			argument, ok := errors.AsType[*trillian.ArgumentError](err)
			require.True(t, ok, "%v", err)
			require.Equal(t, "thumbnail", argument.Name)
			require.Zero(t, server.Count(), "requests")
			require.Equal(t, 4, data.Len(), "the file is not touched")
		}
	}
}

// TestUploadWhoseSourceHangs cancels an upload that waits for its file.
func TestUploadWhoseSourceHangs(t *testing.T) {
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
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorContains(t, err, cause.Error())
		require.NotErrorIs(t, err, cause, "it may be another call's failure")
		require.Nil(t, media)
		_ = writer.Close()
		client.CloseIdleConnections()
		server.drain()
		require.Equal(t, 0, len(server.requests)-server.cut, "requests that look whole")
	}
}

// TestSourceIsTheCallersAgain watches a file after Upload returned,
// however early that was: net/http may still be reading the request's body then.
func TestSourceIsTheCallersAgain(t *testing.T) {
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
			ctx := context.WithoutCancel(t.Context()) // which must not be what ends the reading
			cancel := func() {}
			if name == "cancelled" {
				ctx, cancel = context.WithCancel(ctx)
				defer cancel()
			}
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
		})
	}
}
