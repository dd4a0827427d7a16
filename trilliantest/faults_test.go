package trilliantest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/trilliantest"
)

// bothWays runs a test over a network and in process: a fault must look the same.
func bothWays(t *testing.T, test func(t *testing.T, srv *trilliantest.Server)) {
	t.Run("wire", func(t *testing.T) {
		t.Parallel()
		test(t, trilliantest.NewServer(t, trilliantest.WithSampleCompany()))
	})
	t.Run("TLS", func(t *testing.T) {
		t.Parallel()
		test(t, trilliantest.NewServer(t, trilliantest.WithSampleCompany(), trilliantest.WithTLS()))
	})
	t.Run("in process", func(t *testing.T) {
		t.Parallel()
		test(t, sampleServer(t))
	})
}

// once is a client that tries once, so that a fault is seen and not mended.
func once(srv *trilliantest.Server) *trillian.Client {
	return srv.Client(trillian.WithRetryPolicy(trillian.RetryPolicy{MaxAttempts: 1}))
}

func createSales(t *testing.T, c *trillian.Client) error {
	t.Helper()
	_, err := c.GroupChats.Create(t.Context(), trillian.GroupChatCreate{DisplayName: "Sales"})
	return err
}

// created reports whether the chat of createSales is there.
func created(t *testing.T, srv *trilliantest.Server) bool {
	t.Helper()
	return strings.Contains(expect(t, srv, 200, "GET", "groupchats/"), "Sales")
}

type faults []trilliantest.Fault

func TestFaultsOfACreate(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		faults  faults
		created bool
		status  int // of the recorded request
		check   func(t *testing.T, err error)
	}{
		"status": {faults: faults{trilliantest.Status(502)}, status: 502, check: isStatus(502)},
		"retry after": {
			faults: faults{trilliantest.Status(503), trilliantest.RetryAfter(1500 * time.Millisecond)}, status: 503,
			check: func(t *testing.T, err error) {
				isStatus(503)(t, err)
				e, _ := errors.AsType[*trillian.Error](err)
				require.Equal(t, 2*time.Second, e.RetryAfter)
			},
		},
		"retry after alone": {faults: faults{trilliantest.RetryAfter(time.Second)}, status: 429, check: is(trillian.ErrRateLimited)},
		"body":              {faults: faults{trilliantest.Body("text/html", "<html>Log in</html>")}, status: 200, check: is(trillian.ErrMalformedResponse)},
		"body and status": {
			faults: faults{trilliantest.Status(500), trilliantest.Body("text/plain", "out of order")}, status: 500,
			check: func(t *testing.T, err error) { require.ErrorContains(t, err, "out of order") },
		},
		"garbage": {
			faults: faults{trilliantest.Body("application/xml", "<response><groupchat name='x'>"), trilliantest.CarriedOut()}, created: true, status: 200,
			check: is(trillian.ErrOutcomeUnknown),
		},
		"gateway gave up": {
			faults: faults{trilliantest.Status(504), trilliantest.CarriedOut()}, created: true, status: 504,
			check: is(trillian.ErrOutcomeUnknown),
		},
		"redirect": {
			faults: faults{trilliantest.Redirect(307, "https://elsewhere.example/")}, status: 307,
			check: func(t *testing.T, err error) {
				e, ok := errors.AsType[*trillian.RedirectError](err)
				require.True(t, ok)
				require.Equal(t, "https://elsewhere.example/", e.Location)
			},
		},
		"drop before":             {faults: faults{trilliantest.DropBefore()}, check: is(trillian.ErrOutcomeUnknown)},
		"drop after":              {faults: faults{trilliantest.DropAfter()}, created: true, check: is(trillian.ErrOutcomeUnknown)},
		"drop after an error":     {faults: faults{trilliantest.Status(503), trilliantest.DropAfter()}, created: true, check: is(trillian.ErrOutcomeUnknown)},
		"drop upload":             {faults: faults{trilliantest.DropUpload(3)}, check: is(trillian.ErrOutcomeUnknown)},
		"truncate":                {faults: faults{trilliantest.Truncate(30)}, created: true, status: 201, check: is(trillian.ErrOutcomeUnknown)},
		"truncate to nothing":     {faults: faults{trilliantest.Truncate(0)}, created: true, status: 201, check: is(trillian.ErrOutcomeUnknown)},
		"truncate beyond the end": {faults: faults{trilliantest.Truncate(1e6)}, created: true, status: 201, check: is(trillian.ErrOutcomeUnknown)},
		"too long":                {faults: faults{trilliantest.WrongContentLength(1e6)}, created: true, status: 201, check: is(trillian.ErrOutcomeUnknown)},
		"too short":               {faults: faults{trilliantest.WrongContentLength(30)}, created: true, status: 201, check: is(trillian.ErrOutcomeUnknown)},
		"slow":                    {faults: faults{trilliantest.SlowBody(50, time.Millisecond)}, created: true, status: 201, check: isNil},
		"delay":                   {faults: faults{trilliantest.Delay(time.Millisecond)}, created: true, status: 201, check: isNil},
		"header":                  {faults: faults{trilliantest.Header("X-Own", "y")}, created: true, status: 201, check: isNil},
	} {
		t.Run(name, func(t *testing.T) {
			bothWays(t, func(t *testing.T, srv *trilliantest.Server) {
				srv.Inject("POST /groupchats/", c.faults...)
				c.check(t, createSales(t, once(srv)))
				require.Empty(t, srv.Unconsumed())
				requests := srv.Requests()
				require.Len(t, requests, 1)
				require.Equal(t, c.status, requests[0].Status)
				require.NotEmpty(t, requests[0].Fault)
				require.Equal(t, c.created, created(t, srv))
			})
		})
	}
}

