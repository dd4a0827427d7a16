package trillian

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/trillian-go/trillian/internal/transport"
	"github.com/trillian-go/trillian/internal/xmlwire"
)

// exchange makes a call and hands its good response to read, again and from the
// start if the body breaks off and may be asked for again.
func (c *Client) exchange(ctx context.Context, r request, read func(*http.Response) error) error {
	call, err := c.newCall(ctx, r)
	if err != nil {
		return err
	}
	begin := time.Now()
	err = c.sendAndReceive(call, r, read)
	c.log(call, begin, err)
	return err
}

func (c *Client) sendAndReceive(call *transport.Call, r request, read func(*http.Response) error) error {
	for {
		resp, err := c.send(call, r)
		if err != nil {
			return err
		}
		if err = receive(resp, read); err == nil {
			return nil
		}
		if _, handed := errors.AsType[partly](err); handed || !call.Repeat(err) {
			return c.broken(call, r, resp, err)
		}
	}
}

// receive closes the body also when read panics: a caller's loop may.
func receive(resp *http.Response, read func(*http.Response) error) error {
	defer resp.Body.Close()
	return read(resp)
}

// newCall begins a call, unless it cannot be made or its context is done.
func (c *Client) newCall(ctx context.Context, r request) (*transport.Call, error) {
	if r.err != nil {
		return nil, r.err
	}
	if ctx == nil {
		return nil, &ArgumentError{Name: "context", Reason: "is nil"}
	}
	if r.method == http.MethodPatch && r.name != operationDo && c.settings.patchAsPOST {
		r.method = http.MethodPost
	}
	call := &transport.Call{
		Context: ctx, Name: r.name, Route: r.route, Method: r.method, Path: r.path,
		Pipeline: &c.pipeline, Token: c.token, Policy: &c.policy, Budget: c.budget, Unlimited: r.unlimited,
		Bodyless: r.file == nil && len(r.params) == 0, UserAgent: c.settings.userAgent,
	}
	if !r.raw {
		call.Accept = "application/xml"
	}
	if l := c.settings.logger; l != nil && l.Enabled(ctx, slog.LevelWarn) {
		call.Log = l
	}
	if r.file != nil {
		call.Source = r.file
	}
	if r.hasSecret() {
		form := r.params.Encode()
		call.SecretBody = func() string { return form }
		call.Token.Scrub = c.token.And(r.params.Get(r.secret))
	}
	if err := ctx.Err(); err != nil { // net/http would not say that nothing was sent
		return nil, c.failed(call, r, err)
	}
	return call, nil
}

