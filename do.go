package trillian

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/trillian-go/trillian/internal/xmlwire"
)

// Do makes a call that the services do not: to path, which is relative to the
// base URL and already escaped. Parameters go to the query of GET and HEAD, to
// the form of other verbs. The response goes to v: nil for none, an io.Writer for
// its bytes as they are, or a pointer to a struct whose xml tags describe the
// attributes and children of <response>, and which is replaced. On an error v is
// left as it was, but for what a writer was given. Where nothing but the connection's
// end tells the end of the bytes, as in HTTP/1.0, a part cannot be told from the whole.
// A response with an <error> is an error, unless the struct has a field for it. A value
// may be moved after its UnmarshalText, which must therefore keep no pointer into it.
//
// Token, retries, limits and errors are as for every other call. Of verbs, GET,
// HEAD, PUT, DELETE, OPTIONS and TRACE are repeated where the package
// documentation says so, any other is treated as POST is. PATCH stays PATCH, also
// with [WithPATCHAsPOST]: what POST would do at an unknown path is not known.
func (c *Client) Do(ctx context.Context, method, path string, params url.Values, v any) error {
	r, err := rawRequest(method, path, params)
	if err != nil {
		return err
	}
	return c.do(ctx, r, v)
}

// rawRequest checks a path that the caller escaped: what the services build
// cannot climb out of the base URL, and neither may this.
func rawRequest(method, path string, params url.Values) (request, error) {
	refuse := func(name, reason string) (request, error) {
		return request{}, &ArgumentError{Name: name, Reason: reason}
	}
	r := request{name: operationDo, route: routeOfPath(path), method: strings.ToUpper(method), path: path}
	plain, err := url.PathUnescape(path)
	r.plain = plain
	switch {
	case method == "":
		return refuse("method", "is empty")
	case strings.ContainsFunc(r.method, func(c rune) bool { return c < 'A' || c > 'Z' }):
		return refuse("method", "is not an HTTP method")
	case path == "":
		return refuse("path", "is empty")
	case err != nil:
		return refuse("path", "is not escaped")
	case strings.HasPrefix(path, "/") || strings.Contains(path, "://"):
		return refuse("path", "is not relative to the base URL: leave out what comes before \"users/\"")
	case strings.ContainsAny(path, "?#\\"):
		return refuse("path", "has a query, a fragment or a backslash: parameters go to params")
	case strings.ContainsFunc(path, mustBeEscaped) || unusable(plain) != "":
		return refuse("path", "has characters that must be escaped, or a dot segment")
	case strings.Contains(path, "//"):
		return refuse("path", "has an empty segment")
	case params.Has("token"):
		return refuse("params", "have a token: the client adds its own")
	}
	if r.method == http.MethodGet || r.method == http.MethodHead {
		r.query = params.Encode()
	} else {
		r.params = params
	}
	return r, nil
}

// mustBeEscaped reports whether net/url would not send c as it is; it would then
// escape the whole path anew, and write %2F as a slash.
func mustBeEscaped(c rune) bool {
	return c <= ' ' || c >= 0x7f || strings.ContainsRune("\"<>^`{|}", c)
}

func (c *Client) do(ctx context.Context, r request, v any) error {
	switch v := v.(type) {
	case nil:
		if r.method == http.MethodHead {
			return c.exchange(ctx, r, func(*http.Response) error { return nil })
		}
		return c.act(ctx, r.method, r)
	case io.Writer:
		if isNil(v) {
			return &ArgumentError{Name: "v", Reason: "is nil"}
		}
		r.raw = true
		return c.exchange(ctx, r, func(resp *http.Response) error {
			_, err := copyTo(v, resp.Body)
			return err
		})
	}
	if err := xmlwire.Check(v); err != nil {
		return &ArgumentError{Name: "v", Reason: err.Error()}
	}
	return c.exchange(ctx, r, func(resp *http.Response) error { return xmlwire.Decode(resp.Body, v) })
}
