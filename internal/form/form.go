// Package form turns media into the body of a form. It knows no HTTP.
package form

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// ErrSizeChanged says that a file had more or fewer bytes than it was said to
// have.
var ErrSizeChanged = errors.New("size has changed")

// Whose failure it is, as opposed to one of the network: an error begins with it.
const (
	OfFile     = "read file"
	OfProgress = "progress callback"
)

func fileError(err error) error { return fmt.Errorf("%s: %w", OfFile, err) }

const (
	// formBlock is how much of a file is held at a time. MeasureForm needs a
	// multiple of 3. Half as much made an upload 3 to 6 % slower.
	formBlock = 48 << 10
	// minIn and minOut are the least that encode works on.
	minIn  = 8
	minOut = 256 + 8

	progressInterval = 100 * time.Millisecond
	maxEmptyReads    = 100
)

// FileForm is an application/x-www-form-urlencoded body that ends in a file,
// Base64-encoded and form-escaped as it is read. It holds a small fixed buffer
// of the file and nothing more.
//
// The last bytes of the body are kept back until the file has been read to its
// end and turned out to be what was announced, so that a file that fails or
// changes never leaves a body that looks complete.
type FileForm struct {
	source       source
	size, length int64 // of the file and of the body; -1: unknown
	progress     func(sent, total int64) error
	reported     time.Time

	start   []byte // what precedes the file; nil once pending
	buf     [formBlock]byte
	unread  []byte // of buf: read from the file, not yet encoded
	ended   bool   // the file has been read to its end
	scratch [2 * minOut]byte
	pending []byte // encoded, not yet handed out
	encoded int64  // form bytes that are pending or handed out
	err     error  // returned once pending is empty
}

// NewFileForm returns a body of the given fields, already encoded
// ("name=a.png&type=image%2Fpng") or empty, and after them the file under key.
//
// size is the number of bytes the file must turn out to have, and length the one
// of the body, -1 where they are unknown; else Read fails with [ErrSizeChanged]. A
// file rewritten since it was measured can have the same size and another length,
// and a Content-Length would cut its body off where it looks complete.
//
// progress, unless nil, is called from Read with the file bytes sent so far and
// the size: at most about ten times a second, and once more when everything has
// been read. The body fails with its error.
func NewFileForm(fields, key string, file io.Reader, size, length int64, progress func(sent, total int64) error) *FileForm {
	return &FileForm{
		source:   source{file: file},
		size:     size,
		length:   length,
		progress: progress,
		start:    formStart(fields, key),
	}
}

// Sent is the number of file bytes taken from the file so far. It may be called
// at any time from any goroutine.
func (f *FileForm) Sent() int64 { return f.source.count.Load() }

// Read fills p wholly unless the body ends or fails. A failure of the file is said
// to be [OfFile].
func (f *FileForm) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		switch {
		case len(f.pending) > 0:
			m := copy(p[n:], f.pending)
			f.pending = f.pending[m:]
			n += m
		case f.err != nil:
			return n, f.err
		case len(f.unread) < minIn && f.ended:
			f.finish()
		case len(f.unread) < minIn:
			f.fill()
		case len(p)-n >= minOut:
			n += f.encode(p[n:])
		default:
			f.pending = f.scratch[:f.encode(f.scratch[:])]
		}
	}
	return n, nil
}

// encode turns unread bytes into form bytes in dst, and returns their number. A few
// always stay unread.
func (f *FileForm) encode(dst []byte) int {
	written, read := encode(escapedPairs(), dst, f.unread)
	f.unread = f.unread[read:]
	if !f.fits(written) {
		return 0
	}
	return written
}

// finish encodes what is too short for encode, and the padding.
func (f *FileForm) finish() {
	rest := append(f.start, url.QueryEscape(base64.StdEncoding.EncodeToString(f.unread))...)
	f.start, f.unread = nil, nil
	if !f.fits(len(rest)) {
		return
	}
	f.err = io.EOF
	if f.report(); f.err == io.EOF {
		f.pending = rest
	}
}

// fits counts n more form bytes and fails unless they reach the expected length
// exactly when they are the last.
func (f *FileForm) fits(n int) bool {
	f.encoded += int64(n)
	last := f.ended && len(f.unread) == 0
	if f.length < 0 || f.encoded < f.length && !last || f.encoded == f.length && last {
		return true
	}
	f.err = fileError(fmt.Errorf("%w: its form is not the %d bytes expected", ErrSizeChanged, f.length))
	return false
}

// fill reads the next block of the file behind the few bytes that are left of
// the last one.
func (f *FileForm) fill() {
	f.report()
	kept := copy(f.buf[:], f.unread)
	n, err := f.source.readBlock(f.buf[kept:])
	f.unread = f.buf[:kept+n]
	f.ended = err == io.EOF
	got := f.Sent()
	switch {
	case err != nil && !f.ended:
		f.err = err
	case f.size >= 0 && (got > f.size || f.ended && got < f.size):
		f.err = fileError(fmt.Errorf("%w: %d bytes expected, %d read", ErrSizeChanged, f.size, got))
	case f.start != nil && len(f.unread) > 0 && f.fits(len(f.start)):
		// Not before the file has been read and is not empty: on its own this would
		// be a whole body, the one of an empty file.
		f.pending, f.start = f.start, nil
	}
}

// report calls progress at the end, and before if the last call is long enough
// ago. It counts what has been encoded, which is less than the whole until then.
func (f *FileForm) report() {
	sent := f.Sent() - int64(len(f.unread))
	if f.progress == nil || f.err != io.EOF && (sent == 0 || time.Since(f.reported) < progressInterval) {
		return
	}
	f.reported = time.Now()
	if err := f.progress(sent, f.size); err != nil {
		f.err = err
	}
}

