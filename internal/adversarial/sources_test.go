package adversarial

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
)

// early reads a little of a form, headers included, and then does what it is told to.
func early(then func(net.Conn)) fault {
	return fault{accept: func(conn net.Conn) {
		_, _ = io.ReadFull(conn, make([]byte, 10_000))
		then(conn)
	}}
}

// earlyAnswer then leaves the rest of the form where it is until the test is over:
// to close before the client has read the answer would reset the connection.
func earlyAnswer(status int) func(net.Conn, <-chan struct{}) {
	return func(conn net.Conn, over <-chan struct{}) {
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 %d X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", status)
		<-over
	}
}

// tooMuch is more than a connection's buffers take from who does not read.
const tooMuch = 6 << 20

// TestUploadsCutShort has servers that saw only a part of a form: they
// cannot have stored the file, so that it may be sent again, if it can be read again.
func TestUploadsCutShort(t *testing.T) {
	t.Parallel()
	data := make([]byte, tooMuch)
	stored := answers(201, "", `<response><media m="1"/></response>`)
	for name, c := range map[string]struct {
		then  func(conn net.Conn, over <-chan struct{})
		again bool
		err   error // of the one attempt where there is no other
	}{
		"reset":            {func(conn net.Conn, _ <-chan struct{}) { reset(conn) }, true, errAny},
		"closed":           {func(net.Conn, <-chan struct{}) {}, true, errAny},
		"not HTTP":         {func(conn net.Conn, _ <-chan struct{}) { _, _ = io.WriteString(conn, "what?\r\n\r\n") }, true, errAny},
		"bad gateway":      {earlyAnswer(502), true, trillian.ErrServer},
		"unavailable":      {earlyAnswer(503), true, trillian.ErrServer},
		"gateway timeout":  {earlyAnswer(504), true, trillian.ErrServer},
		"request timeout":  {earlyAnswer(408), true, errAny},
		"rate limited":     {earlyAnswer(429), true, trillian.ErrRateLimited},
		"too large":        {earlyAnswer(413), false, errAny},
		"unauthorized":     {earlyAnswer(401), false, trillian.ErrUnauthorized},
		"an error of ours": {earlyAnswer(500), false, trillian.ErrServer},
	} {
		for kind, source := range map[string]func() io.Reader{
			"seekable":   func() io.Reader { return struct{ io.ReadSeeker }{bytes.NewReader(data)} },
			"readable":   func() io.Reader { return bytes.NewReader(data) },
			"unseekable": func() io.Reader { return struct{ io.Reader }{bytes.NewReader(data)} },
		} {
			t.Run(name+", "+kind, func(t *testing.T) {
				t.Parallel()
				over := make(chan struct{})
				step := early(func(conn net.Conn) { c.then(conn, over) })
				script := []fault{step}
				again := c.again && kind != "unseekable"
				if again {
					script = []fault{step, step, stored}
				}
				server := newFaultServer(t, false, script...)
				t.Cleanup(func() { close(over) })
				media, err := server.client(t, 10*time.Second).Users.Media.Upload(t.Context(), smw, trillian.MediaUpload{Name: "f", Data: source()})
				if again {
					require.NoError(t, err)
					require.Equal(t, "1", media.ID)
					require.Len(t, server.wire(t), 1, "requests that arrived whole")
				} else {
					require.Error(t, err)
					require.Nil(t, media)
					if c.err != errAny {
						require.ErrorIs(t, err, c.err)
					}
					require.Empty(t, server.wire(t))
				}
				require.NotErrorIs(t, err, trillian.ErrOutcomeUnknown)
			})
		}
	}
}

// TestUploadThatNeverLeaves is cut short at every attempt.
func TestUploadThatNeverLeaves(t *testing.T) {
	t.Parallel()
	cut := early(reset)
	server := newFaultServer(t, false, cut, cut, cut)
	_, err := server.client(t, 10*time.Second).Users.Media.Upload(t.Context(), smw,
		trillian.MediaUpload{Name: "f", Data: bytes.NewReader(make([]byte, tooMuch))})
	require.NotErrorIs(t, err, trillian.ErrOutcomeUnknown)
	failure := new(trillian.Error)
	require.ErrorAs(t, err, &failure)
	require.Equal(t, 3, failure.Attempts)
	require.Empty(t, server.wire(t))
}

