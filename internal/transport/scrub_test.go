package transport

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const canary = "AVS/w8J7+UELk4=Q9%pB5 iz&66p=="

func TestScrubber(t *testing.T) {
	t.Parallel()
	scrub := NewScrubber(canary)
	for text, want := range map[string]string{
		"":                      "",
		"nothing of it":         "nothing of it",
		canary:                  "[redacted]",
		"a" + canary + "b":      "a[redacted]b",
		canary + canary:         "[redacted][redacted]",
		url.QueryEscape(canary): "[redacted]",
		url.PathEscape(canary):  "[redacted]",
		strings.ReplaceAll(url.QueryEscape(canary), "+", "%20"):           "[redacted]",
		fmt.Sprintf("%q", canary):                                         `"[redacted]"`,
		strings.ToLower(url.QueryEscape("/")) + " is a slash":             "%2f is a slash",
		"token=" + url.QueryEscape(canary):                                "token=[redacted]",
		"/v1/?a=b&token=" + url.QueryEscape(canary) + "&c=d":              "/v1/?a=b&token=[redacted]&c=d",
		`Get "https://im.test/?token=` + url.QueryEscape(canary) + `": x`: `Get "https://im.test/?token=[redacted]": x`,
		"token=AVS%2Fw8":              "token=[redacted]",
		"token=":                      "token=",
		"token= x":                    "token= x",
		"token=[redacted]":            "token=[redacted]",
		"token=[redacted]&a=b":        "token=[redacted]&a=b",
		"token=a token=b":             "token=[redacted] token=[redacted]",
		"token=" + canary + ": reset": "token=[redacted]: reset",
		"token=" + url.QueryEscape(canary) + ": reset": "token=[redacted]: reset",
		"access_token=abc": "access_token=[redacted]",
	} {
		require.Equal(t, want, scrub(text))
		require.Equal(t, want, scrub(scrub(text)), "again")
	}
}

// One spelling must not be lost while another is read, nor the rest of the text changed.
func TestScrubberOfSeveralSpellings(t *testing.T) {
	t.Parallel()
	const secret = `en%41c&amp;d\u0042`
	each := func(format string) string {
		var b strings.Builder
		for _, c := range []byte(secret) {
			fmt.Fprintf(&b, format, c)
		}
		return b.String()
	}
	text := each("%%%02x") + " 100%25 &lt;b&gt; \\n " + each("&#%d;") + each(`\u%04x`) + "&amp;"
	require.Equal(t, "[redacted] 100%25 &lt;b&gt; \\n [redacted][redacted]&amp;", NewScrubber(secret)(text))
}

