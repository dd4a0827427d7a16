package trillian_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
)

// outcome is how many requests reach the wire when the fault happens once and
// the server is well afterwards, when each of three attempts meets it, and
// whether there is a second attempt at all.
type outcome struct {
	once, always int
	again        bool
}

var (
	unconnected = outcome{once: 1, always: 0, again: true} // tried again, and only what connects is sent
	repeated    = outcome{once: 2, always: 3, again: true}
	final       = outcome{once: 1, always: 1}
)

type faultCase struct {
	name   string
	fault  fault
	secure bool    // over TLS
	warm   bool    // on a connection that has served a request before
	slow   bool    // nothing but a timeout ends it
	safe   outcome // GET, HEAD, PUT, DELETE
	risky  outcome // POST, PATCH
	maybe  bool    // a POST or PATCH may have been carried out
	status int     // of the *trillian.Error, 0 where the server did not answer
	holds  []error // which errors.Is finds, besides ErrOutcomeUnknown
}

var verbs = []string{http.MethodGet, http.MethodPut, http.MethodDelete, http.MethodPost, http.MethodPatch}

// sentinels are those that hold for exactly the faults that name them.
var sentinels = []error{
	trillian.ErrBadRequest, trillian.ErrUnauthorized, trillian.ErrForbidden, trillian.ErrNotFound, trillian.ErrRateLimited,
	trillian.ErrServer, trillian.ErrRedirected, trillian.ErrInvalidArgument, trillian.ErrMalformedResponse,
	trillian.ErrResponseTooLarge, os.ErrDeadlineExceeded, syscall.ECONNREFUSED, io.ErrUnexpectedEOF, context.Canceled,
}