func is(target error) func(*testing.T, error) {
	return func(t *testing.T, err error) { t.Helper(); require.ErrorIs(t, err, target) }
}

func isStatus(code int) func(*testing.T, error) {
	return func(t *testing.T, err error) {
		t.Helper()
		e, ok := errors.AsType[*trillian.Error](err)
		require.True(t, ok, "%v", err)
		require.Equal(t, code, e.StatusCode)
	}
}

func isNil(t *testing.T, err error) { t.Helper(); require.NoError(t, err) }

// More bytes than announced do go over the wire, for clients that read on.
func TestWrongContentLengthOnTheWire(t *testing.T) {
	t.Parallel()
	srv := trilliantest.NewServer(t)
	srv.Inject("GET /users/", trilliantest.Body("text/plain", "0123456789"), trilliantest.WrongContentLength(4))
	address := strings.TrimSuffix(strings.TrimPrefix(srv.BaseURL(), "http://"), "/v1/")
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "GET /v1/users/ HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	all, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.Contains(t, string(all), "HTTP/1.1 200 OK\r\n")
	require.Contains(t, string(all), "\r\nContent-Length: 4\r\n")
	require.True(t, strings.HasSuffix(string(all), "\r\n\r\n0123456789"), "%q", all)
}

// Truncated answers without a body, and headers only, are lost as a whole.
func TestTruncateWithoutABody(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, srv *trilliantest.Server) {
		srv.Inject("DELETE /policies/{policy}/", trilliantest.Truncate(5))
		require.Error(t, once(srv).Policies.Delete(t.Context(), 2))
		expect(t, srv, 404, "GET", "policies/2/")

		_, err := once(srv).GroupChats.Media.Stat(t.Context(), trilliantest.SampleLaunch, "ZZQbFbiyRJ1IJdlIkaQkIwXkDFa2K8NKmC+3pwjR7wU=")
		require.NoError(t, err)
	})
}

func TestTruncatedDownload(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, srv *trilliantest.Server) {
		srv.Inject("GET /groupchats/{chat}/media/{item}/", trilliantest.Truncate(10_000))
		var got bytes.Buffer
		_, err := once(srv).GroupChats.Media.Download(t.Context(), trilliantest.SampleLaunch, "ZZQbFbiyRJ1IJdlIkaQkIwXkDFa2K8NKmC+3pwjR7wU=", &got)
		if srv.CertificatePin() == "" {
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		} else {
			require.ErrorContains(t, err, "stream error", "over HTTP/2 the stream ends, and not the connection")
		}
		require.Equal(t, 10_000, got.Len())
	})
}

