package adversarial

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html"
	"io"
	"iter"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/http/httputil"
	"net/textproto"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
)

// The canaries have every character that an escaping can get wrong, and are
// found nowhere else.
const (
	canaryToken    = `Tok+en/8J7=Q9%41 pB5&iz"66p/kW+x==`
	canaryPassword = `Pass+wo rd/xhT=%2Bc&8P'9zB\Q%q/7=`
)

// spelling is a way to write a secret.
type spelling struct{ name, text string }

func spellings(secret string) []spelling {
	quoted, _ := json.Marshal(secret)
	var plain bytes.Buffer
	encoder := json.NewEncoder(&plain)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(secret)
	var element bytes.Buffer
	_ = xml.EscapeText(&element, []byte(secret))
	inner := func(s string) string { s = strings.TrimSpace(s); return s[1 : len(s)-1] }
	query, path := url.QueryEscape(secret), url.PathEscape(secret)
	strict := strings.ReplaceAll(query, "+", "%20")
	return []spelling{
		{"as it is", secret},
		{"query-escaped", query},
		{"query-escaped in lower case", lowerHex(query)},
		{"path-escaped", path},
		{"path-escaped in lower case", lowerHex(path)},
		{"strictly escaped", strict},
		{"strictly escaped in lower case", lowerHex(strict)},
		{"query-escaped twice", url.QueryEscape(query)},
		{"strictly escaped twice", url.QueryEscape(strict)},
		{"every byte percent-encoded", eachByte(secret, "%%%02X")},
		{"JSON", inner(string(quoted))},
		{"JSON with bare <>&", inner(plain.String())},
		{"JSON with escaped slashes", strings.ReplaceAll(inner(plain.String()), "/", `\/`)},
		{"JSON, every byte escaped", eachByte(secret, `\u%04x`)},
		{"JSON of a query, every byte escaped", eachByte(query, `\u%04x`)},
		{"HTML of JSON, every byte escaped twice", eachByte(eachByte(secret, `\u%04x`), "&#%d;")},
		{"HTML of a query, every byte an entity", eachByte(query, "&#%d;")},
		{"quoted by Go", inner(strconv.Quote(secret))},
		{"HTML", html.EscapeString(secret)},
		{"HTML with named quotes", strings.NewReplacer("&#34;", "&quot;", "&#39;", "&apos;").Replace(html.EscapeString(secret))},
		{"HTML template", strings.ReplaceAll(html.EscapeString(secret), "+", "&#43;")},
		{"HTML of a query", html.EscapeString("a=1&b=" + query)[len("a=1&amp;b="):]},
		{"every byte a decimal entity", eachByte(secret, "&#%d;")},
		{"every byte a hexadecimal entity", eachByte(secret, "&#x%X;")},
		{"XML", element.String()},
		{"Base64", base64.StdEncoding.EncodeToString([]byte(secret))},
		{"Base64 without padding", base64.RawStdEncoding.EncodeToString([]byte(secret))},
		{"Base64 for URLs", base64.URLEncoding.EncodeToString([]byte(secret))},
		{"Base64 for URLs without padding", base64.RawURLEncoding.EncodeToString([]byte(secret))},
	}
}

func lowerHex(s string) string {
	return regexp.MustCompile(`%[0-9A-F]{2}`).ReplaceAllStringFunc(s, strings.ToLower)
}

func eachByte(s, format string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, format, s[i])
	}
	return b.String()
}

// needles are what no text may hold: both secrets in every spelling, and the
// halves that a cut would leave.
var needles = sync.OnceValue(func() []spelling {
	var all []spelling
	for name, secret := range map[string]string{"token": canaryToken, "password": canaryPassword} {
		for _, s := range spellings(secret) {
			half := len(s.text) / 2
			all = append(all, spelling{name + ", " + s.name, s.text},
				spelling{"first half of the " + name + ", " + s.name, s.text[:half]},
				spelling{"second half of the " + name + ", " + s.name, s.text[half:]})
		}
		all = append(all, spelling{name + " in hex", hex.EncodeToString([]byte(secret))})
	}
	return all
})

// leak names the secret that a text tells, "" for none.
func leak(text string) string {
	if _, known := clean.Load(text); known {
		return ""
	}
	for _, plain := range []string{text, html.UnescapeString(text), unescapeJSON(text), unescapePercent(text)} {
		for _, n := range needles() {
			if strings.Contains(plain, n.text) {
				return n.name
			}
		}
	}
	clean.Store(text, true)
	return ""
}

var clean sync.Map // the texts that tell none: most are seen many times

var (
	jsonEscape    = regexp.MustCompile(`\\(u00[0-9a-fA-F]{2}|.)`)
	percentEscape = regexp.MustCompile(`%[0-9a-fA-F]{2}`)
)

func unescapeJSON(text string) string {
	return jsonEscape.ReplaceAllStringFunc(text, func(s string) string {
		if !strings.HasPrefix(s, `\u00`) {
			return s[1:]
		}
		b, _ := hex.DecodeString(s[len(`\u00`):])
		return string(b)
	})
}

func unescapePercent(text string) string {
	return percentEscape.ReplaceAllStringFunc(text, func(s string) string {
		b, _ := hex.DecodeString(s[1:])
		return string(b)
	})
}

// A detector that finds nothing would let every other test here pass.
func TestLeakDetector(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{canaryToken, canaryPassword} {
		for _, s := range spellings(secret) {
			require.NotEmpty(t, leak("before "+s.text+" after"), s.name)
			require.NotEmpty(t, leak("cut "+s.text[:len(s.text)*2/3]), s.name)
		}
	}
	require.Empty(t, leak(`GET https://im.example.com/v1/users/?a=1&token=[redacted] Pass Tok`))
}

// watcher searches the texts that reach a program around the client, by channel.
type watcher struct {
	t     *testing.T
	mu    sync.Mutex
	texts map[string][]string
}

var channels sync.Map // the names of all that were searched

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
		if _, known := channels.LoadOrStore(channel, true); !known && !w.t.Failed() {
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