func faultCases() []faultCase {
	limited := answers(429, "Retry-After: 3600", "")
	return []faultCase{
		{name: "refused", fault: refused, safe: unconnected, risky: unconnected, holds: []error{syscall.ECONNREFUSED}},
		{name: "dial timed out", fault: fault{dial: func() error { return &net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded} }},
			safe: unconnected, risky: unconnected, holds: []error{os.ErrDeadlineExceeded}},
		{name: "name not found", fault: fault{dial: func() error { return &net.DNSError{Err: "no such host", Name: "im.test", IsNotFound: true} }}},
		{name: "name server busy", fault: fault{dial: func() error {
			return &net.OpError{Op: "dial", Err: &net.DNSError{Err: "server misbehaving", Name: "im.test", IsTemporary: true}}
		}}, safe: unconnected, risky: unconnected},
		{name: "TLS handshake timed out", secure: true, slow: true, safe: unconnected, risky: unconnected,
			fault: fault{accept: func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }}},
		{name: "TLS handshake reset", secure: true, fault: resetInHandshake, safe: unconnected, risky: unconnected},
		{name: "wrong certificate", secure: true, fault: fault{accept: handshake(&tls.Config{Certificates: []tls.Certificate{otherCertificate().Certificate}})}},
		{name: "no TLS there", secure: true, fault: fault{accept: func(conn net.Conn) { writes("HTTP/1.1 400 Bad Request\r\n\r\n")(conn, nil) }}},

		{name: "dropped after the request", fault: dropped, safe: repeated, risky: final, maybe: true},
		{name: "reset after the request", safe: repeated, risky: final, maybe: true,
			fault: fault{answer: func(conn net.Conn, _ *http.Request) bool { reset(conn); return false }}},
		{name: "dropped within the headers", fault: fault{answer: writes("HTTP/1.1 200 OK\r\nServer: x\r\n")},
			safe: repeated, risky: final, maybe: true, holds: []error{io.ErrUnexpectedEOF}},
		{name: "dropped on a reused connection", warm: true, fault: dropped, safe: outcome{once: 3, again: true}, risky: outcome{once: 2}, maybe: true},
		{name: "not HTTP", fault: fault{answer: writes("SSH-2.0-OpenSSH_9.9\r\n\r\n")}, safe: repeated, risky: final, maybe: true},
		{name: "silent", fault: fault{answer: hangs("")}, slow: true,
			safe: repeated, risky: final, maybe: true, holds: []error{os.ErrDeadlineExceeded}},

		{name: "body broken off", fault: cutOff, safe: repeated, risky: final, maybe: true,
			holds: []error{trillian.ErrMalformedResponse, io.ErrUnexpectedEOF}},
		{name: "body silent", fault: fault{answer: hangs("HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n<response>")}, slow: true,
			safe: repeated, risky: final, maybe: true, holds: []error{os.ErrDeadlineExceeded}},
		{name: "HTML with 200", fault: answers(200, "", "<html>Sign in</html>"), safe: final, risky: final, maybe: true,
			holds: []error{trillian.ErrMalformedResponse}},

		{name: "302", fault: answers(302, "Location: /login", ""), safe: final, risky: final, holds: []error{trillian.ErrRedirected}},
		{name: "400", fault: answers(400, "", ""), status: 400, safe: final, risky: final, holds: []error{trillian.ErrBadRequest}},
		{name: "401", fault: answers(401, "", ""), status: 401, safe: final, risky: final, holds: []error{trillian.ErrUnauthorized}},
		{name: "403", fault: answers(403, "", ""), status: 403, safe: final, risky: final, holds: []error{trillian.ErrForbidden}},
		{name: "404", fault: answers(404, "", ""), status: 404, safe: final, risky: final, holds: []error{trillian.ErrNotFound}},
		{name: "408", fault: answers(408, "", ""), status: 408, safe: repeated, risky: final, maybe: true},
		{name: "409", fault: answers(409, "Retry-After: 0", ""), status: 409, safe: final, risky: final},
		{name: "429", fault: answers(429, "", ""), status: 429, safe: repeated, risky: repeated, holds: []error{trillian.ErrRateLimited}},
		{name: "429 with Retry-After", fault: answers(429, "Retry-After: 0", ""), status: 429, safe: repeated, risky: repeated, holds: []error{trillian.ErrRateLimited}},
		{name: "429 with Retry-After beyond the cap", fault: limited, status: 429, safe: final, risky: final, holds: []error{trillian.ErrRateLimited}},
		{name: "500", fault: answers(500, "", ""), status: 500, safe: final, risky: final, holds: []error{trillian.ErrServer}},
		{name: "500 with Retry-After", fault: answers(500, "Retry-After: 0", ""), status: 500, safe: final, risky: final, holds: []error{trillian.ErrServer}},
		{name: "502", fault: answers(502, "", ""), status: 502, safe: repeated, risky: final, maybe: true, holds: []error{trillian.ErrServer}},
		{name: "502 with Retry-After", fault: answers(502, "Retry-After: 0", ""), status: 502, safe: repeated, risky: final, maybe: true, holds: []error{trillian.ErrServer}},
		{name: "503", fault: answers(503, "", ""), status: 503, safe: repeated, risky: final, maybe: true, holds: []error{trillian.ErrServer}},
		{name: "503 with Retry-After", fault: answers(503, "Retry-After: 0", ""), status: 503, safe: repeated, risky: repeated, holds: []error{trillian.ErrServer}},
		{name: "503 with Retry-After that is garbage", fault: answers(503, "Retry-After: soon", ""), status: 503, safe: repeated, risky: final, maybe: true, holds: []error{trillian.ErrServer}},
		{name: "503 with Retry-After beyond the cap", fault: answers(503, "Retry-After: 3600", ""), status: 503, safe: final, risky: final, holds: []error{trillian.ErrServer}},
		{name: "504", fault: answers(504, "", ""), status: 504, safe: repeated, risky: final, maybe: true, holds: []error{trillian.ErrServer}},
		{name: "505", fault: answers(505, "", ""), status: 505, safe: final, risky: final, holds: []error{trillian.ErrServer}},
	}
}

