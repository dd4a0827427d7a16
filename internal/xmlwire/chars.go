package xmlwire

import (
	"encoding/binary"
	"math/bits"
	"unicode"
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

// plain returns how many bytes at the beginning of b are printable ASCII that
// stands for itself, up to stop, '&' and '<'. It looks at eight bytes at a time: in
// the mask, the lowest high bit that is set stands for the first other byte. Most
// texts are plain; to find their end first and then look takes 5 to 15 % longer.
func plain(b []byte, stop byte) int {
	i := 0
	for stops := uint64(stop) * ones; i <= len(b)-8; i += 8 {
		x := binary.LittleEndian.Uint64(b[i : i+8])
		x |= (x - ' '*ones) | ((x ^ '&'*ones) - ones) | ((x ^ '<'*ones) - ones) | ((x ^ stops) - ones)
		if x &= highs; x != 0 {
			return i + bits.TrailingZeros64(x)/8
		}
	}
	for i < len(b) && b[i] != stop && class[b[i]]&classPlain != 0 {
		i++
	}
	return i
}

// The states of the automaton that valid runs: within a character of UTF-8, what
// may follow. Each is how far a row of transitions is shifted to have the next one
// in its lowest six bits. The last has only four: it leads to the first two.
const (
	start = 6 * iota
	bad   // for good
	one   // one continuation byte
	two   // two of them
	three // three of them
	afterE0
	afterED
	afterEF
	afterF0
	afterF4
	afterEFBF
)

// transitions has a row for each byte.
var transitions = func() (t [256]uint64) {
	for c := range t {
		for state := start; state <= afterEFBF; state += 6 {
			t[c] |= bad << state
		}
	}
	for _, r := range []struct{ state, first, last, next int }{
		{start, ' ', 0x7F, start}, {start, '\t', '\n', start},
		{start, 0xC2, 0xDF, one}, {one, 0x80, 0xBF, start},
		{start, 0xE0, 0xE0, afterE0}, {afterE0, 0xA0, 0xBF, one}, // not what is shorter
		{start, 0xE1, 0xEC, two}, {two, 0x80, 0xBF, one},
		{start, 0xED, 0xED, afterED}, {afterED, 0x80, 0x9F, one}, // no surrogates
		{start, 0xEE, 0xEE, two},
		{start, 0xEF, 0xEF, afterEF}, {afterEF, 0x80, 0xBE, one},
		{afterEF, 0xBF, 0xBF, afterEFBF}, {afterEFBF, 0x80, 0xBD, start}, // not U+FFFE
		{start, 0xF0, 0xF0, afterF0}, {afterF0, 0x90, 0xBF, two}, // not what is shorter
		{start, 0xF1, 0xF3, three}, {three, 0x80, 0xBF, two},
		{start, 0xF4, 0xF4, afterF4}, {afterF4, 0x80, 0x8F, two}, // not beyond Unicode
	} {
		for c := r.first; c <= r.last; c++ {
			t[c] ^= uint64(r.next^bad) << r.state
		}
	}
	return t
}()

// valid tells whether b is UTF-8 of characters that XML allows, but for carriage
// returns. It does not branch, and so has no bad case: with utf8.Valid, Chinese
// messages take twice as long, French ones 1.8 times; if it is not unrolled, 5 to 15 %.
func valid(b []byte) bool {
	t, state := &transitions, uint64(start)
	for ; len(b) >= 8; b = b[8:] {
		state = t[b[0]] >> (state & 63)
		state = t[b[1]] >> (state & 63)
		state = t[b[2]] >> (state & 63)
		state = t[b[3]] >> (state & 63)
		state = t[b[4]] >> (state & 63)
		state = t[b[5]] >> (state & 63)
		state = t[b[6]] >> (state & 63)
		state = t[b[7]] >> (state & 63)
	}
	for _, c := range b {
		state = t[c] >> (state & 63)
	}
	return state&63 == start
}

const (
	classSpace = 1 << iota
	className
	classFirst // of a name
	classWide  // a byte of a character beyond ASCII
	classAlphanumeric
	classPlain // printable ASCII that stands for itself
)

var class = func() (t [256]uint8) {
	for c := range t {
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
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
		if c >= ' ' && c < utf8.RuneSelf && c != '&' && c != '<' {
			t[c] |= classPlain
		}
	}
	return t
}()

// The characters beyond ASCII that begin names, and those that only continue them
// (XML 1.0, production 4), without U+FFFD, as which bytes that are no UTF-8 are read.
var (
	nameStart = &unicode.RangeTable{
		R16: []unicode.Range16{{0xC0, 0xD6, 1}, {0xD8, 0xF6, 1}, {0xF8, 0x2FF, 1}, {0x370, 0x37D, 1}, {0x37F, 0x1FFF, 1}, {0x200C, 0x200D, 1},
			{0x2070, 0x218F, 1}, {0x2C00, 0x2FEF, 1}, {0x3001, 0xD7FF, 1}, {0xF900, 0xFDCF, 1}, {0xFDF0, 0xFFFC, 1}},
		R32: []unicode.Range32{{0x10000, 0xEFFFF, 1}},
	}
	nameRest = &unicode.RangeTable{R16: []unicode.Range16{{0xB7, 0xB7, 1}, {0x300, 0x36F, 1}, {0x203F, 0x2040, 1}}}
)

// isName tells whether the characters beyond ASCII may stand where they do in a
// name.
func isName(name []byte) bool {
	for i, r := range string(name) {
		if r >= utf8.RuneSelf && !unicode.Is(nameStart, r) && (i == 0 || !unicode.Is(nameRest, r)) {
			return false
		}
	}
	return true
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
