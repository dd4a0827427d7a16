package adversarial

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/http/httputil"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
)

// watcher searches the texts that reach a program around the client, by channel.
type watcher struct {
	t     *testing.T
	mu    sync.Mutex
	texts map[string][]string
}

func newWatcher(t *testing.T) *watcher {
	w := &watcher{t: t, texts: map[string][]string{}}
	t.Cleanup(w.search)
	return w
}

func (w *watcher) see(channel string, texts ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.texts[channel] = append(w.texts[channel], texts...)
}

func (w *watcher) search() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, channel := range slices.Sorted(maps.Keys(w.texts)) {
		for _, text := range w.texts[channel] {
			require.Empty(w.t, leak(text), "channel %q in %q", channel, text)
		}
	}
}

// seeValue looks at a value in every way of printing it.
func (w *watcher) seeValue(channel string, v any) {
	for verb, text := range printings(v) {
		w.see(channel+" by "+verb, text)
	}
}

func printings(v any) map[string]string {
	all := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%t", "%T"} {
		all[verb] = fmt.Sprintf(verb, v)
	}
	all["Sprint"] = fmt.Sprint(v) + fmt.Sprintln(v)
	all["slog text"], all["slog JSON"] = logged(v)
	if b, err := json.Marshal(v); err == nil {
		all["JSON"] = string(b)
	} else {
		all["JSON"] = err.Error()
	}
	if b, err := xml.Marshal(v); err == nil {
		all["XML"] = string(b)
	} else {
		all["XML"] = err.Error()
	}
	return all
}

func logged(v any) (text, asJSON string) {
	var a, b bytes.Buffer
	slog.New(slog.NewTextHandler(&a, nil)).Info("value", "v", v)
	slog.New(slog.NewJSONHandler(&b, nil)).Info("value", "v", v)
	return a.String(), b.String()
}

// seeError looks at an error and at everything it unwraps to.
func (w *watcher) seeError(channel string, err error) {
	w.see(channel, err.Error())
	w.seeValue("errors", err)
	switch x := err.(type) {
	case interface{ Unwrap() error }:
		if inner := x.Unwrap(); inner != nil {
			w.seeError(channel, inner)
		}
	case interface{ Unwrap() []error }:
		for _, inner := range x.Unwrap() {
			w.seeError(channel, inner)
		}
	}
}

// options make a client tell everything it tells anyone.
func (w *watcher) options() []trillian.Option {
	handler := slog.Handler(slog.NewJSONHandler(lines{w, "log lines in JSON"}, &slog.HandlerOptions{Level: slog.LevelDebug - 8}))
	handler = slog.NewMultiHandler(handler, slog.NewTextHandler(lines{w, "log lines in text"}, &slog.HandlerOptions{Level: slog.LevelDebug - 8}))
	return []trillian.Option{
		trillian.WithLogger(slog.New(handler)), trillian.WithMiddleware(w.middleware),
		trillian.WithRetryPolicy(trillian.RetryPolicy{MaxAttempts: 2, MinWait: 1, MaxWait: 1}),
	}
}

type lines struct {
	*watcher
	channel string
}

func (l lines) Write(p []byte) (int, error) {
	l.see(l.channel, string(p))
	return len(p), nil
}

// middleware looks at all that a middleware can get hold of.
func (w *watcher) middleware(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		w.seeRequest("middleware: request", r)
		resp, err := next.RoundTrip(r)
		w.seeRequest("middleware: request afterwards", r)
		w.seeValue("middleware: next", next)
		if err != nil {
			w.seeError("middleware: error", err)
			return nil, err
		}
		w.seeRequest("middleware: request of the response", resp.Request)
		w.see("middleware: status line", resp.Status)
		for name, values := range resp.Header {
			w.see("middleware: response headers", name, strings.Join(values, "\n"))
		}
		w.see("middleware: Location", resp.Header.Get("Location"))
		if at, err := resp.Location(); err == nil {
			w.see("middleware: Response.Location", at.String())
		}
		head, err := httputil.DumpResponse(resp, false)
		w.see("middleware: DumpResponse", string(head), fmt.Sprint(err))
		for _, verb := range []string{"%v", "%+v", "%#v"} {
			w.see("middleware: response by "+verb, fmt.Sprintf(verb, resp))
		}
		if resp.StatusCode/100 != 2 { // what a success tells is the server's to decide
			body, err := io.ReadAll(resp.Body)
			w.see("middleware: bodies of errors", string(body), fmt.Sprint(err))
			resp.Body = io.NopCloser(bytes.NewReader(body))
		}
		return resp, nil
	})
}