func TestAdversarialRetries(t *testing.T) {
	t.Parallel()
	for _, f := range faultCases() {
		for _, verb := range verbs {
			t.Run(f.name+"/"+verb, func(t *testing.T) {
				t.Parallel()
				want := f.safe
				if verb == http.MethodPost || verb == http.MethodPatch {
					want = f.risky
				}
				once, always := []fault{f.fault}, []fault{f.fault}
				if want.again {
					once, always = []fault{f.fault, good}, []fault{f.fault, f.fault, f.fault}
				}
				f.run(t, verb, once, want.once, want.again)
				if !f.warm { // the next connection would be a fresh one
					f.run(t, verb, always, want.always, false)
				}
				held.add("retry cells", 1)
			})
		}
	}
}

func (f faultCase) run(t *testing.T, verb string, script []fault, requests int, mends bool) {
	t.Helper()
	if f.warm {
		script = append([]fault{good}, script...)
	}
	server := newFaultServer(t, f.secure, script...)
	patience := 10 * time.Second
	if f.slow {
		patience = 30 * time.Millisecond
	}
	if f.slow && mends { // the good answer must have the time to come
		patience = 150 * time.Millisecond
	}
	client := server.client(t, patience)
	if f.warm {
		require.NoError(t, client.Do(t.Context(), http.MethodGet, "groups/", nil, nil))
	}
	err := client.Do(t.Context(), verb, "groups/1/", url.Values{"displayname": {"Sales"}}, nil)
	require.Len(t, server.wire(t), requests, "requests on the wire; %v", err)
	if mends {
		require.NoError(t, err)
		return
	}
	require.Error(t, err)
	for _, sentinel := range sentinels {
		require.Equal(t, slices.Contains(f.holds, sentinel), errors.Is(err, sentinel), "%v: %v", sentinel, err)
	}
	risky := verb == http.MethodPost || verb == http.MethodPatch
	require.Equal(t, risky && f.maybe, errors.Is(err, trillian.ErrOutcomeUnknown), "%v", err)
	if failure, ok := errors.AsType[*trillian.Error](err); ok {
		require.Equal(t, f.status, failure.StatusCode)
		require.Equal(t, len(script)-btoi(f.warm), failure.Attempts)
		require.Equal(t, verb, failure.Method)
	} else {
		require.Zero(t, f.status)
	}
}

