// Package wire turns the server's XML answers into values and media into form
// bodies. It knows no HTTP.
//
// The decoder takes the struct tags of encoding/xml and is many times as fast: a
// scanner over a bounded window of the document (scan.go) and a plan that is made
// once per type (plan.go) meet in decode.go, and a document costs little more
// than the strings it becomes (strings.go).
package wire

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"reflect"
	"slices"
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
	into, p, err := programFor(v)
	if err != nil {
		return err
	}
	t, s := p.take(), newScanner(r, collectBlock)
	err = s.document(t, p.root)
	s.release()
	if err == nil {
		into.Set(t.v)
		t.v.SetZero()
		p.put(t)
	}
	return err
}

// Check reports why Decode could not fill what v points to, whatever the
// document, so that a mistake shows before a request is sent.
func Check(v any) error {
	_, _, err := programFor(v)
	return err
}

// programFor returns the struct that v points to and its program.
func programFor(v any) (reflect.Value, *program, error) {
	ptr := reflect.ValueOf(v)
	if ptr.Kind() != reflect.Pointer || ptr.IsNil() {
		return reflect.Value{}, nil, fmt.Errorf("wire: cannot decode into %T: it is no pointer, or nil", v)
	}
	p, err := programOf(ptr.Type().Elem(), "")
	return ptr.Elem(), p, err
}

// Items yields each element at path below <response> ("groupchat",
// "messages>message"), decoded into a new T, while the bytes arrive. Other
// elements are skipped. An error is yielded once, last, with the zero T.
// After a break the rest of r is left unread.
func Items[T any](r io.Reader, path string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		err := items(newScanner(r, streamBlock), path, func(item *T) bool { return yield(*item, nil) })
		if err != nil && err != errStopped {
			var zero T
			yield(zero, err)
		}
	}
}

// Collect returns what Items yields, at less cost, or nothing but the error. The
// size of the document, in bytes, is -1 if it is not known.
func Collect[T any](r io.Reader, path string, size int64) ([]T, error) {
	s := newScanner(r, collectBlock)
	all := make([]T, 0, fewItems)
	var before [][]T // as growing one slice would copy and clear more
	err := items(s, path, func(item *T) bool {
		switch n := len(all); {
		case n < cap(all):
		case n < 16*fewItems || size > 0:
			all = slices.Grow(all, s.expected(n, size))
		default:
			before = append(before, all)
			all = make([]T, 0, min(2*n, 4<<10))
		}
		all = append(all, *item)
		return true
	})
	switch {
	case err != nil:
		return nil, err
	case before == nil:
		return all, nil
	}
	return slices.Concat(append(before, all)...), nil
}

const (
	fewItems  = 4
	manyItems = 64 << 10
)

// expected returns how many items to make room for, after n, going by what they
// took of a document of that size. The size is the server's word, so that it
// earns no more than some room, or as much again.
func (s *scanner) expected(n int, size int64) int {
	if n < 16*fewItems {
		return n
	}
	at := s.base + int64(s.pos)
	left := float64(n) * float64(size-at) / float64(at)
	return int(max(fewItems, min(left*9/8, max(float64(n), manyItems))))
}

// items decodes each element at path and calls emit with it, until that is
// false. It releases s.
func items[T any](s *scanner, path string, emit func(item *T) bool) error {
	defer s.release()
	if path == "" {
		return errors.New("wire: the items have no path")
	}
	p, err := programOf(reflect.TypeFor[T](), path)
	if err != nil {
		return err
	}
	t := p.take()
	item, zero := t.v.Addr().Interface().(*T), *new(T)
	s.item, s.emit = t, func() bool {
		more := emit(item)
		*item = zero
		return more
	}
	if err = s.document(nil, p.root); err == nil || err == errStopped {
		p.put(t)
	}
	return err
}

// errStopped unwinds the decoder when the caller of Items has had enough.
var errStopped = errors.New("wire: stopped")
