//go:build unix

package proxies_test

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/trilliantest"
)

// backend is a Trillian Server whose connections can fail, and that counts what
// it was asked for and what it carried out.
type backend struct {
	*trilliantest.Server
	http *httptest.Server

	requests, faults, running atomic.Int64

	mu      sync.Mutex
	carried map[string]int            // how often what was asked for was done, by its key
	fault   func(*http.Request) fault // see failing
}

// fault is what becomes of a request.
type fault int

const (
	none       fault = iota
	dropBefore       // the connection ends, and nothing was done
	dropAfter        // it is done, and the connection ends without an answer
)

// newBackend starts one with the sample company and more.
func newBackend(t testing.TB, opts ...trilliantest.Option) *backend {
	t.Helper()
	b := unstarted(t, opts...)
	b.http.Start()
	return b
}

// newSecureBackend speaks TLS, and so HTTP/2.
func newSecureBackend(t testing.TB) *backend {
	t.Helper()
	b := unstarted(t)
	b.http.EnableHTTP2 = true
	b.http.StartTLS()
	return b
}

func unstarted(t testing.TB, opts ...trilliantest.Option) *backend {
	t.Helper()
	b := &backend{carried: map[string]int{}}
	opts = append([]trilliantest.Option{trilliantest.WithoutListener(), trilliantest.WithSampleCompany()}, opts...)
	b.Server = trilliantest.NewServer(t, opts...)
	b.http = httptest.NewUnstartedServer(b)
	b.http.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(b.http.Close)
	return b
}

func (b *backend) address() string { return b.http.Listener.Addr().String() }

// failing has f say what becomes of a request from now on; nil: all are answered.
func (b *backend) failing(f func(*http.Request) fault) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fault = f
}

// ServeHTTP answers, or fails.
func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.requests.Add(1)
	b.running.Add(1)
	defer b.running.Add(-1)
	b.mu.Lock()
	decide := b.fault
	b.mu.Unlock()
	f := none
	if decide != nil {
		f = decide(r)
	}
	if f != none {
		b.faults.Add(1)
	}
	if f == dropBefore {
		panic(http.ErrAbortHandler)
	}
	answer := httptest.NewRecorder()
	copied := &copyingBody{ReadCloser: r.Body}
	r.Body = copied
	b.Handler().ServeHTTP(answer, r)
	if answer.Code/100 == 2 && changes(r) {
		b.count(keyOf(r, copied.text.String()))
	}
	if f == dropAfter {
		panic(http.ErrAbortHandler)
	}
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

// changes reports whether doing it twice is not doing it once.
func changes(r *http.Request) bool {
	return r.Method == http.MethodPost || r.Method == http.MethodPatch
}

// copyingBody keeps the beginning of what is read.
type copyingBody struct {
	io.ReadCloser
	text strings.Builder
}

func (c *copyingBody) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	if c.text.Len() < 1<<10 {
		c.text.Write(p[:n])
	}
	return n, err
}

// keyOf names what a POST or PATCH asks for: the text of a message, the name of a
// file, or the last segment of the path where there is no form.
func keyOf(r *http.Request, form string) string {
	params, _ := url.ParseQuery(form)
	for _, name := range []string{"message", "name"} {
		if params.Has(name) {
			return params.Get(name)
		}
	}
	return path.Base(r.URL.Path)
}

func (b *backend) count(key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.carried[key]++
}

// done is how often what the key names was carried out.
func (b *backend) done(key string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.carried[key]
}

// forget begins to count anew.
func (b *backend) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.carried = map[string]int{}
	b.faults.Store(0)
}

// route is a way from the client to a server.
type route struct {
	name  string
	base  string   // the base URL
	proto int      // the HTTP version's first digit
	proxy *url.URL // a forward proxy
}

// routes are the ways through a proxy that stands before the server.
func (p *proxy) routes() []route {
	routes := []route{{name: p.name + ", HTTP/1.1", base: "http://" + p.HTTP + "/v1/", proto: 1}}
	if p.terminates {
		routes = append(routes, route{name: p.name + ", HTTP/2", base: "https://" + p.TLS + "/v1/", proto: 2})
	}
	if p.forward {
		routes[0].base, routes[0].proxy = "http://"+p.Backend+"/v1/", &url.URL{Scheme: "http", Host: p.HTTP}
	}
	return routes
}

// client is one that goes the way with a token. It checks that each answer came
// over the protocol that the way is named for.
func (way route) client(t testing.TB, token string, opts ...trillian.Option) *trillian.Client {
	t.Helper()
	base := &http.Transport{ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 32}
	if way.proxy != nil {
		base.Proxy = http.ProxyURL(way.proxy)
	}
	t.Cleanup(base.CloseIdleConnections)
	own := []trillian.Option{
		trillian.WithBaseURL(way.base), trillian.WithHTTPClient(&http.Client{Transport: base}), trillian.WithRootCAs(certificate().pool),
		trillian.WithRetryPolicy(trillian.RetryPolicy{MinWait: time.Millisecond, MaxWait: 10 * time.Millisecond}),
		trillian.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
			return roundTripper(func(r *http.Request) (*http.Response, error) {
				resp, err := next.RoundTrip(r)
				if err == nil && resp.ProtoMajor != way.proto {
					t.Errorf("%s: %s came over %s", way.name, r.URL.Path, resp.Proto)
				}
				return resp, err
			})
		}),
	}
	client, err := trillian.NewClient(token, append(own, opts...)...)
	require.NoError(t, err)
	return client
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip calls the function.
func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// countingSends is a context that counts how often a call was given a connection to
// be sent over, also where net/http does so by itself.
func countingSends(ctx context.Context) (context.Context, *atomic.Int64) {
	sends := &atomic.Int64{}
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { sends.Add(1) }}), sends
}