func (w *watcher) seeRequest(channel string, r *http.Request) {
	before := channel == "middleware: request"
	if !before {
		r = r.WithContext(r.Context())
		r.Body = nil // net/http may still read it
	}
	w.see(channel+": URL", r.URL.String(), r.URL.RawQuery, r.RequestURI, fmt.Sprintf("%+v %#v", r.URL, r.URL))
	w.see(channel+": headers", fmt.Sprint(r.Header, r.Trailer))
	for _, verb := range []string{"%v", "%+v", "%#v"} {
		w.see(channel+" by "+verb, fmt.Sprintf(verb, r))
		if before {
			w.see(channel+": body by "+verb, fmt.Sprintf(verb, r.Body))
		}
		if _, own := r.Context().(fmt.GoStringer); own || verb != "%#v" { // package context's own would be read while they change
			w.see(channel+": context by "+verb, fmt.Sprintf(verb, r.Context()))
		}
	}
	if r.GetBody != nil {
		body, err := r.GetBody()
		require.NoError(w.t, err)
		text, _ := io.ReadAll(body)
		w.see(channel+": GetBody", string(text))
	}
	if before {
		dump, err := httputil.DumpRequestOut(r, true)
		w.see(channel+": DumpRequestOut", string(dump), fmt.Sprint(err))
	}
}

// context has a trace in it that looks at all that net/http reports.
func (w *watcher) context() context.Context {
	return httptrace.WithClientTrace(w.t.Context(), &httptrace.ClientTrace{
		GetConn:          func(at string) { w.see("trace: GetConn", at) },
		GotConn:          func(c httptrace.GotConnInfo) { w.see("trace: GotConn", fmt.Sprintf("%+v", c)) },
		PutIdleConn:      func(err error) { w.see("trace: PutIdleConn", fmt.Sprint(err)) },
		Got1xxResponse:   func(_ int, h textproto.MIMEHeader) error { w.see("trace: Got1xxResponse", fmt.Sprint(h)); return nil },
		ConnectDone:      func(_, at string, err error) { w.see("trace: ConnectDone", at, fmt.Sprint(err)) },
		WroteHeaderField: func(name string, values []string) { w.see("trace: WroteHeaderField", name, fmt.Sprint(values)) },
		WroteRequest:     func(i httptrace.WroteRequestInfo) { w.see("trace: WroteRequest", fmt.Sprint(i.Err)) },
	})
}

// client is one that holds the canary and tells all.
func (w *watcher) client(base string, opts ...trillian.Option) *trillian.Client {
	opts = slices.Concat([]trillian.Option{trillian.WithBaseURL(base)}, w.options(), opts)
	c, err := trillian.NewClient(canaryToken, opts...)
	require.NoError(w.t, err)
	w.t.Cleanup(c.CloseIdleConnections)
	return c
}

// canaryCalls are one of every verb, and those that carry a password.
var canaryCalls = []struct {
	name string
	call func(context.Context, *trillian.Client) error
}{
	{"GET", func(ctx context.Context, c *trillian.Client) error { _, err := c.Groups.Get(ctx, 1, nil); return err }},
	{"HEAD", func(ctx context.Context, c *trillian.Client) error {
		_, err := c.Users.Media.Stat(ctx, smw, item)
		return err
	}},
	{"POST", func(ctx context.Context, c *trillian.Client) error {
		_, err := c.Users.Create(ctx, trillian.UserCreate{IM: smw, Password: canaryPassword})
		return err
	}},
	{"PATCH", func(ctx context.Context, c *trillian.Client) error {
		_, err := c.Users.Update(ctx, smw, trillian.UserUpdate{Password: new(trillian.Secret(canaryPassword))})
		return err
	}},
	{"PUT", func(ctx context.Context, c *trillian.Client) error {
		return c.Users.Avatar.Set(ctx, smw, trillian.Avatar{Data: []byte("\x89PNG\r\n\x1a\n")})
	}},
	{"DELETE", func(ctx context.Context, c *trillian.Client) error { return c.Users.Delete(ctx, smw) }},
	{"iterator", func(ctx context.Context, c *trillian.Client) error { return last(c.Users.All(ctx)) }},
	{"history", func(ctx context.Context, c *trillian.Client) error {
		return last(c.Users.Messages.History(ctx, smw, nil))
	}},
	{"week", func(ctx context.Context, c *trillian.Client) error {
		return last(c.Users.Messages.All(ctx, smw, week20))
	}},
	{"download", func(ctx context.Context, c *trillian.Client) error {
		_, err := c.Users.Media.Download(ctx, smw, item, io.Discard)
		return err
	}},
	{"upload", func(ctx context.Context, c *trillian.Client) error {
		_, err := c.Users.Media.Upload(ctx, smw, trillian.MediaUpload{Name: "a", Data: strings.NewReader("file")})
		return err
	}},
	{"Do", func(ctx context.Context, c *trillian.Client) error {
		return c.Do(ctx, http.MethodPost, "users/", url.Values{"im": {smw}}, nil)
	}},
}

// last is the error that a loop ends with.
func last[T any](items iter.Seq2[T, error]) (err error) {
	for _, err = range items {
	}
	return err
}
