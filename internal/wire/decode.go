package wire

import (
	"bytes"
	"encoding"
	"errors"
	"io"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

// document reads the whole document, filling v from its root as p says.
func (s *scanner) document(v reflect.Value, p *plan) (err error) {
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
	s.element(v, p, name)
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
	return strings.Map(func(r rune) rune {
		if r >= utf8.RuneSelf {
			return '?'
		}
		return r
	}, name[:min(len(name), 40)])
}

// element reads the rest of an element behind the name in its start tag. It fills
// v as p says and returns the text directly in the element if p wants it.
func (s *scanner) element(v reflect.Value, p *plan, name string) (text []byte) {
	outer := s.rest
	if p.rest != nil {
		s.keepIn(p.rest.value(v))
	}
	if empty := s.attributes(v, p); !empty {
		text = s.content(v, p, name)
	}
	if p.rest != nil {
		s.rest = outer
	}
	if p.text != nil {
		s.set(p.text.value(v), p.text.codec, text, "the text of an element")
	}
	return text
}

// attributes reads the rest of a start tag and tells whether it is an
// empty-element tag.
func (s *scanner) attributes(v reflect.Value, p *plan) (empty bool) {
	next := 0
	for {
		b := s.buf[s.pos:s.end]
		for { // what comes in the usual way, and in the window
			f, after := expected(b, p.attrs, next)
			if f == nil {
				break
			}
			value := b[len(f.open):]
			n := plain(value, '"')
			if n == len(value) || value[n] != '"' {
				break
			}
			b, next = value[n+1:], after
			s.set(f.value(v), f.codec, value[:n], f.name)
		}
		s.pos = s.end - len(b)
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
		s.attribute(v, p)
	}
}

// attribute reads an attribute, whatever it is.
func (s *scanner) attribute(v reflect.Value, p *plan) {
	name := string(s.name())
	f := find(p.attrs, local(name))
	keep, path := f == nil && p.keeps && name != "xmlns" && !strings.HasPrefix(name, "xmlns:"), 0
	if keep {
		path = s.rest.enter(name)
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
	value := s.chars(quote, true)
	s.pos++
	if keep {
		s.keep(value)
		s.rest.path = s.rest.path[:path]
	} else if f != nil {
		s.set(f.value(v), f.codec, value, f.name)
	}
}

// content reads what is in an element, and its end tag.
func (s *scanner) content(v reflect.Value, p *plan, name string) []byte {
	base, next := len(s.acc), 0
	for {
		text := s.chars('<', p.wantText)
		b := s.buf[s.pos:s.end]
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
			text = s.repaired(']', p.wantText, plain(s.buf[s.pos:s.end], ']'))
			s.pos += len("]]>")
			if p.wantText {
				s.accumulate(text, base)
			}
		default:
			next = s.child(v, p, next)
		}
	}
}

func (s *scanner) accumulate(text []byte, base int) {
	if s.acc = append(s.acc, text...); len(s.acc)-base > maxToken {
		s.malformed("a text is too long")
	}
}

// child reads a child element and returns which field to expect next.
func (s *scanner) child(v reflect.Value, p *plan, next int) int {
	b := s.buf[s.pos:s.end]
	f, next := expected(b, p.children, next)
	if f != nil {
		b = b[len(f.open):]
		if class[b[0]]&className != 0 {
			f = nil // only the beginning of its name
		} else if b[0] == '>' && f.shut != "" && s.depth < maxDepth {
			n := 1 + plain(b[1:], '<')
			if end := n + len(f.shut); end <= len(b) && string(b[n:end]) == f.shut {
				s.pos += len(f.open) + end
				s.set(f.value(v), f.codec, b[1:n], f.name)
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
		name = s.strings.intern(s.name(), 0)
		if f = find(p.children, local(name)); f == nil {
			f = p.any
		}
	}
	if s.depth++; s.depth > maxDepth {
		s.malformed("elements are nested too deeply")
	}
	switch {
	case f == nil && p.keeps:
		s.flatten(name)
	case f == nil:
		s.element(v, skipPlan, name)
	case f.path != nil:
		s.element(v, f.path, name)
	case f.stream:
		s.value(s.item, f.codec, name, f.name)
		if !s.emit() {
			s.fail(errStopped)
		}
	default:
		s.value(f.value(v), f.codec, name, f.name)
	}
	s.depth--
	return next
}

// value reads an element called name into v, the value of a field.
func (s *scanner) value(v reflect.Value, c *codec, name, field string) {
	switch c.kind {
	case kindSlice:
		s.value(extend(v, c), c.elem, name, field)
	case kindPointer:
		s.value(pointee(v), c.elem, name, field)
	case kindStruct:
		s.element(v, c.plan, name)
	default:
		s.set(v, c, s.element(v, leafPlan, name), field)
	}
}

// extend makes the slice v one longer and returns its new last element.
func extend(v reflect.Value, c *codec) reflect.Value {
	n := v.Len()
	if n == v.Cap() {
		v.Grow(max(n, c.first))
	}
	v.SetLen(n + 1)
	return v.Index(n)
}

// pointee returns what v points to, which it makes if need be.
func pointee(v reflect.Value) reflect.Value {
	if v.IsNil() {
		v.Set(reflect.New(v.Type().Elem()))
	}
	return v.Elem()
}

// set makes v what text says. The name is for errors, which do not quote text.
func (s *scanner) set(v reflect.Value, c *codec, text []byte, name string) {
	var err error
	switch c.kind {
	case kindString:
		v.SetString(s.strings.cut(text))
	case kindWord:
		v.SetString(s.strings.intern(text, c.word))
	case kindBytes:
		v.SetBytes(append([]byte{}, text...))
	case kindText:
		err = v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText(text)
	case kindSlice:
		s.set(extend(v, c), c.elem, text, name)
	case kindPointer:
		s.set(pointee(v), c.elem, text, name)
	default:
		err = setScalar(v, c, bytes.TrimSpace(text))
	}
	if err == nil {
		return
	}
	// What strconv and others say may quote the text: it is not kept.
	want := c.typ.Kind().String()
	if c.kind == kindText {
		want = c.typ.String()
	}
	if errors.Is(err, strconv.ErrRange) {
		s.malformed(name + " is out of the range of " + want)
	}
	s.malformed(name + " is no " + want)
}

func setScalar(v reflect.Value, c *codec, text []byte) error {
	if len(text) == 0 {
		v.SetZero()
		return nil
	}
	switch bits := c.typ.Bits; c.kind {
	case kindBool:
		x, err := strconv.ParseBool(string(text))
		v.SetBool(x)
		return err
	case kindInt:
		x, err := strconv.ParseInt(string(text), 10, bits())
		v.SetInt(x)
		return err
	case kindUint:
		x, err := strconv.ParseUint(string(text), 10, bits())
		v.SetUint(x)
		return err
	default:
		x, err := strconv.ParseFloat(string(text), bits())
		v.SetFloat(x)
		return err
	}
}
