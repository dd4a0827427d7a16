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
	begin  sync.Once
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

func (u *upload) Close() error {
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
