// Package xmlwire turns the server's XML documents into values. It knows no HTTP.
//
// The decoder takes the struct tags of encoding/xml and is many times as fast. A
// scanner over a bounded window of the document (scan.go, and text.go for what is
// not markup), a plan that is made once per type (plan.go) and a value that is bound
// to it once (target.go) meet in decode.go, and a document costs little more than the
// strings it becomes (strings.go). What a comment says that a trick saves was measured:
// the benchmarks were run in turns with it and without it.
package xmlwire

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
	maxToken = 16 << 20 // bytes of one attribute's value or text
)

// ErrEmpty reports a document without a byte besides white space.
var ErrEmpty = errors.New("the document is empty")

// ErrNoItems is in the error for a document that has something else where its items
// should be. One that has nothing there has no items, which is no error.
var ErrNoItems = errors.New("there are no items")

// SyntaxError reports a document that is not what it should be: malformed,
// truncated, with another root than <response>, or with a value that does not fit
// its field. Of the document's content, which may be secret, it quotes only names of
// elements.
type SyntaxError struct {
	Offset int64 // about where the document went wrong, in its own bytes
	Reason string

	err error // io.ErrUnexpectedEOF when the document ends too early, or ErrNoItems
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%s (byte %d)", e.Reason, e.Offset)
}

// Unwrap returns io.ErrUnexpectedEOF for a document that ends too early, or
// [ErrNoItems]. An error of the reader's, which may be the same, is never in a
// SyntaxError.
func (e *SyntaxError) Unwrap() error { return e.err }

// Decode reads one document from r, to EOF, and replaces the struct that v
// points to with the attributes and children of its root, which must be
// <response>. On any error *v is left as it was.
//
// It understands the tags of encoding/xml but for namespaces, innerxml,
// comment and any,attr, and two more: `items:"name"` beside the tag of a field
// whose struct type has a slice tagged ",any" lets only children of that name
// into the slice, and a map[string]string tagged ",any" keeps every attribute
// and child that no other field takes (see leftovers). The other differences stand
// in differential_test.go.
//
// What it decodes may be moved to its place afterwards, so that no UnmarshalText
// may keep a pointer to, or into, what it fills.
//
// It reports a *SyntaxError, ErrEmpty, a *Refusal (unless v has a field for an
// <error>), an error of r's, or a v that cannot be decoded into.
func Decode(r io.Reader, v any) error {
	into, p, err := programFor(v)
	if err != nil {
		return err
	}
	t, s := p.codec.take(), newScanner(r, collectBlock)
	err = s.document(t, p.root)
	s.release()
	if err == nil {
		into.Set(t.v)
		t.v.SetZero()
		p.codec.put(t)
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
		return reflect.Value{}, nil, fmt.Errorf("cannot decode into %T: it is no pointer, or nil", v)
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
		var zero T
		err := items(newScanner(r, streamBlock), path, func(item *T) bool {
			more := yield(*item, nil)
			*item = zero
			return more
		})
		if err != nil && err != errStopped {
			yield(zero, err)
		}
	}
}

// errStopped unwinds the decoder when the caller of Items has had enough.
var errStopped = errors.New("stopped")

const (
	firstItems  = 4        // room for so many at first
	sampleItems = 64       // decoded before the number of all is estimated
	chunkItems  = 4 << 10  // in the largest chunk, if it cannot be estimated
	creditItems = 64 << 10 // the most that the server's word alone makes room for
)

// Collect returns what Items yields, at less cost, or nothing but the error. The
// size of the document, in bytes, is -1 if it is not known.
//
// A slice that append grows is copied again and again, which takes half as long as all
// the rest. So it grows once, to the number of items that the document's size suggests.
// Without a size it is put together from chunks, which takes 10 to 30 % longer.
func Collect[T any](r io.Reader, path string, size int64) ([]T, error) {
	s := newScanner(r, collectBlock)
	var zero T
	var chunks [][]T
	all := make([]T, 0, firstItems)
	err := items(s, path, func(item *T) bool {
		switch n := len(all); {
		case n < cap(all):
		case n < sampleItems:
			all = slices.Grow(all, n)
		case size > 0:
			all = slices.Grow(all, itemsToCome(n, s.offset(s.pos), size))
		default:
			chunks = append(chunks, all)
			all = make([]T, 0, min(2*n, chunkItems))
		}
		all = append(all, *item)
		*item = zero
		return true
	})
	switch {
	case err != nil:
		return nil, err
	case chunks == nil:
		return all, nil
	}
	return slices.Concat(append(chunks, all)...), nil
}

// itemsToCome estimates how many items follow n that took so many bytes of a document
// of that size. The size is only the server's word: room is made for creditItems at
// most, or for as many again as there are.
func itemsToCome(n int, bytes, size int64) int {
	left := float64(n) * float64(size-bytes) / float64(bytes)
	return int(max(firstItems, min(left*9/8, max(float64(n), creditItems))))
}

// items decodes one element at path after the other, and calls take for each, which
// must leave a zero T and say whether it wants more. It releases s.
func items[T any](s *scanner, path string, take func(*T) bool) error {
	defer s.release()
	if path == "" {
		return errors.New("the items have no path")
	}
	p, err := programOf(reflect.TypeFor[T](), path)
	if err != nil {
		return err
	}
	t := p.codec.take()
	item := t.v.Addr().Interface().(*T)
	s.item, s.take = t, func() bool { return take(item) }
	if err = s.document(nil, p.root); err == nil || err == errStopped {
		p.codec.put(t)
	}
	if err == nil && s.stranger != "" {
		err = &SyntaxError{s.offset(s.pos), s.stranger, ErrNoItems}
	}
	return err
}
