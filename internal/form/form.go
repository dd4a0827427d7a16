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
// have. It is always inside a [SourceError].
var ErrSizeChanged = errors.New("size has changed")

// SourceError is a failure of the file being sent, as opposed to one of the
// network it is sent over.
type SourceError struct {
	Err error
}

func (e *SourceError) Error() string { return "read file: " + e.Err.Error() }

// Unwrap returns the file's own error.
func (e *SourceError) Unwrap() error { return e.Err }

const (
	// formBlock is how much of a file is held at a time. MeasureForm needs a
	// multiple of 3.
	formBlock = 24 << 10
	// stepIn file bytes become at most stepOut form bytes. The last of the
	// unaligned 8-byte loads and stores reach stepInSlack and stepOutSlack
	// bytes further.
	stepIn       = 24
	stepInSlack  = 2
	stepOut      = 96
	stepOutSlack = 40

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
	source   source
	size     int64 // -1: unknown
	length   int64 // -1: unknown
	progress func(sent, total int64)
	reported time.Time

	table  *[4096]uint64
	buf    [formBlock]byte
	unread []byte // of buf: read from the file, not yet encoded
	ended  bool   // the file has been read to its end

	start   []byte // what precedes the file; nil once pending
	scratch [stepOut + stepOutSlack]byte
	pending []byte // encoded, not yet handed out
	encoded int64  // form bytes that are pending or handed out
	err     error  // returned once pending is empty
}

// NewFileForm returns a body of the given fields, already encoded
// ("name=a.png&type=image%2Fpng") or empty, and after them the file under key.
// size is the number of bytes the file must turn out to have, -1 where that is
// unknown.
//
// progress, unless nil, is called from Read with the file bytes sent so far and
// the size: at most about ten times a second, and once more when everything has
// been read.
func NewFileForm(fields, key string, file io.Reader, size int64, progress func(sent, total int64)) *FileForm {
	return &FileForm{
		source:   source{file: file},
		size:     max(size, -1),
		length:   -1,
		progress: progress,
		table:    escapedPairs(),
		start:    formStart(fields, key),
	}
}

// ExpectLength makes Read fail with [ErrSizeChanged], and keep the end of the
// body back, if the body is not exactly length bytes long. A file rewritten
// since it was measured can have the same size and another length, and a
// Content-Length would cut its body off where it looks complete. It must be
// called before the first Read.
func (f *FileForm) ExpectLength(length int64) { f.length = length }

// Sent is the number of file bytes taken from the file so far. It may be called
// at any time from any goroutine.
func (f *FileForm) Sent() int64 { return f.source.count.Load() }

// Read fills p wholly unless the body ends or fails. A failure of the file is a
// [SourceError].
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
		case len(f.unread) >= stepIn+stepInSlack:
			if len(p)-n >= len(f.scratch) {
				n += f.encode(p[n:])
			} else {
				f.pending = f.scratch[:f.encode(f.scratch[:])]
			}
		case f.ended:
			f.finish()
		default:
			f.fill()
		}
	}
	return n, nil
}

// encode turns whole steps of unread into form bytes in dst, and returns their
// number.
func (f *FileForm) encode(dst []byte) int {
	written, read := encodeSteps(f.table, dst, f.unread)
	f.unread = f.unread[read:]
	if !f.fits(written, false) {
		return 0
	}
	return written
}

// finish encodes what no step takes: at most 25 bytes and the padding.
func (f *FileForm) finish() {
	rest := []byte(url.QueryEscape(base64.StdEncoding.EncodeToString(f.unread)))
	if !f.fits(len(rest), true) {
		return
	}
	f.unread, f.pending, f.err = nil, rest, io.EOF
	f.tell(f.Sent())
}

// fits counts n more form bytes and fails unless they reach the expected length
// exactly when they are the last.
func (f *FileForm) fits(n int, last bool) bool {
	f.encoded += int64(n)
	if f.length < 0 || f.encoded < f.length && !last || f.encoded == f.length && last {
		return true
	}
	f.err = &SourceError{fmt.Errorf("%w: its form is not the %d bytes expected", ErrSizeChanged, f.length)}
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
		f.err = &SourceError{fmt.Errorf("%w: %d bytes expected, %d read", ErrSizeChanged, f.size, got)}
	case f.start != nil:
		// Not before the first block has been read: on its own this would be a
		// whole body, the one of an empty file.
		if f.fits(len(f.start), f.ended && n == 0) {
			f.pending, f.start = f.start, nil
		}
	}
}

// report calls progress if the last call is long enough ago. It counts what has
// been encoded, which is less than the whole until finish.
func (f *FileForm) report() {
	sent := f.Sent() - int64(len(f.unread))
	if f.progress == nil || sent == 0 {
		return
	}
	if now := time.Now(); now.Sub(f.reported) >= progressInterval {
		f.reported = now
		f.tell(sent)
	}
}