// TestAdversarialRetrySequences tells the stories that need more than one fault.
func TestAdversarialRetrySequences(t *testing.T) {
	t.Parallel()
	secondDeleteFinds := func(first fault) []fault { return []fault{first, answers(404, "", "")} }
	for _, c := range []struct {
		name   string
		verb   string
		secure bool
		script []fault
		wire   []string
		err    error // nil: the call succeeds
		maybe  bool
	}{
		{name: "a PATCH refused with 405 becomes a POST", verb: "PATCH", script: []fault{answers(405, "", ""), good}, wire: []string{"PATCH", "POST"}},
		{name: "a PATCH refused with 501 becomes a POST", verb: "PATCH", script: []fault{answers(501, "", ""), good}, wire: []string{"PATCH", "POST"}},
		{name: "once", verb: "PATCH", script: []fault{answers(405, "", ""), answers(501, "", "")}, wire: []string{"PATCH", "POST"}, err: trillian.ErrServer},
		{name: "and is then as risky as a POST", verb: "PATCH", script: []fault{answers(405, "", ""), dropped}, wire: []string{"PATCH", "POST"}, err: io.EOF, maybe: true},
		{name: "and is tried again like a POST", verb: "PATCH", script: []fault{answers(405, "", ""), answers(429, "", ""), good}, wire: []string{"PATCH", "POST", "POST"}},
		{name: "no other verb changes", verb: "PUT", script: []fault{answers(405, "", "")}, wire: []string{"PUT"}, err: errAny},

		{name: "what is not there cannot be deleted", verb: "DELETE", script: secondDeleteFinds(answers(404, "", ""))[:1], wire: []string{"DELETE"}, err: trillian.ErrNotFound},
		{name: "deleted, and the answer dropped", verb: "DELETE", script: secondDeleteFinds(dropped), wire: []string{"DELETE", "DELETE"}},
		{name: "deleted, and the answer broken off", verb: "DELETE", script: secondDeleteFinds(cutOff), wire: []string{"DELETE", "DELETE"}},
		{name: "deleted, and a proxy gave up", verb: "DELETE", script: secondDeleteFinds(answers(504, "", "")), wire: []string{"DELETE", "DELETE"}},
		{name: "not deleted for the rate limit", verb: "DELETE", script: secondDeleteFinds(answers(429, "", "")), wire: []string{"DELETE", "DELETE"}, err: trillian.ErrNotFound},
		{name: "not deleted for the server was refused", verb: "DELETE", script: secondDeleteFinds(refused), wire: []string{"DELETE"}, err: trillian.ErrNotFound},
		{name: "not deleted for TLS failed", verb: "DELETE", secure: true, script: secondDeleteFinds(resetInHandshake), wire: []string{"DELETE"}, err: trillian.ErrNotFound},
		{name: "a GET of what is gone", verb: "GET", script: secondDeleteFinds(dropped), wire: []string{"GET", "GET"}, err: trillian.ErrNotFound},
		{name: "a PUT of what is gone", verb: "PUT", script: secondDeleteFinds(dropped), wire: []string{"PUT", "PUT"}, err: trillian.ErrNotFound},

		{name: "one uncertain POST is enough", verb: "POST", script: []fault{answers(429, "Connection: close", ""), refused, dropped}, wire: []string{"POST", "POST"}, err: io.EOF, maybe: true},
		{name: "a certain POST stays so", verb: "POST", script: []fault{refused, answers(503, "Retry-After: 0\r\nConnection: close", ""), answers(400, "", "")}, wire: []string{"POST", "POST"}, err: trillian.ErrBadRequest},
		{name: "three faults of three kinds", verb: "GET", script: []fault{refused, dropped, good}, wire: []string{"GET", "GET"}},
		{name: "broken off and then not found", verb: "GET", script: []fault{cutOff, answers(404, "", "")}, wire: []string{"GET", "GET"}, err: trillian.ErrNotFound},
		{name: "attempts are counted over statuses and bodies", verb: "GET", script: []fault{answers(503, "", ""), cutOff, answers(503, "", "")}, wire: []string{"GET", "GET", "GET"}, err: trillian.ErrServer},
		{name: "and bodies and statuses", verb: "GET", script: []fault{cutOff, cutOff, cutOff}, wire: []string{"GET", "GET", "GET"}, err: io.ErrUnexpectedEOF},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := newFaultServer(t, c.secure, c.script...)
			err := server.client(t, 10*time.Second).Do(t.Context(), c.verb, "groups/1/", url.Values{"displayname": {"Sales"}}, nil)
			require.Equal(t, c.wire, server.wire(t), "%v", err)
			switch c.err {
			case nil:
				require.NoError(t, err)
			case errAny:
				require.Error(t, err)
			default:
				require.ErrorIs(t, err, c.err)
			}
			require.Equal(t, c.maybe, errors.Is(err, trillian.ErrOutcomeUnknown), "%v", err)
			held.add("retry sequences", 1)
		})
	}
}

var errAny = errors.New("any error")

