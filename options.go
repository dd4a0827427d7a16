package trillian

import (
	"cmp"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/trillian-go/trillian/internal/transport"
)

// DefaultBaseURL is the cloud's API, version 1.
const DefaultBaseURL = "https://api.trillian.im/v1/"

// The defaults of the options.
const (
	// DefaultTimeout is how long a server may send nothing.
	DefaultTimeout = 30 * time.Second

	// DefaultMaxResponseSize is the largest response that is decoded, in bytes.
	DefaultMaxResponseSize = 512 << 20

	// DefaultUserAgent is the User-Agent header of every request.
	DefaultUserAgent = "trillian-go/" + Version + " (+https://github.com/trillian-go/trillian)"
)

// RetryPolicy says how often and when a call that failed is tried again. Zero
// fields take their defaults. What is tried again, and what never is, is in the
// package documentation.
//
// A budget, shared by a client and all that WithToken and With derive from it, bounds
// the repetitions in all. Of its 500 tokens each repetition takes 5, and a call that
// succeeds at its first attempt gives one back; once it is spent, nothing is tried
// again. Nothing is taken after a 429 whose Retry-After was waited for, nor for a
// request that a GOAWAY says was not seen.
//
// Neither MaxAttempts nor the budget counts what net/http repeats by itself, of requests
// without a body: on another connection where one that it kept, or that other calls
// share, ended before the response, and up to three times where a fresh one of HTTP/2
// did. What a transport that is no [http.Transport] repeats, see [WithHTTPClient], is
// not bounded at all.
type RetryPolicy struct {
	MaxAttempts   int           // requests a call may make in all; 4 by default, 1 for no retries
	MinWait       time.Duration // the first wait's upper bound, doubled from attempt to attempt; 500 ms by default
	MaxWait       time.Duration // the upper bound of every wait; 10 s by default
	MaxRetryAfter time.Duration // the longest Retry-After that is waited for, and some jitter more; beyond it the call fails; 1 min by default
}

func (p RetryPolicy) withDefaults() (RetryPolicy, error) {
	if p.MaxAttempts < 0 || p.MinWait < 0 || p.MaxWait < 0 || p.MaxRetryAfter < 0 {
		return p, &ArgumentError{Name: "retry policy", Reason: "has a negative field"}
	}
	p.MaxAttempts = cmp.Or(p.MaxAttempts, 4)
	p.MinWait = cmp.Or(p.MinWait, 500*time.Millisecond)
	p.MaxWait = cmp.Or(p.MaxWait, max(10*time.Second, p.MinWait))
	p.MaxRetryAfter = cmp.Or(p.MaxRetryAfter, time.Minute)
	return p, nil
}

// Option sets up a [Client].
type Option func(*settings) error

// settings is what a client is made from. It never holds a token: clients with
// other tokens are made from the same settings.
type settings struct {
	baseURL     string
	plainHTTP   bool
	httpClient  *http.Client
	middleware  []func(http.RoundTripper) http.RoundTripper
	retry       RetryPolicy
	logger      *slog.Logger
	userAgent   string
	roots       *x509.CertPool
	pins        []string
	timeout     time.Duration
	maxSize     int64
	patchAsPOST bool
}

// WithBaseURL sets where the resources are: scheme, host and everything before
// "groupchats/", as in https://im.example.com/v1/ or
// https://api.trillian.im/v2/cerulean-inc.com/. The slash at its end may be
// missing. Plain http is refused except to this machine itself; see [WithPlainHTTP].
func WithBaseURL(base string) Option {
	return func(s *settings) error { s.baseURL = base; return nil }
}

// WithHTTPClient sends requests through the transport, cookie jar and timeout of
// c, which itself is left as it is. Its timeout, unlike [WithTimeout], bounds a
// whole response, long downloads included. Redirects are not followed. If c has no
// transport, the client has one of its own, never http.DefaultTransport: what a
// program puts there to look at requests would see the token in their URLs.
func WithHTTPClient(c *http.Client) Option {
	return func(s *settings) error {
		if c == nil {
			return &ArgumentError{Name: "HTTP client", Reason: "is nil"}
		}
		s.httpClient = c
		return nil
	}
}

// WithMiddleware puts a RoundTripper around every attempt, for logging, tracing
// or metrics. It sees requests without the token and with passwords redacted.
// It may set headers; the next attempt begins with those, but for User-Agent, Accept
// and a download's Accept-Encoding, which the client sets anew. Query and body it must
// leave alone: a form with a password is put in behind the middleware, so that a
// change is sent with some calls and lost with others, and a token in the query
// arrives beside the client's own. It must keep the request's context, by which
// [OperationOf] names the operation.
//
// The first middleware is the outermost. wrap is called once, for a client and all
// that WithToken and With derive from it, so that a rate limiter limits them all;
// an error that wraps [ErrNotSent] says that nothing was sent.
func WithMiddleware(wrap func(http.RoundTripper) http.RoundTripper) Option {
	return func(s *settings) error {
		if wrap == nil {
			return &ArgumentError{Name: "middleware", Reason: "is nil"}
		}
		s.middleware = append(s.middleware, wrap)
		return nil
	}
}

// WithRetryPolicy changes how often and when a failed call is tried again.
func WithRetryPolicy(p RetryPolicy) Option {
	return func(s *settings) (err error) { s.retry, err = p.withDefaults(); return err }
}