// MeasureForm reads file to its end and returns its size and the length of the
// [FileForm] made of it, both in bytes. It stops between two blocks when ctx is
// done. A failure of the file is said to be [OfFile].
func MeasureForm(ctx context.Context, fields, key string, file io.Reader) (size, length int64, err error) {
	src := source{file: file}
	buf := make([]byte, formBlock)
	length = int64(len(formStart(fields, key)))
	for err == nil {
		if ctx.Err() != nil {
			return 0, 0, context.Cause(ctx)
		}
		var n int
		n, err = src.readBlock(buf)
		size += int64(n)
		length += int64(base64.StdEncoding.EncodedLen(n) + 2*countEscapes(buf[:n]))
	}
	if err != io.EOF {
		return 0, 0, err
	}
	return size, length, nil
}

// formStart is the body up to where the file begins.
func formStart(fields, key string) []byte {
	if fields != "" {
		fields += "&"
	}
	return []byte(fields + url.QueryEscape(key) + "=")
}

// source reads someone else's file, trusting it with nothing.
type source struct {
	file  io.Reader
	count atomic.Int64
}

// readBlock reads until p is full or the file ends, then with io.EOF. Every
// other error is of the file.
func (s *source) readBlock(p []byte) (n int, err error) {
	defer recovered(OfFile, &err)
	for empty := 0; n < len(p); {
		m, err := s.file.Read(p[n:])
		if m < 0 || m > len(p)-n {
			return n, fileError(fmt.Errorf("invalid count %d from Read of %d bytes", m, len(p)-n))
		}
		n += m
		s.count.Add(int64(m))
		if empty++; m > 0 {
			empty = 0
		}
		switch {
		case err == io.EOF:
			return n, io.EOF
		case err != nil:
			return n, fileError(err)
		case empty == maxEmptyReads:
			return n, fileError(io.ErrNoProgress)
		}
	}
	return n, nil
}

// recovered makes a panic of the caller's code an error, which begins with whose it
// is: a request's body is read in a goroutine of net/http's, where nobody could
// recover it.
func recovered(whose string, err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%s: panic: %v", whose, r)
	}
}

var errGoexit = errors.New("runtime.Goexit was called")

// ErrGoexit is of a file that ended the goroutine it is read in, as a test's FailNow
// does.
var ErrGoexit = fileError(errGoexit)

// Apart runs the caller's code in a goroutine of its own, and waits for it until ctx
// is done. A panic in it, or runtime.Goexit, is an error that begins with whose it is.
func Apart(ctx context.Context, whose string, f func() error) error {
	done := make(chan error, 1)
	go func() {
		err := fmt.Errorf("%s: %w", whose, errGoexit)
		defer func() { done <- err }()
		defer recovered(whose, &err)
		err = f()
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// escapedPairs maps 12 bits of a file to its two characters of Base64,
// form-escaped: 2 to 6 bytes, the first in the lowest bits, and their number in
// the highest byte.
var escapedPairs = sync.OnceValue(func() *[4096]uint64 {
	table := new([4096]uint64)
	for i := range table {
		chars := base64.StdEncoding.EncodeToString([]byte{byte(i >> 4), byte(i << 4), 0})[:2]
		var pair [8]byte
		pair[7] = byte(copy(pair[:], url.QueryEscape(chars)))
		table[i] = binary.LittleEndian.Uint64(pair[:])
	}
	return table
})

// encode turns as much of src into form bytes as dst has room for, six bytes at a
// time. Every pair of characters is stored as 8 bytes, of which the next one
// overwrites those that are not part of it. Where a uint8 indexes an array of minOut
// bytes, no check of bounds is left. To have base64 encode a block, and then to escape
// that byte by byte, takes five times as long.
func encode(table *[4096]uint64, dst, src []byte) (written, read int) {
	d, s := dst, src
	for len(s) >= minIn && len(d) >= minOut {
		v := binary.BigEndian.Uint64(s)
		out := (*[minOut]byte)(d)
		n := putPair(out, 0, table[v>>52])
		n = putPair(out, n, table[v>>40&0xfff])
		n = putPair(out, n, table[v>>28&0xfff])
		n = putPair(out, n, table[v>>16&0xfff])
		d, s = d[n:], s[6:]
	}
	return len(dst) - len(d), len(src) - len(s)
}

// putPair stores one pair at out[n:] and returns where the next belongs.
func putPair(out *[minOut]byte, n uint8, pair uint64) uint8 {
	binary.LittleEndian.PutUint64(out[n:], pair)
	return n + uint8(pair>>56)
}

// countEscapes counts the characters +, / and = in the Base64 of src. Its length
// must be a multiple of 3 unless it ends the file. To encode it and count them with
// bytes.Count takes four times as long.
func countEscapes(src []byte) int {
	n := 2 - (len(src)+2)%3 // =
	for ; len(src) >= 8; src = src[6:] {
		n += bits.OnesCount64(markEscapes(binary.BigEndian.Uint64(src)))
	}
	for len(src) > 0 {
		var word [8]byte // what is not set becomes As, as in Base64
		src = src[copy(word[:6], src):]
		n += bits.OnesCount64(markEscapes(binary.BigEndian.Uint64(word[:])))
	}
	return n
}

// markEscapes takes eight 6-bit indexes in the upper 48 bits and sets the
// highest bit of each that is 62 or 63, the places of + and / in the alphabet:
// such an index has its upper five bits set, and adding 2 to the lower four of
// these carries into the highest only if all four are.
func markEscapes(v uint64) uint64 {
	const each = 1<<16 | 1<<22 | 1<<28 | 1<<34 | 1<<40 | 1<<46 | 1<<52 | 1<<58
	return (v&(each*0b011110) + each*0b000010) & v & (each * 0b100000)
}
