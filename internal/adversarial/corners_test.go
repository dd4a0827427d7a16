package adversarial

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/internal/servertest"
)

func based(f func(*http.Request) (*http.Response, error)) trillian.Option {
	return trillian.WithHTTPClient(&http.Client{Transport: roundTripper(f)})
}

// TestCause has one call's failure end the context of others, as
// errgroup.WithContext does: it must not become theirs.
func TestCause(t *testing.T) {
	t.Parallel()
	gone := &trillian.Error{StatusCode: 404}
	for name, cause := range map[string]error{
		"another's 404": gone, "another's dry run": trillian.ErrNotSent, "another's certificate": x509.HostnameError{Certificate: &x509.Certificate{}, Host: "im.test"},
		"another's dial": &net.OpError{Op: "dial", Err: errors.New("refused")}, "none": nil,
		"a nil pointer, whose Error panics": (*trillian.ArgumentError)(nil),
	} {
		for _, at := range []struct{ verb, answer string }{
			{http.MethodGet, ""}, {http.MethodPost, ""}, {http.MethodGet, "HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n<response>"},
		} {
			verb := at.verb
			ctx, cancel := context.WithCancelCause(t.Context())
			server := newFaultServer(t, false, fault{answer: func(conn net.Conn, r *http.Request) bool {
				if at.answer == "" {
					cancel(cause)
				}
				return hangs(at.answer)(conn, r)
			}})
			answered := around(func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
				resp, err := next.RoundTrip(r)
				cancel(cause) // within the body
				return resp, err
			})
			err := server.client(t, 10*time.Second, answered).Do(ctx, verb, "users/", nil, nil)
			require.ErrorIs(t, err, context.Canceled, name)
			require.NotErrorIs(t, err, trillian.ErrNotFound, name)
			require.NotErrorIs(t, err, trillian.ErrNotSent, name)
			if cause != nil {
				require.ErrorContains(t, err, fmt.Sprint(cause))
				require.NotErrorIs(t, err, cause, name)
			}
			require.Equal(t, verb == http.MethodPost, errors.Is(err, trillian.ErrOutcomeUnknown), "%s: %v", name, err)
		}
	}
	nothing, end := context.WithCancelCause(t.Context())
	end((*trillian.ArgumentError)(nil)) // whose Error panics
	_, err := newClient(t, "https://im.test").Users.List(nothing)
	require.ErrorIs(t, err, context.Canceled)

	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Nanosecond, gone)
	defer cancel()
	<-ctx.Done()
	_, err = newClient(t, "https://im.test").Users.List(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NotErrorIs(t, err, trillian.ErrNotFound)
}

// TestWaitsBeyondTheDeadline does not begin what cannot be waited for.
func TestWaitsBeyondTheDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := newClient(t, "https://im.test", based(func(r *http.Request) (*http.Response, error) {
			resp := respond(r, 429, "")
			resp.Header.Set("Retry-After", "30")
			return resp, nil
		}))
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		begin := time.Now()
		_, err := client.Users.List(ctx)
		require.ErrorIs(t, err, trillian.ErrRateLimited)
		require.NotErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "would outlast the context's deadline")
		failure, ok := errors.AsType[*trillian.Error](err)
		require.True(t, ok)
		require.Equal(t, 30*time.Second, failure.RetryAfter)
		require.Equal(t, "30", failure.Header.Get("Retry-After"))
		require.Zero(t, time.Since(begin))
	})
}

func TestBudgetSaysSo(t *testing.T) {
	t.Parallel()
	client := newClient(t, "https://im.test", based(func(r *http.Request) (*http.Response, error) { return respond(r, 503, ""), nil }),
		trillian.WithRetryPolicy(trillian.RetryPolicy{MinWait: 1, MaxWait: 1}))
	var err error
	for range 40 {
		_, err = client.Users.List(t.Context())
	}
	require.ErrorContains(t, err, "the retry budget is spent")
	derived, err := client.With(trillian.WithRetryPolicy(trillian.RetryPolicy{MinWait: 2, MaxWait: 2}))
	require.NoError(t, err)
	_, err = derived.Users.List(t.Context())
	require.ErrorContains(t, err, "the retry budget is spent", "it is the same budget")
}

type panicsAsJSON struct{}

func (panicsAsJSON) Error() string                { return "lost " + token }
func (panicsAsJSON) MarshalJSON() ([]byte, error) { panic("no JSON here") }

