package trillian

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-querystring/query"
)

// request is what a service asks: the operation's path with its arguments in
// place, and its parameters. An argument that cannot be sent is kept in err.
type request struct {
	method string
	path   string // escaped, below the base URL
	query  string
	params url.Values // the form, for every verb but GET and HEAD
	secret string     // the parameter, if any, that only the server may see
	file   *fileForm  // the form of an upload, instead of params
	raw    bool       // the answer is bytes, not a <response>
	err    error

	unlimited bool // the answer may be of any size
}

// maxSegment is longer than any identifier of the server's, and short enough
// for a URL that proxies let pass.
const maxSegment = 2048

// endpoint fills the :names of an operation's path with its arguments, in
// order, each escaped to exactly one segment.
func endpoint(template string, args ...any) request {
	var b strings.Builder
	b.Grow(len(template) + 64)
	for part := range strings.SplitSeq(strings.TrimSuffix(template, "/"), "/") {
		if name, ok := strings.CutPrefix(part, ":"); ok {
			segment, err := segment(name, args[0])
			if err != nil {
				return request{err: err}
			}
			part, args = segment, args[1:]
		}
		b.WriteString(part)
		b.WriteByte('/')
	}
	return request{path: b.String()}
}

func segment(name string, arg any) (string, error) {
	if n, ok := arg.(int); ok {
		return number(name, n)
	}
	s := arg.(string)
	if reason := unusable(s); reason != "" {
		return "", &ArgumentError{Name: name, Reason: reason}
	}
	return escape(s), nil
}

// number writes an identifier. 0 means "none" to the server, so it is never one.
func number(name string, n int) (string, error) {
	if n <= 0 {
		return "", &ArgumentError{Name: name, Reason: fmt.Sprintf("is %d, which is not an ID", n)}
	}
	return strconv.Itoa(n), nil
}

// unusable says why s cannot stand in a path. Dot segments are refused even
// when escaped, as are those between slashes or before a ";": what decodes a path
// on the way may also resolve them, and reach another operation.
func unusable(s string) string {
	switch {
	case s == "":
		return "is empty"
	case strings.TrimSpace(s) == "":
		return "is blank"
	case len(s) > maxSegment:
		return fmt.Sprintf("is longer than %d bytes", maxSegment)
	case !utf8.ValidString(s):
		return "is not valid UTF-8"
	case strings.ContainsFunc(s, unicode.IsControl):
		return "has a control character"
	}
	for part := range strings.FieldsFuncSeq(s, func(r rune) bool { return strings.ContainsRune(`/\;`, r) }) {
		if part == "." || part == ".." {
			return "has a dot segment"
		}
	}
	return ""
}

// escape percent-encodes all but RFC 3986's unreserved characters. url.PathEscape
// would leave "+", "=", "@", ":", "&" and "$", which servers read in their own ways.
func escape(s string) string {
	const upperHex = "0123456789ABCDEF"
	plain := 0
	for plain < len(s) && unreserved(s[plain]) {
		plain++
	}
	if plain == len(s) {
		return s
	}
	b := make([]byte, plain, len(s)+32)
	copy(b, s)
	for i := plain; i < len(s); i++ {
		if c := s[i]; unreserved(c) {
			b = append(b, c)
		} else {
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return string(b)
}

func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '-' || c == '.' || c == '_' || c == '~'
}

// expand adds the options of a GET to the query.
func (r request) expand(options any) request {
	values, err := query.Values(options)
	if err != nil {
		return r.refuse("options", err)
	}
	r.query = values.Encode()
	return r
}

// form adds the parameters of a POST, PATCH, PUT or DELETE.
func (r request) form(params any) request {
	values, err := query.Values(params)
	if err != nil {
		return r.refuse("parameters", err)
	}
	r.params = values
	return r
}

// changes adds the parameters of an update, which must not be without any.
func (r request) changes(update any) request {
	r = r.form(update)
	return r.needChanges()
}

func (r request) needChanges() request {
	if r.err == nil && len(r.params) == 0 {
		r.err = &ArgumentError{Name: "update", Reason: "changes nothing: set a field"}
	}
	return r
}

// fields adds parameters that the struct has no field for.
func (r request) fields(fields map[string]string, own ...string) request {
	for name, value := range fields {
		if name == "" || name == "token" {
			return r.refuse("fields", fmt.Errorf("have the name %q, which is not a parameter", name))
		}
		for _, taken := range own {
			if name == taken {
				return r.refuse("fields", fmt.Errorf("have the name %q, which is a field of the struct", name))
			}
		}
		if r.params == nil {
			r.params = url.Values{}
		}
		r.params.Set(name, value)
	}
	return r
}

// hasSecret reports whether the form has a parameter that only the server may see.
func (r *request) hasSecret() bool { return r.secret != "" && r.params.Has(r.secret) }

func (r request) refuse(name string, err error) request {
	if r.err == nil {
		r.err = &ArgumentError{Name: name, Reason: err.Error()}
	}
	return r
}

// value is what p points to, or the zero value where an update leaves it alone.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