func TestAdversarialPATCHFallbackIsRemembered(t *testing.T) {
	t.Parallel()
	server := newFaultServer(t, false, answers(405, "", ""), good, good, good)
	client := server.client(t, 10*time.Second)
	for range 2 {
		_, err := client.GroupChats.Update(t.Context(), general, trillian.GroupChatUpdate{Topic: new("Sales")})
		require.NoError(t, err)
	}
	require.NoError(t, client.Groups.Delete(t.Context(), 1))
	require.Equal(t, []string{"PATCH", "POST", "POST", "DELETE"}, server.wire(t))
	require.Equal(t, server.bodies[0], server.bodies[1])

	server = newFaultServer(t, false, good)
	_, err := server.client(t, 10*time.Second, trillian.WithPATCHAsPOST()).GroupChats.Update(t.Context(), general, trillian.GroupChatUpdate{Topic: new("Sales")})
	require.NoError(t, err)
	require.Equal(t, []string{"POST"}, server.wire(t))
}

// TestAdversarialCancellation ends contexts at every stage of a call.
func TestAdversarialCancellation(t *testing.T) {
	t.Parallel()
	cause := errors.New("the user went home")
	for _, stage := range []struct {
		name   string
		script []fault
		wire   int
		maybe  bool
		last   error // what was being tried again
	}{
		{name: "before the call"},
		{name: "while the server thinks", script: []fault{{answer: hangs("")}}, wire: 1, maybe: true},
		{name: "while the answer arrives", script: []fault{{answer: hangs("HTTP/1.1 200 OK\r\n\r\n<response>")}}, wire: 1, maybe: true},
		{name: "in the wait after 429", script: []fault{answers(429, "Retry-After: 60", "")}, wire: 1},
		{name: "in the wait after 503", script: []fault{answers(503, "Retry-After: 60", "")}, wire: 1},
		{name: "in the wait after a refused connection", script: []fault{refused}, last: syscall.ECONNREFUSED},
	} {
		for _, verb := range verbs {
			t.Run(stage.name+"/"+verb, func(t *testing.T) {
				t.Parallel()
				server := newFaultServer(t, false, stage.script...)
				client := server.client(t, 100*time.Second, trillian.WithRetryPolicy(trillian.RetryPolicy{MinWait: 300 * time.Hour, MaxWait: 300 * time.Hour, MaxRetryAfter: time.Minute}))
				ctx, cancel := context.WithCancelCause(t.Context())
				if len(stage.script) == 0 {
					cancel(cause)
				}
				stop := time.AfterFunc(50*time.Millisecond, func() { cancel(cause) })
				defer stop.Stop()
				begin := time.Now()
				err := client.Do(ctx, verb, "groups/1/", nil, nil)
				require.Less(t, time.Since(begin), 10*time.Second)
				require.ErrorIs(t, err, cause)
				if stage.last != nil {
					require.ErrorIs(t, err, stage.last, "what was being tried again")
				}
				failure, ok := errors.AsType[*trillian.Error](err)
				require.True(t, ok, "%T", err)
				require.Equal(t, len(stage.script), failure.Attempts)
				risky := verb == http.MethodPost || verb == http.MethodPatch
				require.Equal(t, risky && stage.maybe, errors.Is(err, trillian.ErrOutcomeUnknown), "%v", err)
				require.Len(t, server.wire(t), stage.wire)
				held.add("cancellations", 1)
			})
		}
	}
}

// TestAdversarialRetryBudget has 2,000 calls meet a dead server.
func TestAdversarialRetryBudget(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{http.MethodGet, http.MethodPost} {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int32
			var well atomic.Bool
			client := newClient(t, "https://im.test", trillian.WithHTTPClient(&http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
				requests.Add(1)
				if well.Load() {
					return respond(r, 200, "<response/>"), nil
				}
				return nil, refused.dial()
			})}), trillian.WithRetryPolicy(trillian.RetryPolicy{MaxAttempts: 4, MinWait: 1, MaxWait: 1}))
			call := func() error { return client.Do(t.Context(), verb, "groups/1/", nil, nil) }

			var calls sync.WaitGroup
			for range 20 {
				calls.Go(func() {
					for range 100 {
						if call() == nil {
							t.Error("a call to a dead server succeeded")
						}
					}
				})
			}
			calls.Wait()
			require.LessOrEqual(t, requests.Load(), int32(2200), "requests of 2,000 calls")
			require.Greater(t, requests.Load(), int32(2050), "there were retries")

			spent := requests.Load()
			require.Error(t, call())
			require.Equal(t, spent+1, requests.Load(), "a budget that is spent stays so while the server is dead")
			well.Store(true)
			for range 15 { // what three retries cost
				require.NoError(t, call())
			}
			well.Store(false)
			spent = requests.Load()
			require.Error(t, call())
			require.Equal(t, spent+4, requests.Load(), "successes bring the budget back")
			held.add("retry budgets", 1)
		})
	}
}

