package transport

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"math"
	"net/http"
	"net/url"
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
	return func(text string) string { return scrubTokenParam(known(text)) }
}

// NewExactScrubber knows the secrets and nothing else.
func NewExactScrubber(secrets ...string) Scrubber {
	var pairs []string
	shortest := math.MaxInt // no escaping shortens a secret
	for _, form := range spellings(secrets) {
		pairs = append(pairs, form, Redacted)
		shortest = min(shortest, len(form))
	}
	known := strings.NewReplacer(pairs...)
	return func(text string) string {
		if len(text) < shortest {
			return text
		}
		text = known.Replace(text)
		for { // what is found below an escaping is removed in all its places at once
			clean, found := scrubBelow(known, text, deepest)
			if !found {
				return text
			}
			text = clean
		}
	}
}

// deepest is how many escapings may lie one within another: a URL in JSON in HTML.
const deepest = 2

// scrubBelow finds the secrets in what a text says once its escapes are undone:
// there are more ways to escape than can be listed. The text that comes back, if
// one is found, is without those escapes.
func scrubBelow(known *strings.Replacer, text string, depth int) (clean string, found bool) {
	if depth == 0 || !strings.ContainsAny(text, `%&\`) {
		return text, false
	}
	for _, unescape := range []func(string) string{unescapePercent, html.UnescapeString, unescapeBackslash} {
		plain := unescape(text)
		if plain == text {
			continue
		}
		if clean := known.Replace(plain); clean != plain {
			return clean, true
		}
		if clean, found := scrubBelow(known, plain, depth-1); found {
			return clean, true
		}
	}
	return text, false
}

// unescapePercent undoes what it can: a text is no URL as a whole.
func unescapePercent(text string) string {
	return unescape(text, '%', func(rest string) (byte, int) {
		if len(rest) < 2 {
			return 0, 0
		}
		c, err := strconv.ParseUint(rest[:2], 16, 8)
		if err != nil {
			return 0, 0
		}
		return byte(c), 2
	})
}

// unescapeBackslash undoes the escapes of JSON and of Go, of single bytes.
func unescapeBackslash(text string) string {
	return unescape(text, '\\', func(rest string) (byte, int) {
		if strings.HasPrefix(rest, "u00") && len(rest) >= len("u0000") {
			if c, err := strconv.ParseUint(rest[3:5], 16, 8); err == nil {
				return byte(c), 5
			}
		}
		if rest != "" && strings.ContainsRune(`/"'\`, rune(rest[0])) {
			return rest[0], 1
		}
		return 0, 0
	})
}

// unescape replaces every mark by the byte that decode reads behind it, along
// with as many bytes as decode says.
func unescape(text string, mark byte, decode func(rest string) (c byte, read int)) string {
	i := strings.IndexByte(text, mark)
	if i < 0 {
		return text
	}
	b := append(make([]byte, 0, len(text)), text[:i]...)
	for ; i < len(text); i++ {
		c := text[i]
		if c == mark {
			if decoded, read := decode(text[i+1:]); read > 0 {
				c, i = decoded, i+read
			}
		}
		b = append(b, c)
	}
	return string(b)
}

// spellings are the ways a secret is written in URLs, HTML, JSON and Go texts,
// longest first: a replacer takes the first that matches.
func spellings(secrets []string) []string {
	var forms []string
	for _, s := range secrets {
		if len(s) < minSecret {
			continue
		}
		query, path := url.QueryEscape(s), url.PathEscape(s)
		quoted := strconv.Quote(s)
		forms = append(forms, s, strings.ReplaceAll(s, " ", "+"), query, path, strictEscape(s),
			url.QueryEscape(query), url.QueryEscape(path), url.QueryEscape(strictEscape(s)),
			html.EscapeString(s), quoted[1:len(quoted)-1], strings.ReplaceAll(s, "&", `\u0026`),
			base64.StdEncoding.EncodeToString([]byte(s)), base64.RawStdEncoding.EncodeToString([]byte(s)),
			base64.URLEncoding.EncodeToString([]byte(s)), base64.RawURLEncoding.EncodeToString([]byte(s)))
	}
	for _, form := range forms {
		forms = append(forms, lowerEscapes(form))
	}
	slices.SortFunc(forms, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	return slices.Compact(forms)
}

// strictEscape percent-encodes what is not unreserved, spaces included.
func strictEscape(s string) string {
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
}

// lowerEscapes writes %2F as %2f, which some servers do.
func lowerEscapes(s string) string {
	b := []byte(s)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i:i+3], strings.ToLower(string(b[i:i+3])))
		}
	}
	return string(b)
}

// scrubTokenParam removes what stands behind "token=": part of a token when a
// text was cut in the middle of it.
func scrubTokenParam(text string) string {
	const param = "token="
	if !strings.Contains(text, param) {
		return text
	}
	var b strings.Builder
	for {
		i := strings.Index(text, param)
		if i < 0 {
			b.WriteString(text)
			return b.String()
		}
		b.WriteString(text[:i+len(param)])
		text = text[i+len(param):]
		end := strings.IndexFunc(text, func(r rune) bool {
			return r <= ' ' || strings.ContainsRune("&\"'<>#;,)", r)
		})
		if end < 0 {
			end = len(text)
		}
		if end > 0 {
			b.WriteString(Redacted)
		}
		if rest, ok := strings.CutPrefix(text[:end], Redacted); ok {
			b.WriteString(rest) // scrubbed before: its bracket ended it
		}
		text = text[end:]
	}
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
	timeout := false
	if t, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err); ok {
		timeout = t.Timeout()
	}
	return &scrubbedError{
		text:    s(err.Error()),
		is:      func(target error) bool { return errors.Is(err, target) },
		timeout: timeout,
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