// TestCallers has options and transports of the caller's that are wrong
// in ways that once were panics.
func TestCallers(t *testing.T) {
	t.Parallel()
	server := servertest.New(t, 200, `<response><user name="a"/></response>`)
	users, err := newClient(t, server.URL, trillian.WithMaxResponseSize(math.MaxInt64)).Users.List(t.Context())
	require.NoError(t, err)
	require.Len(t, users, 1)

	neither := trillian.WithMiddleware(func(http.RoundTripper) http.RoundTripper {
		return roundTripper(func(*http.Request) (*http.Response, error) { return nil, nil })
	})
	_, err = newClient(t, server.URL, neither, once).Users.List(t.Context())
	require.ErrorContains(t, err, "neither a response nor an error")
	_, err = newClient(t, server.URL, based(func(*http.Request) (*http.Response, error) { return nil, nil }), once).Users.List(t.Context())
	require.ErrorContains(t, err, "neither a response nor an error")

	_, err = newClient(t, server.URL, based(func(*http.Request) (*http.Response, error) { return nil, panicsAsJSON{} }), once).Users.List(t.Context())
	require.ErrorContains(t, err, "lost [redacted]")
}

// TestWhoseDeadline has a deadline end an attempt that is not the call's context's.
func TestWhoseDeadline(t *testing.T) {
	t.Parallel()
	expired := based(func(*http.Request) (*http.Response, error) { return nil, context.DeadlineExceeded })
	_, err := newClient(t, "https://im.test", expired, once).Users.List(t.Context())
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "the http.Client's Timeout")

	data := struct {
		io.Reader
		io.Seeker
	}{iotest.ErrReader(context.DeadlineExceeded), strings.NewReader("")}
	_, err = newClient(t, "https://im.test").Users.Media.Upload(t.Context(), smw, trillian.MediaUpload{Name: "a", Data: data})
	require.ErrorContains(t, err, "context deadline exceeded")
	require.NotContains(t, err.Error(), "http.Client", "it is the file's own")

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	waiting := based(func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() })
	_, err = newClient(t, "https://im.test", waiting, once).Users.List(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NotContains(t, err.Error(), "http.Client")
}

// TestWhoseDeadlineInABody has the http.Client's Timeout end a body, of which net/http
// says one thing or another, as the race goes.
func TestWhoseDeadlineInABody(t *testing.T) {
	t.Parallel()
	base := serving(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "<response>")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})(t)
	client := newClient(t, base, once, trillian.WithHTTPClient(&http.Client{Timeout: 50 * time.Millisecond}))
	for name, call := range map[string]func() error{
		"List": func() error { _, err := client.Users.List(t.Context()); return err },
		"Download": func() error {
			_, err := client.Users.Media.Download(t.Context(), smw, item, io.Discard)
			return err
		},
		"MediaReader": func() error {
			file, err := client.Users.Media.Open(t.Context(), smw, item)
			if err == nil {
				defer file.Close()
				_, err = io.ReadAll(file)
			}
			return err
		},
	} {
		for range 3 {
			err := call()
			require.ErrorIs(t, err, context.DeadlineExceeded, name)
			require.ErrorContains(t, err, "; that is the http.Client's Timeout", name)
		}
	}
}

// TestJar has a server that changes its cookie with every response: each attempt
// sends the latest.
func TestJar(t *testing.T) {
	t.Parallel()
	var seen []string
	base := serving(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header.Get("Cookie"))
		http.SetCookie(w, &http.Cookie{Name: "backend", Value: strconv.Itoa(len(seen)), Path: "/"})
		if len(seen) < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})(t)
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	require.NoError(t, newClient(t, base, trillian.WithHTTPClient(&http.Client{Jar: jar}), fast).Users.Delete(t.Context(), smw))
	require.Equal(t, []string{"", "backend=1", "backend=2"}, seen)
}

// TestResponseBesideAnError has base transports and middleware return both, which
// net/http forbids: the response is closed.
func TestResponseBesideAnError(t *testing.T) {
	t.Parallel()
	closed := 0
	both := func(r *http.Request) (*http.Response, error) {
		resp := respond(r, 200, "<response/>")
		resp.Body = closingBody{resp.Body, &closed}
		return resp, errors.New("both")
	}
	well := func(r *http.Request) (*http.Response, error) { return respond(r, 200, "<response/>"), nil }
	inMiddleware := around(func(_ http.RoundTripper, r *http.Request) (*http.Response, error) { return both(r) })
	for i, opts := range [][]trillian.Option{{based(both), once}, {based(well), inMiddleware, once}} {
		_, err := newClient(t, "https://im.test", opts...).Users.List(t.Context())
		require.ErrorContains(t, err, "both")
		require.Equal(t, i+1, closed)
	}
	bodiless := func(r *http.Request) (*http.Response, error) { return &http.Response{}, errors.New("both") }
	_, err := newClient(t, "https://im.test", based(bodiless), once).Users.List(t.Context())
	require.ErrorContains(t, err, "both")
}