func respond(r *http.Request, status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Request: r,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}

// TestAdversarialRetryAfter waits in a bubble's own time, so that every wait is
// known to the nanosecond.
func TestAdversarialRetryAfter(t *testing.T) {
	t.Parallel()
	const jitter = -1 // not understood: an ordinary wait
	at := func(d time.Duration, layout string) string { return bubbleStart.Add(d).Format(layout) }
	for _, c := range []struct {
		header string
		wait   time.Duration
		beyond time.Duration // given up: what the error says
	}{
		{header: "0"},
		{header: "3", wait: 3 * time.Second},
		{header: " 3 ", wait: 3 * time.Second},
		{header: "003", wait: 3 * time.Second},
		{header: "60", wait: time.Minute},
		{header: "61", beyond: 61 * time.Second},
		{header: "3600", beyond: time.Hour},
		{header: "9223372036", beyond: 9223372036 * time.Second},
		{header: "9223372037", beyond: math.MaxInt64},
		{header: "9223372036854775807", beyond: math.MaxInt64},
		{header: "18446744073709551616", beyond: math.MaxInt64},
		{header: strings.Repeat("9", 1000), beyond: math.MaxInt64},
		{header: at(10*time.Second, http.TimeFormat), wait: 10 * time.Second},
		{header: at(10*time.Second, time.RFC850), wait: 10 * time.Second},
		{header: at(10*time.Second, time.ANSIC), wait: 10 * time.Second},
		{header: at(time.Minute, http.TimeFormat), wait: time.Minute},
		{header: at(2*time.Minute, http.TimeFormat), beyond: 2 * time.Minute},
		{header: at(0, http.TimeFormat)},
		{header: at(-time.Hour, http.TimeFormat)},
		{header: "Thu, 01 Jan 1970 00:00:00 GMT"},
		{header: "Fri, 31 Dec 9999 23:59:59 GMT", beyond: math.MaxInt64},
		{header: "", wait: jitter},
		{header: "-5", wait: jitter},
		{header: "+5", wait: jitter},
		{header: "1e30", wait: jitter},
		{header: "3.5", wait: jitter},
		{header: "0x10", wait: jitter},
		{header: "1_000", wait: jitter},
		{header: "3 s", wait: jitter},
		{header: "soon", wait: jitter},
		{header: "NaN", wait: jitter},
		{header: "\x00", wait: jitter},
		{header: "2000-01-01T00:00:10Z", wait: jitter},
	} {
		t.Run(fmt.Sprintf("%.20q", c.header), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				require.Equal(t, bubbleStart, time.Now().UTC())
				requests := 0
				client := newClient(t, "https://im.test", trillian.WithHTTPClient(&http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
					if requests++; requests > 1 {
						return respond(r, 200, "<response/>"), nil
					}
					resp := respond(r, 429, "")
					resp.Header.Set("Retry-After", c.header)
					return resp, nil
				})}), trillian.WithRetryPolicy(trillian.RetryPolicy{MinWait: time.Second, MaxWait: time.Second, MaxRetryAfter: time.Minute}))
				err := client.Do(t.Context(), http.MethodPost, "groups/1/", nil, nil)
				waited := time.Since(bubbleStart)
				switch {
				case c.beyond > 0:
					failure, ok := errors.AsType[*trillian.Error](err)
					require.True(t, ok, "%v", err)
					require.ErrorIs(t, err, trillian.ErrRateLimited)
					require.Equal(t, c.beyond, failure.RetryAfter)
					require.Equal(t, 1, requests)
					require.Zero(t, waited, "given up at once")
				case c.wait == jitter:
					require.NoError(t, err)
					require.LessOrEqual(t, waited, time.Second)
				default:
					require.NoError(t, err)
					require.Equal(t, c.wait, waited)
				}
				held.add("Retry-After values", 1)
			})
		})
	}
}

