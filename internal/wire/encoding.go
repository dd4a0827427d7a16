package wire

import (
	"bytes"
	"io"
	"strings"
	"unicode/utf8"
)

const byteOrderMark = "\uFEFF"

// maxDeclaration is how long an XML declaration may be.
const maxDeclaration = 1 << 10

// prolog reads up to the first markup and settles the document's encoding.
func (s *scanner) prolog() error {
	for s.end < 4 {
		if err := s.more(); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
	}
	head := s.buf[:s.end]
	marked := bytes.HasPrefix(head, []byte(byteOrderMark))
	switch {
	case marked:
		s.pos = len(byteOrderMark)
	case bytes.HasPrefix(head, []byte("\xFE\xFF")), bytes.HasPrefix(head, []byte("\xFF\xFE")),
		len(head) >= 2 && (head[0] == 0 || head[1] == 0): // UTF-32 also matches
		return s.fail("the encoding is not UTF-8")
	}
	if _, err := s.space(); err == io.EOF {
		return ErrEmpty
	} else if err != nil {
		return err
	}
	declared, err := s.has("<?xml")
	if !declared {
		if err == io.EOF {
			err = nil // too short, which the root element will show
		}
		return err
	}
	label, err := s.declaredEncoding()
	if err != nil {
		return err
	}
	switch label {
	case "", "utf-8", "utf8", "us-ascii", "ascii":
	case "iso-8859-1", "iso8859-1", "iso_8859-1", "latin1", "latin-1":
		s.transcode(marked, nil)
	case "windows-1252", "cp1252":
		s.transcode(marked, &windows1252)
	default:
		return s.fail("the encoding is not UTF-8")
	}
	return nil
}

// declaredEncoding returns the encoding that the XML declaration names, in
// lower case. It does not move behind the declaration.
func (s *scanner) declaredEncoding() (string, error) {
	for {
		b := s.buf[s.pos:s.end]
		n := bytes.Index(b, []byte("?>"))
		if n < 0 && len(b) < maxDeclaration {
			if err := s.more(); err != nil {
				return "", err
			}
			continue
		}
		if n < 0 || n > maxDeclaration {
			return "", s.fail("the XML declaration is malformed")
		}
		_, label, ok := strings.Cut(string(b[:n]), "encoding")
		if !ok {
			return "", nil
		}
		label, ok = strings.CutPrefix(strings.TrimSpace(label), "=")
		label = strings.TrimSpace(label)
		if !ok || label == "" || label[0] != '"' && label[0] != '\'' {
			return "", s.fail("the XML declaration is malformed")
		}
		label, _, ok = strings.Cut(label[1:], label[:1])
		if !ok {
			return "", s.fail("the XML declaration is malformed")
		}
		return strings.ToLower(label), nil
	}
}

// transcode makes the scanner read what is left of the document as characters
// of one byte each, unless a byte order mark has said that it is UTF-8.
func (s *scanner) transcode(marked bool, high *[32]rune) {
	if marked {
		return
	}
	rest := bytes.Clone(s.buf[s.pos:s.end])
	s.base += int64(s.pos)
	s.pos, s.end = 0, 0
	s.r = &singleByteReader{r: s.r, in: rest, err: s.err, high: high}
	s.err = nil
}

// singleByteReader turns ISO 8859-1 or windows-1252 into UTF-8.
type singleByteReader struct {
	r    io.Reader
	err  error     // of r
	in   []byte    // not yet turned
	high *[32]rune // 0x80 to 0x9F, where not ISO 8859-1
}

func (t *singleByteReader) Read(p []byte) (int, error) {
	if len(t.in) == 0 && t.err == nil {
		t.in = make([]byte, 4<<10)
		var n int
		n, t.err = t.r.Read(t.in)
		t.in = t.in[:n]
	}
	n := 0
	for len(t.in) > 0 && len(p)-n >= utf8.UTFMax {
		r := rune(t.in[0])
		if t.high != nil && r >= 0x80 && r < 0xA0 {
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

// windows1252 is what windows-1252 has at 0x80 to 0x9F.
var windows1252 = [32]rune{
	'€', '\uFFFD', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\uFFFD', 'Ž', '\uFFFD',
	'\uFFFD', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\uFFFD', 'ž', 'Ÿ',
}