// hanging is a file in some far place: its reads go through until one, counted from
// 1, waits until it is let go.
type hanging struct {
	file  *bytes.Reader
	at    int
	begun chan struct{} // closed when that read has begun
	let   chan struct{}

	mu    sync.Mutex
	reads int
}

func newHanging(t *testing.T, size, at int) *hanging {
	h := &hanging{file: bytes.NewReader(make([]byte, size)), at: at, begun: make(chan struct{}), let: make(chan struct{})}
	t.Cleanup(func() { close(h.let) })
	return h
}

func (h *hanging) wait() {
	h.mu.Lock()
	h.reads++
	mine := h.reads == h.at
	h.mu.Unlock()
	if mine {
		close(h.begun)
		<-h.let
	}
}

// hangingSeeker shares a cursor, hangingReaderAt has none.
type hangingSeeker struct{ *hanging }

func (h hangingSeeker) Read(p []byte) (int, error) { h.wait(); return h.file.Read(p) }

func (h hangingSeeker) Seek(offset int64, whence int) (int64, error) {
	return h.file.Seek(offset, whence)
}

type hangingReaderAt struct{ hangingSeeker }

func (h hangingReaderAt) ReadAt(p []byte, at int64) (int, error) {
	h.wait()
	return h.file.ReadAt(p, at)
}

// TestUploadWhoseFileHangs cancels an upload that waits for what can
// seek, while its length is counted and while it is sent.
func TestUploadWhoseFileHangs(t *testing.T) {
	t.Parallel()
	const size = 200_000 // takes five reads a pass
	for _, at := range []int{1, 3, 5, 6, 8, 10} {
		for name, source := range map[string]func(*hanging) io.Reader{
			"a Seeker":   func(h *hanging) io.Reader { return hangingSeeker{h} },
			"a ReaderAt": func(h *hanging) io.Reader { return hangingReaderAt{hangingSeeker{h}} },
		} {
			t.Run(fmt.Sprintf("%s, at its read %d", name, at), func(t *testing.T) {
				t.Parallel()
				server := newFaultServer(t, false, fault{accept: func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }})
				h := newHanging(t, size, at)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				go func() {
					<-h.begun
					cancel()
				}()
				client := server.client(t, 10*time.Second)
				var media *trillian.Media
				ended := make(chan error, 1)
				go func() {
					var err error
					media, err = client.Users.Media.Upload(ctx, smw, trillian.MediaUpload{Name: "f", Data: source(h)})
					ended <- err
				}()
				select {
				case err := <-ended:
					require.Nil(t, media)
					require.ErrorIs(t, err, context.Canceled)
					require.NotErrorIs(t, err, trillian.ErrOutcomeUnknown)
					failure, ok := errors.AsType[*trillian.Error](err)
					require.True(t, ok, "%T %v", err, err)
					require.Equal(t, "POST", failure.Method)
				case <-time.After(10 * time.Second):
					t.Error("the context does not end it")
				}
			})
		}
	}
}

