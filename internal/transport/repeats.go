package transport

import (
	"context"
	"errors"
	"net"
	"net/http/httptrace"
	"reflect"
	"sync"
)

// maxRepeats is how often net/http may repeat an attempt by itself, each time on a
// fresh connection.
const maxRepeats = 3

var errRefused = errors.New("the server refused the request, or dropped its connection, each time it was sent")

// boundRepeats ends the attempt where net/http repeats it too often. Over HTTP/2 it
// would send a request without a body for ever: after PROTOCOL_ERROR and GOAWAY on
// one new connection after the other, without a pause, after REFUSED_STREAM on the
// same one, with pauses that are not the policy's.
func (w *watch) boundRepeats(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			if !w.repeats.allow(info) {
				w.cancel(errRefused)
			}
		},
	})
}

// repeats counts how often net/http sends an attempt.
type repeats struct {
	mu   sync.Mutex
	sent int
	conn net.Conn // that it was sent on last
}

// allow reports whether the attempt may be sent on a connection.
func (r *repeats) allow(info httptrace.GotConnInfo) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := r.conn
	r.conn = info.Conn
	switch {
	case r.sent == 0:
	case reflect.ValueOf(last).Comparable() && last == info.Conn:
		return false
	case info.Reused:
		return true // it may have been about to end; there are only so many, and each gets one request
	}
	r.sent++
	return r.sent <= 1+maxRepeats
}
