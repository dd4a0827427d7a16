package adversarial

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
)

// TestMiddlewareThatAnswers has a middleware answer by itself, which
// leaves nothing on the wire to count.
func TestMiddlewareThatAnswers(t *testing.T) {
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

func around(f func(next http.RoundTripper, r *http.Request) (*http.Response, error)) trillian.Option {
	return trillian.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) { return f(next, r) })
	})
}

// TestMiddlewareThatAddsToHeaders finds the client's own as they were in every attempt,
// and what it set itself in the one before.
func TestMiddlewareThatAddsToHeaders(t *testing.T) {
	t.Parallel()
	var agents, kinds, own []string
	base := serving(func(w http.ResponseWriter, r *http.Request) {
		agents, kinds = append(agents, r.UserAgent()), append(kinds, r.Header.Get("Accept"))
		if len(agents) < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "<response/>")
	})(t)
	client := newClient(t, base, fast, trillian.WithUserAgent("admin/1"),
		around(func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
			own = append(own, r.Header.Get("X-Try"))
			r.Header.Set("X-Try", strconv.Itoa(len(own)))
			r.Header.Set("User-Agent", r.UserAgent()+" traced")
			r.Header.Add("Accept", "text/xml")
			return next.RoundTrip(r)
		}))
	_, err := client.Users.List(t.Context())
	require.NoError(t, err)
	require.Equal(t, slices.Repeat([]string{"admin/1 traced"}, 3), agents)
	require.Equal(t, slices.Repeat([]string{"application/xml"}, 3), kinds)
	require.Equal(t, []string{"", "1", "2"}, own)
}

// TestMiddlewareThatFailsAfterwards fails at something of its own when the request
// has been carried out: what it says of that is not what happened to the request.
func TestMiddlewareThatFailsAfterwards(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]error{
		"dial": refused.dial(), "name": faultCases()[2].fault.dial(), "idle": errors.New("http: server closed idle connection"),
		"certificate": x509.UnknownAuthorityError{}, "not sent": trillian.ErrNotSent, "anything": errors.New("disk full"),
	} {
		for _, first := range []fault{good, dropped} {
			server := newFaultServer(t, false, first)
			client := server.client(t, 10*time.Second, around(func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
				if resp, err := next.RoundTrip(r); err == nil {
					_ = resp.Body.Close()
				}
				return nil, fmt.Errorf("audit: %w", failure)
			}))
			_, err := client.GroupChats.Messages.Send(t.Context(), general, trillian.MessageSend{From: smw, Text: "x"})
			require.ErrorContains(t, err, "audit")
			require.ErrorIs(t, err, trillian.ErrOutcomeUnknown, name)
			require.Len(t, server.wire(t), 1, name)
		}
	}
}

// TestMiddlewareThatTriesTwice loses a request that was carried out, and makes it
// again by itself: what became of the second is not what became of the call.
func TestMiddlewareThatTriesTwice(t *testing.T) {
	t.Parallel()
	for name, second := range map[string]struct {
		fault
		wire int
	}{
		"refused": {refused, 1}, "no such name": {faultCases()[2].fault, 1}, "400": {answers(400, "", ""), 2}, "429": {answers(429, "", ""), 2},
	} {
		server := newFaultServer(t, false, dropped, second.fault)
		client := server.client(t, 10*time.Second, around(func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
			form, _ := io.ReadAll(r.Body)
			for i := 0; ; i++ {
				again := r.Clone(r.Context())
				again.Body = io.NopCloser(bytes.NewReader(form))
				if resp, err := next.RoundTrip(again); err == nil || i == 1 {
					return resp, err
				}
			}
		}))
		_, err := client.Users.Create(t.Context(), trillian.UserCreate{IM: smw})
		require.ErrorIs(t, err, trillian.ErrOutcomeUnknown, name)
		require.Len(t, server.wire(t), second.wire, name)
	}
}

// TestMiddlewareThatSaysAnotherStatus makes a 429 of other statuses: what the server
// may have done is no less done for that.
func TestMiddlewareThatSaysAnotherStatus(t *testing.T) {
	t.Parallel()
	for status, unknown := range map[int]bool{200: true, 503: true, 500: true, 429: false, 401: false} {
		want := 3
		if unknown {
			want = 1
		}
		server := newFaultServer(t, false, slices.Repeat([]fault{answers(status, "", "")}, want)...)
		client := server.client(t, 10*time.Second, around(func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
			resp, err := next.RoundTrip(r)
			if err == nil {
				resp.StatusCode = http.StatusTooManyRequests
			}
			return resp, err
		}), trillian.WithRetryPolicy(trillian.RetryPolicy{MaxAttempts: 3, MinWait: 1, MaxWait: 1}))
		_, err := client.GroupChats.Messages.Send(t.Context(), general, trillian.MessageSend{From: smw, Text: "x"})
		require.ErrorIs(t, err, trillian.ErrRateLimited)
		require.Equal(t, unknown, errors.Is(err, trillian.ErrOutcomeUnknown), "%d: %v", status, err)
		require.Len(t, server.wire(t), want, status)
	}
}

// TestMiddlewareThatGivesUp has one turn a response that says that nothing was done
// into an error of its own.
func TestMiddlewareThatGivesUp(t *testing.T) {
	t.Parallel()
	for _, status := range []int{401, 429} {
		server := newFaultServer(t, false, answers(status, "", ""))
		client := server.client(t, 10*time.Second, around(func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
			if resp, err := next.RoundTrip(r); err == nil {
				_ = resp.Body.Close()
			}
			return nil, fmt.Errorf("limited: %w", trillian.ErrNotSent)
		}))
		_, err := client.GroupChats.Messages.Send(t.Context(), general, trillian.MessageSend{From: smw, Text: "x"})
		require.ErrorIs(t, err, trillian.ErrNotSent)
		require.NotErrorIs(t, err, trillian.ErrOutcomeUnknown, status)
	}
}
