package wire

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

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
// characters that XML allows, up to stop, '&' and '<'. It looks at eight bytes at
// a time: in the mask, the lowest high bit that is set stands for the first byte
// to look at closely.
func plain(b []byte, stop byte) int {
	i := 0
	for {
		if stop == '<' { // most of all, and so with what the compiler knows
			for ; i <= len(b)-8; i += 8 {
				x := binary.LittleEndian.Uint64(b[i : i+8])
				x |= (x - ' '*ones) | ((x ^ '&'*ones) - ones) | ((x ^ '<'*ones) - ones)
				if x &= highs; x != 0 {
					i += bits.TrailingZeros64(x) / 8
					break
				}
			}
		} else {
			for stops := uint64(stop) * ones; i <= len(b)-8; i += 8 {
				x := binary.LittleEndian.Uint64(b[i : i+8])
				x |= (x - ' '*ones) | ((x ^ '&'*ones) - ones) | ((x ^ '<'*ones) - ones) | ((x ^ stops) - ones)
				if x &= highs; x != 0 {
					i += bits.TrailingZeros64(x) / 8
					break
				}
			}
		}
		if i == len(b) {
			return i
		}
		switch c := b[i]; {
		case c == stop || c == '&' || c == '<':
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

// quoted is plain for an attribute in the usual quotes, most of which are short
// and need no more than this. '"' and '&' are the same but for one bit.
func quoted(b []byte) int {
	const bit = '"' ^ '&'
	i := 0
	for ; i <= len(b)-8; i += 8 {
		x := binary.LittleEndian.Uint64(b[i : i+8])
		x |= (x - ' '*ones) | ((x&^(bit*ones) ^ '"'*ones) - ones) | ((x ^ '<'*ones) - ones)
		if x &= highs; x != 0 {
			if i += bits.TrailingZeros64(x) / 8; b[i] == '"' {
				return i
			}
			break
		}
	}
	return i + plain(b[i:], '"')
}

// wide returns how many bytes at the beginning of b are characters of several
// bytes that XML allows. utf8.DecodeRune says the same, but validation is what
// texts in Chinese, say, spend their time on.
func wide(b []byte) int {
	// A bit for each first byte from E0 to EF, set if all characters that begin with
	// it are allowed: not those that may be overlong, surrogates, or U+FFFE.
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
	classWide  // a byte of a character beyond ASCII
	classAlphanumeric
)

var class = func() (t [256]uint8) {
	for c := range t {
		switch {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			t[c] = classSpace
		case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z':
			t[c] = className | classFirst | classAlphanumeric
		case c == '_' || c == ':':
			t[c] = className | classFirst
		case c >= utf8.RuneSelf:
			t[c] = className | classFirst | classWide
		case '0' <= c && c <= '9':
			t[c] = className | classAlphanumeric
		case c == '-' || c == '.':
			t[c] = className
		}
	}
	return t
}()

// nameRanges are the characters beyond ASCII that begin names, as pairs of first
// and last; innerRanges those that only continue them (XML 1.0, production 4),
// without U+FFFD, as which bytes that are no UTF-8 are read.
var (
	nameRanges = []rune{
		0xC0, 0xD6, 0xD8, 0xF6, 0xF8, 0x2FF, 0x370, 0x37D, 0x37F, 0x1FFF, 0x200C, 0x200D, 0x2070, 0x218F,
		0x2C00, 0x2FEF, 0x3001, 0xD7FF, 0xF900, 0xFDCF, 0xFDF0, 0xFFFC, 0x10000, 0xEFFFF,
	}
	innerRanges = []rune{0xB7, 0xB7, 0x300, 0x36F, 0x203F, 0x2040}
)

// isName tells whether the characters beyond ASCII may stand where they do in a
// name.
func isName(name []byte) bool {
	for i, r := range string(name) {
		if r >= utf8.RuneSelf && !within(nameRanges, r) && (i == 0 || !within(innerRanges, r)) {
			return false
		}
	}
	return true
}

func within(ranges []rune, r rune) bool {
	for i := 0; i < len(ranges); i += 2 {
		if ranges[i] <= r && r <= ranges[i+1] {
			return true
		}
	}
	return false
}

// characters counts them by the bytes that begin one, so that b may begin or end
// within one.
func characters(b []byte) (n int) {
	for _, c := range b {
		if c&0xC0 != 0x80 {
			n++
		}
	}
	return n
}
