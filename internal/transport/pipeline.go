package transport

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// errorBodyLimit is how much of a response that is an error is read for its text.
const errorBodyLimit = 64 << 10

// Pipeline is the way of every request: through the middleware, outermost first,
// and the step that adds the token, to the base transport. Clients with other
// tokens or options share a middleware, so that a rate limiter in it limits them
// all; what differs between them, it finds in the call.
type Pipeline struct {
	Base    http.RoundTripper
	Origin  *url.URL      // the token goes to its scheme, host and port only
	Timeout time.Duration // how long the server may send nothing; 0: for ever
	Limit   int64         // of a response's body, decompressed; 0: none

	middleware []http.RoundTripper
}

// Add puts a middleware behind those that are there. It reports whether wrap
// returned one.
func (p *Pipeline) Add(wrap func(http.RoundTripper) http.RoundTripper) bool {
	behind := len(p.middleware) + 1
	made := wrap(roundTripper(func(r *http.Request) (*http.Response, error) {
		call := CallOf(r.Context())
		if call == nil {
			closeBody(r)
			return nil, errNoCall
		}
		return call.Pipeline.run(behind, call, r)
	}))
	p.middleware = append(slices.Clip(p.middleware), made)
	return made != nil
}

// run makes the request go through the middleware from the n-th on.
func (p *Pipeline) run(n int, call *Call, r *http.Request) (*http.Response, error) {
	if n < len(p.middleware) {
		return p.middleware[n].RoundTrip(r)
	}
	return p.send(call, r)
}

// Token is a client's token, where no printing of its fields reaches. Scrub removes
// it, and what other secrets a call has, from what the server sends.
type Token struct {
	addTo func(query string) string
	Scrub Scrubber
	// And returns a scrubber of the token and another secret. One after the other would
	// not find a token of which the other secret is a part.
	And func(secret string) Scrubber
}

// NewToken hides a token.
func NewToken(token string) Token {
	param := "token=" + url.QueryEscape(token)
	return Token{
		addTo: func(query string) string {
			if query == "" {
				return param
			}
			return query + "&" + param
		},
		Scrub: NewScrubber(token),
		And:   func(secret string) Scrubber { return NewScrubber(token, secret) },
	}
}

// send is the innermost step: what it adds, only the base transport sees, and what
// comes back is clean of it.
func (p *Pipeline) send(call *Call, r *http.Request) (*http.Response, error) {
	scrub := call.Token.Scrub
	home := sameOrigin(r.URL, p.Origin)
	if call.SecretBody != nil && !home {
		closeBody(r)
		return nil, errElsewhere
	}
	b := &body{scrub: scrub, ctx: r.Context(), limit: p.Limit}
	if call.Unlimited {
		b.limit = 0
	}
	watch := &b.watch
	ctx := call.begin(r.Context())
	// What is not idempotent has a body, which net/http repeats only where nothing was
	// sent. How often a transport of the program's own sends is its own affair.
	if _, standard := p.Base.(*http.Transport); standard && call.Idempotent() {
		ctx = watch.boundRepeats(ctx)
	}
	out := r.WithContext(watch.start(withoutSecrets(ctx, scrub), p.Timeout))
	if home {
		u := *r.URL
		u.RawQuery = call.Token.addTo(u.RawQuery)
		out.URL = &u
	}
	stream := prepareBody(out, call, watch)

	resp, err := p.Base.RoundTrip(out)
	if stream != nil {
		stream.detach()
	}
	watch.pause()
	if err = either("the base transport", resp, err); err != nil {
		err = proxyRefusal(causeless(call, watch.explain(err)))
		call.judgeError(call.withoutCause(err)) // also here: a middleware may return another
		watch.stop()
		return nil, scrub.errorOf(err)
	}
	if s := resp.StatusCode; s/100 == 2 || s == http.StatusRequestTimeout || s >= 500 { // others say that nothing was done
		call.answered.Store(true)
	}
	resp.Request = r
	resp.Status = scrub(resp.Status)
	scrub.header(resp.Header)
	scrub.header(resp.Trailer) // whose names are announced
	if resp.Body == nil {
		resp.Body = http.NoBody
	}
	b.resp, b.ReadCloser, resp.Body = resp, resp.Body, b
	if resp.StatusCode/100 != 2 {
		p.keepErrorText(resp, b)
	}
	return resp, nil
}

// either returns an error unless a RoundTripper returned a response and no error.
func either(whose string, resp *http.Response, err error) error {
	switch {
	case err == nil && resp == nil:
		return errors.New(whose + " returned neither a response nor an error")
	case err != nil && resp != nil && resp.Body != nil:
		_ = resp.Body.Close()
	}
	return err
}

// What a middleware did wrong, which it would do again.
var (
	errNoCall    = errors.New("a middleware dropped the context of its request")
	errElsewhere = errors.New("a middleware sent a request with a password to another server")
)

func closeBody(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
}

// prepareBody puts the real body in place and lets the watch know of progress.
func prepareBody(out *http.Request, call *Call, w *watch) *upload {
	if out.Body == nil {
		return nil
	}
	if call.SecretBody != nil {
		_ = out.Body.Close()
		form := call.SecretBody()
		out.Body, out.ContentLength = io.NopCloser(strings.NewReader(form)), int64(len(form))
	}
	// With it, net/http would repeat over HTTP/2 what a proxy refused after the
	// server had done it.
	out.GetBody = nil
	if call.Source == nil {
		return nil
	}
	stream := newUpload(out.Context(), out.Body, call.Source.MayHang(), w)
	out.Body = stream
	return stream
}

// keepErrorText reads the body of an error while the timeout is watched, so
// that retries drain nothing that could stall, and middleware sees it scrubbed.
func (p *Pipeline) keepErrorText(resp *http.Response, b *body) {
	var text []byte
	if resp.StatusCode >= 200 { // 101 switches protocols: its body never ends
		b.limit = errorBodyLimit
		if p.Timeout > 0 {
			// A body that drips would never time out and never be done.
			defer time.AfterFunc(p.Timeout, b.watch.fire).Stop()
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