func TestFaultsAreMetInOrderAndCounted(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, srv *trilliantest.Server) {
		first := srv.Inject("GET /users/", trilliantest.Status(501)).Times(2)
		second := srv.Inject("/users/", trilliantest.Status(502)).After(1)
		third := srv.Inject("GET /{any...}", trilliantest.Status(503)).Always()
		srv.Inject("GET /groups/{group}/{$}", trilliantest.Status(504)).Times(0)
		statuses := func(path string, n int) []int {
			var all []int
			for range n {
				all = append(all, do(t, srv, rawCall{verb: "GET", path: path}).status)
			}
			return all
		}
		// The third request passes the second injection and is met by the third.
		require.Equal(t, []int{501, 501, 503, 502, 503, 503}, statuses("users/", 6))
		require.Equal(t, []int{503, 503}, statuses("groups/1/", 2))
		require.Equal(t, []int{2, 1, 5}, []int{first.Met(), second.Met(), third.Met()})
		require.Empty(t, srv.Unconsumed())
	})
}

// A session that ends: everything is refused from the fourth request on.
func TestUnauthorizedAfter(t *testing.T) {
	t.Parallel()
	srv := sampleServer(t)
	srv.Inject("/{any...}", trilliantest.Status(401)).After(3).Always()
	client := srv.Client()
	for i := range 6 {
		_, err := client.Groups.Get(t.Context(), 1, nil)
		if i < 3 {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, trillian.ErrUnauthorized)
		}
	}
}

func TestEveryThirdRequestIsRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		limit func(*trilliantest.Injection) *trilliantest.Injection
		want  []bool
	}{
		"always": {(*trilliantest.Injection).Always, []bool{false, false, true, false, false, true, false, false, true}},
		"twice": {
			func(i *trilliantest.Injection) *trilliantest.Injection { return i.Times(2) },
			[]bool{false, false, true, false, false, true, false, false, false},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := trilliantest.NewServer(t, trilliantest.WithSampleCompany())
			client := srv.Client()
			test.limit(srv.Inject("GET /users/", trilliantest.Status(http.StatusForbidden)).Every(3))
			for i, refused := range test.want {
				_, err := client.Users.List(t.Context())
				require.Equal(t, refused, errors.Is(err, trillian.ErrForbidden), "request %d: %v", i+1, err)
			}
		})
	}
}

func TestDelayEndsWithTheRequest(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, srv *trilliantest.Server) {
		srv.Inject("POST /groupchats/", trilliantest.Delay(time.Hour))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		failed, client := make(chan error), once(srv)
		go func() {
			_, err := client.GroupChats.Create(ctx, trillian.GroupChatCreate{DisplayName: "Sales"})
			failed <- err
		}()
		require.Eventually(t, func() bool { return len(srv.Unconsumed()) == 0 }, time.Minute, time.Millisecond)
		cancel()
		require.ErrorIs(t, <-failed, context.Canceled)
		require.False(t, created(t, srv))
	})
}

// Without a listener there is nothing that a bubble of testing/synctest could not
// hold: an hour passes at once.
func TestDelayInABubble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := sampleServer(t)
		srv.Inject("GET /groups/", trilliantest.Delay(time.Hour), trilliantest.SlowBody(100, time.Minute))
		begin := time.Now()
		groups, err := srv.Client(trillian.WithTimeout(2*time.Hour)).Groups.List(t.Context(), nil)
		require.NoError(t, err)
		require.Len(t, groups, 3)
		require.Greater(t, time.Since(begin), time.Hour+5*time.Minute)
	})
}

func TestDelayEndsWithTheServer(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, srv *trilliantest.Server) {
		srv.Inject("GET /users/", trilliantest.Delay(time.Hour))
		srv.Inject("GET /groups/", trilliantest.SlowBody(1, time.Hour))
		failed := make(chan error)
		client := once(srv)
		go func() { _, err := client.Users.List(t.Context()); failed <- err }()
		go func() { _, err := client.Groups.List(t.Context(), nil); failed <- err }()
		require.Eventually(t, func() bool { return len(srv.Unconsumed()) == 0 }, time.Minute, time.Millisecond)
		srv.Close()
		require.Error(t, <-failed)
		require.Error(t, <-failed)
		err := createSales(t, once(srv)) // not over a connection that is being closed
		require.Error(t, err)
		require.NotErrorIs(t, err, trillian.ErrOutcomeUnknown, "there is nobody to carry it out")
	})
}

