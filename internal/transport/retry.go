package transport

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/url"
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
	Budget        *Budget
}

// Budget bounds what retries add to the load of a server that fails: each takes
// five tokens of five hundred, and only successes bring them back, one each.
type Budget struct{ spent atomic.Int64 }

const (
	budgetSize = 500
	retryCost  = 5
)

func (b *Budget) take() bool {
	for {
		spent := b.spent.Load()
		if spent+retryCost > budgetSize {
			return false
		}
		if b.spent.CompareAndSwap(spent, spent+retryCost) {
			return true
		}
	}
}

func (b *Budget) giveBack() {
	// The common case, a full budget, costs a load.
	for spent := b.spent.Load(); spent > 0; spent = b.spent.Load() {
		if b.spent.CompareAndSwap(spent, spent-1) {
			return
		}
	}
}

// NewRetryClient configures go-retryablehttp so that it decides nothing itself:
// no logging (it writes URLs), no hooks, its last answer passed through, and a
// transport that hides CloseIdleConnections, which it would call on every failure.
func NewRetryClient(c *http.Client, p *Policy) *retryablehttp.Client {
	outer := *c
	outer.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
		resp, err := c.Transport.RoundTrip(r)
		if err == nil {
			dropBadLocation(resp.Header)
		}
		return resp, err
	})
	outer.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &retryablehttp.Client{
		HTTPClient:   &outer,
		Logger:       nil,
		RetryMax:     p.MaxAttempts - 1,
		CheckRetry:   checkRetry,
		Backoff:      p.backoff,
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
}

// dropBadLocation removes a Location that is no URL: http.Client parses it before
// it asks whether to follow it, and would turn the answer into an error.
func dropBadLocation(h http.Header) {
	if location := h.Get("Location"); location != "" {
		if _, err := url.Parse(location); err != nil {
			h.Del("Location")
		}
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// checkRetry never returns an error: with PassthroughErrorHandler it would come
// back beside an open response.
func checkRetry(ctx context.Context, resp *http.Response, err error) (bool, error) {
	c := callOf(ctx)
	c.rounds++
	if err == nil && resp.StatusCode/100 == 2 {
		if c.tries() == 1 {
			c.Policy.Budget.giveBack()
		}
		return false, nil
	}
	var again bool
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err // verb and URL are known
	}
	if err != nil {
		again = c.judgeError(err)
	} else {
		again = c.judgeStatus(resp)
		err = &StatusError{resp.StatusCode}
	}
	return again && ctx.Err() == nil && c.again(err), nil
}

func (c *Call) judgeError(err error) bool {
	switch {
	case isHopeless(err), c.Source != nil && c.Source.Err() != nil:
		return false
	case c.neverConnected(err):
		return true
	}
	c.MarkUncertain()
	return c.Idempotent()
}

func (c *Call) judgeStatus(resp *http.Response) bool {
	after, named := RetryAfter(resp)
	switch resp.StatusCode {
	case http.StatusTooManyRequests:
	case http.StatusServiceUnavailable:
		if !named {
			c.MarkUncertain()
			return c.Idempotent()
		}
	case http.StatusRequestTimeout, http.StatusBadGateway, http.StatusGatewayTimeout:
		c.MarkUncertain()
		if !c.Idempotent() {
			return false
		}
	default:
		return false
	}
	return after <= c.Policy.MaxRetryAfter
}

func (p *Policy) backoff(_, _ time.Duration, attempt int, resp *http.Response) time.Duration {
	if resp != nil {
		if after, ok := RetryAfter(resp); ok {
			return after
		}
	}
	return p.jitter(attempt)
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

// RetryAfter is how long the answer asks to wait, in seconds or as an HTTP date,
// and whether it says so in a form that can be understood.
func RetryAfter(resp *http.Response) (time.Duration, bool) {
	text := strings.TrimSpace(resp.Header.Get("Retry-After"))
	if text == "" {
		return 0, false
	}
	return parseRetryAfter(text, time.Now())
}

func parseRetryAfter(text string, now time.Time) (time.Duration, bool) {
	const longest = 1<<63 - 1
	seconds, err := strconv.ParseUint(text, 10, 64)
	switch {
	case err == nil && seconds <= longest/uint64(time.Second):
		return time.Duration(seconds) * time.Second, true
	case err == nil, errors.Is(err, strconv.ErrRange):
		return longest, true
	}
	date, err := http.ParseTime(text)
	if err != nil {
		return 0, false
	}
	return max(date.Sub(now), 0), true
}