func TestScrubberOfEscapes(t *testing.T) {
	t.Parallel()
	scrub := NewScrubber("Pässwörd-😀-2026")
	for text, want := range map[string]string{
		`{"error":"P\u00e4ssw\u00f6rd-\ud83d\ude00-2026 is weak"}`:  `{"error":"[redacted] is weak"}`,
		`P\u00E4ssw\u00F6rd\u002d\uD83D\uDE00\x2d2026\n`:            `[redacted]\n`,
		`"P\u00e4ssw\u00f6rd-\U0001f600-2026"`:                      `"[redacted]"`,
		`P\xc3\xa4ssw\xc3\xb6rd-\xf0\x9f\x98\x80-2026`:              `[redacted]`,
		`P&auml;ssw&ouml;rd-&#128512;-2026`:                         `[redacted]`,
		`P&auml;ss&shyw&ouml;rd-&#173&#128512;-2026`:                `[redacted]`,
		`P&auml;ss&shy;w&ouml;rd-<wbr>&#x1F600;-<b>20</b>26<b></b>`: `[redacted]<b></b>`,
		"P%C3%A4ssw%c3%b6rd-%F0%9F%98%80-2026":                      "[redacted]",
		`\ud83d, \ude00, \ud83d\u0041, \u, \x4, \`:                  `\ud83d, \ude00, \ud83d\u0041, \u, \x4, \`,
		"100 %, a & b, a < b > c, &; &# &#x; %4 %":                  "100 %, a & b, a < b > c, &; &# &#x; %4 %",
		"/?token%3Dabc%26a%3Db":                                     "/?token%3D[redacted]%26a%3Db",
		`/?token\u003dabc&amp;a=b`:                                  `/?token\u003d[redacted]&amp;a=b`,
		`"/?a=b&amp;token&#61;abc"`:                                 `"/?a=b&amp;token&#61;[redacted]"`,
	} {
		require.Equal(t, want, scrub(text))
		require.Equal(t, want, scrub(want), "again")
	}
}

// TestScrubberOfHostileTexts would take minutes if its time grew with the square of a
// text's length.
func TestScrubberOfHostileTexts(t *testing.T) {
	t.Parallel()
	scrub := NewScrubber(canary)
	begin := time.Now()
	for _, part := range []string{"%25", "&amp;amp;", "&", "<", `\\u0025`, `\ud83d`, "token=", canary[:len(canary)-1], canary, `%25&amp;\\`} {
		scrub(strings.Repeat(part, 256<<10/len(part)))
	}
	header := http.Header{}
	for i := range 9000 {
		header[fmt.Sprint("X-%25-", i)] = []string{`%25&amp;\\`}
	}
	scrub.header(header)
	require.Less(t, time.Since(begin), 15*time.Second)
}

func TestScrubberOfAShortSecret(t *testing.T) {
	t.Parallel()
	scrub := exactScrubber("", "a", "abc")
	require.Equal(t, "a cab calls abc", scrub("a cab calls abc"), "ordinary words stay")
	require.Equal(t, "[redacted]", exactScrubber("abcd")("abcd"))
}

func TestScrubberPrefersTheLongerSecret(t *testing.T) {
	t.Parallel()
	for _, secrets := range [][]string{{"hunter2", "hunter22"}, {"hunter22", "hunter2"}} {
		require.Equal(t, "[redacted] [redacted]", exactScrubber(secrets...)("hunter22 hunter2"))
	}
}

func TestScrubHeader(t *testing.T) {
	t.Parallel()
	scrub := NewScrubber(canary)
	h := http.Header{"Location": {"/?token=" + url.QueryEscape(canary), "/" + canary}, "X": {"short"}}
	scrub.header(h)
	require.Equal(t, http.Header{"Location": {"/?token=[redacted]", "/[redacted]"}, "X": {"short"}}, h)
	scrub.header(nil)
	h = http.Header{"X": {"a"}}
	for _, name := range []string{canary, "X-" + url.QueryEscape(canary), strings.ToLower(canary), http.CanonicalHeaderKey(url.QueryEscape(canary))} {
		h[name] = []string{"b"}
	}
	scrub.header(h)
	require.Equal(t, http.Header{"X": {"a"}}, h, "a name that tells is left out")
}

type plainError struct{ URL string }

func (*plainError) Error() string { return "lost" }

func TestScrubError(t *testing.T) {
	t.Parallel()
	scrub := NewScrubber(canary)
	require.NoError(t, scrub.errorOf(nil))
	for _, harmless := range []error{io.EOF, &net.OpError{Op: "dial", Err: io.EOF}, errors.Join(io.EOF, nil, io.ErrClosedPipe)} {
		require.Same(t, harmless, scrub.errorOf(harmless), "what tells nothing is left as it is")
	}
	for name, leaking := range map[string]error{
		"text":      fmt.Errorf("%s: %w", canary, io.EOF),
		"URL error": &url.Error{Op: "Get", URL: "https://im.test/?token=" + url.QueryEscape(canary), Err: io.EOF},
		"deep":      fmt.Errorf("a: %w", fmt.Errorf("b: %w", &url.Error{Op: "Get", URL: canary, Err: io.EOF})),
		"joined":    errors.Join(io.EOF, errors.New(canary)),
		"field":     errors.Join(io.EOF, &plainError{canary}),
	} {
		err := scrub.errorOf(leaking)
		require.NotSame(t, leaking, err, name)
		require.ErrorIs(t, err, io.EOF, name)
		require.NotErrorIs(t, err, io.ErrUnexpectedEOF, name)
		require.NotContains(t, fmt.Sprintf("%v %+v %#v %q", err, err, err, err), canary, name)
		require.NoError(t, errors.Unwrap(err), "nothing unwraps to the original")
		_, ok := errors.AsType[*url.Error](err)
		require.False(t, ok, name)
	}
}

// late has no Temporary, as net.Error has.
type late struct{ plainError }

func (*late) Timeout() bool { return true }

// TestScrubberOfALongHeader looks through no more than it says, and keeps no more.
func TestScrubberOfALongHeader(t *testing.T) {
	t.Parallel()
	part := "a" + canary + strings.Repeat(" ", 64<<10)
	h := http.Header{"X": {part, part, part, part, part}}
	NewScrubber(canary).header(h)
	require.NotContains(t, fmt.Sprint(h), canary)
	require.Equal(t, strings.Replace(part, canary, Redacted, 1), h["X"][0])
	require.Equal(t, []string{Redacted, Redacted}, h["X"][3:])
}

func TestScrubErrorKeepsWhatRetriesAsk(t *testing.T) {
	t.Parallel()
	scrub := NewScrubber(canary)
	for _, err := range []error{fmt.Errorf("%s: %w", canary, os.ErrDeadlineExceeded), &late{plainError{canary}}} {
		clean := scrub.errorOf(err)
		timeout, ok := errors.AsType[net.Error](clean)
		require.True(t, ok)
		require.True(t, timeout.Timeout())
		require.False(t, isDialError(clean))
	}

	refused := scrub.errorOf(fmt.Errorf("%s: %w", canary, &net.OpError{Op: "dial", Err: io.EOF}))
	require.True(t, isDialError(refused))
	timeout, ok := errors.AsType[net.Error](refused)
	require.True(t, ok)
	require.False(t, timeout.Timeout())
}
