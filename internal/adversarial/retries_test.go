package adversarial

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
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
			holds: []error{io.ErrUnexpectedEOF}},
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
		{name: "503 with Retry-After", fault: answers(503, "Retry-After: 0", ""), status: 503, safe: repeated, risky: final, maybe: true, holds: []error{trillian.ErrServer}},
		{name: "503 with Retry-After that is garbage", fault: answers(503, "Retry-After: soon", ""), status: 503, safe: repeated, risky: final, maybe: true, holds: []error{trillian.ErrServer}},
		{name: "503 with Retry-After beyond the cap", fault: answers(503, "Retry-After: 3600", ""), status: 503, safe: final, risky: final, maybe: true, holds: []error{trillian.ErrServer}},
		{name: "504", fault: answers(504, "", ""), status: 504, safe: repeated, risky: final, maybe: true, holds: []error{trillian.ErrServer}},
		{name: "500, a proxy's page", fault: answers(500, "Content-Type: text/html", "<h1>Internal error</h1>"), status: 500, safe: final, risky: final, maybe: true, holds: []error{trillian.ErrServer}},
		{name: "500, the API's", fault: answers(500, "", "<response> <error>no</error></response>"), status: 500, safe: final, risky: final, holds: []error{trillian.ErrServer}},
		{name: "505", fault: answers(505, "", ""), status: 505, safe: final, risky: final, holds: []error{trillian.ErrServer}},
	}
}

func TestRetries(t *testing.T) {
	t.Parallel()
	serverCertificate() // made before a bubble would make it, at its own time
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
				run := func(script []fault, requests int, mends bool) {
					if f.slow { // a busy machine would be taken for a silent server
						synctest.Test(t, func(t *testing.T) { f.run(t, newBubbleServer, verb, script, requests, mends) })
						return
					}
					f.run(t, newFaultServer, verb, script, requests, mends)
				}
				run(once, want.once, want.again)
				if !f.warm { // the next connection would be a fresh one
					run(always, want.always, false)
				}
			})
		}
	}
}

func (f faultCase) run(t *testing.T, newServer func(testing.TB, bool, ...fault) *faultServer, verb string, script []fault, requests int, mends bool) {
	t.Helper()
	if f.warm {
		script = append([]fault{good}, script...)
	}
	server := newServer(t, f.secure, script...)
	opts := []trillian.Option{}
	if f.secure { // a handshake has a timeout of its own
		opts = append(opts, trillian.WithTimeout(time.Minute))
	}
	client := server.client(t, 10*time.Second, opts...)
	if f.warm {
		require.NoError(t, client.Do(t.Context(), http.MethodGet, "groups/", nil, nil))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second) // a wait that is too long fails, and hangs not
	defer cancel()
	err := client.Do(ctx, verb, "groups/1/", url.Values{"displayname": {"Sales"}}, nil)
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

// TestRetrySequences tells the stories that need more than one fault.
func TestRetrySequences(t *testing.T) {
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
		{name: "deleted, and the answer dropped", verb: "DELETE", script: secondDeleteFinds(dropped), wire: []string{"DELETE", "DELETE"}, err: trillian.ErrNotFound, maybe: true},
		{name: "deleted, and the answer broken off", verb: "DELETE", script: secondDeleteFinds(cutOff), wire: []string{"DELETE", "DELETE"}, err: trillian.ErrNotFound, maybe: true},
		{name: "deleted, and a proxy gave up", verb: "DELETE", script: secondDeleteFinds(answers(504, "", "")), wire: []string{"DELETE", "DELETE"}, err: trillian.ErrNotFound, maybe: true},
		{name: "not deleted for the rate limit", verb: "DELETE", script: secondDeleteFinds(answers(429, "", "")), wire: []string{"DELETE", "DELETE"}, err: trillian.ErrNotFound},
		{name: "not deleted for the server was refused", verb: "DELETE", script: secondDeleteFinds(refused), wire: []string{"DELETE"}, err: trillian.ErrNotFound},
		{name: "not deleted for TLS failed", verb: "DELETE", secure: true, script: secondDeleteFinds(resetInHandshake), wire: []string{"DELETE"}, err: trillian.ErrNotFound},
		{name: "a GET of what is gone", verb: "GET", script: secondDeleteFinds(dropped), wire: []string{"GET", "GET"}, err: trillian.ErrNotFound},
		{name: "a PUT of what is gone", verb: "PUT", script: secondDeleteFinds(dropped), wire: []string{"PUT", "PUT"}, err: trillian.ErrNotFound},

		{name: "a verb that nobody knows is as risky as a POST", verb: "LOCK", script: []fault{dropped}, wire: []string{"LOCK"}, err: io.EOF, maybe: true},
		{name: "and is tried again where nothing was done", verb: "LOCK", script: []fault{refused, answers(429, "", ""), good}, wire: []string{"LOCK", "LOCK"}},
		{name: "OPTIONS is safe", verb: "OPTIONS", script: []fault{dropped, good}, wire: []string{"OPTIONS", "OPTIONS"}},
		{name: "one uncertain POST is enough", verb: "POST", script: []fault{answers(429, "Connection: close", ""), refused, dropped}, wire: []string{"POST", "POST"}, err: io.EOF, maybe: true},
		{name: "a certain POST stays so", verb: "POST", script: []fault{refused, answers(429, "Retry-After: 0\r\nConnection: close", ""), answers(400, "", "")}, wire: []string{"POST", "POST"}, err: trillian.ErrBadRequest},
		{name: "three faults of three kinds", verb: "GET", script: []fault{refused, dropped, good}, wire: []string{"GET", "GET"}},
		{name: "broken off and then not found", verb: "GET", script: []fault{cutOff, answers(404, "", "")}, wire: []string{"GET", "GET"}, err: trillian.ErrNotFound},
		{name: "attempts are counted over statuses and bodies", verb: "GET", script: []fault{answers(503, "", ""), cutOff, answers(503, "", "")}, wire: []string{"GET", "GET", "GET"}, err: trillian.ErrServer},
		{name: "and bodies and statuses", verb: "GET", script: []fault{cutOff, cutOff, cutOff}, wire: []string{"GET", "GET", "GET"}, err: io.ErrUnexpectedEOF},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := newFaultServer(t, c.secure, c.script...)
			client := server.client(t, 10*time.Second)
			var err error
			if c.verb != http.MethodPatch { // which Do never changes
				err = client.Do(t.Context(), c.verb, "groups/1/", url.Values{"displayname": {"Sales"}}, nil)
			} else {
				err = client.Presence.Update(t.Context(), smw, trillian.PresenceUpdate{Message: new("Lunch")})
			}
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
		})
	}
}

