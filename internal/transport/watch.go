package transport

import (
	"context"
	"io"
	"time"
)

// watch ends an attempt whose server sends nothing for too long, or refuses it again
// and again. It counts only while the client waits for the server, not while the
// caller reads or writes slowly.
type watch struct {
	timeout TimeoutError
	ctx     context.Context
	cancel  context.CancelCauseFunc
	timer   *time.Timer // nil: no limit
	repeats repeats
}

// start begins to wait for an attempt's server, and returns the attempt's context.
func (w *watch) start(ctx context.Context, after time.Duration) context.Context {
	w.timeout = TimeoutError{after}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	if after > 0 {
		w.timer = time.AfterFunc(after, w.fire)
	}
	return w.ctx
}

func (w *watch) fire() { w.cancel(&w.timeout) }

// wait is called when the client begins to wait for the server.
func (w *watch) wait() {
	if w.timer != nil {
		w.timer.Reset(w.timeout.After)
	}
}

// pause is called when the client waits for the server no longer.
func (w *watch) pause() {
	if w.timer != nil {
		w.timer.Stop()
	}
}

// stop ends the attempt's context: nothing is read or written after it.
func (w *watch) stop() {
	w.pause()
	w.cancel(nil)
}

// explain names the timeout, or the refusals, where they were the reason.
func (w *watch) explain(err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	switch cause := context.Cause(w.ctx); cause {
	case &w.timeout, errRefused:
		return cause
	}
	return err
}
