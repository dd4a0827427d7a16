package transport

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// Policy says how often and when a call is tried again.
type Policy struct {
	MaxAttempts   int
	MinWait       time.Duration
	MaxWait       time.Duration
	MaxRetryAfter time.Duration
}

// Budget bounds what retries add to the load of a server that fails: each takes five
// tokens of five hundred, unless a Retry-After or a GOAWAY makes it free, and only
// successes at the first attempt bring them back, one each.
type Budget struct{ spent atomic.Int64 }

const (
	budgetSize = 500
	retryCost  = 5
)

func (b *Budget) take() bool {
	if b.spent.Add(retryCost) <= budgetSize {
		return true
	}
	b.spent.Add(-retryCost)
	return false
}

func (b *Budget) giveBack() {
	if b.spent.Load() > 0 && b.spent.Add(-1) < 0 {
		b.spent.Add(1)
	}
}

// NewRetryClient configures go-retryablehttp so that it decides nothing itself:
// no logging (it writes URLs), no waits (CheckRetry waits, since only it
// knows the call), its last response passed through, and a transport that hides
// CloseIdleConnections, which it would call on every failure.
func NewRetryClient(c http.Client, maxAttempts int) *retryablehttp.Client {
	c.Transport = roundTripper(roundTrip)
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &retryablehttp.Client{
		HTTPClient:   &c,
		Logger:       nil,
		RetryMax:     maxAttempts - 1,
		CheckRetry:   checkRetry,
		Backoff:      func(time.Duration, time.Duration, int, *http.Response) time.Duration { return 0 },
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
		PrepareRetry: func(r *http.Request) error {
			r.Header = r.Header.Clone()
			r.Header.Del("Cookie") // http.Client adds the jar's to those of the attempt before
			return nil
		},
	}
}

// roundTrip makes one attempt.
func roundTrip(r *http.Request) (*http.Response, error) {
	call := CallOf(r.Context())
	call.attempt.Add(1)
	call.answered.Store(false)
	call.setHeader(r.Header)
	resp, err := call.Pipeline.run(0, call, r)
	if err = either("a middleware", resp, err); err != nil {
		return nil, err
	}
	dropBadLocation(resp.Header)
	return resp, nil
}

// dropBadLocation removes a Location that is no URL: http.Client parses it before
// it asks whether to follow it, and would turn the response into an error.
func dropBadLocation(h http.Header) {
	if location := h.Get("Location"); location != "" {
		if _, err := url.Parse(location); err != nil {
			h.Del("Location")
		}
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// checkRetry waits if the attempt is to be repeated. It never returns an error:
// with PassthroughErrorHandler that would come back beside an open response.
func checkRetry(ctx context.Context, resp *http.Response, err error) (bool, error) {
	c := CallOf(ctx)
	if err != nil {
		err = c.withoutCause(err)
		return c.judgeError(err) && c.again(err, 0), nil
	}
	if resp.StatusCode/100 == 2 {
		if c.tries() == 1 {
			c.Budget.giveBack()
		}
		return false, nil
	}
	retryAfter := RetryAfter(resp)
	return c.judgeStatus(resp.StatusCode, retryAfter) && c.again(&StatusError{resp.StatusCode}, retryAfter), nil
}

// withoutCause returns why the attempt failed. net/http reports a context's end
// by its cause, which may be the failure of another call and says nothing of this
// one.
func (c *Call) withoutCause(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err // verb and URL are known
	}
	return causeless(c, err)
}

func causeless(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	if cause != nil && reflect.TypeOf(err) == reflect.TypeOf(cause) && fmt.Sprint(err) == fmt.Sprint(cause) {
		return ctx.Err()
	}
	return err
}

// judgeError reports whether to ask again. An error may be a middleware's own,
// which proves nothing once the server has responded.
func (c *Call) judgeError(err error) bool {
	final := errors.Is(err, ErrNotSent) || c.isHopeless(err) || c.Source != nil && c.Source.Err() != nil
	if c.answered.Load() || !final && !c.neverSent(err) {
		c.MarkUncertain()
	}
	return !final && c.repeatable()
}

func (c *Call) judgeStatus(status int, retryAfter time.Duration) bool {
	switch status {
	case http.StatusTooManyRequests: // says that nothing was done
		if c.answered.Load() {
			c.MarkUncertain()
		}
	case http.StatusRequestTimeout, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		c.MarkUncertain() // a proxy says so too after the server has done the work
	default:
		return false
	}
	if !c.repeatable() {
		return false
	}
	if retryAfter > c.Policy.MaxRetryAfter {
		c.GaveUp = "the server asks for a longer wait than the retry policy allows"
		return false
	}
	return true
}

// Repeat decides whether to ask again after the body of a good response broke off
// with err, and if so waits. The caller must have handed on nothing of it.
func (c *Call) Repeat(err error) bool {
	if !c.Idempotent() || c.Err() != nil || !BrokeOff(err) {
		return false
	}
	c.MarkUncertain()
	return c.again(err, 0)
}

// again takes a repetition from the policy, if it has one left, and waits for as
// long as it says, but no less than the server asked for.
func (c *Call) again(reason error, retryAfter time.Duration) bool {
	if c.Err() != nil || c.tries() >= c.Policy.MaxAttempts {
		return false
	}
	if c.Source != nil && c.Source.Spent() {
		c.GaveUp = "its data cannot be read again"
		return false
	}
	wait := max(retryAfter, retryAfter+c.Policy.jitter(max(c.tries(), 1)-1)) // which may overflow
	free := retryAfter > 0 && isRateLimit(reason)
	if isUnseen(reason) { // nothing is wrong with the server
		wait, free = 0, true
	}
	if deadline, ok := c.Deadline(); ok && time.Until(deadline) < wait {
		c.GaveUp = "the wait for it would outlast the context's deadline"
		return false
	}
	if !free && !c.Budget.take() {
		c.GaveUp = "the retry budget is spent"
		return false
	}
	c.Last = reason
	if c.Log != nil {
		c.Log.LogAttrs(c, slog.LevelWarn, "trillian: asking again",
			c.Attrs(slog.String("reason", reason.Error()), slog.Duration("wait", wait))...)
	}
	select {
	case <-c.Done():
		c.Interrupted = true
	case <-time.After(wait):
	}
	return !c.Interrupted
}

// jitter is between nothing and the exponential wait ("full jitter"), so that
// the clients of an outage do not come back all at once.
func (p *Policy) jitter(attempt int) time.Duration {
	wait := p.MaxWait
	// A shift that overflows would be caught by no comparison after it.
	if attempt < 32 && p.MinWait <= p.MaxWait>>attempt {
		wait = p.MinWait << attempt
	}
	return time.Duration(rand.Uint64N(uint64(max(wait, 0)) + 1))
}

// RetryAfter is how long the response asks to wait, in seconds or as an HTTP date: 0
// if it does not, or not in a form that can be understood.
func RetryAfter(resp *http.Response) time.Duration {
	return parseRetryAfter(strings.TrimSpace(resp.Header.Get("Retry-After")), time.Now())
}

func parseRetryAfter(text string, now time.Time) time.Duration {
	const longest = 1<<63 - 1
	seconds, err := strconv.ParseUint(text, 10, 64)
	switch {
	case err == nil && seconds <= longest/uint64(time.Second):
		return time.Duration(seconds) * time.Second
	case err == nil, errors.Is(err, strconv.ErrRange):
		return longest
	}
	date, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	return max(date.Sub(now), 0)
}
