package trilliantest

import (
	"strconv"
	"unicode"
	"unicode/utf8"
)

// xmlWriter writes answers as the reference prints them: a space after every
// opening tag that has elements below it, and an element without content closed
// at once.
type xmlWriter struct {
	buf  []byte
	open []string
	bare bool // the innermost open tag is not finished yet
}

// begin opens an element. Attributes are name, value, name, value, and so on.
func (x *xmlWriter) begin(name string, attrs ...string) {
	x.tag(name, attrs)
	x.open = append(x.open, name)
	x.bare = true
}

// end closes the innermost element.
func (x *xmlWriter) end() {
	name := x.open[len(x.open)-1]
	x.open = x.open[:len(x.open)-1]
	if x.bare {
		x.buf = append(x.buf, "/>"...)
		x.bare = false
		return
	}
	x.buf = append(append(append(x.buf, "</"...), name...), '>')
}

// text writes an element that holds text.
func (x *xmlWriter) text(name, text string, attrs ...string) {
	x.tag(name, attrs)
	if text == "" {
		x.buf = append(x.buf, "/>"...)
		return
	}
	x.buf = append(x.buf, '>')
	x.buf = appendEscaped(x.buf, text, false)
	x.buf = append(append(append(x.buf, "</"...), name...), '>')
}

func (x *xmlWriter) number(name string, n int64) { x.text(name, strconv.FormatInt(n, 10)) }

// empty writes an element that holds only attributes.
func (x *xmlWriter) empty(name string, attrs ...string) { x.text(name, "", attrs...) }

func (x *xmlWriter) tag(name string, attrs []string) {
	if x.bare {
		x.buf = append(x.buf, "> "...)
		x.bare = false
	}
	x.buf = append(append(x.buf, '<'), name...)
	for i := 0; i < len(attrs); i += 2 {
		x.buf = append(append(append(x.buf, ' '), attrs[i]...), `="`...)
		x.buf = appendEscaped(x.buf, attrs[i+1], true)
		x.buf = append(x.buf, '"')
	}
}

func appendEscaped(b []byte, s string, inAttribute bool) []byte {
	for _, r := range s { // invalid UTF-8 comes as U+FFFD
		switch {
		case r == '&':
			b = append(b, "&amp;"...)
		case r == '<':
			b = append(b, "&lt;"...)
		case r == '>':
			b = append(b, "&gt;"...)
		case r == '"' && inAttribute:
			b = append(b, "&quot;"...)
		case r == '\r' || inAttribute && (r == '\n' || r == '\t'):
			// A reader would turn them into other white space.
			b = append(strconv.AppendInt(append(b, "&#"...), int64(r), 10), ';')
		case !isXMLChar(r):
			b = append(b, "\uFFFD"...)
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return b
}

// isXMLChar reports whether XML 1.0 can hold the character at all.
func isXMLChar(r rune) bool {
	return r >= ' ' && r < 0xFFFE || r == '\t' || r == '\n' || r == '\r' || r >= 0x10000
}

// isXMLName reports whether a text can be an element's name, without a namespace.
func isXMLName(s string) bool {
	for i, r := range s {
		if !unicode.IsLetter(r) && r != '_' && (i == 0 || !unicode.IsDigit(r) && r != '-' && r != '.') {
			return false
		}
	}
	return s != ""
}
