package adversarial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
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

// TestCancellation ends contexts at every stage of a call.
func TestCancellation(t *testing.T) {
	t.Parallel()
	cause := errors.New("the user went home")
	for _, stage := range []struct {
		name   string
		script []fault
		wire   int
		maybe  bool
		waits  bool  // for the next attempt, when the context ends
		last   error // what was being tried again
		safe   bool  // of idempotent verbs only: others do not wait
	}{
		{name: "before the call"},
		{name: "while the server thinks", script: []fault{{answer: hangs("")}}, wire: 1, maybe: true},
		{name: "while the answer arrives", script: []fault{{answer: hangs("HTTP/1.1 200 OK\r\n\r\n<response>")}}, wire: 1, maybe: true},
		{name: "in the wait after 429", script: []fault{answers(429, "Retry-After: 60", "")}, wire: 1, waits: true},
		{name: "in the wait after 503", script: []fault{answers(503, "Retry-After: 60", "")}, wire: 1, waits: true, safe: true},
		{name: "in the wait after a refused connection", script: []fault{refused}, waits: true, last: syscall.ECONNREFUSED},
	} {
		for _, verb := range verbs {
			if risky := verb == http.MethodPost || verb == http.MethodPatch; risky && stage.safe {
				continue
			}
			t.Run(stage.name+"/"+verb, func(t *testing.T) {
				t.Parallel()
				server := newFaultServer(t, false, stage.script...)
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				opts := []trillian.Option{trillian.WithRetryPolicy(trillian.RetryPolicy{MinWait: 300 * time.Hour, MaxWait: 300 * time.Hour, MaxRetryAfter: time.Minute})}
				if stage.waits {
					opts = append(opts, trillian.WithLogger(slog.New(slog.NewTextHandler(writerFunc(func(p []byte) (int, error) {
						cancel(cause) // the log says that there will be another attempt
						return len(p), nil
					}), &slog.HandlerOptions{Level: slog.LevelWarn}))))
				} else {
					go func() {
						for !server.done() {
							time.Sleep(time.Millisecond)
						}
						cancel(cause)
					}()
				}
				if len(stage.script) == 0 {
					cancel(cause)
				}
				client := server.client(t, 100*time.Second, opts...)
				begin := time.Now()
				err := client.Do(ctx, verb, "groups/1/", nil, nil)
				require.Less(t, time.Since(begin), 10*time.Second)
				require.ErrorIs(t, err, context.Canceled)
				require.ErrorContains(t, err, cause.Error())
				require.NotErrorIs(t, err, cause, "it may be another call's failure")
				if stage.last != nil {
					require.ErrorIs(t, err, stage.last, "what was being tried again")
				}
				failure, ok := errors.AsType[*trillian.Error](err)
				require.True(t, ok, "%T", err)
				require.Equal(t, len(stage.script), failure.Attempts)
				risky := verb == http.MethodPost || verb == http.MethodPatch
				require.Equal(t, risky && stage.maybe, errors.Is(err, trillian.ErrOutcomeUnknown), "%v", err)
				require.Len(t, server.wire(t), stage.wire)
			})
		}
	}
}

// TestRetryBudget has 2,000 calls meet a dead server.
func TestRetryBudget(t *testing.T) {
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
		})
	}
}

// TestRetryBudgetOfTheObedient meets a server with a rate limit, which the waits it
// asks for do not make worse; any other repetition has its price.
func TestRetryBudgetOfTheObedient(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status     int
		retryAfter string
		free       bool
	}{{429, "1", true}, {429, "0", false}, {429, "", false}, {429, "soon", false}, {503, "1", false}} {
		t.Run(fmt.Sprint(c.status, c.retryAfter), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				requests := 0
				client := newClient(t, "https://im.test", based(func(r *http.Request) (*http.Response, error) {
					if requests++; requests%2 == 0 {
						return respond(r, 200, "<response/>"), nil
					}
					resp := respond(r, c.status, "")
					resp.Header.Set("Retry-After", c.retryAfter)
					return resp, nil
				}))
				done := 0
				for range 101 {
					if client.Users.Delete(t.Context(), smw) == nil {
						done++
					}
				}
				require.Equal(t, c.free, done == 101, "%d calls were done", done)
			})
		})
	}
}

func respond(r *http.Request, status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Request: r,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}

// TestRetryAfter waits in a bubble's own time, so that every wait is
// known to the nanosecond.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	at := func(d time.Duration, layout string) string { return bubbleStart.Add(d).Format(layout) }
	for _, c := range []struct {
		header string
		wait   time.Duration // at least, and up to a second of jitter more
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
		{header: ""},
		{header: "-5"},
		{header: "+5"},
		{header: "1e30"},
		{header: "3.5"},
		{header: "0x10"},
		{header: "1_000"},
		{header: "3 s"},
		{header: "soon"},
		{header: "NaN"},
		{header: "\x00"},
		{header: "2000-01-01T00:00:10Z"},
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
				default:
					require.NoError(t, err)
					require.GreaterOrEqual(t, waited, c.wait)
					require.LessOrEqual(t, waited, c.wait+time.Second)
					require.NotZero(t, waited, "not at once, whatever the header says")
				}
			})
		})
	}
}

// bubbleStart is when every synctest bubble begins.
var bubbleStart = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// TestListsThatBreakOff has a list end early after each of its items.
func TestListsThatBreakOff(t *testing.T) {
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
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			require.NotErrorIs(t, err, trillian.ErrMalformedResponse, "the connection broke, not the document")
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
		})
	}
}

func names(users []trillian.User) (all []string) {
	for _, u := range users {
		all = append(all, u.Name)
	}
	return all
}
