package xmlwire

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	byteOrderMark = "\uFEFF"
	badEncoding   = "the encoding is not UTF-8"
)

// declarations are how an XML declaration begins: "<?xml5" is something else.
var declarations = []string{"<?xml ", "<?xml\t", "<?xml\r", "<?xml\n", "<?xml?"}

// maxDeclaration is how long an XML declaration may be.
const maxDeclaration = 1 << 10

// prolog reads up to the first markup and finds out the document's encoding.
func (s *scanner) prolog() {
	for s.end < 4 {
		if err := s.fill(); err == io.EOF {
			break
		} else if err != nil {
			s.fail(err)
		}
	}
	head := s.buf[:s.end]
	marked := bytes.HasPrefix(head, []byte(byteOrderMark))
	utf16 := bytes.HasPrefix(head, []byte("\xFE\xFF")) || bytes.HasPrefix(head, []byte("\xFF\xFE")) ||
		len(head) >= 2 && (head[0] == 0 || head[1] == 0) // or UTF-32
	switch {
	case marked:
		s.pos = len(byteOrderMark)
	case utf16:
		s.malformed(badEncoding)
	}
	if err := s.blank(); err == io.EOF {
		s.fail(ErrEmpty)
	} else if err != nil {
		s.fail(err)
	}
	if !s.has("<?") || !slices.ContainsFunc(declarations, s.has) {
		return
	}
	label := s.declaredEncoding()
	if marked || label == "" {
		return
	}
	high, ok := encodings[label]
	if !ok {
		s.malformed(badEncoding)
	}
	if high != nil {
		s.transcode(high)
	}
}

// declaredEncoding returns the encoding that the XML declaration names, in
// lower case. It does not move behind the declaration.
func (s *scanner) declaredEncoding() string {
	n := bytes.Index(s.buf[s.pos:s.end], []byte("?>"))
	for n < 0 && s.end-s.pos < maxDeclaration {
		s.more()
		n = bytes.Index(s.buf[s.pos:s.end], []byte("?>"))
	}
	if n < 0 || n > maxDeclaration-len("?>") { // however it was read
		s.malformed("the XML declaration is too long")
	}
	_, label, ok := strings.Cut(string(s.buf[s.pos:s.pos+n]), "encoding")
	if !ok {
		return ""
	}
	label, ok = strings.CutPrefix(strings.TrimSpace(label), "=")
	if label = strings.TrimSpace(label); ok && label != "" && (label[0] == '"' || label[0] == '\'') {
		if label, _, ok = strings.Cut(label[1:], label[:1]); ok {
			return strings.ToLower(label)
		}
	}
	s.malformed("the XML declaration is malformed")
	return ""
}

// transcode makes the scanner read what is left of the document as characters
// of one byte each.
func (s *scanner) transcode(high *[32]rune) {
	t := &singleByteReader{r: s.r, err: s.readErr, high: high}
	t.in = append(t.buf[:0], s.buf[s.pos:s.end]...)
	s.base = s.offset(s.pos)
	s.pos, s.end, s.transcoded = 0, 0, true
	s.r, s.readErr = t, nil
}

// singleByteReader turns ISO 8859-1 or windows-1252 into UTF-8.
type singleByteReader struct {
	r    io.Reader
	err  error // of r
	buf  [4 << 10]byte
	in   []byte // not yet turned
	high *[32]rune
}

func (t *singleByteReader) Read(p []byte) (int, error) {
	if len(t.in) == 0 && t.err == nil {
		var n int
		n, t.err = t.r.Read(t.buf[:])
		t.in = t.buf[:n]
	}
	n := 0
	for len(t.in) > 0 && len(p)-n >= utf8.UTFMax {
		r := rune(t.in[0])
		if r >= 0x80 && r < 0xA0 {
			r = t.high[r-0x80]
		}
		n += utf8.EncodeRune(p[n:], r)
		t.in = t.in[1:]
	}
	if n == 0 {
		return 0, t.err
	}
	return n, nil
}

// encodings are those that are read, by their labels, and what they have at 0x80 to
// 0x9F if a character is one byte.
var encodings = map[string]*[32]rune{
	"utf-8": nil, "utf8": nil, "us-ascii": nil, "ascii": nil,
	"iso-8859-1": latin1, "iso8859-1": latin1, "iso_8859-1": latin1, "latin1": latin1, "latin-1": latin1,
	"windows-1252": windows1252, "cp1252": windows1252,
}

var latin1 = func() *[32]rune {
	t := new([32]rune)
	for i := range t {
		t[i] = 0x80 + rune(i)
	}
	return t
}()

var windows1252 = &[32]rune{
	'€', '\uFFFD', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\uFFFD', 'Ž', '\uFFFD',
	'\uFFFD', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\uFFFD', 'ž', 'Ÿ',
}
