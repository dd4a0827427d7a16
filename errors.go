package trillian

import (
	"cmp"
	"errors"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/trillian-go/trillian/internal/transport"
)

// The sentinels, for errors.Is. Those that name a status hold for an [*Error].
//
// ErrNotFound holds for every 404, also for one of a proxy that knows no such path
// or host; the error's text then says that it is no Trillian response. Before a
// 404 is taken as proof that something was deleted, look at what is certain to be
// there, such as the list it was in.
var (
	ErrBadRequest   = errors.New("trillian: bad request")  // 400: parameters are invalid or missing
	ErrUnauthorized = errors.New("trillian: unauthorized") // 401: the token is not valid
	ErrForbidden    = errors.New("trillian: forbidden")    // 403
	ErrNotFound     = errors.New("trillian: not found")    // 404; see above
	ErrRateLimited  = errors.New("trillian: rate limited") // 429
	ErrServer       = errors.New("trillian: server error") // any 5xx; 500 is the API's "cannot be fulfilled"
	ErrRedirected   = errors.New("trillian: redirected")   // a [*RedirectError]

	// ErrInvalidArgument holds for an [*ArgumentError]: nothing was sent.
	ErrInvalidArgument = errors.New("trillian: invalid argument")

	// ErrMalformedResponse holds for a [*DecodeError].
	ErrMalformedResponse = errors.New("trillian: malformed response")

	// ErrResponseTooLarge holds for a [*DecodeError] whose response was over the
	// limit of [WithMaxResponseSize].
	ErrResponseTooLarge = errors.New("trillian: response too large")

	// ErrOutcomeUnknown holds for the error of a POST or PATCH that may have been
	// carried out although no response says so: look before you repeat it, or a
	// message is sent, a user is created twice. [Confirm] helps to. It also holds,
	// beside ErrNotFound, for a DELETE that was answered 404 after an attempt that
	// may have been carried out: it is gone by that attempt, or it was never there.
	ErrOutcomeUnknown = errors.New("trillian: outcome unknown")

	// ErrNotSent is for a middleware to wrap in its error when it has sent nothing:
	// a dry run, a rate limiter, a circuit breaker. The call then ends at once, and
	// its outcome is known.
	ErrNotSent = transport.ErrNotSent
)

// Error is the failure of a call: the server's refusal (StatusCode is set), or
// what kept its response from arriving (StatusCode is 0 and Err is set).
type Error struct {
	Method     string        // the verb that was sent
	Path       string        // escaped, below the base URL
	StatusCode int           // 0 where no response arrived
	Message    string        // the server's text, one line, shortened
	Header     http.Header   // of the response, without secrets; nil where none arrived
	RetryAfter time.Duration // how long the server asked to wait, 0 where it did not
	Attempts   int           // how many requests were made

	// OutcomeUnknown says what [ErrOutcomeUnknown] says.
	OutcomeUnknown bool

	// Foreign says that a response arrived whose body is not a Trillian Server's: a
	// proxy's page, say, whose 404 proves nothing.
	Foreign bool

	// Err is what broke below HTTP, or context.Canceled or DeadlineExceeded, whose
	// cause is in the text only.
	Err error

	gaveUp string // why it was not tried again
	hint   string // what to try
}

// Error names the call, the status or the failure, and the server's text:
// "trillian: GET users/nobody%40example.com/: 404 Not Found: no such user".
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "trillian: %s %s", e.Method, e.Path)
	if e.StatusCode != 0 {
		b.WriteString(": " + strings.TrimSpace(fmt.Sprintf("%d %s", e.StatusCode, http.StatusText(e.StatusCode))))
	}
	if e.Foreign {
		kind := shorten(withoutParameters(e.Header.Get("Content-Type")), maxContentType)
		fmt.Fprintf(&b, " (not a Trillian response: %s)", cmp.Or(kind, "of no type"))
	}
	if e.Message != "" {
		b.WriteString(": " + e.Message)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	if e.Attempts > 1 {
		fmt.Fprintf(&b, " (after %d attempts)", e.Attempts)
	}
	if e.gaveUp != "" {
		b.WriteString("; not tried again: " + e.gaveUp)
	}
	if e.hint != "" {
		b.WriteString("; " + e.hint)
	}
	if e.OutcomeUnknown {
		b.WriteString(outcomeUnknownHint)
	}
	return b.String()
}

const outcomeUnknownHint = "; it may have been carried out, look before you repeat it"

// Is reports whether target is the sentinel of the error's status or outcome.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrBadRequest:
		return e.StatusCode == http.StatusBadRequest
	case ErrUnauthorized:
		return e.StatusCode == http.StatusUnauthorized
	case ErrForbidden:
		return e.StatusCode == http.StatusForbidden
	case ErrNotFound:
		return e.StatusCode == http.StatusNotFound
	case ErrRateLimited:
		return e.StatusCode == http.StatusTooManyRequests
	case ErrServer:
		return e.StatusCode >= 500
	case ErrOutcomeUnknown:
		return e.OutcomeUnknown
	}
	return false
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// ArgumentError says which argument cannot be sent, and why. No request was made.
type ArgumentError struct {
	Name   string // the argument's name: "chat", "base URL"
	Reason string // completes the sentence that Name begins: "is empty"
}

