package xmlwire

import (
	"bytes"
	"unicode/utf8"
)

// chars reads text up to '<', or the value of an attribute up to the quote around
// it, and leaves the scanner there.
func (s *scanner) chars(stop byte) []byte {
	b := s.buf[s.pos:s.end]
	n := plain(b, stop)
	if n < len(b) && b[n] == stop {
		s.pos += n
		return b[:n]
	}
	return s.mixed(stop, n)
}

// mixed is chars for what is not all plain: it is so for n bytes.
func (s *scanner) mixed(stop byte, n int) []byte {
	size := s.find(stop, n)
	if size < 0 {
		return s.careful(stop, true)
	}
	text := s.buf[s.pos : s.pos+size]
	if !valid(text[n:]) || stop != '<' && bytes.IndexByte(text, '<') >= 0 {
		return s.careful(stop, true)
	}
	if i := bytes.IndexByte(text[n:], '&'); i >= 0 {
		text = s.unescape(text, n+i)
	}
	s.pos += size
	return text
}

// find returns how far ahead the next c is, not before from, or -1 if the window
// is too small to tell.
func (s *scanner) find(c byte, from int) int {
	for {
		if i := bytes.IndexByte(s.buf[s.pos+from:s.end], c); i >= 0 {
			return from + i
		}
		if from = s.end - s.pos; from > maxName {
			return -1
		}
		s.more()
	}
}

// unescape puts in the place of references, the first of which is at n, what they
// stand for, which is never longer than they are.
func (s *scanner) unescape(text []byte, n int) []byte {
	at := n
	for n < len(text) {
		r, length := reference(text[n:])
		if length <= 0 {
			s.pos += n
			s.malformed(badReference)
		}
		n += length
		at += utf8.EncodeRune(text[at:], r)
		run := bytes.IndexByte(text[n:], '&')
		if run < 0 {
			run = len(text) - n
		}
		at += copy(text[at:], text[n:n+run])
		n += run
	}
	return text[:at]
}

// skipText skips text, of any length, up to '<'. Only its references are looked at.
func (s *scanner) skipText() {
	for {
		b := s.buf[s.pos:s.end]
		n := bytes.IndexByte(b, '<')
		if n >= 0 {
			b = b[:n]
		}
		if i := bytes.IndexByte(b, '&'); i >= 0 {
			s.pos += i
			s.careful('<', false)
			return
		}
		s.pos += len(b)
		if n >= 0 {
			return
		}
		s.more()
	}
}

// careful is chars for what is not in the window as a whole, or has line ends or
// characters that XML does not allow, which become U+FFFD lest one of them cost
// the whole document. It is also for CDATA, where stop is ']'. What is not kept
// may be of any length.
func (s *scanner) careful(stop byte, keep bool) []byte {
	from := len(s.acc)
	out := s.acc
	for {
		if !keep {
			out = out[:from]
		} else if len(out)-from > maxToken {
			s.malformed("a text is too long")
		}
		b := s.buf[s.pos:s.end]
		if len(b) == 0 {
			s.more()
			continue
		}
		switch c := b[0]; {
		case c == stop && (stop != ']' || s.has("]]>")):
			s.acc = out[:from] // with what it has grown
			return out[from:]
		case class[c]&classPlain != 0 && c != ']':
			n := plain(b, stop)
			out = append(out, b[:n]...)
			s.pos += n
		case c == '<' && stop != ']':
			s.malformed("there is a < in an attribute")
		case c == '&' && stop != ']':
			r, size := reference(b)
			if size == 0 {
				s.malformed(badReference)
			} else if size < 0 {
				s.more()
				continue
			}
			out = utf8.AppendRune(out, r)
			s.pos += size
		case c == '\r':
			out = append(out, '\n')
			if s.pos++; s.has("\n") {
				s.pos++
			}
		case c == '&' || c == '<' || c == ']':
			out = append(out, c)
			s.pos++
		case c >= utf8.RuneSelf && !utf8.FullRune(b) && s.fill() == nil: // now it may be whole
		default:
			r, size := utf8.DecodeRune(b)
			if !allowed(r) {
				r = utf8.RuneError
			}
			out = utf8.AppendRune(out, r)
			s.pos += size
		}
	}
}

const badReference = "an entity is unknown or malformed"

// reference returns the character that the reference at the beginning of b stands
// for, and its length: 0 if it is malformed, -1 if b ends before it does.
func reference(b []byte) (r rune, size int) {
	end := 1
	for end < len(b) && end <= maxReference && (b[end] == '#' || class[b[end]]&classAlphanumeric != 0) {
		end++
	}
	if end == len(b) && end <= maxReference {
		return 0, -1
	}
	if end > maxReference || b[end] != ';' {
		return 0, 0
	}
	switch ref := b[1:end]; string(ref) {
	case "lt":
		r = '<'
	case "gt":
		r = '>'
	case "amp":
		r = '&'
	case "apos":
		r = '\''
	case "quot":
		r = '"'
	default:
		if r = numbered(ref); r < 0 {
			return 0, 0
		}
	}
	return r, end + 1
}

// numbered returns the character that ref, of "&ref;", refers to by its number, or
// -1 if it does not.
func numbered(ref []byte) rune {
	digits, ok := bytes.CutPrefix(ref, []byte("#"))
	base := uint32(10)
	if hex, ok := bytes.CutPrefix(digits, []byte("x")); ok {
		base, digits = 16, hex
	}
	if !ok || len(digits) == 0 {
		return -1
	}
	var n uint32
	for _, c := range digits {
		d := uint32(c - '0')
		if d > 9 {
			d = uint32(c|0x20-'a') + 10
		}
		if d >= base {
			return -1
		}
		n = min(n*base+d, utf8.MaxRune+1)
	}
	if !allowed(rune(n)) {
		return utf8.RuneError
	}
	return rune(n)
}
