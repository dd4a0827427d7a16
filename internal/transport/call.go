// Package transport is what happens to a request between a service and
// net/http: the token, retries, silence and size limits, TLS. It knows no XML.
package transport

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// Call is the context of one typed call, over all its attempts. It carries what
// go-retryablehttp does not tell its policy: what is being asked, and what has
// happened so far.
type Call struct {
	context.Context

	Method string
	Path   string // escaped, below the base URL, for logs
	Policy *Policy
	Log    *slog.Logger // nil: log nothing

	// Unlimited lifts the limit of the size of an answer: a download.
	Unlimited bool
	// Header, if set, is sent instead of the request's own, which is empty.
	Header http.Header

	// Source is the caller's own stream that the request body is made from, if any.
	Source Source
	// SecretBody opens the body with its secrets; what the request itself
	// carries for middleware to see has them redacted.
	SecretBody func() (body io.ReadCloser, length int64)
	// Scrub, where it is set, removes those secrets from what the server answers.
	Scrub Scrubber

	// A middleware may send one request from several goroutines, hence atomics.
	attempts   atomic.Int32
	connecting atomic.Bool // the transport reports its progress, and has no connection yet
	sent       atomic.Bool // the latest attempt had a connection
	uncertain  atomic.Bool // an attempt may have been carried out
	rounds     int         // answers and errors judged, also those that a middleware made up
	last       error       // why the latest attempt is to be repeated
}

// Source is a request body that the caller's own reader feeds.
type Source interface {
	// Err is the failure of the caller's reader, which no repetition mends.
	Err() error
	// Spent reports whether the body cannot be sent a second time.
	Spent() bool
	// MayHang reports whether a Read may take for ever: it comes from no file.
	MayHang() bool
}

type callKey struct{}

// Value finds the call itself, so that it needs no context around it.
func (c *Call) Value(key any) any {
	if key == (callKey{}) {
		return c
	}
	return c.Context.Value(key)
}

// String keeps a middleware's %v of its context from reading what still changes.
func (c *Call) String() string { return "call of " + c.Method + " " + c.Path }

// GoString returns the same.
func (c *Call) GoString() string { return c.String() }

func callOf(ctx context.Context) *Call {
	c, _ := ctx.Value(callKey{}).(*Call)
	return c
}

// Attempts is how many requests were made.
func (c *Call) Attempts() int { return int(c.attempts.Load()) }

// tries is how often the call was tried, whether or not that took a request.
func (c *Call) tries() int { return max(c.Attempts(), c.rounds) }

// Uncertain reports whether an attempt may have been carried out although the
// server did not say so.
func (c *Call) Uncertain() bool { return c.uncertain.Load() }

// MarkUncertain notes that the answer of an attempt did not arrive whole.
func (c *Call) MarkUncertain() { c.uncertain.Store(true) }

// Last is why the latest repetition took place, nil if there was none.
func (c *Call) Last() error { return c.last }

// Idempotent reports whether doing it twice is doing it once.
func (c *Call) Idempotent() bool {
	return c.Method != http.MethodPost && c.Method != http.MethodPatch
}

// begin counts an attempt and, where it matters, watches whether it gets as far
// as a connection.
func (c *Call) begin(ctx context.Context) context.Context {
	c.attempts.Add(1)
	if c.Idempotent() && c.Method != http.MethodDelete {
		return ctx
	}
	c.connecting.Store(false)
	c.sent.Store(false)
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { c.connecting.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { c.sent.Store(true) },
	})
}

// neverConnected reports whether err proves that no server saw the attempt. A
// transport that reports no progress proves it only by a failed dial.
func (c *Call) neverConnected(err error) bool {
	if c.connecting.Load() {
		return !c.sent.Load()
	}
	return isDialError(err)
}

// Repeat decides whether to ask again after the body of a good answer broke off
// with err, and if so waits. The caller must have handed on nothing of it.
func (c *Call) Repeat(err error) bool {
	if !c.Idempotent() || c.Err() != nil || !BrokeOff(err) || !c.again(err) {
		return false
	}
	c.MarkUncertain()
	timer := time.NewTimer(c.Policy.jitter(c.tries() - 1))
	defer timer.Stop()
	select {
	case <-c.Done():
		return false
	case <-timer.C:
		return true
	}
}

// again takes a repetition from the policy, if it has one left.
func (c *Call) again(reason error) bool {
	if c.tries() >= c.Policy.MaxAttempts || c.Source != nil && c.Source.Spent() || !c.Policy.Budget.take() {
		return false
	}
	c.last = reason
	if c.Log != nil {
		c.Log.LogAttrs(c, slog.LevelWarn, "trillian: asking again", slog.String("method", c.Method),
			slog.String("path", c.Path), slog.Int("attempt", c.Attempts()), slog.String("reason", reason.Error()))
	}
	return true
}

// BrokeOff reports whether a body ended before its end.
func BrokeOff(err error) bool {
	return errors.Is(err, io.ErrUnexpectedEOF) || isNetworkError(err)
}
