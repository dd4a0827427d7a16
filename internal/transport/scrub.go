package transport

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"math"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Redacted stands where a secret stood.
const Redacted = "[redacted]"

// A shorter secret would be found in ordinary words.
const minSecret = 4

// Scrubber removes known secrets from texts, however they are escaped. It is a
// function, since fmt prints the fields of a struct and not what a function holds.
type Scrubber func(text string) string

// NewScrubber knows the secrets and whatever follows "token=".
func NewScrubber(secrets ...string) Scrubber {
	known := NewExactScrubber(secrets...)
	return func(text string) string {
		text = known(text)
		if !strings.Contains(text, "token=") {
			return text
		}
		return tokenParam.ReplaceAllString(text, "token="+Redacted)
	}
}

// tokenParam has part of a token where a text was cut in the middle of it. Behind
// what is scrubbed already, the text goes on.
var tokenParam = regexp.MustCompile(`token=(\[redacted\]|[^\x00- &"'<>#;,)]+)`)

// NewExactScrubber knows the secrets and nothing else.
func NewExactScrubber(secrets ...string) Scrubber {
	var forms []string
	shortest := math.MaxInt // no escaping shortens a secret
	for _, s := range secrets {
		if len(s) >= minSecret {
			shortest = min(shortest, len(s))
			forms = append(forms, s, strings.ReplaceAll(s, " ", "+"),
				base64.RawStdEncoding.EncodeToString([]byte(s)), base64.RawURLEncoding.EncodeToString([]byte(s)))
		}
	}
	return func(text string) string {
		if len(text) < shortest {
			return text
		}
		return redact(text, find(forms, text, deepest))
	}
}

// deepest is how many escapings may lie one within another: a URL in JSON in HTML.
const deepest = 3

// span is a part of a text, from its first byte to behind its last.
type span struct{ from, to int }

// find returns where a text has one of the forms, also where only what it says
// once its escapes are undone has one: there are more ways to escape than can be
// listed.
func find(forms []string, text string, depth int) []span {
	var found []span
	for _, form := range forms {
		for from := 0; ; {
			i := strings.Index(text[from:], form)
			if i < 0 {
				break
			}
			found = append(found, span{from + i, from + i + len(form)})
			from += i + len(form)
		}
	}
	if depth == 0 {
		return found
	}
	for _, e := range escapes {
		if !strings.Contains(text, e.mark) {
			continue
		}
		plain, at := e.undo(text)
		if plain == text {
			continue
		}
		for _, s := range find(forms, plain, depth-1) {
			to := s.to
			for at[to] == at[s.to-1] { // the escape's other bytes
				to++
			}
			found = append(found, span{at[s.from], at[to]})
		}
	}
	return found
}

// escapes are the ways to write a character as several.
var escapes = []escape{
	{"%", regexp.MustCompile(`%[[:xdigit:]]{2}`), func(s string) string {
		c, _ := strconv.ParseUint(s[1:], 16, 8)
		return string([]byte{byte(c)})
	}},
	{"&", regexp.MustCompile(`&#?[[:alnum:]]+;?`), html.UnescapeString},
	{`\`, regexp.MustCompile(`\\(u[[:xdigit:]]{4}|x[[:xdigit:]]{2}|[^ux])`), func(s string) string {
		if c, err := strconv.Unquote(`"` + s + `"`); err == nil {
			return c
		}
		return s[1:] // JSON has more than Go
	}},
}

type escape struct {
	mark    string // what it begins with
	pattern *regexp.Regexp
	undone  func(match string) string
}

// undo returns what a text says, and of each of its bytes, and of its end, where
// in the text it is.
func (e escape) undo(text string) (string, []int) {
	var plain []byte
	var at []int
	end := 0
	for _, match := range e.pattern.FindAllStringIndex(text, -1) {
		for ; end < match[0]; end++ {
			plain, at = append(plain, text[end]), append(at, end)
		}
		end = match[1]
		for _, c := range []byte(e.undone(text[match[0]:end])) {
			plain, at = append(plain, c), append(at, match[0])
		}
	}
	for ; end < len(text); end++ {
		plain, at = append(plain, text[end]), append(at, end)
	}
	return string(plain), append(at, end)
}

// redact takes the spans, which may overlap, out of a text.
func redact(text string, spans []span) string {
	if len(spans) == 0 {
		return text
	}
	slices.SortFunc(spans, func(a, b span) int { return a.from - b.from })
	var b strings.Builder
	end := 0
	for _, s := range spans {
		if s.from >= end {
			b.WriteString(text[end:s.from] + Redacted)
		}
		end = max(end, s.to)
	}
	return b.String() + text[end:]
}

// header scrubs, in place, all values.
func (s Scrubber) header(h http.Header) {
	for _, values := range h {
		for i, v := range values {
			values[i] = s(v)
		}
	}
}

// errorOf returns err, or if anything in its chain tells a secret, an error that
// does not: errors.Is and Timeout still work on it, and nothing unwraps to err.
func (s Scrubber) errorOf(err error) error {
	if err == nil || !s.finds(err) {
		return err
	}
	timeout, ok := errors.AsType[net.Error](err)
	return &scrubbedError{
		text:    s(err.Error()),
		is:      func(target error) bool { return errors.Is(err, target) },
		timeout: ok && timeout.Timeout(),
		dial:    isDialError(err),
	}
}

// finds looks at every error of the tree, since a caller can unwrap to it, and
// at its fields, which %#v and JSON show even where its text does not.
func (s Scrubber) finds(err error) bool {
	for _, text := range []string{err.Error(), fmt.Sprintf("%#v", err), asJSON(err)} {
		if s(text) != text {
			return true
		}
	}
	switch x := err.(type) {
	case interface{ Unwrap() error }:
		inner := x.Unwrap()
		return inner != nil && s.finds(inner)
	case interface{ Unwrap() []error }:
		return slices.ContainsFunc(x.Unwrap(), func(e error) bool { return e != nil && s.finds(e) })
	}
	return false
}

// asJSON is "" for what cannot be written as JSON: an error's own method may even
// panic.
func asJSON(err error) string {
	defer func() { _ = recover() }()
	text, _ := json.Marshal(err)
	return string(text)
}

type scrubbedError struct {
	text    string
	is      func(error) bool
	timeout bool
	dial    bool
}

func (e *scrubbedError) Error() string        { return e.text }
func (e *scrubbedError) Is(target error) bool { return e.is(target) }
func (e *scrubbedError) Timeout() bool        { return e.timeout }
func (e *scrubbedError) Temporary() bool      { return e.timeout }
