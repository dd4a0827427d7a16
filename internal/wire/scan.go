package wire

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/bits"
	"reflect"
	"sync"
	"unicode/utf8"
)

const (
	bufferSize   = 32 << 10
	maxKept      = 64 << 10 // of a pooled scanner's buffers
	maxReference = 1 << 10
	maxIdleReads = 100
)

// scanner reads markup from a bounded window of the document. What it returns
// as []byte is borrowed from the window and good until the next read.
type scanner struct {
	r        io.Reader
	buf      []byte
	pos, end int   // buf[pos:end] is not yet scanned
	base     int64 // where buf[0] stands in the document
	err      error // of r

	names []byte // of the open elements, end to end
	depth int
	acc   []byte // texts that did not come in one piece, a stack as well
	rest  *leftovers

	item reflect.Value // for Items
	emit func() bool
}

var scanners = sync.Pool{New: func() any { return &scanner{buf: make([]byte, bufferSize)} }}

func newScanner(r io.Reader) *scanner {
	s := scanners.Get().(*scanner)
	s.r = r
	return s
}

// release gives s back without anything of the document that could be seen.
func (s *scanner) release() {
	if len(s.buf) > maxKept || cap(s.names) > maxKept || cap(s.acc) > maxKept {
		return
	}
	*s = scanner{buf: s.buf, names: s.names[:0], acc: s.acc[:0]}
	scanners.Put(s)
}

func (s *scanner) fail(reason string) error {
	return &SyntaxError{Offset: s.base + int64(s.pos), Reason: reason}
}

