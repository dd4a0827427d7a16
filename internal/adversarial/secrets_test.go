package adversarial

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
)

// hostile is a way for a call to fail, and what its error must then be.
type hostile struct {
	name  string
	setup func(*testing.T) (base string, opts []trillian.Option)
	calls string // only those whose names it has; "" for all
	is    error
	tells string // what the error's text must have: the failure took the way it was meant to
}

// TestSecretsInErrors makes every call fail in every way there is,
// and searches all that can be seen of it.
func TestSecretsInErrors(t *testing.T) {
	t.Parallel()
	for _, h := range hostiles() {
		t.Run(h.name, func(t *testing.T) {
			t.Parallel()
			w := newWatcher(t)
			base, opts := h.setup(t)
			for _, call := range canaryCalls {
				if h.calls != "" && !strings.Contains(h.calls, call.name) {
					continue
				}
				err := call.call(w.context(), w.client(base, opts...))
				require.Error(t, err, call.name)
				if h.is != nil {
					require.ErrorIs(t, err, h.is, call.name)
				}
				require.ErrorContains(t, err, h.tells, call.name)
				w.seeError("error: "+h.name, err)
			}
		})
	}
}

const (
	redacted = "[redacted]"
	withBody = "GET POST PATCH PUT DELETE iterator history download upload Do" // the answer may have one
)

