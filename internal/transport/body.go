package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync/atomic"
)

// body is a response's body: watched for timeouts and limited in size, and its
// watch is stopped at its end.
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
	b.watch.wait()
	n, err := b.ReadCloser.Read(p)
	b.watch.pause()
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
	err = causeless(b.ctx, err)
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
