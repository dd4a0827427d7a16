package trillian

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-querystring/query"
)

// request is what a service asks: the operation's path with its arguments in
// place, and its parameters. An argument that cannot be sent is kept in err.
type request struct {
	name   string // the operation, such as "GroupChats.Members.Add"
	route  string // the path before its arguments were put in place
	method string
	path   string // escaped, below the base URL
	plain  string // the same, not escaped
	query  string
	params url.Values // the form, for every verb but GET and HEAD
	secret string     // the parameter, if any, that only the server may see
	file   *fileForm  // the form of an upload, instead of params
	raw    bool       // the response is bytes, not a <response>
	err    error

	unlimited bool // the response may be of any size
}

// maxSegment is longer than any identifier of the server's, and short enough
// for a URL that proxies let pass.
const maxSegment = 2048

// endpoint fills the :names of an operation's route with its arguments, in
// order, each escaped to exactly one segment.
func endpoint(name, route string, args ...any) request {
	// Of a size that most paths have, so that only the strings are allocated.
	path, plain := make([]byte, 0, 256), make([]byte, 0, 256)
	rest := route
	for _, arg := range args {
		before, after, _ := strings.Cut(rest, ":")
		param, _, _ := strings.Cut(after, "/")
		segment, err := segmentOf(param, arg)
		if err != nil {
			return request{err: err}
		}
		path = appendEscaped(append(path, before...), segment)
		plain = append(append(plain, before...), segment...)
		rest = after[len(param):]
	}
	path, plain = append(path, rest...), append(plain, rest...)
	return request{name: name, route: route, path: string(path), plain: string(plain)}
}

// argumentName is what the methods call an argument that the reference's routes
// call by another name.
func argumentName(name string) string {
	switch name {
	case "groupchat":
		return "chat"
	case "imaddress":
		return "user"
	case "item":
		return "id"
	}
	return name
}

// segmentOf is an argument as text, if it can be a segment of a path. 0 means
// "none" to the server, so it is never an ID.
func segmentOf(param string, arg any) (string, error) {
	refuse := func(reason string) (string, error) {
		return "", &ArgumentError{Name: argumentName(param), Reason: reason}
	}
	if n, ok := arg.(int); ok {
		if n <= 0 {
			return refuse(fmt.Sprintf("is %d, which is not an ID", n))
		}
		return strconv.Itoa(n), nil
	}
	s := arg.(string)
	if reason := unusable(s); reason != "" {
		return refuse(reason)
	}
	if param != "item" && strings.ContainsAny(s, `/\`) {
		// A proxy that decodes paths would make segments of it, and another operation.
		return refuse("has a slash or backslash")
	}
	return s, nil
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
	case strings.ContainsFunc(s, unicode.IsControl):
		return "has a control character"
	case !utf8.ValidString(s):
		return "is not valid UTF-8"
	case hasDotSegment(s):
		return "has a dot segment"
	}
	return ""
}

func hasDotSegment(s string) bool {
	for part := range strings.FieldsFuncSeq(s, func(c rune) bool { return c == '/' || c == '\\' || c == ';' }) {
		if part == "." || part == ".." {
			return true
		}
	}
	return false
}

// appendEscaped percent-encodes all but RFC 3986's unreserved characters.
// url.PathEscape would leave "+", "=", "@", ":", "&" and "$", which servers read
// in their own ways.
func appendEscaped(path []byte, s string) []byte {
	const upperHex = "0123456789ABCDEF"
	for i := 0; i < len(s); i++ {
		if c := s[i]; unreserved(c) {
			path = append(path, c)
		} else {
			path = append(path, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return path
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
func (r request) changes(update any) request { return r.form(update).needChanges() }

func (r request) needChanges() request {
	if r.err == nil && len(r.params) == 0 {
		r.err = &ArgumentError{Name: "update", Reason: "changes nothing: set a field"}
	}
	return r
}

// fields adds parameters that the struct has no field for.
func (r request) fields(fields map[string]string, own []string) request {
	for name, value := range fields {
		if name == "" || name == "token" {
			return r.refuse("fields", fmt.Errorf("have the name %q, which is not a parameter", name))
		}
		if slices.Contains(own, name) {
			return r.refuse("fields", fmt.Errorf("have the name %q, which is a field of the struct", name))
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
