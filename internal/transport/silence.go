package transport

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// watch ends an attempt whose server stays silent: its timer runs only while
// the client waits for the server, not while the caller reads or writes slowly.
type watch struct {
	after  time.Duration // 0: no limit
	timer  *time.Timer
	cancel context.CancelCauseFunc
	fired  atomic.Bool
}

func newWatch(ctx context.Context, after time.Duration) (context.Context, *watch) {
	w := &watch{after: after}
	ctx, w.cancel = context.WithCancelCause(ctx)
	if after > 0 {
		w.timer = time.AfterFunc(after, w.fire)
	}
	return ctx, w
}

func (w *watch) fire() {
	w.fired.Store(true)
	w.cancel(&SilenceError{w.after})
}

func (w *watch) arm() {
	if w.timer != nil {
		w.timer.Reset(w.after)
	}
}

func (w *watch) disarm() {
	if w.timer != nil {
		w.timer.Stop()
	}
}

// stop ends the attempt's context: nothing is read or written after it.
func (w *watch) stop() {
	w.disarm()
	w.cancel(nil)
}

// explain names the silence where it was the reason.
func (w *watch) explain(err error) error {
	if err != nil && err != io.EOF && w.fired.Load() {
		return &SilenceError{w.after}
	}
	return err
}

// body is an answer's body: watched for silence, limited in size, and told to
// the end so that the connection is free again.
type body struct {
	io.ReadCloser
	watch *watch
	scrub Scrubber
	ctx   context.Context // the caller's
	limit int64           // 0: none
	read  int64
	ended func() // called before the end of the answer is told
	err   error
}

func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if b.limit > 0 && int64(len(p)) > b.limit-b.read+1 {
		p = p[:b.limit-b.read+1] // one more than allowed tells too much from enough
	}
	b.watch.arm()
	n, err := b.ReadCloser.Read(p)
	b.watch.disarm()
	b.read += int64(n)
	if b.limit > 0 && b.read > b.limit {
		n -= int(b.read - b.limit)
		err = &TooLargeError{b.limit}
	}
	if err != nil {
		b.ended()
		b.err = b.reason(err)
		b.watch.stop()
	}
	return n, b.err
}

func (b *body) reason(err error) error {
	if err == io.EOF {
		return err
	}
	if explained := b.watch.explain(err); explained != err {
		return explained
	}
	if b.ctx.Err() != nil && errors.Is(err, b.ctx.Err()) {
		return context.Cause(b.ctx)
	}
	return b.scrub.errorOf(err)
}

func (b *body) Close() error {
	if b.err == nil {
		b.err = errClosed
	}
	b.watch.stop()
	return b.scrub.errorOf(b.ReadCloser.Close())
}

var errClosed = errors.New("the answer's body is closed")

// upload is a request body that is the caller's own stream. While the caller's
// reader works, the server is not silent.
type upload struct {
	io.ReadCloser
	mu    sync.Mutex
	watch *watch // nil once the answer has begun
}

func (u *upload) Read(p []byte) (int, error) {
	u.pause()
	n, err := u.ReadCloser.Read(p)
	u.resume()
	return n, err
}

func (u *upload) pause() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.watch != nil {
		u.watch.disarm()
	}
}

func (u *upload) resume() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.watch != nil {
		u.watch.arm()
	}
}

func (u *upload) detach() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.watch = nil
}
