package transport

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
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
func NewScrubber(secrets ...string) Scrubber { return newScrubber(true, secrets) }

// NewExactScrubber knows the secrets and nothing else.
func NewExactScrubber(secrets ...string) Scrubber { return newScrubber(false, secrets) }

func newScrubber(params bool, secrets []string) Scrubber {
	k := known{params: params}
	for _, s := range secrets {
		if len(s) >= minSecret {
			plus := strings.ReplaceAll(s, " ", "+")
			k.forms = append(k.forms, s, plus, strings.ToLower(s), strings.ToLower(plus),
				base64.RawStdEncoding.EncodeToString([]byte(s)), base64.RawURLEncoding.EncodeToString([]byte(s)))
		}
	}
	slices.Sort(k.forms)
	k.forms = slices.Compact(k.forms)
	return func(text string) string { return redact(text, k.find(text, deepest)) }
}

// known is what a scrubber looks for.
type known struct {
	forms  []string
	params bool // also what follows tokenParam
}

const tokenParam = "token="

// deepest is how many escapings may lie one within another: a URL in JSON in HTML.
const deepest = 3

// span is a part of a text, from its first byte to behind its last.
type span struct{ from, to int }

// find returns where a text has what is known, also where only what it says once
// its escapes are undone has it: there are more ways to escape than can be listed.
func (k known) find(text string, depth int) []span {
	var found []span
	for _, form := range k.forms {
		for at := 0; ; {
			i := strings.Index(text[at:], form)
			if i < 0 {
				break
			}
			found = append(found, span{at + i, at + i + len(form)})
			at += i + len(form)
		}
	}
	for _, e := range escapes {
		if depth == 0 || !strings.ContainsAny(text, e.marks) {
			continue
		}
		plain, at := e.undo(text)
		if plain == text {
			continue
		}
		for _, s := range k.find(plain, depth-1) {
			found = append(found, span{at[s.from].from, at[s.to-1].to})
		}
	}
	if k.params {
		found = appendParams(found, text)
	}
	return found
}

// appendParams adds what follows "token=", up to its end. If it begins with what is
// found or scrubbed already, the text goes on behind that.
func appendParams(found []span, text string) []span {
	begun := make(map[int]bool, len(found))
	for _, s := range found {
		begun[s.from] = true
	}
	for at := 0; ; {
		i := strings.Index(text[at:], tokenParam)
		if i < 0 {
			return found
		}
		at += i + len(tokenParam)
		if begun[at] || strings.HasPrefix(text[at:], Redacted) {
			continue
		}
		size := strings.IndexFunc(text[at:], endsParam)
		if size < 0 {
			size = len(text) - at
		}
		if size > 0 {
			found = append(found, span{at, at + size})
		}
		at += size
	}
}

func endsParam(c rune) bool { return c <= ' ' || strings.ContainsRune(`&"'<>#;,)`, c) }

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
	for name, values := range h {
		if lower := strings.ToLower(name); s(lower) != lower {
			delete(h, name)
		}
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
