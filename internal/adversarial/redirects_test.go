package adversarial

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
)

// target is where a redirect leads: a scheme and host, "" for the same ones.
type target struct {
	name   string
	server *httptest.Server // nil: the first server itself
	hits   *atomic.Int32
}

func redirectTargets(t *testing.T) []target {
	targets := []target{
		{name: "another path of the same host"}, // told by the first server's own count
		{name: "another host"}, {name: "plain http"},
	}
	for i := range targets[1:] {
		hits := new(atomic.Int32)
		h := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) })
		server := httptest.NewTLSServer
		if targets[i+1].name == "plain http" {
			server = httptest.NewServer
		}
		targets[i+1].server, targets[i+1].hits = server(h), hits
		t.Cleanup(targets[i+1].server.Close)
	}
	return targets
}

// TestRedirects sends every verb to a server that sends it elsewhere:
// it goes nowhere, and the error says where to without the secrets.
func TestRedirects(t *testing.T) {
	t.Parallel()
	targets := redirectTargets(t)
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, to := range targets {
			t.Run(fmt.Sprint(status, " to ", to.name), func(t *testing.T) {
				t.Parallel()
				for _, call := range canaryCalls {
					redirected(t, status, to, call.call)
				}
			})
		}
	}
}

func redirected(t *testing.T, status int, to target, call func(context.Context, *trillian.Client) error) {
	w := newWatcher(t)
	var hits atomic.Int32
	var verb, location string
	first := httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		hits.Add(1)
		body, _ := io.ReadAll(r.Body)
		verb, location = r.Method, "/moved"+r.RequestURI+"&"+string(body) // as nginx's $request_uri does, and worse
		if to.server != nil {
			location = to.server.URL + location
		}
		rw.Header().Set("Location", location)
		rw.WriteHeader(status)
		_, _ = fmt.Fprintf(rw, `<a href="%s">moved</a>`, location)
	}))
	defer first.Close()
	own := first.Client()
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return nil } // a caller's eagerness changes nothing

	err := call(w.context(), w.client(first.URL, trillian.WithHTTPClient(own)))
	var redirect *trillian.RedirectError
	require.ErrorAs(t, err, &redirect)
	require.ErrorIs(t, err, trillian.ErrRedirected)
	require.NotErrorIs(t, err, trillian.ErrOutcomeUnknown)
	w.seeError("error: redirect", err)

	require.Equal(t, status, redirect.StatusCode)
	require.Equal(t, verb, redirect.Method)
	require.Contains(t, location, url.QueryEscape(canaryToken), "the server told it")
	require.NotContains(t, redirect.Location, url.QueryEscape(canaryToken))
	require.Contains(t, redirect.Location, "token="+redacted)
	require.Contains(t, redirect.Location, "/moved/"+redirect.Path)
	require.EqualValues(t, 1, hits.Load(), "one request, not repeated and not followed")
	if to.server != nil {
		require.Contains(t, redirect.Location, to.server.URL)
		require.Zero(t, to.hits.Load(), "the other server was asked")
	}
}

// TestRedirectsOfAnyKind covers what else a 3xx can look like.
func TestRedirectsOfAnyKind(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"without a Location":          "HTTP/1.1 302 Found\r\n",
		"to nothing":                  "HTTP/1.1 302 Found\r\nLocation: \r\n",
		"to itself":                   "HTTP/1.1 307 Temporary Redirect\r\nLocation: %[1]s\r\n",
		"to no URL":                   "HTTP/1.1 308 Permanent Redirect\r\nLocation: http://[::1%%zz\r\n",
		"to another scheme":           "HTTP/1.1 302 Found\r\nLocation: javascript:alert(1)\r\n",
		"to two places":               "HTTP/1.1 302 Found\r\nLocation: /a\r\nLocation: /b\r\n",
		"by 300":                      "HTTP/1.1 300 Multiple Choices\r\nLocation: /a\r\n",
		"by 304, which was not asked": "HTTP/1.1 304 Not Modified\r\n",
		"by 305":                      "HTTP/1.1 305 Use Proxy\r\nLocation: http://127.0.0.1:1/\r\n",
		"by 399":                      "HTTP/1.1 399 What\r\nLocation: /a\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, call := range canaryCalls {
				w := newWatcher(t)
				var hits atomic.Int32
				end := "Content-Length: 0\r\n\r\n"
				base := serving(func(rw http.ResponseWriter, r *http.Request) { hits.Add(1); raw(answer+end)(rw, r) })(t)
				err := call.call(w.context(), w.client(base))
				require.ErrorIs(t, err, trillian.ErrRedirected, call.name)
				require.EqualValues(t, 1, hits.Load(), call.name)
				w.seeError("error: redirect "+name, err)
			}
		})
	}
}