func hostiles() []hostile {
	all := []hostile{
		{name: "connection refused", setup: at(refusing), is: syscall.ECONNREFUSED},
		{name: "silence", setup: at(serving(silent), trillian.WithTimeout(30*time.Millisecond)), is: os.ErrDeadlineExceeded},
		{name: "certificate of nobody's", setup: at(servingTLS), tells: "certificate"},
		{name: "certificate that is not pinned", setup: at(servingTLS, trillian.WithCertificatePin(strings.Repeat("ab", 32))), tells: "fingerprint"},
		{name: "HTTP where TLS was expected", setup: at(func(t *testing.T) string { return "https" + strings.TrimPrefix(serving(silent)(t), "http") }), tells: "HTTPS"},
		{name: "name not found", setup: through(faulty(func(*http.Request) error {
			return &net.DNSError{Err: "no such host", Name: "im.example.com", IsNotFound: true}
		})), tells: "no such host"},
		{name: "proxy that refuses to connect", setup: proxied, tells: "Not for you"},
		{name: "dropped before an answer", setup: at(serving(raw(""))), is: io.EOF},
		{name: "status line that echoes", setup: at(serving(raw("%[1]s\r\n\r\n"))), tells: "malformed"},
		{name: "status code that echoes", setup: at(serving(raw("HTTP/1.1 %[1]s OK\r\n\r\n"))), tells: "malformed"},
		{name: "header line that echoes", setup: at(serving(raw("HTTP/1.1 200 OK\r\n%[1]s\r\n\r\n"))), tells: redacted},
		{name: "Content-Length that echoes", setup: at(serving(raw("HTTP/1.1 200 OK\r\nContent-Length: %[1]s\r\n\r\n"))), tells: redacted},
		{name: "Transfer-Encoding that echoes", setup: at(serving(raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: %[1]s\r\n\r\n"))), tells: redacted},
		{name: "chunk that echoes", setup: at(serving(raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%[1]s\r\n\r\n"))), calls: "GET POST PATCH DELETE", tells: ""},
		{name: "reason and headers that echo", setup: at(serving(raw("HTTP/1.1 404 %[1]s\r\nX-Url: %[1]s\r\nWarning: 199 - \"%[1]s\"\r\nContent-Length: 0\r\n\r\n"))), is: trillian.ErrNotFound},
		{name: "hints that echo", setup: at(serving(raw("HTTP/1.1 103 Early Hints\r\nLink: <%[1]s>\r\n\r\nHTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"))), is: trillian.ErrNotFound},
		{name: "names of headers that echo", setup: at(serving(named("HTTP/1.1 103 No\r\nX-%[1]s: 1\r\n\r\nHTTP/1.1 404 No\r\nX-%[1]s: 1\r\n%[1]s: 2\r\nContent-Length: 0\r\n\r\n"))), is: trillian.ErrNotFound},
		{name: "names of trailers that echo", setup: at(serving(named("HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\nTrailer: X-%[1]s\r\n\r\n2\r\nno\r\n0\r\nX-%[1]s: 1\r\n\r\n"))), calls: withBody, is: trillian.ErrServer},
		{name: "trailers that echo", setup: at(serving(raw("HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\nTrailer: X-Url\r\n\r\n2\r\nno\r\n0\r\nX-Url: %[1]s\r\n\r\n"))), calls: withBody, is: trillian.ErrServer},
		{name: "body that breaks off", setup: at(serving(raw("HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n<response><group id=\"%[1]s"))), calls: "GET POST PATCH iterator download", is: io.ErrUnexpectedEOF},
		{name: "page of a portal", setup: answering(200, "text/html", "<html><title>%s</title>"), calls: "GET POST PATCH PUT DELETE iterator history Do", is: trillian.ErrMalformedResponse},
		{name: "echo where a number belongs", setup: answering(200, "application/xml", `<response><group id="%s"/></response>`), calls: "GET", is: trillian.ErrMalformedResponse},
		{name: "echo where a root belongs", setup: answering(200, "application/xml", `<%s/>`), calls: "GET POST PATCH DELETE", is: trillian.ErrMalformedResponse},
		{name: "content type that echoes", setup: at(serving(raw("HTTP/1.1 200 OK\r\nContent-Type: %[1]s\r\nContent-Length: 6\r\n\r\n<html>"))), calls: "GET POST PATCH DELETE", is: trillian.ErrMalformedResponse, tells: redacted},
		{name: "part of an answer", setup: answering(206, "text/plain", "%s"), is: trillian.ErrMalformedResponse},
		{name: "answer too large", setup: answering(200, "application/xml", "<response>%s", trillian.WithMaxResponseSize(12)), calls: "GET POST PATCH DELETE iterator", is: trillian.ErrResponseTooLarge},
		{name: "Location that echoes", setup: at(serving(raw("HTTP/1.1 302 Found\r\nLocation: http://[::1]%[1]s\r\nContent-Length: 0\r\n\r\n"))), is: trillian.ErrRedirected, tells: redacted},
		{name: "Location that is no URL", setup: at(serving(raw("HTTP/1.1 307 No\r\nLocation: http://[%[1]s\r\nContent-Length: 0\r\n\r\n"))), is: trillian.ErrRedirected},
		{name: "Location of a form", setup: at(serving(raw("HTTP/1.1 302 Found\r\nLocation: /login?%[2]s\r\nContent-Length: 0\r\n\r\n"))), calls: "POST PATCH", is: trillian.ErrRedirected},
		{name: "cookie that echoes", setup: remembering, is: trillian.ErrForbidden},
		{name: "timeout of the caller's HTTP client", setup: at(serving(silent), trillian.WithHTTPClient(&http.Client{Timeout: 30 * time.Millisecond})), is: context.DeadlineExceeded},
		{name: "body whose reader echoes", setup: through(func(r *http.Request) (*http.Response, error) {
			return answer(r, 200, io.NopCloser(io.MultiReader(strings.NewReader("<response>"), reader{echo(r)}))), nil
		}), calls: "GET POST PATCH DELETE iterator download", tells: redacted},
		{name: "base transport without an answer", setup: through(func(*http.Request) (*http.Response, error) { return nil, nil }), tells: "neither"},
		{name: "middleware that quotes the request", setup: at(serving(silent), trillian.WithMiddleware(func(http.RoundTripper) http.RoundTripper {
			return faulty(func(r *http.Request) error { return fmt.Errorf("refused %+v, to %s: %w", r, r.URL, echo(r)) })
		})), tells: "refused"},
		{name: "middleware that drops the context", setup: at(serving(silent), trillian.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
			return roundTripper(func(r *http.Request) (*http.Response, error) {
				return next.RoundTrip(r.WithContext(context.Background()))
			})
		})), tells: "context"},
		{name: "middleware that sends elsewhere", setup: elsewhere, is: trillian.ErrForbidden, calls: "GET DELETE PUT"},
		{name: "middleware that sends a password elsewhere", setup: elsewhere, tells: "another server", calls: "POST PATCH"},
	}
	for name, fail := range echoes {
		all = append(all, hostile{name: "base transport: " + name, setup: through(faulty(fail)), tells: redacted})
	}
	for _, status := range []int{400, 401, 403, 404, 408, 409, 429, 500, 502, 503, 504} {
		all = append(all, hostile{name: fmt.Sprintf("answer %d that echoes", status), setup: answering(status, "text/plain", "No: %s"), calls: withBody, tells: redacted})
	}
	return all
}

// echoes are the errors of base transports that tell the request.
var echoes = map[string]func(*http.Request) error{
	"text": func(r *http.Request) error { return echo(r) },
	"url.Error": func(r *http.Request) error {
		return &url.Error{Op: "Get", URL: r.URL.String(), Err: io.ErrUnexpectedEOF}
	},
	"escaped again":   func(r *http.Request) error { return errors.New(url.QueryEscape(r.URL.String())) },
	"wrapped":         func(r *http.Request) error { return fmt.Errorf("proxy: %w", fmt.Errorf("gave up: %w", echo(r))) },
	"joined":          func(r *http.Request) error { return errors.Join(io.ErrUnexpectedEOF, echo(r)) },
	"wrapped blandly": func(r *http.Request) error { return bland{text: redacted, err: echo(r)} },
	"joined blandly": func(r *http.Request) error {
		return bland{text: redacted, err: errors.Join(syscall.ECONNRESET, echo(r))}
	},
	"field":              func(r *http.Request) error { return &withURL{URL: r.URL.String()} },
	"field of a value":   func(r *http.Request) error { return withURL{URL: r.URL.String()} },
	"parsed URL":         func(r *http.Request) error { return &withRequest{URL: r.URL} },
	"field, deeply":      func(r *http.Request) error { return fmt.Errorf("%w (%s)", withURL{URL: r.URL.String()}, redacted) },
	"timeout that tells": func(r *http.Request) error { return &net.OpError{Op: "dial", Net: "tcp", Err: slow{echo(r)}} },
}

func echo(r *http.Request) error {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	return fmt.Errorf("cannot reach %s with %s", r.URL, body)
}

// bland hides what it wraps from its own text.
type bland struct {
	text string
	err  error
}

func (b bland) Error() string { return b.text }
func (b bland) Unwrap() error { return b.err }

// withURL shows its secret only to %#v and JSON.
type withURL struct{ URL string }

func (withURL) Error() string { return "lost " + redacted }

// withRequest shows its secret only to JSON.
type withRequest struct{ URL *url.URL }

func (*withRequest) Error() string { return "lost " + redacted }

type slow struct{ error }

func (slow) Timeout() bool   { return true }
func (slow) Temporary() bool { return true }

type reader struct{ err error }

func (r reader) Read([]byte) (int, error) { return 0, r.err }

func faulty(fail func(*http.Request) error) roundTripper {
	return func(r *http.Request) (*http.Response, error) { return nil, fail(r) }
}

func answer(r *http.Request, status int, body io.ReadCloser) *http.Response {
	return &http.Response{
		StatusCode: status, Status: "1 " + r.URL.String(), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"X-Url": {r.URL.String()}}, Body: body, ContentLength: -1, Request: r,
	}
}

// at is the setup of a server, or of none.
func at(serve func(*testing.T) string, opts ...trillian.Option) func(*testing.T) (string, []trillian.Option) {
	return func(t *testing.T) (string, []trillian.Option) { return serve(t), opts }
}

// through is the setup of a base transport.
func through(base roundTripper) func(*testing.T) (string, []trillian.Option) {
	return func(*testing.T) (string, []trillian.Option) {
		return "https://im.example.com/v1/", []trillian.Option{trillian.WithHTTPClient(&http.Client{Transport: base})}
	}
}

// refusing is where nobody listens, nor will: port 1 is not given to who asks for any.
func refusing(*testing.T) string { return "http://127.0.0.1:1" }

func serving(h http.HandlerFunc) func(*testing.T) string {
	return func(t *testing.T) string {
		s := httptest.NewServer(h)
		t.Cleanup(s.Close)
		return s.URL
	}
}

func servingTLS(t *testing.T) string {
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}

func silent(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// raw answers with bytes as they are: %[1]s is the request's URL, %[2]s its body.
func raw(format string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		conn, buf, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = fmt.Fprintf(buf, format+"%[3]s", r.RequestURI, body, "")
		_ = buf.Flush()
	}
}

// named is raw with the token alone, as a header's name can have it.
func named(format string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		name := url.QueryEscape(r.URL.Query().Get("token"))
		raw(strings.ReplaceAll(fmt.Sprintf(format, name), "%", "%%"))(w, r)
	}
}

// answering echoes what it was sent, in a status's body.
func answering(status int, contentType, format string, opts ...trillian.Option) func(*testing.T) (string, []trillian.Option) {
	return at(serving(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(body))
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, format, fmt.Sprint(r.URL.Query().Get("token"), " ", r.RequestURI, " ", form.Get("password"), " ", string(body)))
	}), opts...)
}

