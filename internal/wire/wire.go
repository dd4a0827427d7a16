// Package wire turns the server's XML answers into values and media into form
// bodies. It knows no HTTP.
//
// The decoder takes the struct tags of encoding/xml and is several times as
// fast, because it knows what this API's answers look like: a scanner over a
// bounded buffer (scan.go) drives a plan that was made once per type (plan.go),
// so that a document costs little more than the strings it becomes.
package wire

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"reflect"
)

const (
	rootName = "response"
	maxDepth = 128
	maxToken = 16 << 20 // bytes of one name, attribute value or text
)

// ErrEmpty reports a document without a byte besides white space.
var ErrEmpty = errors.New("wire: the document is empty")

// SyntaxError reports a document that is not what it should be: malformed,
// truncated, with another root than <response>, or with a value that does not
// fit its field. It never quotes the document's content, which may be secret.
type SyntaxError struct {
	Offset int64 // in bytes, about where the document went wrong
	Reason string

	err error // io.ErrUnexpectedEOF when the document ends too early
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("wire: bad document at byte %d: %s", e.Offset, e.Reason)
}

// Unwrap returns io.ErrUnexpectedEOF for a document that ends too early.
func (e *SyntaxError) Unwrap() error { return e.err }

// Decode reads one document from r, to EOF, and replaces the struct that v
// points to with the attributes and children of its root, which must be
// <response>. On any error *v is left as it was.
//
// It understands the tags of encoding/xml but for namespaces, innerxml,
// comment and any,attr, and two more: `items:"name"` beside the tag of a field
// whose struct type has a slice tagged ",any" lets only children of that name
// into the slice, and a map[string]string tagged ",any" keeps every attribute
// and child that no other field takes (see leftovers).
//
// It reports a *SyntaxError, ErrEmpty, an error of r's, or a v that cannot be
// decoded into.
func Decode(r io.Reader, v any) error {
	target, p, err := planOf(v)
	if err != nil {
		return err
	}
	fresh := target
	if !target.IsZero() {
		fresh = reflect.New(target.Type()).Elem()
	}
	s := newScanner(r)
	err = s.document(fresh, p)
	s.release()
	switch {
	case err != nil && fresh == target:
		target.SetZero()
	case err == nil && fresh != target:
		target.Set(fresh)
	}
	return err
}

// Check reports why Decode could not fill what v points to, whatever the
// document, so that a mistake shows before a request is sent.
func Check(v any) error {
	_, _, err := planOf(v)
	return err
}

// Items yields each element at path below <response> ("groupchat",
// "messages>message"), decoded into a new T, while the bytes arrive. Other
// elements are skipped. An error is yielded once, last, with the zero T.
// After a break the rest of r is left unread.
func Items[T any](r io.Reader, path string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var item, zero T
		p, err := streamPlan(reflect.TypeFor[T](), path)
		if err == nil {
			s := newScanner(r)
			s.emit = func() bool {
				more := yield(item, nil)
				item = zero
				return more
			}
			s.item = reflect.ValueOf(&item).Elem()
			err = s.document(reflect.Value{}, p)
			s.release()
		}
		if err != nil && err != errStopped {
			yield(zero, err)
		}
	}
}

// errStopped unwinds the decoder when the caller of Items has had enough.
var errStopped = errors.New("wire: stopped")