var errAny = errors.New("any error")

func TestPATCHFallback(t *testing.T) {
	t.Parallel()
	update := func(client *trillian.Client) error {
		return client.Presence.Update(t.Context(), smw, trillian.PresenceUpdate{Message: new("Lunch")})
	}
	refuses := answers(405, "", "")
	server := newFaultServer(t, false, refuses, good, refuses, good, good)
	client := server.client(t, 10*time.Second)
	require.NoError(t, update(client))
	require.NoError(t, update(client), "one call's fallback is not another's")
	require.NoError(t, client.Groups.Delete(t.Context(), 1))
	require.Equal(t, []string{"PATCH", "POST", "PATCH", "POST", "DELETE"}, server.wire(t))
	require.Equal(t, server.bodies[0], server.bodies[1])

	server = newFaultServer(t, false, refuses, refuses)
	err := update(server.client(t, 10*time.Second))
	failure, ok := errors.AsType[*trillian.Error](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, "POST", failure.Method, "the verb that was sent")
	require.Equal(t, 2, failure.Attempts)
	require.Equal(t, []string{"PATCH", "POST"}, server.wire(t))

	server = newFaultServer(t, false, refuses)
	err = update(server.client(t, 10*time.Second, trillian.WithRetryPolicy(trillian.RetryPolicy{MaxAttempts: 1})))
	require.ErrorContains(t, err, "PATCH", "there was no attempt left")
	require.Equal(t, []string{"PATCH"}, server.wire(t))

	server = newFaultServer(t, false, good)
	require.NoError(t, update(server.client(t, 10*time.Second, trillian.WithPATCHAsPOST())))
	require.Equal(t, []string{"POST"}, server.wire(t))

	// POST to users/ would create one.
	server = newFaultServer(t, false, refuses, refuses)
	require.Error(t, server.client(t, 10*time.Second).Do(t.Context(), "PATCH", "users/", nil, nil))
	require.Error(t, server.client(t, 10*time.Second, trillian.WithPATCHAsPOST()).Do(t.Context(), "PATCH", "users/", nil, nil))
	require.Equal(t, []string{"PATCH", "PATCH"}, server.wire(t))
}