// tell calls progress. A panic of the caller's is a failure of the file, as it is
// in readBlock.
func (f *FileForm) tell(sent int64) {
	if f.progress == nil {
		return
	}
	defer func() {
		if r := recover(); r != nil {
			f.pending, f.err = nil, &SourceError{fmt.Errorf("panic in progress: %v", r)}
		}
	}()
	f.progress(sent, f.size)
}

// MeasureForm reads file to its end and returns its size and the length of the
// [FileForm] made of it, both in bytes. It stops between two blocks when ctx is
// done. A failure of the file is a [SourceError].
func MeasureForm(ctx context.Context, fields, key string, file io.Reader) (size, length int64, err error) {
	src := source{file: file}
	buf := make([]byte, formBlock)
	var escapes int64
	for err == nil {
		if ctx.Err() != nil {
			return 0, 0, context.Cause(ctx)
		}
		var n int
		n, err = src.readBlock(buf)
		escapes += int64(countEscapes(buf[:n]))
	}
	if err != io.EOF {
		return 0, 0, err
	}
	size = src.count.Load()
	groups := (size + 2) / 3
	escapes += 3*groups - size // the padding
	return size, int64(len(formStart(fields, key))) + 4*groups + 2*escapes, nil
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
// other error is a SourceError, and so is a panic: a request's body is read in
// a goroutine of net/http's, where nobody could recover it.
func (s *source) readBlock(p []byte) (n int, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &SourceError{fmt.Errorf("panic: %v", r)}
		}
	}()
	empty := 0
	for n < len(p) {
		m, err := s.file.Read(p[n:])
		if m < 0 || m > len(p)-n {
			return n, &SourceError{fmt.Errorf("invalid count %d from Read of %d bytes", m, len(p)-n)}
		}
		n += m
		s.count.Add(int64(m))
		if err == io.EOF {
			return n, io.EOF
		}
		if err != nil {
			return n, &SourceError{err}
		}
		if m > 0 {
			empty = 0
		} else if empty++; empty == maxEmptyReads {
			return n, &SourceError{io.ErrNoProgress}
		}
	}
	return n, nil
}

// escapedPairs maps 12 bits of a file to its two characters of Base64,
// form-escaped: 2 to 6 bytes, the first in the lowest bits, and their number in
// the highest byte.
var escapedPairs = sync.OnceValue(func() *[4096]uint64 {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	var chars, sizes [64]uint64
	for i := range alphabet {
		escaped := url.QueryEscape(alphabet[i : i+1])
		sizes[i] = uint64(len(escaped))
		for j := range escaped {
			chars[i] |= uint64(escaped[j]) << (8 * j)
		}
	}
	table := new([4096]uint64)
	for i := range table {
		a, b := i>>6, i&63
		table[i] = chars[a] | chars[b]<<(8*sizes[a]) | (sizes[a]+sizes[b])<<56
	}
	return table
})

// encodeSteps encodes as many whole steps of src as there are and dst has room
// for. Every pair of characters is stored as 8 bytes, of which the next one
// overwrites those that are not part of it. Arrays of constant size leave no bounds
// check inside.
func encodeSteps(table *[4096]uint64, dst, src []byte) (written, read int) {
	for len(src)-read >= stepIn+stepInSlack && len(dst)-written >= stepOut+stepOutSlack {
		s := (*[stepIn + stepInSlack]byte)(src[read:])
		d := (*[stepOut + stepOutSlack]byte)(dst[written:])
		var n uint64
		for i := 0; i < stepIn; i += 6 {
			v := binary.BigEndian.Uint64(s[i : i+8])
			n = putPair(d, n, table[v>>52])
			n = putPair(d, n, table[v>>40&0xfff])
			n = putPair(d, n, table[v>>28&0xfff])
			n = putPair(d, n, table[v>>16&0xfff])
		}
		written += int(n)
		read += stepIn
	}
	return written, read
}

// putPair stores one pair at d[n:] and returns where the next belongs. n is
// below 96; the mask tells the compiler that it is in range.
func putPair(d *[stepOut + stepOutSlack]byte, n, pair uint64) uint64 {
	binary.LittleEndian.PutUint64(d[n&127:], pair)
	return n + pair>>56
}

// countEscapes counts the characters + and / in the Base64 of src. Its length
// must be a multiple of 3 unless it ends the file.
func countEscapes(src []byte) int {
	n := 0
	for ; len(src) >= stepIn+stepInSlack; src = src[stepIn:] {
		n += bits.OnesCount64(markEscapes(binary.BigEndian.Uint64(src)) |
			markEscapes(binary.BigEndian.Uint64(src[6:]))>>1 |
			markEscapes(binary.BigEndian.Uint64(src[12:]))>>2 |
			markEscapes(binary.BigEndian.Uint64(src[18:]))>>3)
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
