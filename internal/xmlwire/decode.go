package xmlwire

import (
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// document reads the whole document, filling t from its root as p says.
func (s *scanner) document(t *target, p *plan) (err error) {
	defer func() {
		if s.failure != nil { // otherwise a panic is not ours to recover from
			_ = recover()
			err = s.failure
		}
	}()
	s.prolog()
	if err := s.outside(); err != nil {
		s.ended(err)
	}
	s.pos++ // '<'
	name := string(s.name())
	if local(name) != rootName {
		s.malformed("the root element is <" + printable(name) + ">, not <" + rootName + ">")
	}
	s.depth = 1
	s.element(t, p, name)
	if err := s.outside(); err == nil {
		s.malformed("something follows the root element")
	} else if err != io.EOF {
		s.fail(err)
	}
	return nil
}

// outside skips what may stand outside of the root element, up to a tag. It
// returns io.EOF if there is none.
func (s *scanner) outside() error {
	for {
		if err := s.blank(); err != nil {
			return err
		}
		if s.buf[s.pos] == '<' && s.skipped() {
			continue
		}
		if s.buf[s.pos] != '<' || s.has("<!") { // a CDATA section
			s.malformed("there is text outside of the root element")
		}
		return nil
	}
}

// printable returns what a name may show in an error: little, and plain.
func printable(name string) string {
	if len(name) > 40 {
		return "…" // a part of a secret would not be found in it
	}
	return strings.Map(func(r rune) rune {
		if r >= utf8.RuneSelf {
			return '?'
		}
		return r
	}, name)
}

// element reads the rest of an element behind the name in its start tag. It fills
// t as p says and returns the text directly in the element if p wants it.
func (s *scanner) element(t *target, p *plan, name string) (text []byte) {
	outer := s.leftovers
	if p.rest != nil {
		s.leftovers = t.field(p.rest).rest.begin()
	}
	if empty := s.attributes(t, p); !empty {
		text = s.content(t, p, name)
	}
	s.leftovers = outer
	if p.text != nil {
		s.set(t.field(p.text), text, "the text of an element")
	}
	return text
}

// attributes reads the rest of a start tag and tells whether it is an
// empty-element tag.
func (s *scanner) attributes(t *target, p *plan) (empty bool) {
	next := 0
	for {
		if f, after := expected(s.buf[s.pos:s.end], p.attrs, next); f != nil {
			s.pos += len(f.open)
			value := s.chars('"')
			s.pos++
			s.set(t.field(f), value, f.name)
			next = after
			continue
		}
		switch s.space() {
		case '>':
			s.pos++
			return false
		case '/':
			if !s.has("/>") {
				s.malformed("a tag is malformed")
			}
			s.pos += len("/>")
			return true
		}
		s.attribute(t, p)
	}
}

// attribute reads an attribute, whatever it is.
func (s *scanner) attribute(t *target, p *plan) {
	name := s.strings.cut(s.name())
	f := find(p.attrs, local(name))
	keep, path := f == nil && p.keeps && !declaresNamespace(name), 0
	if keep {
		path = s.leftovers.enter(name)
	}
	if s.space() != '=' {
		s.malformed("an attribute has no value")
	}
	s.pos++
	quote := s.space()
	if quote != '"' && quote != '\'' {
		s.malformed("an attribute's value is not quoted")
	}
	s.pos++
	value := s.chars(quote)
	s.pos++
	if keep {
		s.addLeftover(value)
		s.leftovers.path = s.leftovers.path[:path]
	} else if f != nil {
		s.set(t.field(f), value, f.name)
	}
}

// declaresNamespace tells whether an attribute of the name does, as encoding/xml
// sees it: not without a name behind the colon.
func declaresNamespace(name string) bool {
	return name == "xmlns" || strings.HasPrefix(name, "xmlns:") && len(name) > len("xmlns:")
}

// content reads what is in an element, and its end tag.
func (s *scanner) content(t *target, p *plan, name string) []byte {
	base, next := len(s.acc), 0
	for {
		var text []byte
		if s.pos == s.end || s.buf[s.pos] != '<' {
			if p.wantText {
				text = s.chars('<')
			} else {
				s.skipText()
			}
		}
		b := s.buf[s.pos:s.end]
		// The end tag as it nearly always is. Without this a message takes 10 % longer.
		if n := 2 + len(name); len(b) > n && b[n] == '>' && b[1] == '/' && string(b[2:n]) == name {
			s.pos += n + 1
			if len(s.acc) > base { // there was text before
				text = append(s.acc, text...)[base:]
				s.acc = s.acc[:base]
			}
			return text
		}
		if p.wantText {
			s.accumulate(text, base)
		}
		if len(b) < 2 {
			s.has("</") // moves the window
			b = s.buf[s.pos:s.end]
		}
		switch b[1] {
		case '/':
			s.endTag(name)
			text = s.acc[base:]
			s.acc = s.acc[:base]
			return text
		case '!', '?':
			if s.skipped() {
				continue
			}
			s.pos += len("<![CDATA[")
			text = s.careful(']', p.wantText)
			s.pos += len("]]>")
			if p.wantText {
				s.accumulate(text, base)
			}
		default:
			next = s.child(t, p, next)
		}
	}
}

// accumulate puts text behind what the element at base had before.
func (s *scanner) accumulate(text []byte, base int) {
	if s.acc = append(s.acc, text...); len(s.acc)-base > maxToken {
		s.malformed("a text is too long")
	}
}

// child reads a child element and returns which field to expect next.
func (s *scanner) child(t *target, p *plan, next int) int {
	b := s.buf[s.pos:s.end]
	f, next := expected(b, p.children, next)
	if f != nil {
		b = b[len(f.open):]
		if class[b[0]]&className != 0 {
			f = nil // only the beginning of its name
		} else if b[0] == '>' && f.shut != "" && s.depth < maxDepth {
			// A plain text and its end tag. Without this a group chat takes 13 % longer.
			n := 1 + plain(b[1:], '<')
			if end := n + len(f.shut); end <= len(b) && string(b[n:end]) == f.shut {
				s.pos += len(f.open) + end
				s.set(t.field(f), b[1:n], f.name)
				return next
			}
		}
	}
	name := ""
	if f != nil {
		name = f.name
		s.pos += len(f.open)
	} else {
		s.pos++
		name = s.strings.cut(s.name())
		if f = find(p.children, local(name)); f == nil {
			f = p.any
		}
	}
	if s.depth++; s.depth > maxDepth {
		s.malformed("elements are nested too deeply")
	}
	switch {
	case f == nil && s.depth == 2 && local(name) == errorName:
		s.refuse(name)
	case f == nil && p.keeps:
		s.flatten(name)
	case f == nil:
		if p.leads != "" && s.depth > s.reached && s.stranger == "" {
			s.stranger = "there is <" + printable(name) + ">, but no <" + p.leads + ">"
		}
		s.element(nil, skipPlan, name)
	case f.path != nil:
		s.reached, s.stranger = max(s.reached, s.depth), ""
		s.element(t, f.path, name)
	case f.stream:
		s.reached, s.stranger = s.depth, ""
		s.value(s.item, name, f.name)
		if !s.take() {
			s.fail(errStopped)
		}
	default:
		s.value(t.field(f), name, f.name)
	}
	s.depth--
	return next
}

// value reads an element called name into t, the value of a field.
func (s *scanner) value(t *target, name, field string) {
	switch t.codec.kind {
	case kindSlice, kindPointer:
		s.value(t.begin(), name, field)
		t.end()
	case kindStruct:
		s.element(t, t.codec.plan, name)
	default:
		s.set(t, s.element(nil, leafPlan, name), field)
	}
}

// set makes t what text says. The name is for errors, which do not quote text.
func (s *scanner) set(t *target, text []byte, name string) {
	var err error
	switch t.codec.kind {
	case kindString:
		*t.str = s.strings.cut(text)
	case kindText:
		err = t.text.UnmarshalText(text)
	case kindBytes:
		t.v.SetBytes(append([]byte{}, text...))
	case kindSlice, kindPointer:
		s.set(t.begin(), text, name)
		t.end()
	case kindInt: // Without this a group takes 30 % longer.
		if n, ok := Digits(text); ok && !t.v.OverflowInt(n) {
			t.v.SetInt(n)
			return
		}
		fallthrough
	default:
		err = t.setScalar(strings.TrimSpace(string(text)))
	}
	if err != nil {
		s.unfit(t.codec, name, err)
	}
}

// unfit ends the decoding for a text that is no c. What strconv and others say
// may quote the text: it is not kept.
func (s *scanner) unfit(c *codec, name string, err error) {
	want := c.typ.Kind().String()
	if c.kind == kindText {
		want = c.typ.String()
	}
	if errors.Is(err, strconv.ErrRange) {
		s.malformed(name + " is out of the range of " + want)
	}
	s.malformed(name + " is no " + want)
}

// Digits reads a number as nearly all are written: digits, and few enough to fit.
func Digits(text []byte) (n int64, ok bool) {
	if len(text) == 0 || len(text) > 18 {
		return 0, false
	}
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// setScalar makes t, a number or a bool, what text says.
func (t *target) setScalar(text string) error {
	v, bits := t.v, t.codec.typ.Bits
	switch {
	case text == "":
		v.SetZero()
		return nil
	case v.CanInt():
		x, err := strconv.ParseInt(text, 10, bits())
		v.SetInt(x)
		return err
	case v.CanUint():
		x, err := strconv.ParseUint(text, 10, bits())
		v.SetUint(x)
		return err
	case v.CanFloat():
		x, err := strconv.ParseFloat(text, bits())
		v.SetFloat(x)
		return err
	default:
		x, err := strconv.ParseBool(text)
		v.SetBool(x)
		return err
	}
}