// bubbleStart is when every synctest bubble begins.
var bubbleStart = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// TestAdversarialListsThatBreakOff has a list end early after each of its items.
func TestAdversarialListsThatBreakOff(t *testing.T) {
	t.Parallel()
	const items = 4
	want := []string{"u0@x", "u1@x", "u2@x", "u3@x"}
	text := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `<user name="u%d@x"/>`, i)
		}
		return b.String()
	}
	whole := answers(200, "", "<response>"+text(items)+"</response>")
	for n := range items + 1 {
		broken := fault{answer: writes("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n<response>" + text(n))}
		t.Run(fmt.Sprintf("after %d items", n), func(t *testing.T) {
			t.Parallel()
			server := newFaultServer(t, false, broken, dropped, whole)
			users, err := server.client(t, 10*time.Second).Users.List(t.Context())
			require.NoError(t, err)
			require.Equal(t, want, names(users), "nothing lost, nothing twice")
			require.Len(t, server.wire(t), 3)

			server = newFaultServer(t, false, broken, broken, broken)
			users, err = server.client(t, 10*time.Second).Users.List(t.Context())
			require.ErrorIs(t, err, trillian.ErrMalformedResponse)
			require.Nil(t, users)
			require.Len(t, server.wire(t), 3)

			// What has been yielded cannot be taken back.
			script, wire := []fault{broken}, 1
			if n == 0 {
				script, wire = []fault{broken, whole}, 2
			}
			server = newFaultServer(t, false, script...)
			users, last := []trillian.User{}, error(nil)
			for user, err := range server.client(t, 10*time.Second).Users.All(t.Context()) {
				require.NoError(t, last, "an error comes last")
				if last = err; err != nil {
					require.Zero(t, user)
					continue
				}
				users = append(users, user)
			}
			require.Len(t, server.wire(t), wire)
			if n == 0 {
				require.NoError(t, last)
				require.Equal(t, want, names(users))
			} else {
				require.ErrorIs(t, last, io.ErrUnexpectedEOF)
				require.Equal(t, want[:n], names(users))
			}
			held.add("lists broken off", 3)
		})
	}
}

func names(users []trillian.User) (all []string) {
	for _, u := range users {
		all = append(all, u.Name)
	}
	return all
}

// TestAdversarialMiddlewareThatAnswers has a middleware answer by itself, which
// leaves nothing on the wire to count.
func TestAdversarialMiddlewareThatAnswers(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(*http.Request) (*http.Response, error){
		"broken off": func(r *http.Request) (*http.Response, error) { return respond(r, 200, "<response>"), nil },
		"503":        func(r *http.Request) (*http.Response, error) { return respond(r, 503, ""), nil },
		"an error":   func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls := 0
			client := newClient(t, "https://im.test", trillian.WithMiddleware(func(http.RoundTripper) http.RoundTripper {
				return roundTripper(func(r *http.Request) (*http.Response, error) { calls++; return answer(r) })
			}), trillian.WithRetryPolicy(trillian.RetryPolicy{MaxAttempts: 3, MinWait: 1, MaxWait: 1}))
			_, err := client.Users.List(t.Context())
			require.Error(t, err)
			require.Equal(t, 3, calls)
		})
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
