package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// watch ends an attempt whose server stays silent. It counts only while the
// client waits for the server, not while the caller reads or writes slowly. The
// timer looks at how long that has been: setting it anew for every read costs more.
type watch struct {
	after  time.Duration // 0: no limit
	cancel context.CancelCauseFunc
	since  atomic.Int64 // when the wait began, after epoch; 0: there is none
	fired  atomic.Bool
	idle   atomic.Bool // the timer has run out while nobody waited

	mu    sync.Mutex
	timer *time.Timer // nil once stopped
}

// epoch is before all attempts.
var epoch = time.Now().Add(-time.Second)

// start begins to watch an attempt, whose context it returns.
func (w *watch) start(ctx context.Context, after time.Duration) context.Context {
	w.after = after
	ctx, w.cancel = context.WithCancelCause(ctx)
	if after > 0 {
		w.arm()
		w.mu.Lock()
		w.timer = time.AfterFunc(after, w.look)
		w.mu.Unlock()
	}
	return ctx
}

// look is what the timer does. While nobody waits it runs out, so that an answer
// that was dropped is not kept by it.
func (w *watch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer == nil {
		return
	}
	if w.since.Load() == 0 {
		w.idle.Store(true) // before the next look at since: arm does both the other way round
	}
	since := w.since.Load()
	if since == 0 {
		return
	}
	w.idle.Store(false)
	if left := w.after - (time.Since(epoch) - time.Duration(since)); left > 0 {
		w.timer.Reset(left)
		return
	}
	w.fire()
}

func (w *watch) fire() {
	w.fired.Store(true)
	w.cancel(&TimeoutError{w.after})
}

func (w *watch) arm() {
	if w.after <= 0 {
		return
	}
	w.since.Store(int64(time.Since(epoch)))
	if w.idle.Load() {
		w.wind()
	}
}

// wind sets a timer that has run out.
func (w *watch) wind() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.idle.Load() && w.timer != nil {
		w.idle.Store(false)
		w.timer.Reset(w.after)
	}
}

func (w *watch) disarm() { w.since.Store(0) }

// stop ends the attempt's context: nothing is read or written after it.
func (w *watch) stop() {
	w.mu.Lock()
	if w.timer != nil {
		w.timer.Stop()
		w.timer = nil
	}
	w.mu.Unlock()
	w.cancel(nil)
}

// explain names the silence where it was the reason.
func (w *watch) explain(err error) error {
	if err != nil && err != io.EOF && w.fired.Load() {
		return &TimeoutError{w.after}
	}
	return err
}

// body is an answer's body: watched for silence, limited in size, and told to
// the end so that the connection is free again.
type body struct {
	io.ReadCloser
	watch  watch
	resp   *http.Response
	scrub  Scrubber
	ctx    context.Context // the caller's
	limit  int64           // 0: none
	read   int64
	err    error       // what Read ended with
	closed atomic.Bool // perhaps while a Read waits
}

func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if b.closed.Load() {
		return 0, ErrClosed
	}
	if b.limit > 0 && int64(len(p)) > b.limit-b.read {
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
		b.scrub.header(b.resp.Trailer)
		b.err = b.reason(err)
		b.watch.stop()
	}
	return n, b.err
}

func (b *body) reason(err error) error {
	if err == io.EOF {
		return err
	}
	if b.closed.Load() {
		return ErrClosed
	}
	if explained := b.watch.explain(err); explained != err {
		return explained
	}
	if b.ctx.Err() != nil && errors.Is(err, b.ctx.Err()) {
		return b.ctx.Err()
	}
	return b.scrub.errorOf(err)
}

func (b *body) Close() error {
	b.closed.Store(true)
	b.watch.stop()
	return b.scrub.errorOf(b.ReadCloser.Close())
}

// ErrClosed is the end of a Read after Close, or during it.
var ErrClosed = fmt.Errorf("the response's body: %w", os.ErrClosed)