// Error returns "trillian: <name> <reason>".
func (e *ArgumentError) Error() string { return "trillian: " + e.Name + " " + e.Reason }

// Is reports whether target is [ErrInvalidArgument].
func (e *ArgumentError) Is(target error) bool { return target == ErrInvalidArgument }

// PinError says that the server's certificate is none of those that
// [WithCertificatePin] named. It is the Err of an [Error].
type PinError struct {
	Fingerprint string // of the certificate that was seen: hex SHA-256
}

// Error names the fingerprint that was seen.
func (e *PinError) Error() string {
	return "the server's certificate is not the pinned one: its SHA-256 fingerprint is " + e.Fingerprint
}

// DecodeError says that a response of success is not what the operation returns:
// no <response>, ill-formed, too large, or without the thing that was asked for.
// It never quotes the response, but for names of elements and the text of an <error>
// below <response>, shortened and without secrets: with one no response is a success.
type DecodeError struct {
	Method      string
	Path        string // escaped, below the base URL
	StatusCode  int
	ContentType string // as the server named it
	Err         error  // what is wrong with the response

	// OutcomeUnknown says what [ErrOutcomeUnknown] says.
	OutcomeUnknown bool
}

// Error names the call and what is wrong with its response.
func (e *DecodeError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "trillian: %s %s: malformed response", e.Method, e.Path)
	if e.StatusCode != 0 {
		fmt.Fprintf(&b, " (%d, %q)", e.StatusCode, e.ContentType)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	if e.OutcomeUnknown {
		b.WriteString(outcomeUnknownHint)
	}
	return b.String()
}

// Is reports whether target is [ErrMalformedResponse] or, where it applies,
// [ErrOutcomeUnknown].
func (e *DecodeError) Is(target error) bool {
	return target == ErrMalformedResponse || target == ErrOutcomeUnknown && e.OutcomeUnknown
}

// Unwrap returns Err.
func (e *DecodeError) Unwrap() error { return e.Err }

// RedirectError says that the server, or a proxy before it, sent the request
// elsewhere. Redirects are never followed: they would turn a DELETE into a GET,
// or take a password to another host. Correct the base URL instead.
type RedirectError struct {
	Method     string
	Path       string // escaped, below the base URL
	StatusCode int    // 3xx
	Location   string // where to, without secrets
}

// Error names the call, the status and the place it was sent to.
func (e *RedirectError) Error() string {
	return fmt.Sprintf("trillian: %s %s: %d redirects to %q, which is not followed; correct the base URL",
		e.Method, e.Path, e.StatusCode, e.Location)
}

// Is reports whether target is [ErrRedirected].
func (e *RedirectError) Is(target error) bool { return target == ErrRedirected }

// The longest texts of a server's that an error carries, in bytes.
const (
	maxMessage     = 300
	maxContentType = 100
)

var (
	htmlTitle  = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`)
	unreadable = regexp.MustCompile(`(?is)<!--.*?-->|<(script|style)\b.*?</(script|style)>`)
	tag        = regexp.MustCompile(`<[^>]*>`)
)

// errorText finds the sentence in the body of an error: of an HTML page its
// title, of XML its text, on one line a terminal can show. What was cleaned
// before it was unescaped must be cleaned once more, and before it is cut.
func errorText(body string, clean func(string) string) string {
	if title := htmlTitle.FindStringSubmatch(body); title != nil {
		body = title[1]
	}
	body = unreadable.ReplaceAllString(body, " ")
	body = html.UnescapeString(tag.ReplaceAllString(body, " "))
	body = strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Cf, r): // a soft hyphen, say
			return -1
		case unicode.IsControl(r) || r == utf8.RuneError:
			return ' '
		}
		return r
	}, body)
	return shorten(clean(strings.Join(strings.Fields(body), " ")), maxMessage)
}

// withoutStatus leaves out of a text the status that it begins with.
func withoutStatus(text string, status int) string {
	name := http.StatusText(status)
	if n := len("404 "); strings.HasPrefix(text, fmt.Sprintf("%d ", status)) && hasPrefixFold(text[n:], name) {
		return strings.TrimLeft(text[n+len(name):], " .:")
	}
	if rest := text[min(len(name), len(text)):]; hasPrefixFold(text, name) && (rest == "" || rest[0] == ':' || rest[0] == '.') {
		return strings.TrimLeft(rest, " .:")
	}
	return text
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// withoutParameters is a MIME type and nothing more: "text/html; charset=utf-8" is
// "text/html".
func withoutParameters(kind string) string {
	kind, _, _ = strings.Cut(kind, ";")
	return strings.TrimSpace(kind)
}

func shorten(s string, longest int) string {
	if len(s) <= longest {
		return s
	}
	for !utf8.RuneStart(s[longest]) {
		longest--
	}
	return s[:longest] + "…"
}
