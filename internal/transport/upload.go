package transport

import (
	"context"
	"errors"
	"io"
	"sync"
)

// upload is a request body that is the caller's own stream. If that may hang, a
// goroutine of its own reads it, from the first Read on: net/http waits for a Read
// to return even when the context is done.
type upload struct {
	ctx    context.Context // the attempt's
	stream io.ReadCloser
	pumped bool
	begin  sync.Once // of reading the stream, or of not doing so any more
	unread bool
	out    *io.PipeReader
	in     *io.PipeWriter

	mu    sync.Mutex
	watch *watch // nil once the response has begun
}

func newUpload(ctx context.Context, stream io.ReadCloser, mayHang bool, w *watch) *upload {
	u := &upload{ctx: ctx, stream: stream, pumped: mayHang, watch: w}
	u.out, u.in = io.Pipe()
	return u
}

func (u *upload) Read(p []byte) (int, error) {
	if !u.pumped {
		return patient{u}.Read(p)
	}
	u.begin.Do(func() { go u.pump() })
	if u.unread {
		return 0, errUnread
	}
	return u.out.Read(p)
}

func (u *upload) pump() {
	stop := context.AfterFunc(u.ctx, func() { _ = u.in.CloseWithError(context.Cause(u.ctx)) })
	defer stop()
	err := errEnded
	defer func() { _ = u.in.CloseWithError(err) }()
	_, err = io.Copy(u.in, patient{u})
}

// errEnded is of a stream that called runtime.Goexit, as a test's FailNow does.
var errEnded = errors.New("the goroutine that reads the request's body was ended")

// errUnread is of a request that cannot have been sent: net/http closes the body when
// a connection of HTTP/2 ends under it, and then would send it over another.
var errUnread = errors.New("the request's body was closed before it was read")

func (u *upload) Close() error {
	u.begin.Do(func() { u.unread = true })
	_ = u.out.Close()
	return u.stream.Close()
}

// patient reads the caller's stream. While that works, the server is not silent.
type patient struct{ *upload }

func (u patient) Read(p []byte) (int, error) {
	u.tell((*watch).pause)
	defer u.tell((*watch).wait)
	return u.stream.Read(p)
}

func (u *upload) tell(change func(*watch)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.watch != nil {
		change(u.watch)
	}
}

// detach is called when the response has begun, whose body has the watch to itself.
func (u *upload) detach() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.watch = nil
}