// more reads on behind the window, which from pos on is kept. It returns io.EOF
// at the end.
func (s *scanner) more() error {
	if s.err != nil {
		return s.err
	}
	if s.pos > 0 {
		copy(s.buf, s.buf[s.pos:s.end])
		s.base += int64(s.pos)
		s.pos, s.end = 0, s.end-s.pos
	}
	if len(s.buf)-s.end < utf8.UTFMax { // what a transcoding reader needs
		if len(s.buf) >= maxToken {
			return s.fail("a name is too long")
		}
		s.buf = append(s.buf, make([]byte, len(s.buf))...)
	}
	for range maxIdleReads {
		n, err := s.r.Read(s.buf[s.end:])
		s.end += n
		s.err = err
		if n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	s.err = io.ErrNoProgress
	return s.err
}

// need makes the window hold n bytes.
func (s *scanner) need(n int) error {
	for s.end-s.pos < n {
		if err := s.more(); err != nil {
			return err
		}
	}
	return nil
}

// has tells whether prefix is what comes next.
func (s *scanner) has(prefix string) (bool, error) {
	if err := s.need(len(prefix)); err != nil {
		return false, err
	}
	return string(s.buf[s.pos:s.pos+len(prefix)]) == prefix, nil
}

// space skips white space and returns the byte behind it.
func (s *scanner) space() (byte, error) {
	for {
		for ; s.pos < s.end; s.pos++ {
			if c := s.buf[s.pos]; class[c]&classSpace == 0 {
				return c, nil
			}
		}
		if err := s.more(); err != nil {
			return 0, err
		}
	}
}

// through skips all up to and including mark.
func (s *scanner) through(mark string) error {
	for {
		if i := bytes.Index(s.buf[s.pos:s.end], []byte(mark)); i >= 0 {
			s.pos += i + len(mark)
			return nil
		}
		s.pos = max(s.pos, s.end-len(mark)+1)
		if err := s.more(); err != nil {
			return err
		}
	}
}

// name reads a name, prefix and all.
func (s *scanner) name() ([]byte, error) {
	n := 0
	for {
		b := s.buf[s.pos:s.end]
		for n < len(b) && class[b[n]]&className != 0 {
			n++
		}
		if n < len(b) {
			if n == 0 || class[b[0]]&classFirst == 0 {
				return nil, s.fail("a name is missing")
			}
			s.pos += n
			return b[:n], nil
		}
		if err := s.more(); err != nil {
			return nil, err
		}
	}
}

// local returns name without its prefix.
func local(name []byte) []byte {
	if i := bytes.IndexByte(name, ':'); i > 0 && i < len(name)-1 {
		return name[i+1:]
	}
	return name
}

// endTag reads the end tag of name, at whose "</" the scanner stands.
func (s *scanner) endTag(name []byte) error {
	if err := s.need(len(name) + 3); err != nil {
		return err
	}
	b := s.buf[s.pos+2 : s.pos+2+len(name)]
	if !bytes.Equal(b, name) {
		return s.fail("an end tag does not match its start tag")
	}
	s.pos += 2 + len(name)
	c, err := s.space()
	if err != nil {
		return err
	}
	if c != '>' {
		return s.fail("an end tag does not match its start tag")
	}
	s.pos++
	return nil
}

// comment skips the comment or processing instruction that the scanner stands
// at, if it stands at one.
func (s *scanner) comment() (bool, error) {
	if err := s.need(2); err != nil {
		return false, err
	}
	if s.buf[s.pos+1] == '?' {
		s.pos += 2
		if _, err := s.name(); err != nil {
			return false, err
		}
		return true, s.through("?>")
	}
	if ok, err := s.has("<!-"); !ok || err != nil {
		return false, err
	}
	if ok, err := s.has("<!--"); !ok || err != nil {
		return false, err
	}
	s.pos += len("<!--")
	if err := s.through("--"); err != nil {
		return false, err
	}
	if err := s.need(1); err != nil {
		return false, err
	}
	if s.buf[s.pos] != '>' {
		return false, s.fail("a comment is malformed")
	}
	s.pos++
	return true, nil
}

// chars reads characters up to stop, '<' for text or the quote around an
// attribute's value, and leaves the scanner there. What is not to be kept may
// be of any length, and is not returned as a whole.
func (s *scanner) chars(stop byte, keep bool) ([]byte, error) {
	b := s.buf[s.pos:s.end]
	if i := plain(b, stop); i < len(b) && b[i] == stop && (stop == '<' || bytes.IndexByte(b[:i], '<') < 0) {
		s.pos += i
		return b[:i], nil
	}
	return s.repaired(stop, keep)
}

// repaired is chars for what is not in the window as a whole, or does not stand
// for itself: references, line ends, and characters that XML does not allow,
// which become U+FFFD lest one of them cost the whole document. It is also for
// CDATA, where stop is ']'.
func (s *scanner) repaired(stop byte, keep bool) ([]byte, error) {
	from := len(s.acc)
	out := s.acc
	for {
		b := s.buf[s.pos:s.end]
		n := plain(b, stop)
		if (stop == '"' || stop == '\'') && bytes.IndexByte(b[:n], '<') >= 0 {
			return nil, s.fail("there is a < in an attribute")
		}
		out = append(out, b[:n]...)
		s.pos += n
		if len(out)-from > maxToken {
			return nil, s.fail("a text is too long")
		}
		var err error
		if b = b[n:]; len(b) == 0 {
			if err = s.more(); err != nil {
				return nil, err
			}
			if !keep {
				out = out[:from]
			}
			continue
		}
		switch c := b[0]; {
		case c == stop && stop != ']':
			s.acc = out[:from] // and what it has grown
			return out[from:], nil
		case c == stop:
			end, err := s.has("]]>")
			if err != nil {
				return nil, err
			}
			if end {
				s.pos += len("]]>")
				s.acc = out[:from]
				return out[from:], nil
			}
			out = append(out, c)
			s.pos++
		case c == '&' && stop == ']':
			out = append(out, c)
			s.pos++
		case c == '&':
			var r rune
			if r, err = s.reference(); err != nil {
				return nil, err
			}
			out = utf8.AppendRune(out, r)
		case c == '\r':
			s.pos++
			out = append(out, '\n')
			if err = s.need(1); err != nil {
				return nil, err
			}
			if s.buf[s.pos] == '\n' {
				s.pos++
			}
		case c >= utf8.RuneSelf && !utf8.FullRune(b):
			if err = s.more(); err == io.EOF {
				s.pos++
			} else if err != nil {
				return nil, err
			}
		default:
			_, size := utf8.DecodeRune(b)
			s.pos += size
			out = append(out, "\uFFFD"...)
		}
	}
}

// reference reads a character or entity reference.
func (s *scanner) reference() (rune, error) {
	for {
		b := s.buf[s.pos:s.end]
		n := 1
		for n < len(b) && n < maxReference && (class[b[n]]&className != 0 || b[n] == '#') {
			n++
		}
		if n < len(b) {
			r, ok := referred(b[1:n])
			if !ok || b[n] != ';' {
				return 0, s.fail("an entity is unknown or malformed")
			}
			s.pos += n + 1
			return r, nil
		}
		if err := s.more(); err != nil {
			return 0, err
		}
	}
}

// referred returns the character that ref, of "&ref;", refers to.
func referred(ref []byte) (rune, bool) {
	switch string(ref) {
	case "lt":
		return '<', true
	case "gt":
		return '>', true
	case "amp":
		return '&', true
	case "apos":
		return '\'', true
	case "quot":
		return '"', true
	}
	if len(ref) < 2 || ref[0] != '#' {
		return 0, false
	}
	base, digits := rune(10), ref[1:]
	if ref[1] == 'x' {
		base, digits = 16, ref[2:]
	}
	var r rune
	for _, c := range digits {
		var d rune
		switch {
		case '0' <= c && c <= '9':
			d = rune(c - '0')
		case base == 16 && 'a' <= c|0x20 && c|0x20 <= 'f':
			d = rune(c|0x20-'a') + 10
		default:
			return 0, false
		}
		r = min(r*base+d, utf8.MaxRune+1) // no overflow, however long
	}
	if !allowed(r) {
		r = utf8.RuneError
	}
	return r, len(digits) > 0
}

// allowed tells whether XML allows the character.
func allowed(r rune) bool {
	return r >= ' ' && r < 0xD800 || r == '\t' || r == '\n' || r == '\r' ||
		r > 0xDFFF && r < 0xFFFE || r > 0xFFFF && r <= utf8.MaxRune
}

const (
	ones  = 0x0101010101010101 // times a byte: eight of it
	highs = 0x80 * ones
)

// plain returns how many bytes at the beginning of b stand for themselves:
// neither stop nor '&', and characters that XML allows. It looks at eight bytes
// at a time, the lowest high bit of the mask being the first to look at closely.
func plain(b []byte, stop byte) int {
	stops := uint64(stop) * ones
	i := 0
	for {
		for ; len(b)-i >= 8; i += 8 {
			x := binary.LittleEndian.Uint64(b[i:])
			m := (x | (x - ' '*ones) | ((x ^ '&'*ones) - ones) | ((x ^ stops) - ones)) & highs
			if m != 0 {
				i += bits.TrailingZeros64(m) / 8
				break
			}
		}
		if i == len(b) {
			return i
		}
		switch c := b[i]; {
		case c == stop || c == '&':
			return i
		case c < utf8.RuneSelf:
			if c < ' ' && c != '\n' && c != '\t' {
				return i
			}
			i++
		default:
			n := wide(b[i:])
			if n == 0 {
				return i
			}
			i += n
		}
	}
}

// wide returns how many bytes at the beginning of b are characters of several
// bytes that XML allows. utf8.DecodeRune says the same, but validation is what
// texts in Chinese, say, spend their time on.
func wide(b []byte) int {
	// The third nibble of the characters E?.... of which all are allowed: neither
	// overlong, nor surrogates, nor among the last, where U+FFFE is.
	const usual = 0b0101_1111_1111_1110
	i := 0
	for len(b)-i >= 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		switch {
		case x&0xC0C0F0_C0C0F0 == 0x8080E0_8080E0 && usual>>(x&15)&(usual>>(x>>24&15))&1 != 0:
			i += 6
		case x&0xC0C0F0 == 0x8080E0:
			r := x&15<<12 | x>>8&63<<6 | x>>16&63
			if r < 0x800 || !allowed(rune(r)) {
				return i
			}
			i += 3
		case x&0xC0E0 == 0x80C0 && x&30 != 0:
			i += 2
		case x&0xC0C0C0F8 == 0x808080F0:
			r := x&7<<18 | x>>8&63<<12
			if r < 0x10000 || r > utf8.MaxRune {
				return i
			}
			i += 4
		default:
			return i
		}
	}
	for i < len(b) && b[i] >= utf8.RuneSelf {
		r, size := utf8.DecodeRune(b[i:])
		if size == 1 || !allowed(r) {
			break
		}
		i += size
	}
	return i
}

const (
	classSpace = 1 << iota
	className
	classFirst // of a name
)

var class = func() (t [256]uint8) {
	for c := range t {
		switch {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			t[c] = classSpace
		case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' || c == ':' || c >= utf8.RuneSelf:
			t[c] = className | classFirst
		case '0' <= c && c <= '9' || c == '-' || c == '.':
			t[c] = className
		}
	}
	return t
}()