// WithLogger logs calls at the debug level, with operation, method, path, attempts,
// duration and error, and repetitions as warnings, with operation, method, path,
// attempts, reason and wait. It never logs the token, parameters or bodies. Of a
// download it logs the beginning. Nil logs nothing, which is the default.
func WithLogger(l *slog.Logger) Option {
	return func(s *settings) error { s.logger = l; return nil }
}

// WithUserAgent sets the User-Agent header of every request.
func WithUserAgent(agent string) Option {
	return func(s *settings) error {
		if strings.ContainsFunc(agent, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return &ArgumentError{Name: "user agent", Reason: "has a control character"}
		}
		s.userAgent = agent
		return nil
	}
}

// WithRootCAs trusts the certificate authorities of pool instead of the system's:
// for a company's own CA.
func WithRootCAs(pool *x509.CertPool) Option {
	return func(s *settings) error {
		if pool == nil {
			return &ArgumentError{Name: "root CAs", Reason: "are nil"}
		}
		s.roots = pool
		return nil
	}
}

// WithCertificatePin trusts the server whose own certificate has this hex SHA-256
// fingerprint, in either case and with or without colons, and no other: for the
// self-signed certificate that an in-house server makes for itself. Given several
// times, any of the pins will do; given with [WithRootCAs], both must agree.
//
// A server with another certificate is refused with an error that names the
// fingerprint that was seen, a [PinError]. A pin says all there is to say of a
// certificate: its expiry and its host name are not looked at. Pins, like roots,
// also hold for a forward proxy that is itself spoken to over TLS.
func WithCertificatePin(fingerprint string) Option {
	return func(s *settings) error {
		pin, err := transport.ParsePin(fingerprint)
		if err != nil {
			return &ArgumentError{Name: "certificate pin", Reason: err.Error()}
		}
		s.pins = append(s.pins, pin)
		return nil
	}
}

// WithTimeout sets how long the server may send nothing, before the response's
// headers and between the bytes of its body, until the attempt fails. It does not
// limit how long a response takes; a context does. 0 waits for ever.
//
// During an upload the time in which Data is read does not count, that in which the
// server takes no more of it does. errors.Is(err, [os.ErrDeadlineExceeded]) holds for
// this timeout, and not for the end of a context.
func WithTimeout(timeout time.Duration) Option {
	return func(s *settings) error {
		if timeout < 0 {
			return &ArgumentError{Name: "timeout", Reason: "is negative"}
		}
		s.timeout = timeout
		return nil
	}
}

// WithMaxResponseSize sets the largest response that is read, in bytes after
// decompression; beyond it a call fails with [ErrResponseTooLarge]. Media
// downloads are not limited. 0 sets no limit.
func WithMaxResponseSize(bytes int64) Option {
	return func(s *settings) error {
		if bytes < 0 {
			return &ArgumentError{Name: "maximum response size", Reason: "is negative"}
		}
		s.maxSize = bytes
		return nil
	}
}

// WithPlainHTTP allows a base URL of the scheme http on other machines. The
// token and every password then cross the network readable by anyone on the way.
func WithPlainHTTP() Option {
	return func(s *settings) error { s.plainHTTP = true; return nil }
}

// WithPATCHAsPOST sends POST where the reference says PATCH, for networks that
// let no PATCH through. A call whose PATCH is answered 405 or 501 also does so by
// itself, once, if MaxAttempts leaves it a request. [Client.Do] sends what it is told.
//
// Trillian API: HTTP Verbs, "All endpoints also accept POST requests".
func WithPATCHAsPOST() Option {
	return func(s *settings) error { s.patchAsPOST = true; return nil }
}

// parseBaseURL never quotes the URL in an error: it may hold a secret in a place
// where none belongs.
func parseBaseURL(base string, plainHTTP bool) (*url.URL, error) {
	refuse := func(format string, args ...any) (*url.URL, error) {
		return nil, &ArgumentError{Name: "base URL", Reason: fmt.Sprintf(format, args...)}
	}
	u, err := url.Parse(base)
	switch {
	case base == "":
		return refuse("is empty")
	case strings.ContainsAny(base, " \t\r\n\\"):
		return refuse("has white space or a backslash in it")
	case !strings.Contains(base, "://"):
		// "im.example.com:8443" would parse, with the host as its scheme.
		return refuse("has no scheme: write https:// before the host")
	case err != nil:
		return refuse("is not a URL")
	case u.Scheme != "https" && u.Scheme != "http":
		return refuse("has the scheme %q: use https", u.Scheme)
	case u.User != nil:
		return refuse("has a user or password in it: the token goes to NewClient")
	case u.RawQuery != "" || u.ForceQuery:
		return refuse("has a query: the token goes to NewClient")
	case u.Fragment != "" || strings.Contains(base, "#"):
		return refuse("has a fragment")
	case u.Hostname() == "":
		return refuse("has no host")
	case u.Scheme == "http" && !plainHTTP && !isLoopback(u.Hostname()):
		return refuse("is plain http, which shows the token to everyone on the way: use https, or WithPlainHTTP")
	}
	if strings.Contains(u.Path, "//") {
		return refuse("has an empty segment in its path")
	}
	switch resource := path.Base(u.Path); resource {
	case "groupchats", "groups", "policies", "presence", "users":
		return refuse("ends in a resource: leave out what follows the version, %q", resource+"/")
	}
	for segment := range strings.SplitSeq(u.Path, "/") {
		if segment == "." || segment == ".." {
			return refuse("has a dot segment in its path")
		}
	}
	u.RawPath = u.EscapedPath()
	if !strings.HasSuffix(u.Path, "/") {
		u.Path, u.RawPath = u.Path+"/", u.RawPath+"/"
	}
	return u, nil
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}
