package xmlwire

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"unicode/utf8"
)

const (
	bufferSize   = 32 << 10
	maxKept      = 64 << 10 // of texts, in the pool
	maxReference = 64
	maxIdleReads = 100
	maxName      = bufferSize - utf8.UTFMax // bytes; the window has room to read on behind it
)

// scanner reads markup from a bounded window of the document. What it returns
// as []byte is borrowed from the window and good until the next read.
//
// Its methods return no errors: fail ends the whole of document, by a panic that
// never leaves it.
type scanner struct {
	r          io.Reader
	buf        []byte
	pos, end   int   // buf[pos:end] is not yet scanned
	base       int64 // where buf[0] stands in the document
	transcoded bool  // a byte of the document may be several in buf
	readErr    error // of r, after what is in buf
	failure    error // what fail was called with

	depth int
	acc   []byte // the texts so far of the elements that are open, end to end

	leftovers *leftovers // of the struct that is being read, if it keeps them
	keyBytes  int64      // of all keys of leftovers

	strings stringCutter

	item     *target     // of Items: what is decoded into,
	take     func() bool // and then taken from there, if more is wanted
	reached  int         // how deep the way to the items was found
	stranger string      // what stood there instead
}

var scanners = sync.Pool{New: func() any { return &scanner{buf: make([]byte, bufferSize)} }}

func newScanner(r io.Reader, block int) *scanner {
	s := scanners.Get().(*scanner)
	s.r, s.strings.size = r, block
	return s
}

// release gives s back without anything of the document that could be seen.
func (s *scanner) release() {
	if cap(s.acc) > maxKept {
		s.acc = nil
	}
	*s = scanner{buf: s.buf, acc: s.acc[:0]}
	scanners.Put(s)
}

// fail ends the decoding with err.
func (s *scanner) fail(err error) {
	s.failure = err
	panic(err)
}

// malformed ends the decoding for what is wrong where the scanner stands.
func (s *scanner) malformed(reason string) {
	s.fail(&SyntaxError{Offset: s.offset(s.pos), Reason: reason})
}

// offset returns where in the document, in its own bytes, buf[n] stands.
func (s *scanner) offset(n int) int64 {
	if s.transcoded {
		n = characters(s.buf[:n])
	}
	return s.base + int64(n)
}

// fill reads on behind the window, which from pos on is kept.
func (s *scanner) fill() error {
	if s.pos > 0 {
		s.base = s.offset(s.pos)
		copy(s.buf, s.buf[s.pos:s.end])
		s.pos, s.end = 0, s.end-s.pos
	}
	for range maxIdleReads {
		if s.readErr != nil {
			return s.readErr
		}
		var n int
		n, s.readErr = s.r.Read(s.buf[s.end:])
		if s.end += n; n > 0 {
			return nil
		}
	}
	return io.ErrNoProgress
}

// more is fill where the document must go on.
func (s *scanner) more() {
	if err := s.fill(); err != nil {
		s.ended(err)
	}
}

// ended ends the decoding for an error of fill's: that of the reader, as it is, or
// the end of the document where it must go on.
func (s *scanner) ended(err error) {
	if err == io.EOF {
		err = &SyntaxError{Offset: s.offset(s.end), Reason: "the document ends too early", err: io.ErrUnexpectedEOF}
	}
	s.fail(err)
}

// has tells whether the scanner stands at prefix.
func (s *scanner) has(prefix string) bool {
	for s.end-s.pos < len(prefix) {
		s.more()
	}
	return string(s.buf[s.pos:s.pos+len(prefix)]) == prefix
}

// blank skips white space, and may come to the end of the document.
func (s *scanner) blank() error {
	for {
		for ; s.pos < s.end; s.pos++ {
			if class[s.buf[s.pos]]&classSpace == 0 {
				return nil
			}
		}
		if err := s.fill(); err != nil {
			return err
		}
	}
}

// space skips white space, if any, and returns the byte behind it.
func (s *scanner) space() byte {
	if err := s.blank(); err != nil {
		s.ended(err)
	}
	return s.buf[s.pos]
}

// name reads a name, prefix and all.
func (s *scanner) name() []byte {
	n, seen := 0, uint8(0)
	for {
		b := s.buf[s.pos:s.end]
		for ; n < len(b) && class[b[n]]&className != 0; n++ {
			seen |= class[b[n]]
		}
		switch {
		case n > maxName:
			s.malformed("a name is too long")
		case n == len(b):
			s.more()
			continue
		case n == 0 || class[b[0]]&classFirst == 0:
			s.malformed("a name is missing")
		case seen&classWide != 0 && !isName(b[:n]):
			s.malformed("a name has a character that is part of no name")
		}
		s.pos += n
		return b[:n]
	}
}

// local returns name without its prefix.
func local(name string) string {
	if i := strings.IndexByte(name, ':'); i > 0 && i < len(name)-1 {
		return name[i+1:]
	}
	return name
}

// endTag reads the end tag of name, at whose "</" the scanner stands.
func (s *scanner) endTag(name string) {
	s.pos += len("</")
	same := string(s.name()) == name
	if !same || s.space() != '>' {
		s.malformed("an end tag does not match its start tag")
	}
	s.pos++
}

// skipped skips the comment or processing instruction that the scanner stands
// at, if it stands at one. Of other "<!" it only lets CDATA sections pass.
func (s *scanner) skipped() bool {
	switch {
	case s.has("<?"):
		s.pos += len("<?")
		s.name()
		s.through("?>")
	case !s.has("<!"):
		return false
	case s.has("<![") && s.has("<![CDATA["):
		return false
	case s.has("<!-") && s.has("<!--"):
		s.pos += len("<!--")
		if s.through("--"); !s.has(">") {
			s.malformed("a comment is malformed")
		}
		s.pos++
	default:
		s.malformed("a DOCTYPE or other declaration is refused")
	}
	return true
}

// through skips all up to and including mark.
func (s *scanner) through(mark string) {
	for {
		if i := bytes.Index(s.buf[s.pos:s.end], []byte(mark)); i >= 0 {
			s.pos += i + len(mark)
			return
		}
		s.pos = max(s.pos, s.end-len(mark)+1)
		s.more()
	}
}
