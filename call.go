package trillian

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/trillian-go/trillian/internal/transport"
	"github.com/trillian-go/trillian/internal/wire"
)

// list asks for every element at the path below <response>.
func list[T any](ctx context.Context, c *Client, r request, element string) ([]T, error) {
	r.method = http.MethodGet
	var items []T
	err := c.exchange(ctx, r, func(resp *http.Response) (err error) {
		items, err = wire.Collect[T](resp.Body, element, resp.ContentLength)
		return err
	})
	return items, err
}

// stream yields every element at the path below <response> as it arrives.
func stream[T any](ctx context.Context, c *Client, r request, element string) iter.Seq2[T, error] {
	r.method = http.MethodGet
	return func(yield func(T, error) bool) {
		stopped := false
		err := c.exchange(ctx, r, func(resp *http.Response) error {
			yielded := false
			for item, err := range wire.Items[T](resp.Body, element) {
				if err == nil {
					err = ctx.Err() // what is buffered would outlast the caller's patience
				}
				if err != nil && yielded {
					return partly{err}
				}
				if err != nil {
					return err
				}
				yielded = true
				if stopped = !yield(item, nil); stopped {
					return nil
				}
			}
			return nil
		})
		if err != nil && !stopped {
			var zero T
			yield(zero, err)
		}
	}
}

// partly says that some of an answer has been handed on, so that it cannot be
// asked for again.
type partly struct{ error }

func (p partly) Unwrap() error { return p.error }