// remembering sends cookies that echo, to a jar.
func remembering(t *testing.T) (string, []trillian.Option) {
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	base := serving(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Set-Cookie", "last="+url.QueryEscape(r.URL.Query().Get("token"))+"; Path=/")
		w.WriteHeader(http.StatusForbidden)
	})(t)
	w := newWatcher(t)
	t.Cleanup(func() {
		u, _ := url.Parse(base)
		require.NotEmpty(t, jar.Cookies(u))
		w.see("cookie jar", fmt.Sprint(jar.Cookies(u)))
	})
	return base, []trillian.Option{trillian.WithHTTPClient(&http.Client{Jar: jar})}
}

// proxied asks by a proxy that answers with all that it was told.
func proxied(t *testing.T) (string, []trillian.Option) {
	w := newWatcher(t)
	proxy, err := url.Parse(serving(func(rw http.ResponseWriter, r *http.Request) {
		w.see("CONNECT to a proxy", fmt.Sprintf("%s %s %+v", r.Method, r.RequestURI, r.Header))
		conn, buf, err := http.NewResponseController(rw).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		writeRefusal(buf, r)
	})(t))
	require.NoError(t, err)
	transport := &http.Transport{Proxy: http.ProxyURL(proxy)}
	t.Cleanup(transport.CloseIdleConnections)
	return "https://im.example.com/v1/", []trillian.Option{trillian.WithHTTPClient(&http.Client{Transport: transport})}
}