type closingBody struct {
	io.Reader
	closed *int
}

func (c closingBody) Close() error { *c.closed++; return nil }

// TestDefaultTransport shows that what a program puts into
// http.DefaultTransport sees no token, and keeps its connections.
func TestDefaultTransport(t *testing.T) { // not parallel: it replaces a global
	standard := http.DefaultTransport
	defer func() { http.DefaultTransport = standard }()
	http.DefaultTransport = roundTripper(func(r *http.Request) (*http.Response, error) {
		t.Error("the default transport was asked for " + r.URL.Path)
		return nil, errors.New("no")
	})
	server := servertest.New(t, 200, "<response/>")
	for _, opts := range [][]trillian.Option{nil, {trillian.WithHTTPClient(&http.Client{Timeout: time.Minute})}} {
		c := newClient(t, server.URL, opts...)
		_, err := c.Users.List(t.Context())
		require.NoError(t, err)
		c.CloseIdleConnections()
	}
	own := &closing{RoundTripper: standard}
	c := newClient(t, server.URL, trillian.WithHTTPClient(&http.Client{Transport: own}))
	_, err := c.Users.List(t.Context())
	require.NoError(t, err)
	c.CloseIdleConnections()
	require.False(t, own.closed, "a transport that was given is its owner's")
}

type closing struct {
	http.RoundTripper
	closed bool
}

func (c *closing) CloseIdleConnections() { c.closed = true }

// TestCONNECT goes through a proxy that refuses to.
func TestCONNECT(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status   string
		attempts int
		text     string
	}{
		{"407 Proxy Authentication Required", 1, "the proxy refused to connect: 407"},
		{"403 Forbidden", 1, "the proxy refused to connect: 403"},
		{"403 Not for you", 1, "Not for you"},
		{"503 Service Unavailable", 3, "the proxy refused to connect: 503"},
	} {
		for _, verb := range verbs {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			go func() {
				for {
					conn, err := listener.Accept()
					if err != nil {
						return
					}
					_, _ = http.ReadRequest(bufio.NewReader(conn))
					_, _ = io.WriteString(conn, "HTTP/1.1 "+c.status+"\r\nContent-Length: 0\r\n\r\n")
					_ = conn.Close()
				}
			}()
			t.Cleanup(func() { _ = listener.Close() })
			proxy := &url.URL{Scheme: "http", Host: listener.Addr().String()}
			client := newClient(t, "https://im.test", trillian.WithHTTPClient(&http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxy)}}),
				trillian.WithRetryPolicy(trillian.RetryPolicy{MaxAttempts: 3, MinWait: 1, MaxWait: 1}))
			err = client.Do(t.Context(), verb, "users/", nil, nil)
			require.ErrorContains(t, err, c.text)
			require.NotErrorIs(t, err, trillian.ErrOutcomeUnknown)
			failure, ok := errors.AsType[*trillian.Error](err)
			require.True(t, ok)
			if c.text != "Not for you" { // which a transport of the caller's does not tell from any other failure
				require.Equal(t, c.attempts, failure.Attempts, "%s %s", verb, c.status)
			}
		}
	}
}

// TestClientCertificates asks a server that wants one, and refuses the
// handshake: with TLS 1.3 after the client has sent its request.
func TestClientCertificates(t *testing.T) {
	t.Parallel()
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, protocols := range [][]string{{"http/1.1"}, {"h2", "http/1.1"}} {
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("carried out") }))
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MaxVersion: version, NextProtos: protocols}
			server.StartTLS()
			t.Cleanup(server.Close)
			pool := x509.NewCertPool()
			pool.AddCert(server.Certificate())
			for _, verb := range verbs {
				client := newClient(t, server.URL, trillian.WithRootCAs(pool), trillian.WithRetryPolicy(trillian.RetryPolicy{MaxAttempts: 3, MinWait: 1, MaxWait: 1}))
				err := client.Do(t.Context(), verb, "users/", url.Values{"im": {smw}}, nil)
				require.Error(t, err)
				require.NotErrorIs(t, err, trillian.ErrOutcomeUnknown, "%x %v %s: %v", version, protocols, verb, err)
				failure, ok := errors.AsType[*trillian.Error](err)
				require.True(t, ok)
				require.LessOrEqual(t, failure.Attempts, 3)
			}
		}
	}
}
