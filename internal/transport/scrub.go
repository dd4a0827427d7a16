package transport

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
)

// Redacted stands where a secret stood.
const Redacted = "[redacted]"

// A shorter secret would be found in ordinary words.
const minSecret = 4

// Scrubber removes known secrets from texts, however they are escaped. It is a
// function, since fmt prints the fields of a struct and not what a function holds.
type Scrubber func(text string) string

// NewScrubber knows the secrets and whatever follows "token=": where a text was cut,
// that may be a part of one.
func NewScrubber(secrets ...string) Scrubber {
	known := exactScrubber(secrets...)
	return func(text string) string {
		text = known(text)
		if !strings.Contains(text, "token") {
			return text
		}
		return redact(text, find(params, text, deepest))
	}
}

// exactScrubber knows the secrets and nothing else.
func exactScrubber(secrets ...string) Scrubber {
	var forms []string
	shortest := math.MaxInt // no escaping shortens a secret
	for _, s := range secrets {
		if len(s) >= minSecret {
			shortest = min(shortest, len(s))
			plus := strings.ReplaceAll(s, " ", "+")
			forms = append(forms, s, plus, strings.ToLower(s), strings.ToLower(plus),
				base64.RawStdEncoding.EncodeToString([]byte(s)), base64.RawURLEncoding.EncodeToString([]byte(s)))
		}
	}
	slices.Sort(forms)
	forms = slices.Compact(forms)
	occurrences := func(text string) (found []span) {
		for _, form := range forms {
			for at := 0; ; {
				i := strings.Index(text[at:], form)
				if i < 0 {
					break
				}
				found = append(found, span{at + i, at + i + len(form)})
				at += i + len(form)
			}
		}
		return found
	}
	return func(text string) string {
		if len(text) < shortest {
			return text
		}
		return redact(text, find(occurrences, text, deepest))
	}
}

const tokenParam = "token="

// params returns where the values of tokenParam are. Behind what is scrubbed already,
// the text goes on.
func params(text string) (found []span) {
	for at := 0; ; {
		i := strings.Index(text[at:], tokenParam)
		if i < 0 {
			return found
		}
		at += i + len(tokenParam)
		if strings.HasPrefix(text[at:], Redacted) {
			continue
		}
		n := strings.IndexFunc(text[at:], endsParam)
		if n < 0 {
			n = len(text) - at
		}
		if n > 0 {
			found = append(found, span{at, at + n})
		}
		at += n
	}
}

func endsParam(c rune) bool { return c <= ' ' || strings.ContainsRune(`&"'<>#;,)`, c) }

// deepest is how many escapings may lie one within another: a URL in JSON in HTML.
const deepest = 3

// span is a part of a text, from its first byte to behind its last.
type span struct{ from, to int }

// find returns what is there to be found in a text, also where only what it says once
// its escapes are undone has it: there are more ways to escape than can be listed.
func find(in func(text string) []span, text string, depth int) []span {
	found := in(text)
	if depth == 0 {
		return found
	}
	for _, e := range escapes {
		if !strings.ContainsAny(text, e.marks) {
			continue
		}
		plain, at := e.undo(text)
		if plain == text {
			continue
		}
		for _, s := range find(in, plain, depth-1) {
			found = append(found, span{at[s.from].from, at[s.to-1].to})
		}
	}
	return found
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

// header scrubs all values in place, and drops a field whose name has a secret,
// in whatever case that was brought.
func (s Scrubber) header(h http.Header) {
	left := maxHeader
	for name, values := range h {
		left -= len(name)
		if lower := strings.ToLower(name); left < 0 || s(lower) != lower {
			delete(h, name)
			continue
		}
		for i, v := range values {
			if left -= len(v); left < 0 {
				v = Redacted
			}
			values[i] = s(v)
		}
	}
}

// maxHeader is how many bytes of a header are looked through, for the time that it
// takes. What is beyond them is taken out: no server has so many but in bad faith.
const maxHeader = 256 << 10

// errorOf returns err, or if anything in its chain tells a secret, an error that
// does not: errors.Is and Timeout still work on it, and nothing unwraps to err.
func (s Scrubber) errorOf(err error) error {
	if err == nil || !s.finds(err) {
		return err
	}
	timeout, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
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
