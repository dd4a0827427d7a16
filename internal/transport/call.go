// Package transport is what happens to a request between a service and
// net/http: the token, retries, timeouts and size limits, TLS. It knows no XML.
package transport

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
)

// Call is the context of one typed call, over all its attempts. It carries what
// go-retryablehttp does not tell its policy: what is being asked, and what has
// happened so far.
type Call struct {
	context.Context

	Name     string // of the operation, such as "Users.Get"
	Route    string // its path, without the caller's identifiers
	Method   string
	Path     string // escaped, below the base URL, for logs
	Pipeline *Pipeline
	Token    Token
	Policy   *Policy
	Budget   *Budget
	Log      *slog.Logger // nil: log nothing

	UserAgent string
	Accept    string // a media type, or "" for bytes as they are

	// Bodyless calls have no parameters: a server may act on the header alone.
	Bodyless bool
	// Unlimited lifts the limit of the size of a response: a download.
	Unlimited bool

	// Source is the caller's own stream that the request body is made from, if any.
	Source Source
	// SecretBody is the body with its secrets, where no printing reaches; what the
	// request itself carries for middleware to see has them redacted.
	SecretBody func() string

	// A middleware may send one request from several goroutines, hence atomics.
	attempt    atomic.Int32 // the current one, from 1
	requests   atomic.Int32 // of all attempts: a middleware may make none, or several
	posted     atomic.Bool  // PATCH is sent as POST
	connecting atomic.Bool  // the transport reports its progress
	sent       atomic.Bool  // the latest request had a connection
	written    atomic.Bool  // and left whole
	answered   atomic.Bool  // a request of this attempt was, whatever a middleware makes of it
	uncertain  atomic.Bool  // a request may have been carried out

	Last        error  // why the latest repetition took place, nil if there was none
	GaveUp      string // why a failure that could be repeated was not, or ""
	Interrupted bool   // the context ended during a wait between attempts
}

// Source is a request body that the caller's own reader feeds.
type Source interface {
	// Err is the failure of the caller's reader, which no repetition mends.
	Err() error
	// Spent reports whether the body cannot be sent a second time.
	Spent() bool
	// Whole reports whether the latest attempt handed over all of the body. If not,
	// it never will.
	Whole() bool
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

// CallOf returns the call that a context belongs to, or nil.
func CallOf(ctx context.Context) *Call {
	c, _ := ctx.Value(callKey{}).(*Call)
	return c
}

// Attrs are what a log says of the call, and then more.
func (c *Call) Attrs(more ...slog.Attr) []slog.Attr {
	return append([]slog.Attr{
		slog.String("operation", c.Name), slog.String("method", c.Verb()), slog.String("path", c.Path), slog.Int("attempts", c.Requests()),
	}, more...)
}

// Verb is the method that is sent now.
func (c *Call) Verb() string {
	if c.posted.Load() {
		return http.MethodPost
	}
	return c.Method
}

// PostInstead makes the rest of the call a POST, if there is an attempt left.
func (c *Call) PostInstead() bool {
	return c.tries() < c.Policy.MaxAttempts && c.posted.CompareAndSwap(false, true)
}

// Attempt is the number of the current attempt, from 1.
func (c *Call) Attempt() int { return int(c.attempt.Load()) }

// Requests is how many requests were made.
func (c *Call) Requests() int { return int(c.requests.Load()) }

// tries is how often the call was tried, whether or not that took a request.
func (c *Call) tries() int { return max(c.Requests(), c.Attempt()) }

// Uncertain reports whether an attempt may have been carried out although the
// server did not say so.
func (c *Call) Uncertain() bool { return c.uncertain.Load() }

// MarkUncertain notes that an attempt may have been carried out, which takes a
// body that left whole: without its end, announced by its length or by the last
// chunk, no server takes a form for one.
func (c *Call) MarkUncertain() {
	if c.Source == nil || c.Source.Whole() {
		c.uncertain.Store(true)
	}
}

// repeatable reports whether nothing is done twice by another attempt.
func (c *Call) repeatable() bool { return c.Idempotent() || !c.Uncertain() }

// Idempotent reports whether doing it twice is doing it once.
func (c *Call) Idempotent() bool {
	switch c.Method {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}

// begin counts a request and, where it matters, watches whether it gets as far
// as a connection.
func (c *Call) begin(ctx context.Context) context.Context {
	c.requests.Add(1)
	if c.Idempotent() && c.Method != http.MethodDelete {
		return ctx
	}
	c.connecting.Store(false)
	c.sent.Store(false)
	c.written.Store(false)
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { c.connecting.Store(true) },
		GotConn: func(httptrace.GotConnInfo) {
			c.connecting.Store(true) // one of HTTP/2 that another call dialled is not asked for
			if c.sent.Swap(true) && c.Method == http.MethodDelete {
				c.uncertain.Store(true) // net/http repeats it by itself, when a proxy refused its stream
			}
		},
		WroteRequest: func(info httptrace.WroteRequestInfo) {
			if info.Err == nil {
				c.written.Store(true)
			}
		},
	})
}

// setHeader sets what every request has. http.Client copies the header that it is
// given, to have it after a redirect; set behind it, a small call is 5 % shorter.
func (c *Call) setHeader(h http.Header) {
	h["User-Agent"] = []string{c.UserAgent}
	if c.Accept != "" {
		h["Accept"] = []string{c.Accept}
	} else {
		// A compressed body would have no length to check it by.
		h["Accept-Encoding"] = []string{"identity"}
	}
}