// send makes the request until it is answered or given up, and returns the
// response if it is a good one.
func (c *Client) send(call *transport.Call, r request) (*http.Response, error) {
	req, err := c.build(call, r)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil || call.Interrupted {
		if resp != nil { // go-retryablehttp may return both
			_ = resp.Body.Close()
		}
		return nil, c.failed(call, r, err)
	}
	if refusesPATCH(call.Verb(), resp.StatusCode) && r.name != operationDo && call.PostInstead() {
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

// emptyForm has no parameters, and is a body all the same: net/http would send a
// POST without one again by itself when HTTP/2 refuses it, which proxies do also
// after the server has done the work.
const emptyForm = "&"

func (c *Client) build(call *transport.Call, r request) (*retryablehttp.Request, error) {
	var body any
	switch {
	case r.file != nil:
		body = retryablehttp.ReaderFunc(r.file.open)
	case len(r.params) > 0 || !call.Idempotent():
		form := r.params
		if r.hasSecret() {
			form = redactParam(form, r.secret)
		}
		body = []byte(cmp.Or(form.Encode(), emptyForm))
	}
	out, err := retryablehttp.NewRequestWithContext(call, call.Verb(), "", body)
	if err != nil {
		return nil, c.failed(call, r, err)
	}
	*out.URL = *c.pipeline.Origin // parsed once
	out.URL.RawPath += r.path
	out.URL.Path += r.plain
	out.URL.RawQuery = r.query
	if r.file != nil {
		out.GetBody = nil // a middleware that opened it would take the file from the attempt
		out.ContentLength = r.file.length
	}
	if body != nil {
		out.Header["Content-Type"] = []string{"application/x-www-form-urlencoded"}
	}
	return out, nil
}

func redactParam(params url.Values, name string) url.Values {
	clean := maps.Clone(params)
	clean.Set(name, redacted)
	return clean
}

// check turns every response that is not a success into its error.
func (c *Client) check(call *transport.Call, r request, resp *http.Response) error {
	code := resp.StatusCode
	switch {
	case code == http.StatusPartialContent:
		return c.malformed(call, r, resp, errors.New("is a part of something, which was not asked for"))
	case code/100 == 2 && r.raw && isEncoded(resp):
		return c.malformed(call, r, resp, errors.New("is compressed, which was not asked for"))
	case code/100 == 2 && r.file != nil && !r.file.Whole():
		return c.malformed(call, r, resp, errors.New("came before the whole file was sent"))
	case code/100 == 2:
		return nil
	case code/100 == 3:
		return &RedirectError{Method: call.Verb(), Path: r.path, StatusCode: code, Location: resp.Header.Get("Location")}
	}
	body, _ := io.ReadAll(resp.Body)
	foreign := isForeign(body)
	if foreign && r.hasSecret() { // it may be a word of the response, which is scrubbed
		foreign = isForeign(bytes.ReplaceAll(body, []byte(redacted), []byte(r.params.Get(r.secret))))
	}
	if foreign && code >= 500 {
		call.MarkUncertain() // a proxy's page, whatever the server has done
	}
	e := &Error{
		Method: call.Verb(), Path: r.path, StatusCode: code,
		Message: withoutStatus(errorText(string(body), call.Token.Scrub), code), Header: resp.Header.Clone(),
		Attempts: call.Requests(), OutcomeUnknown: unknown(call, code), Foreign: foreign, gaveUp: call.GaveUp,
		RetryAfter: transport.RetryAfter(resp),
	}
	e.hint = c.hintForStatus(r, e)
	return e
}

// isForeign reports whether a body is there and is not the API's.
func isForeign(body []byte) bool {
	err := xmlwire.Decode(bytes.NewReader(body), &struct{}{})
	_, refusal := errors.AsType[*xmlwire.Refusal](err)
	return err != nil && !refusal && !errors.Is(err, xmlwire.ErrEmpty)
}

func isEncoded(resp *http.Response) bool {
	encoding := resp.Header.Get("Content-Encoding")
	return encoding != "" && !strings.EqualFold(encoding, "identity")
}

// unknown reports whether a call that failed may have been carried out, where it
// matters: a DELETE whose thing is gone may have found it gone, or have removed it.
func unknown(call *transport.Call, status int) bool {
	return call.Uncertain() && (!call.Idempotent() || call.Method == http.MethodDelete && status == http.StatusNotFound)
}

// failed is the error of a call that got no response.
func (c *Client) failed(call *transport.Call, r request, err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err // it repeats verb and URL
	}
	byCaller := isWriteError(err)
	if r.file != nil && r.file.Err() != nil {
		err, byCaller = r.file.Err(), true
	}
	hint := ""
	switch {
	case call.Err() != nil:
		err = endOf(call)
	case call.Attempt() > 0 && !byCaller && isOthersDeadline(err.Error()):
		hint = "that is the http.Client's Timeout or a middleware's deadline, not the end of the call's context"
	}
	if pin, ok := errors.AsType[*transport.PinError](err); ok {
		err = &PinError{Fingerprint: pin.Fingerprint}
	}
	return &Error{
		Method: call.Verb(), Path: r.path, Attempts: call.Requests(), OutcomeUnknown: unknown(call, 0), Err: err,
		gaveUp: call.GaveUp, hint: cmp.Or(hint, hintForError(err)),
	}
}

// unsent is the error of a call whose file failed before there was a request.
func (c *Client) unsent(call *transport.Call, r request, err error) error {
	return c.failed(call, r, fmt.Errorf("nothing was sent: %w", err))
}

// isOthersDeadline reports whether an attempt ended by a deadline that is not the
// call's, in the words of a context or of net/http. To errors.Is, a dial's timeout
// is one too.
func isOthersDeadline(text string) bool {
	return strings.HasSuffix(text, context.DeadlineExceeded.Error()) || strings.Contains(text, "(Client.Timeout ")
}

// contextError is the end of a call's context. Its cause is told and not wrapped:
// it may be the failure of another call, for which this one's must not be taken.
type contextError struct {
	err   error // context.Canceled or context.DeadlineExceeded
	cause string
	last  error // what was being retried, if anything
}

func endOf(call *transport.Call) error {
	e := &contextError{err: call.Err(), last: call.Last}
	if cause := fmt.Sprint(context.Cause(call)); cause != e.err.Error() { // a cause that is a nil pointer may panic
		e.cause = cause
	}
	return e
}

func (e *contextError) Error() string {
	text := e.err.Error()
	if e.cause != "" {
		text += ": " + e.cause
	}
	if e.last != nil {
		text += ", after: " + e.last.Error()
	}
	return text
}

func (e *contextError) Unwrap() []error {
	if e.last == nil {
		return []error{e.err}
	}
	return []error{e.err, e.last}
}

// broken is the error of a good response whose body could not be read.
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
	_, syntax := errors.AsType[*xmlwire.SyntaxError](err)
	if isWriteError(err) || !syntax && transport.BrokeOff(err) {
		return c.failed(call, r, err)
	}
	return c.malformed(call, r, resp, err)
}

func (c *Client) malformed(call *transport.Call, r request, resp *http.Response, err error) error {
	if refusal, ok := errors.AsType[*xmlwire.Refusal](err); ok {
		err = fmt.Errorf("is an <error>: %q", errorText(html.EscapeString(refusal.Text), call.Token.Scrub)) // it reads markup
	}
	if syntax, ok := errors.AsType[*xmlwire.SyntaxError](err); ok { // it names elements
		clean := *syntax
		clean.Reason = call.Token.Scrub(clean.Reason)
		err = &clean
	}
	return &DecodeError{
		Method: call.Verb(), Path: r.path, StatusCode: resp.StatusCode,
		ContentType: shorten(resp.Header.Get("Content-Type"), maxContentType), Err: err, OutcomeUnknown: !call.Idempotent(),
	}
}

func (c *Client) log(call *transport.Call, begin time.Time, err error) {
	l := c.settings.logger
	if l == nil || !l.Enabled(call, slog.LevelDebug) {
		return
	}
	attrs := call.Attrs(slog.Duration("duration", time.Since(begin)))
	if err != nil {
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	l.LogAttrs(call, slog.LevelDebug, "trillian: call", attrs...)
}
