package trilliantest

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// answer is what a request is answered, and how it gets lost on its way.
type answer struct {
	status int
	header http.Header
	body   []byte

	drop      bool // the connection ends before the answer
	cut       int  // bytes of the body until the connection ends, -1 for all
	length    int  // a Content-Length that is not the body's, -1 for the true one
	pieceSize int  // bytes of the body at a time, 0 for all
	pause     time.Duration
}

func newAnswer(status int) *answer {
	return &answer{status: status, header: http.Header{}, cut: -1, length: -1}
}

// respond answers a <response>.
func respond(status int, write func(*xmlWriter)) (*answer, error) {
	return document(status, write), nil
}

func document(status int, write func(*xmlWriter)) *answer {
	a := newAnswer(status)
	a.header.Set("Content-Type", "application/xml; charset=utf-8")
	var x xmlWriter
	x.begin("response")
	write(&x)
	x.end()
	a.body = x.buf
	return a
}

// noContent is the success of most deletions.
func noContent() (*answer, error) { return newAnswer(http.StatusNoContent), nil }

// bytesOf answers a file.
func bytesOf(mediaType string, content []byte) *answer {
	a := newAnswer(http.StatusOK)
	a.header.Set("Content-Type", mediaType)
	a.body = content
	return a
}

// problem is a refusal.
type problem struct {
	status int
	text   string
	header http.Header
}

func (p *problem) Error() string { return p.text }

func (p *problem) answer() *answer {
	a := document(p.status, func(x *xmlWriter) { x.text("error", p.text) })
	for name, values := range p.header {
		a.header[name] = values
	}
	return a
}

// The reference's client errors: a parameter is invalid or missing; the token is
// not valid; there is nothing there; it cannot be fulfilled for another reason.
func badRequest(format string, args ...any) error {
	return &problem{status: http.StatusBadRequest, text: fmt.Sprintf(format, args...)}
}

func unauthorized(text string) error {
	return &problem{status: http.StatusUnauthorized, text: text}
}

func notFound(text string) error { return &problem{status: http.StatusNotFound, text: text} }

func cannot(format string, args ...any) error {
	return &problem{status: http.StatusInternalServerError, text: fmt.Sprintf(format, args...)}
}

// link is the full URL of a resource.
func (c *call) link(segments ...string) string {
	var b strings.Builder
	b.WriteString(c.base)
	for _, s := range segments {
		b.WriteString(escapeSegment(s))
		b.WriteByte('/')
	}
	return b.String()
}

// escapeSegment leaves RFC 3986's unreserved characters alone, and no others.
func escapeSegment(s string) string {
	const digits = "0123456789ABCDEF"
	b := make([]byte, 0, len(s)+16)
	for _, c := range []byte(s) {
		if isHex(c) || 'g' <= c|0x20 && c|0x20 <= 'z' || strings.IndexByte("-._~", c) >= 0 {
			b = append(b, c)
		} else {
			b = append(b, '%', digits[c>>4], digits[c&0xF])
		}
	}
	return string(b)
}