// A client sees the beginning of a slow body before its end.
func TestSlowBodyArrivesInPieces(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, srv *trilliantest.Server) {
		srv.Inject("GET /groupchats/", trilliantest.SlowBody(200, time.Millisecond))
		first := true
		for _, err := range srv.Client().GroupChats.All(t.Context(), nil) {
			require.NoError(t, err)
			first = false
		}
		require.False(t, first)

		srv.Inject("GET /groups/", trilliantest.SlowBody(10, time.Hour))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		begun := trillian.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
			return roundTripper(func(r *http.Request) (*http.Response, error) {
				resp, err := next.RoundTrip(r)
				cancel() // the body, of which nothing comes
				return resp, err
			})
		})
		_, err := srv.Client(begun).Groups.List(ctx, nil)
		require.ErrorIs(t, err, context.Canceled)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestSlowBodyInABubble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := sampleServer(t)
		srv.Inject("GET /groups/", trilliantest.SlowBody(10, time.Hour))
		_, err := srv.Client(trillian.WithTimeout(time.Minute), trillian.WithRetryPolicy(trillian.RetryPolicy{MaxAttempts: 1})).Groups.List(t.Context(), nil)
		require.ErrorContains(t, err, "sent nothing")
	})
}

// Faults come before the server looks at anything, as the network does.
func TestFaultsNeedNoToken(t *testing.T) {
	t.Parallel()
	srv := sampleServer(t)
	srv.Inject("GET /users/", trilliantest.Status(503))
	require.Equal(t, 503, do(t, srv, rawCall{verb: "GET", path: "users/", token: "x"}).status)
	srv.Inject("GET /users/", trilliantest.Delay(time.Nanosecond))
	require.Equal(t, 401, do(t, srv, rawCall{verb: "GET", path: "users/", token: "x"}).status)
}

// The greeting was sent but its answer got lost: the client does not send it
// again, and the history tells that it arrived.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, srv *trilliantest.Server) {
		srv.Inject("POST /users/{user}/messages/", trilliantest.DropAfter())
		sender, err := srv.Client().WithToken(srv.TokenFor(smw))
		require.NoError(t, err)
		_, err = sender.Users.Messages.Send(t.Context(), kwk, trillian.MessageSend{From: smw, Text: "Welcome"})
		require.ErrorIs(t, err, trillian.ErrOutcomeUnknown)
		found := 0
		for m, err := range sender.Users.Messages.History(t.Context(), smw, nil) {
			require.NoError(t, err)
			require.Equal(t, "Welcome", m.Text)
			found++
		}
		require.Equal(t, 1, found)
	})
}

func TestRetriesMeetTheNextRequest(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, srv *trilliantest.Server) {
		srv.Inject("GET /groups/", trilliantest.Status(502)).Times(2)
		srv.Inject("GET /groups/", trilliantest.Truncate(100))
		groups, err := srv.Client().Groups.List(t.Context(), nil)
		require.NoError(t, err)
		require.Len(t, groups, 3)
		var statuses []int
		for _, r := range srv.Requests() {
			statuses = append(statuses, r.Status)
		}
		require.Equal(t, []int{502, 502, 200, 200}, statuses)
	})
}

func TestHandlerDropsConnections(t *testing.T) {
	t.Parallel()
	srv := sampleServer(t)
	own := &http.Server{Handler: srv.Handler()}
	l := listen(t)
	served := make(chan struct{})
	go func() { defer close(served); _ = own.Serve(l) }()
	t.Cleanup(func() { _ = own.Close(); <-served })
	client, err := trillian.NewClient(srv.Token(), trillian.WithBaseURL("http://"+l.Addr().String()+"/v1"),
		trillian.WithRetryPolicy(trillian.RetryPolicy{MaxAttempts: 1}))
	require.NoError(t, err)
	defer client.CloseIdleConnections()
	srv.Inject("POST /groupchats/", trilliantest.DropAfter())
	require.ErrorIs(t, createSales(t, client), trillian.ErrOutcomeUnknown)
	chats, err := client.GroupChats.List(t.Context(), nil)
	require.NoError(t, err)
	require.Len(t, chats, 3)
	require.True(t, strings.HasPrefix(chats[0].Members.Href, "http://"+l.Addr().String()+"/v1/groupchats/%23"), "links go where the request went")
}
