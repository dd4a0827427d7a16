package transport

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// errorBodyLimit is how much of an answer that is an error is read for its text.
const errorBodyLimit = 64 << 10

// Attempt is the innermost step of a request: what it adds, only the base
// transport sees, and what comes back is clean of it.
type Attempt struct {
	Base    http.RoundTripper
	Origin  *url.URL // the token goes to its scheme, host and port only
	Timeout time.Duration
	Limit   int64 // of an answer's body, decompressed; 0: none
}

// WithToken returns the step as a RoundTripper that holds the token where no
// printing of its fields reaches.
func (a Attempt) WithToken(token string) (http.RoundTripper, Scrubber) {
	param := "token=" + url.QueryEscape(token)
	scrub := NewScrubber(token)
	inject := func(query string) string {
		if query == "" {
			return param
		}
		return query + "&" + param
	}
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		return a.send(r, inject, scrub, len(token))
	}), scrub
}

func (a Attempt) send(r *http.Request, inject func(string) string, scrub Scrubber, shortest int) (*http.Response, error) {
	call := callOf(r.Context())
	if call == nil {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, errNoCall
	}
	if call.Scrub != nil {
		token := scrub
		scrub = func(text string) string { return token(call.Scrub(text)) }
		shortest = minSecret
	}
	home := sameOrigin(r.URL, a.Origin)
	if call.SecretBody != nil && !home {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, errElsewhere
	}
	b := &body{scrub: scrub, shortest: shortest, ctx: r.Context(), limit: a.Limit}
	if call.Unlimited {
		b.limit = 0
	}
	watch := &b.watch
	out := r.WithContext(watch.start(withoutSecrets(call.begin(r.Context()), scrub), a.Timeout))
	if call.Header != nil {
		out.Header = call.Header
	}
	if home {
		u := *r.URL
		u.RawQuery = inject(u.RawQuery)
		out.URL = &u
	}
	stream := prepareBody(out, call, watch)

	resp, err := a.Base.RoundTrip(out)
	if stream != nil {
		stream.detach()
	}
	watch.disarm()
	if err == nil && resp == nil {
		err = errors.New("the base transport returned neither an answer nor an error")
	}
	if err != nil {
		err = watch.explain(err)
		watch.stop()
		return nil, scrub.errorOf(err)
	}
	resp.Request = r
	if len(resp.Status) >= shortest {
		resp.Status = scrub(resp.Status)
	}
	scrub.header(resp.Header, shortest)
	if resp.Body == nil {
		resp.Body = http.NoBody
	}
	b.resp, b.ReadCloser, resp.Body = resp, resp.Body, b
	if resp.StatusCode/100 != 2 {
		a.keepErrorText(resp, b)
	}
	return resp, nil
}

// What a middleware did that no repetition mends.
var (
	errNoCall    = errors.New("a middleware dropped the context of its request")
	errElsewhere = errors.New("a middleware sent a request with a password to another server")
)

// prepareBody puts the real body in place and lets the watch know of progress.
func prepareBody(out *http.Request, call *Call, w *watch) *upload {
	if out.Body == nil {
		return nil
	}
	if call.SecretBody != nil {
		_ = out.Body.Close()
		out.Body, out.ContentLength = call.SecretBody()
		out.GetBody = func() (io.ReadCloser, error) {
			again, _ := call.SecretBody()
			return again, nil
		}
	}
	if call.Source == nil {
		return nil
	}
	out.GetBody = nil // net/http must not open the caller's stream by itself
	stream := newUpload(out.Context(), out.Body, call.Source.MayHang(), w)
	out.Body = stream
	return stream
}

// keepErrorText reads the body of an error while the timeout is watched, so
// that retries drain nothing that could stall, and middleware sees it scrubbed.
func (a Attempt) keepErrorText(resp *http.Response, b *body) {
	var text []byte
	if resp.StatusCode >= 200 { // 101 switches protocols: its body never ends
		b.limit = errorBodyLimit
		if a.Timeout > 0 {
			// A body that drips would be silent never and done never.
			defer time.AfterFunc(a.Timeout, b.watch.fire).Stop()
		}
		text, _ = io.ReadAll(b)
	}
	_ = b.Close()
	if len(text) == errorBodyLimit {
		text = text[:errorBodyLimit-4<<10] // the cut may have gone through a secret
	}
	clean := b.scrub(string(text))
	resp.Body = io.NopCloser(strings.NewReader(clean))
	resp.ContentLength = int64(len(clean))
}

func sameOrigin(u, origin *url.URL) bool {
	return u.Scheme == origin.Scheme && strings.EqualFold(u.Host, origin.Host)
}

// OpenBytes opens a body again and again.
func OpenBytes(b []byte) func() (io.ReadCloser, int64) {
	return func() (io.ReadCloser, int64) { return io.NopCloser(bytes.NewReader(b)), int64(len(b)) }
}