func writeRefusal(buf *bufio.ReadWriter, r *http.Request) {
	_, _ = fmt.Fprintf(buf, "HTTP/1.1 403 Not for you: %s %v\r\nContent-Length: 0\r\n\r\n", r.RequestURI, r.Header)
	_ = buf.Flush()
}

// elsewhere has a middleware that sends a request to another server, which must
// see neither secret.
func elsewhere(t *testing.T) (string, []trillian.Option) {
	w := newWatcher(t)
	other, err := url.Parse(serving(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.see("server of another origin", r.RequestURI, string(body), fmt.Sprint(r.Header))
		rw.WriteHeader(http.StatusForbidden)
	})(t))
	require.NoError(t, err)
	return "https://im.example.com/v1/", []trillian.Option{trillian.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			r = r.Clone(r.Context())
			r.URL.Scheme, r.URL.Host = other.Scheme, other.Host
			return next.RoundTrip(r)
		})
	})}
}

// TestSecretsInFoldedText breaks the lines of an echo where a secret has a space, and
// allows to where it has a slash: the error's text, on one line again, must not tell it.
func TestSecretsInFoldedText(t *testing.T) {
	t.Parallel()
	w := newWatcher(t)
	for _, secret := range []string{canaryToken, canaryPassword} {
		folded := strings.NewReplacer(" ", "\r\n\t<br>&nbsp;", "/", "\u00ad/\u200b").Replace(secret)
		base, _ := answering(http.StatusBadRequest, "text/html", strings.ReplaceAll("no: "+folded, "%", "%%")+"%.0s")(t)
		c, err := trillian.NewClient(canaryToken, trillian.WithBaseURL(base))
		require.NoError(t, err)
		t.Cleanup(c.CloseIdleConnections)
		_, err = c.Users.Create(w.context(), trillian.UserCreate{IM: smw, Password: canaryPassword})
		require.ErrorContains(t, err, redacted)
		w.see("error: echo with folded lines", err.Error())
	}
}

// TestSecretWithinAnother has a password that is a part of the token.
func TestSecretWithinAnother(t *testing.T) {
	t.Parallel()
	base, _ := answering(http.StatusBadRequest, "text/plain", "no: %s")(t)
	c, err := trillian.NewClient("alphabravocharlie9", trillian.WithBaseURL(base))
	require.NoError(t, err)
	t.Cleanup(c.CloseIdleConnections)
	_, err = c.Users.Create(t.Context(), trillian.UserCreate{IM: smw, Password: "bravo"})
	require.ErrorContains(t, err, redacted)
	require.NotRegexp(t, "alpha|charlie", err.Error())
}

// TestSecretsInSpellings has servers echo both secrets in every
// spelling, in the places where servers echo.
func TestSecretsInSpellings(t *testing.T) {
	t.Parallel()
	places := map[string]string{
		"text":      "No such user: %s!",
		"HTML page": "<html><head><title>Error</title></head><body><p>GET /users/?token=%[1]s and <b>%[1]s</b></p></body></html>",
		"XML":       `<response><error url="%[1]s">%[1]s</error></response>`,
		"JSON":      `{"error":"no","request":"/users/?a=1&token=%[1]s","form":"im=x&password=%[1]s"}`,
		"cut":       strings.Repeat("x", 280) + "%[1]s",
	}
	for place, format := range places {
		t.Run(place, func(t *testing.T) {
			t.Parallel()
			w := newWatcher(t)
			var text string
			base := serving(func(rw http.ResponseWriter, _ *http.Request) {
				rw.Header().Set("X-Error", text)
				rw.Header().Set("Location", "https://elsewhere.example.com/?q="+text)
				rw.WriteHeader(http.StatusBadRequest)
				_, _ = fmt.Fprintf(rw, format, text)
			})(t)
			c := w.client(base)
			for _, secret := range []string{canaryToken, canaryPassword} {
				for _, s := range spellings(secret) {
					text = s.text
					_, err := c.Users.Create(w.context(), trillian.UserCreate{IM: smw, Password: canaryPassword})
					require.ErrorIs(t, err, trillian.ErrBadRequest)
					w.seeError("echo in "+place+": "+s.name, err)
				}
			}
		})
	}
}