// TestReaderAtThatHangsOnce has an answer that asks to come again arrive
// while a read hangs: the next attempt has its own way through the file.
func TestReaderAtThatHangsOnce(t *testing.T) {
	t.Parallel()
	const size = 200_000
	h := newHanging(t, size, 8) // in the first attempt
	server := newFaultServer(t, false, early(func(conn net.Conn) {
		<-h.begun
		_, _ = io.WriteString(conn, "HTTP/1.1 503 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	}), answers(201, "", `<response><media m="1"/></response>`))
	media, err := server.client(t, 10*time.Second).Users.Media.Upload(t.Context(), smw, trillian.MediaUpload{Name: "f", Data: hangingReaderAt{hangingSeeker{h}}})
	require.NoError(t, err)
	require.Equal(t, "1", media.ID)
	form, err := url.ParseQuery(server.bodies[0])
	require.NoError(t, err)
	require.Equal(t, base64.StdEncoding.EncodeToString(make([]byte, size)), form.Get("data"))
}

// TestSeekerThatHangsOnce is the same with one cursor for all: the next
// attempt has to wait for it, but not longer than the context lasts.
func TestSeekerThatHangsOnce(t *testing.T) {
	t.Parallel()
	h := newHanging(t, 200_000, 8)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	server := newFaultServer(t, false, early(func(conn net.Conn) {
		<-h.begun
		_, _ = io.WriteString(conn, "HTTP/1.1 503 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	}), fault{accept: func(conn net.Conn) {
		_, _ = io.ReadFull(conn, make([]byte, 100)) // of the second attempt
		cancel()
	}})
	_, err := server.client(t, 10*time.Second).Users.Media.Upload(ctx, smw, trillian.MediaUpload{Name: "f", Data: hangingSeeker{h}})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 8, h.reads, "nobody reads beside the one that hangs")
}

// seeker is a file whose Seek and Read do as they are told.
type seeker struct {
	source
	seek func() (int64, error)
}

func (s seeker) Seek(int64, int) (int64, error) { return s.seek() }

func goexit([]byte) (int, error) { runtime.Goexit(); return 0, nil } // as a test's FailNow does

// TestSourcesThatMisbehave has files, and a Progress, that hang, panic or end the
// goroutine they run in. All but those that hang end the upload by themselves.
func TestSourcesThatMisbehave(t *testing.T) {
	t.Parallel()
	let := make(chan struct{})
	t.Cleanup(func() { close(let) })
	path := filepath.Join(t.TempDir(), "f")
	require.NoError(t, os.WriteFile(path, []byte("x"), 0o600))
	f, err := os.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.Close() })
	stands := func() (int64, error) { return 0, nil }
	var passes atomic.Int32
	for name, c := range map[string]struct {
		data     io.Reader
		progress func(int64, int64)
		hangs    bool
		says     string
	}{
		"a Seek that hangs":         {data: seeker{seek: func() (int64, error) { <-let; return 0, errors.New("let go") }}, hangs: true, says: "deadline"},
		"a Progress that hangs":     {data: strings.NewReader("x"), progress: func(int64, int64) { <-let }, hangs: true, says: "deadline"},
		"the same, of a file":       {data: f, progress: func(int64, int64) { <-let }, hangs: true, says: "deadline"},
		"a Seek that panics":        {data: seeker{seek: func() (int64, error) { panic("no disk") }}, says: "panic: no disk"},
		"Goexit in Seek":            {data: seeker{seek: func() (int64, error) { runtime.Goexit(); return 0, nil }}, says: "Goexit"},
		"Goexit in Read":            {data: source(goexit), says: "/: read file: runtime.Goexit was called"},
		"Goexit in Read, measuring": {data: seeker{goexit, stands}, says: "Goexit"},
		"Goexit in Read, sending": {data: seeker{func(p []byte) (int, error) {
			if passes.Add(1) > 1 {
				return goexit(p)
			}
			return 1, io.EOF
		}, stands}, says: "Goexit"},
		"a panic in Progress, of nothing": {data: strings.NewReader(""), progress: func(int64, int64) { panic("no terminal") }, says: "/: progress callback: panic: no terminal"},
		"Goexit in Progress":              {data: strings.NewReader("x"), progress: func(int64, int64) { runtime.Goexit() }, says: "/: progress callback: runtime.Goexit was called"},
		"Goexit in Progress, of a file":   {data: f, progress: func(int64, int64) { runtime.Goexit() }, says: "/: progress callback: runtime.Goexit was called"},
	} {
		t.Run(name, func(t *testing.T) {
			server := newFaultServer(t, false)
			client := server.client(t, 10*time.Second, trillian.WithTimeout(0))
			ctx := context.WithoutCancel(t.Context())
			if c.hangs {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, 50*time.Millisecond)
				defer cancel()
			}
			over := make(chan struct{})
			var err error
			go func() {
				defer close(over)
				defer func() {
					if r := recover(); r != nil {
						t.Errorf("a panic goes through Upload: %v", r)
					}
				}()
				_, err = client.Users.Media.Upload(ctx, smw, trillian.MediaUpload{Name: "f", Data: c.data, Progress: c.progress})
			}()
			select {
			case <-over:
			case <-time.After(10 * time.Second):
				require.FailNow(t, "hangs")
			}
			require.ErrorContains(t, err, c.says)
			require.NotErrorIs(t, err, trillian.ErrOutcomeUnknown)
			failure, ok := errors.AsType[*trillian.Error](err)
			require.True(t, ok, "%T %v", err, err)
			require.LessOrEqual(t, failure.Attempts, 1, "it is not tried again")
			client.CloseIdleConnections()
			server.drain()
			require.Equal(t, len(server.requests), server.cut, "requests that look whole")
		})
	}
}