// get asks for the one element that the answer must have.
func get[T any](ctx context.Context, c *Client, r request, element string) (*T, error) {
	r.method = http.MethodGet
	var item *T
	err := c.exchange(ctx, r, func(resp *http.Response) (err error) {
		item, err = one[T](resp.Body, element)
		if err == nil && item == nil {
			err = fmt.Errorf("has no <%s>", element)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return item, nil
}

// change creates or updates. Where the answer has no body, what was sent is what
// there is.
func change[T any](ctx context.Context, c *Client, method string, r request, element string, sent *T) (*T, error) {
	r.method = method
	var item *T
	err := c.exchange(ctx, r, func(resp *http.Response) (err error) {
		item, err = one[T](resp.Body, element)
		if errors.Is(err, wire.ErrEmpty) {
			return nil
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if item == nil {
		return sent, nil
	}
	return item, nil
}

// one decodes the only element of its name, or nil where there is none.
func one[T any](body io.Reader, element string) (*T, error) {
	var found *T
	for item, err := range wire.Items[T](body, element) {
		if err != nil {
			return nil, err
		}
		if found != nil {
			return nil, fmt.Errorf("has more than one <%s>", element)
		}
		found = &item
	}
	return found, nil
}

// act does what answers nothing worth keeping. A body that is not a <response>
// means that something other than the server answered.
func (c *Client) act(ctx context.Context, method string, r request) error {
	r.method = method
	return c.exchange(ctx, r, func(resp *http.Response) error {
		err := wire.Decode(resp.Body, &struct{}{})
		if errors.Is(err, wire.ErrEmpty) {
			return nil
		}
		return err
	})
}

// exchange makes a call and hands its good answer to read, again and from the
// start if the answer breaks off and may be asked for again.
func (c *Client) exchange(ctx context.Context, r request, read func(*http.Response) error) error {
	call, err := c.newCall(ctx, r)
	if err != nil {
		return err
	}
	begin := c.now()
	for {
		var resp *http.Response
		if resp, err = c.send(call, r); err == nil {
			if err = receive(resp, read); err == nil {
				break
			}
			if _, handed := errors.AsType[partly](err); !handed && call.Repeat(err) {
				continue
			}
			err = c.broken(call, r, resp, err)
		}
		break
	}
	c.log(call, begin, err)
	return err
}

// receive closes the body also when read panics: a caller's loop may.
func receive(resp *http.Response, read func(*http.Response) error) error {
	defer resp.Body.Close()
	return read(resp)
}

func (c *Client) newCall(ctx context.Context, r request) (*transport.Call, error) {
	if r.err != nil {
		return nil, r.err
	}
	if ctx == nil {
		return nil, &ArgumentError{Name: "context", Reason: "is nil"}
	}
	call := &transport.Call{Context: ctx, Method: r.method, Path: r.path, Policy: c.policy, Unlimited: r.unlimited}
	if l := c.settings.logger; l != nil && l.Enabled(ctx, slog.LevelWarn) {
		call.Log = l
	}
	if r.file != nil {
		call.Source = r.file
	}
	if r.hasSecret() {
		call.SecretBody = transport.OpenBytes([]byte(r.params.Encode()))
		call.Scrub = transport.NewExactScrubber(r.params.Get(r.secret))
	}
	if err := ctx.Err(); err != nil { // net/http would not say that nothing was sent
		return nil, c.failed(call, r, err)
	}
	return call, nil
}

// send makes the request until it is answered or given up, and returns the
// answer if it is a good one.
func (c *Client) send(call *transport.Call, r request) (*http.Response, error) {
	if r.method == http.MethodPatch && c.patchAsPOST.Load() {
		r.method = http.MethodPost
	}
	req, err := c.build(call, r)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		if resp != nil { // go-retryablehttp may return both
			_ = resp.Body.Close()
		}
		return nil, c.failed(call, r, err)
	}
	if refusesPATCH(r.method, resp.StatusCode) {
		c.patchAsPOST.Store(true)
		_ = resp.Body.Close()
		return c.send(call, r)
	}
	if err := c.check(call, r, resp); err != nil {
		_ = resp.Body.Close()
		return nil, err
	}
	return resp, nil
}

func refusesPATCH(method string, status int) bool {
	return method == http.MethodPatch && (status == http.StatusMethodNotAllowed || status == http.StatusNotImplemented)
}

func (c *Client) build(call *transport.Call, r request) (*retryablehttp.Request, error) {
	var out struct { // allocates once
		retryablehttp.Request
		url url.URL
	}
	both := c.base.Path + r.plain + c.base.RawPath + r.path
	n := len(c.base.Path) + len(r.plain)
	out.url = *c.base
	out.url.Path, out.url.RawPath, out.url.RawQuery = both[:n], both[n:], r.query
	header := http.Header{"User-Agent": c.headers.userAgent}
	if r.raw {
		// A compressed body would have no length to check it by.
		header["Accept-Encoding"] = c.headers.identity
	} else {
		header["Accept"] = c.headers.accept
	}
	if r.file != nil || len(r.params) > 0 {
		header["Content-Type"] = c.headers.form
	}
	if !c.observed {
		// http.Client copies what it is given: this is put in place below it, by
		// transport.Attempt.
		call.Header, header = header, c.headers.none
	}
	// What http.NewRequest does, without parsing a URL that is known. A Host beside
	// the URL's would cost http.Client a copy of the URL.
	out.Request.Request = (&http.Request{
		Method: r.method, URL: &out.url, Header: header, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(call)
	if err := r.setBody(&out.Request); err != nil {
		return nil, c.failed(call, r, err)
	}
	return &out.Request, nil
}

func (r *request) setBody(out *retryablehttp.Request) error {
	if r.file != nil {
		if err := out.SetBody(retryablehttp.ReaderFunc(r.file.open)); err != nil {
			return err
		}
		out.GetBody = nil // a middleware that opened it would take the file from the attempt
		out.ContentLength = r.file.length
		return nil
	}
	if len(r.params) == 0 {
		return nil
	}
	params := r.params
	if r.hasSecret() {
		params = redactParam(params, r.secret)
	}
	return out.SetBody([]byte(params.Encode()))
}

func redactParam(params url.Values, name string) url.Values {
	clean := url.Values{}
	for key, values := range params {
		clean[key] = values
	}
	clean.Set(name, redacted)
	return clean
}

// check turns every answer that is not a success into its error.
func (c *Client) check(call *transport.Call, r request, resp *http.Response) error {
	code := resp.StatusCode
	switch {
	case code == http.StatusPartialContent:
		return c.malformed(call, r, resp, errors.New("is a part of something, which was not asked for"))
	case r.raw && !plain(resp):
		return c.malformed(call, r, resp, errors.New("is compressed, which was not asked for"))
	case code/100 == 2 && r.file != nil && !r.file.isWhole():
		return c.malformed(call, r, resp, errors.New("came before the whole file was sent"))
	case code/100 == 2:
		return nil
	case code == http.StatusNotFound && r.method == http.MethodDelete && call.Uncertain():
		// An earlier attempt did it, and its answer was lost.
		resp.StatusCode = http.StatusNoContent
		resp.Body = http.NoBody
		return nil
	case code/100 == 3:
		return &RedirectError{Method: r.method, Path: r.path, StatusCode: code, Location: resp.Header.Get("Location")}
	}
	text, _ := io.ReadAll(resp.Body)
	after, _ := transport.RetryAfter(resp)
	return &Error{
		Method: r.method, Path: r.path, StatusCode: code, Message: errorText(string(text), c.clean(call)),
		RetryAfter: after, Attempts: call.Attempts(), OutcomeUnknown: unknown(call),
	}
}

func plain(resp *http.Response) bool {
	encoding := resp.Header.Get("Content-Encoding")
	return resp.StatusCode/100 != 2 || encoding == "" || encoding == "identity"
}

// clean removes the secrets of a call from a text.
func (c *Client) clean(call *transport.Call) transport.Scrubber {
	if call.Scrub == nil {
		return c.scrub
	}
	return func(text string) string { return c.scrub(call.Scrub(text)) }
}

func unknown(call *transport.Call) bool { return !call.Idempotent() && call.Uncertain() }

// failed is the error of a call that got no answer.
func (c *Client) failed(call *transport.Call, r request, err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err // it repeats verb and URL
	}
	if r.file != nil && r.file.Err() != nil {
		err = r.file.Err()
	}
	if call.Err() != nil {
		err = ended(call)
	}
	return &Error{Method: r.method, Path: r.path, Attempts: call.Attempts(), OutcomeUnknown: unknown(call), Err: err}
}

// ended is why the call's context is over, and what was being retried then.
func ended(call *transport.Call) error {
	cause := context.Cause(call)
	if last := call.Last(); last != nil {
		return fmt.Errorf("%w, after: %w", cause, last)
	}
	return cause
}

// broken is the error of a good answer whose body could not be read.
func (c *Client) broken(call *transport.Call, r request, resp *http.Response, err error) error {
	call.MarkUncertain()
	if p, ok := errors.AsType[partly](err); ok {
		err = p.error
	}
	if call.Err() != nil {
		return c.failed(call, r, err)
	}
	if large, ok := errors.AsType[*transport.TooLargeError](err); ok {
		return c.malformed(call, r, resp, fmt.Errorf("%w: %w", ErrResponseTooLarge, large))
	}
	if _, ok := errors.AsType[*writeError](err); ok || !errors.Is(err, io.ErrUnexpectedEOF) && transport.BrokeOff(err) {
		return c.failed(call, r, err)
	}
	return c.malformed(call, r, resp, err)
}

func (c *Client) malformed(call *transport.Call, r request, resp *http.Response, err error) error {
	return &DecodeError{
		Method: r.method, Path: r.path, StatusCode: resp.StatusCode,
		ContentType: shorten(resp.Header.Get("Content-Type"), maxContentType), Err: err, OutcomeUnknown: !call.Idempotent(),
	}
}

// now is the time, which is asked for only if there is a logger.
func (c *Client) now() time.Time {
	if c.settings.logger == nil {
		return time.Time{}
	}
	return time.Now()
}

func (c *Client) log(call *transport.Call, begin time.Time, err error) {
	l := c.settings.logger
	if l == nil || !l.Enabled(call, slog.LevelDebug) {
		return
	}
	attrs := []slog.Attr{
		slog.String("method", call.Method), slog.String("path", call.Path),
		slog.Int("attempts", call.Attempts()), slog.Duration("duration", time.Since(begin)),
	}
	if err != nil {
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	l.LogAttrs(call, slog.LevelDebug, "trillian: call", attrs...)
}

// writeError is a failure of the caller's writer, which no answer is to blame for.
type writeError struct{ err error }

func (e *writeError) Error() string { return "writing the answer: " + e.err.Error() }
func (e *writeError) Unwrap() error { return e.err }

// copyTo hands the bytes of an answer to the caller's writer.
func copyTo(w io.Writer, body io.Reader) (int64, error) {
	out := &failingWriter{w: w}
	n, err := io.Copy(out, body)
	if err != nil && out.err != nil {
		err = &writeError{out.err}
	} else if err != nil && n > 0 {
		err = partly{err}
	}
	return n, err
}

type failingWriter struct {
	w   io.Writer
	err error
}

func (f *failingWriter) Write(p []byte) (int, error) {
	n, err := f.w.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	if err != nil {
		f.err = err
	}
	return n, err
}
