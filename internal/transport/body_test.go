package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTimeoutError(t *testing.T) {
	t.Parallel()
	var err error = &TimeoutError{After: time.Second}
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.NotErrorIs(t, err, context.DeadlineExceeded, "the caller's context has not ended")
	timeout, ok := errors.AsType[net.Error](err)
	require.True(t, ok)
	require.True(t, timeout.Timeout())
	require.EqualError(t, err, "timeout: the server sent nothing for 1s")
	require.True(t, BrokeOff(err))
}

// newTestBody returns a body in the middle of an attempt.
func newTestBody(ctx context.Context, r io.Reader, after time.Duration, limit int64) (*body, context.Context) {
	b := &body{ReadCloser: io.NopCloser(r), resp: &http.Response{}, scrub: NewScrubber("a secret"), ctx: ctx, limit: limit}
	attempt := b.watch.start(ctx, after)
	b.watch.pause()
	return b, attempt
}

// until is a body that says nothing until the attempt's context ends.
type until struct{ ctx context.Context }

func (u *until) Read([]byte) (int, error) { <-u.ctx.Done(); return 0, context.Cause(u.ctx) }

func TestBodyThatStalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stall := &until{}
		b, attempt := newTestBody(t.Context(), io.MultiReader(strings.NewReader("some"), stall), time.Minute, 0)
		stall.ctx = attempt
		begin := time.Now()
		time.Sleep(time.Hour) // a caller that takes its time
		n, err := b.Read(make([]byte, 10))
		require.NoError(t, err)
		require.Equal(t, 4, n)
		time.Sleep(time.Hour)
		_, err = b.Read(make([]byte, 10))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Equal(t, 2*time.Hour+time.Minute, time.Since(begin))
		_, again := b.Read(make([]byte, 10))
		require.Equal(t, err, again, "an error stays")
		require.NoError(t, b.Close())
	})
}

func TestBodyThatEnds(t *testing.T) {
	t.Parallel()
	b, attempt := newTestBody(t.Context(), strings.NewReader("all"), time.Minute, 0)
	all, err := io.ReadAll(b)
	require.NoError(t, err)
	require.Equal(t, "all", string(all))
	require.Error(t, attempt.Err(), "the attempt is over")
	require.NoError(t, b.Close())
	_, err = b.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
}

func TestBodyThatIsClosed(t *testing.T) {
	t.Parallel()
	b, attempt := newTestBody(t.Context(), strings.NewReader("all"), time.Minute, 0)
	require.NoError(t, b.Close())
	require.Error(t, attempt.Err())
	_, err := b.Read(make([]byte, 1))
	require.ErrorIs(t, err, ErrClosed)
}

func TestBodyWhoseCallerHasEnough(t *testing.T) {
	t.Parallel()
	cause := errors.New("the user went home")
	ctx, cancel := context.WithCancelCause(t.Context())
	b, _ := newTestBody(ctx, iotest.ErrReader(context.Canceled), time.Minute, 0)
	cancel(cause)
	_, err := b.Read(make([]byte, 1))
	require.Equal(t, context.Canceled, err, "the cause may be another call's failure")
}

func TestBodyThatTellsASecret(t *testing.T) {
	t.Parallel()
	b, _ := newTestBody(t.Context(), iotest.ErrReader(errors.New("lost a secret")), 0, 0)
	_, err := b.Read(make([]byte, 1))
	require.EqualError(t, err, "lost [redacted]")
}

// TestBodyLimit reads through buffers of every size around the limit.
func TestBodyLimit(t *testing.T) {
	t.Parallel()
	const text = "0123456789"
	for limit := int64(1); limit <= 12; limit++ {
		for size := 1; size <= 12; size++ {
			for _, r := range []io.Reader{strings.NewReader(text), iotest.DataErrReader(strings.NewReader(text)), iotest.OneByteReader(strings.NewReader(text))} {
				b, _ := newTestBody(t.Context(), r, 0, limit)
				var got strings.Builder
				var err error
				for buf := make([]byte, size); err == nil; {
					var n int
					n, err = b.Read(buf)
					got.Write(buf[:n])
				}
				require.Equal(t, text[:min(limit, 10)], got.String())
				if limit >= 10 {
					require.Equal(t, io.EOF, err)
				} else {
					require.Equal(t, &TooLargeError{limit}, err)
				}
			}
		}
	}
}

func TestWatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var w watch
		ctx := w.start(t.Context(), time.Minute)
		for range 10 { // never a minute without a word
			time.Sleep(time.Minute - 1)
			w.wait()
		}
		w.pause()
		time.Sleep(time.Hour)
		require.NoError(t, ctx.Err(), "nobody waits for the server")
		require.Equal(t, io.ErrUnexpectedEOF, w.explain(io.ErrUnexpectedEOF))
		w.wait()
		time.Sleep(time.Minute + 1)
		require.Equal(t, &TimeoutError{time.Minute}, context.Cause(ctx))
		require.Equal(t, &TimeoutError{time.Minute}, w.explain(io.ErrUnexpectedEOF))
		require.NoError(t, w.explain(nil))
		require.Equal(t, io.EOF, w.explain(io.EOF), "an end is an end")
	})
}

func TestWatchThatIsStopped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var w watch
		ctx := w.start(t.Context(), time.Minute)
		time.Sleep(time.Minute - 1)
		w.stop()
		w.wait()
		time.Sleep(time.Hour)
		require.Equal(t, context.Canceled, context.Cause(ctx))
		require.Equal(t, io.ErrUnexpectedEOF, w.explain(io.ErrUnexpectedEOF))
	})
}

// TestBodyThatIsForgotten is about a middleware that drops an answer.
func TestBodyThatIsForgotten(t *testing.T) {
	t.Parallel()
	var collected atomic.Bool
	func() {
		b, _ := newTestBody(t.Context(), strings.NewReader("all"), time.Millisecond, 0)
		runtime.AddCleanup(b, func(done *atomic.Bool) { done.Store(true) }, &collected)
	}()
	require.Eventually(t, func() bool { runtime.GC(); return collected.Load() }, 10*time.Second, 10*time.Millisecond,
		"its timer must not go on")
}

func TestWatchWithoutATimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var w watch
		ctx := w.start(t.Context(), 0)
		w.wait()
		time.Sleep(10_000 * time.Hour)
		require.NoError(t, ctx.Err())
		w.stop()
		require.Error(t, ctx.Err())
	})
}

// stuck is a stream that hangs, and tells when it is let go.
type stuck struct{ free chan struct{} }

func (s stuck) Read([]byte) (int, error) { <-s.free; return 0, io.EOF }
func (s stuck) Close() error             { return nil }

func TestUploadWhoseStreamHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("the user went home")
		caller, cancel := context.WithCancelCause(t.Context())
		var w watch
		attempt := w.start(caller, time.Minute)
		stream := stuck{make(chan struct{})}
		u := newUpload(attempt, stream, true, &w)
		time.AfterFunc(time.Hour, func() { cancel(cause) })
		_, err := u.Read(make([]byte, 10))
		require.Equal(t, cause, err, "and not a TimeoutError: it is the caller who said nothing")
		require.NoError(t, u.Close())
		w.stop()
		close(stream.free)
	})
}

func TestUploadThatIsNotWanted(t *testing.T) {
	t.Parallel()
	for _, mayHang := range []bool{true, false} {
		var w watch
		touched := iotest.ErrReader(errors.New("the stream was read"))
		u := newUpload(w.start(t.Context(), 0), io.NopCloser(touched), mayHang, &w)
		require.NoError(t, u.Close())
		w.stop()
	}
}

// TestUploadThatIsClosedUnread is what net/http does when a connection of HTTP/2 ends
// as a request is given to it: it closes the body, and then sends it over another.
func TestUploadThatIsClosedUnread(t *testing.T) {
	t.Parallel()
	var w watch
	u := newUpload(w.start(t.Context(), 0), io.NopCloser(strings.NewReader("x")), true, &w)
	require.NoError(t, u.Close())
	_, err := u.Read(make([]byte, 10))
	require.Error(t, err)
	w.stop()

	call := newTestCall(http.MethodPost)
	call.Source = fakeSource{whole: true} // there was no more to read than was never sent
	trace := httptrace.ContextClientTrace(call.begin(context.Background()))
	trace.GotConn(httptrace.GotConnInfo{})
	require.True(t, call.judgeError(&url.Error{Op: "Post", URL: "https://im.test", Err: err}))
	require.False(t, call.Uncertain())
}

func TestUploadPassesItsStreamOn(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is gone")
	for _, mayHang := range []bool{true, false} {
		var w watch
		u := newUpload(w.start(t.Context(), time.Hour), io.NopCloser(strings.NewReader(strings.Repeat("x", 100_000))), mayHang, &w)
		require.NoError(t, iotest.TestReader(u, []byte(strings.Repeat("x", 100_000))))
		u.detach()
		require.NoError(t, u.Close())

		u = newUpload(w.start(t.Context(), time.Hour), io.NopCloser(iotest.ErrReader(broken)), mayHang, &w)
		_, err := u.Read(make([]byte, 10))
		require.Equal(t, broken, err)
		require.NoError(t, u.Close())
		w.stop()
	}
}
