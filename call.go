package trillian

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"reflect"

	"github.com/trillian-go/trillian/internal/xmlwire"
)

// list asks for every element at the path below <response>.
func list[T any](ctx context.Context, c *Client, r request, element string) ([]T, error) {
	r.method = http.MethodGet
	var items []T
	err := c.exchange(ctx, r, func(resp *http.Response) (err error) {
		items, err = xmlwire.Collect[T](resp.Body, element, resp.ContentLength)
		return err
	})
	return items, err
}

// stream yields every element at the path below <response> as it arrives.
func stream[T any](ctx context.Context, c *Client, r request, element string) iter.Seq2[T, error] {
	r.method = http.MethodGet
	return func(yield func(T, error) bool) {
		stopped := false
		err := c.exchange(ctx, r, func(resp *http.Response) error {
			yielded := false
			for item, err := range xmlwire.Items[T](resp.Body, element) {
				if err == nil {
					err = ctx.Err() // what is buffered would outlast the caller's patience
				}
				if err != nil && yielded {
					return partly{err}
				}
				if err != nil {
					return err
				}
				yielded = true
				if stopped = !yield(item, nil); stopped {
					return nil
				}
			}
			return nil
		})
		if err != nil && !stopped {
			var zero T
			yield(zero, err)
		}
	}
}

// partly says that some of a response has been handed on, so that it cannot be
// asked for again.
type partly struct{ error }

func (p partly) Unwrap() error { return p.error }

// get asks for the one element that the response must have.
func get[T any](ctx context.Context, c *Client, r request, element string) (*T, error) {
	return change[T](ctx, c, http.MethodGet, r, element, nil)
}

// change creates or updates, and returns what is then there: the element of the
// response. Where it is not documented that there is one, what was sent may stand in;
// where sent is nil, the response must have it.
func change[T any](ctx context.Context, c *Client, method string, r request, element string, sent *T) (*T, error) {
	r.method = method
	var item *T
	err := c.exchange(ctx, r, func(resp *http.Response) (err error) {
		item, err = one[T](resp.Body, element)
		if errors.Is(err, xmlwire.ErrEmpty) || errors.Is(err, xmlwire.ErrNoItems) {
			err = nil
		}
		if err == nil && item == nil && sent == nil {
			err = fmt.Errorf("has no <%s>", element)
		}
		return err
	})
	if err == nil && item == nil {
		return sent, nil
	}
	return item, err
}

// one decodes the only element of its name, or nil where there is none.
func one[T any](body io.Reader, element string) (*T, error) {
	var found *T
	for item, err := range xmlwire.Items[T](body, element) {
		if err != nil {
			return nil, err
		}
		if found != nil {
			return nil, fmt.Errorf("has more than one <%s>", element)
		}
		found = &item
	}
	return found, nil
}

// act does what has no result. A body that is not a <response> means that something
// other than the server responded.
func (c *Client) act(ctx context.Context, method string, r request) error {
	r.method = method
	return c.exchange(ctx, r, func(resp *http.Response) error {
		err := xmlwire.Decode(resp.Body, &struct{}{})
		if errors.Is(err, xmlwire.ErrEmpty) {
			return nil
		}
		return err
	})
}

// writeError is a failure of the caller's writer, which no response is to blame for.
type writeError struct{ err error }

func (e *writeError) Error() string { return "writing the response: " + e.err.Error() }
func (e *writeError) Unwrap() error { return e.err }

func isWriteError(err error) bool {
	_, ok := errors.AsType[*writeError](err)
	return ok
}

// copyTo hands the bytes of a response to the caller's writer. An error is partly's
// unless nothing was handed on: a writer that fails has been given something.
func copyTo(w io.Writer, body io.Reader) (int64, error) {
	n, err := io.Copy(callersWriter{w}, body)
	if err != nil && (n > 0 || isWriteError(err)) {
		err = partly{err}
	}
	return n, err
}

// callersWriter makes every failure of a writer a writeError.
type callersWriter struct{ w io.Writer }

func (c callersWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return n, &writeError{err}
	}
	return n, nil
}

// isNil reports whether a reader or a writer of the caller's is none, or a nil
// pointer.
func isNil(stream any) bool {
	v := reflect.ValueOf(stream)
	return stream == nil || v.Kind() == reflect.Pointer && v.IsNil()
}
