package wire

import (
	"bytes"
	"encoding"
	"errors"
	"io"
	"reflect"
	"strconv"
)

// document reads the whole document, filling v from its root as p says.
func (s *scanner) document(v reflect.Value, p *plan) error {
	err := s.prolog()
	if err == nil {
		err = s.root(v, p)
	}
	if err == io.EOF {
		err = s.truncated()
	}
	return err
}

func (s *scanner) truncated() error {
	return &SyntaxError{Offset: s.base + int64(s.end), Reason: "the document ends too early", err: io.ErrUnexpectedEOF}
}

func (s *scanner) root(v reflect.Value, p *plan) error {
	if err := s.misc(); err != nil {
		return err
	}
	s.pos++ // '<'
	name, err := s.name()
	if err != nil {
		return err
	}
	if string(local(name)) != rootName {
		return s.fail("the root element is <" + printable(name) + ">, not <" + rootName + ">")
	}
	s.names = append(s.names, name...)
	s.depth = 1
	if _, err := s.element(v, p, 0); err != nil {
		return err
	}
	switch err := s.misc(); err {
	case io.EOF:
		return nil
	case nil:
		return s.fail("something follows the root element")
	default:
		return err
	}
}

// misc skips white space, comments and processing instructions outside of the
// root element, up to a tag.
func (s *scanner) misc() error {
	for {
		c, err := s.space()
		if err != nil {
			return err
		}
		if c != '<' {
			return s.fail("there is text outside of the root element")
		}
		skipped, err := s.comment()
		if err == io.EOF {
			err = s.truncated() // unlike the end of the document between two
		}
		if err != nil {
			return err
		}
		if skipped {
			continue
		}
		if s.buf[s.pos+1] == '!' {
			return s.fail("a DOCTYPE is refused")
		}
		return nil
	}
}

// printable returns what a name may show in an error: little, and plain.
func printable(name []byte) string {
	name = bytes.Clone(name[:min(len(name), 40)])
	for i, c := range name {
		if class[c]&className == 0 || c >= 0x80 {
			name[i] = '?'
		}
	}
	return string(name)
}

// element reads the rest of an element whose name, read before, is the last on
// the stack of names, from there on. It fills v as p says and returns the text
// directly in the element if p wants it.
func (s *scanner) element(v reflect.Value, p *plan, from int) ([]byte, error) {
	if p.rest != nil {
		outer := s.rest
		s.rest = &leftovers{into: p.rest.value(v).Addr().Interface().(*map[string]string)}
		defer func() { s.rest = outer }()
	}
	empty, err := s.attributes(v, p)
	if err != nil {
		return nil, err
	}
	var text []byte
	if !empty {
		if text, err = s.content(v, p, from); err != nil {
			return nil, err
		}
	}
	if p.text != nil {
		err = s.set(p.text.value(v), p.text.codec, text, "the text of an element")
	}
	return text, err
}

// attributes reads the rest of a start tag and tells whether it is an
// empty-element tag.
func (s *scanner) attributes(v reflect.Value, p *plan) (empty bool, err error) {
	next := 0
	for {
		c, err := s.space()
		if err != nil {
			return false, err
		}
		switch c {
		case '>':
			s.pos++
			return false, nil
		case '/':
			ok, err := s.has("/>")
			if err != nil {
				return false, err
			}
			if !ok {
				return false, s.fail("a tag is malformed")
			}
			s.pos += 2
			return true, nil
		}
		name, err := s.name()
		if err != nil {
			return false, err
		}
		f := find(p.attrs, name, &next)
		key := ""
		if f == nil && (p.flat || p.rest != nil) && !isDeclaration(name) {
			key = string(local(name))
		}
		value, err := s.attribute()
		if err != nil {
			return false, err
		}
		if f != nil {
			err = s.set(f.value(v), f.codec, value, f.name)
		} else if key != "" {
			err = s.keep(key, value)
		}
		if err != nil {
			return false, err
		}
	}
}

// attribute reads the value of an attribute whose name was read.
func (s *scanner) attribute() ([]byte, error) {
	c, err := s.space()
	if err != nil {
		return nil, err
	}
	if c != '=' {
		return nil, s.fail("an attribute has no value")
	}
	s.pos++
	quote, err := s.space()
	if err != nil {
		return nil, err
	}
	if quote != '"' && quote != '\'' {
		return nil, s.fail("an attribute's value is not quoted")
	}
	s.pos++
	value, err := s.chars(quote, true)
	if err != nil {
		return nil, err
	}
	s.pos++
	return value, nil
}

// content reads what is in an element, and its end tag.
func (s *scanner) content(v reflect.Value, p *plan, from int) ([]byte, error) {
	base := len(s.acc)
	next := 0
	for {
		text, err := s.chars('<', p.wantText)
		if err != nil {
			return nil, err
		}
		name := s.names[from:]
		b := s.buf[s.pos:s.end]
		if n := 2 + len(name); len(b) > n && b[1] == '/' && b[n] == '>' && string(b[2:n]) == string(name) {
			s.pos += n + 1
			if len(s.acc) > base {
				text = append(s.acc, text...)[base:]
				s.acc = s.acc[:base]
			}
			return text, nil
		}
		if p.wantText {
			if s.acc = append(s.acc, text...); len(s.acc)-base > maxToken {
				return nil, s.fail("a text is too long")
			}
		}
		if err := s.need(2); err != nil {
			return nil, err
		}
		switch s.buf[s.pos+1] {
		case '/':
			text := s.acc[base:]
			s.acc = s.acc[:base]
			return text, s.endTag(name)
		case '!', '?':
			err = s.special(p)
		default:
			s.pos++
			err = s.child(v, p, &next)
		}
		if err != nil {
			return nil, err
		}
	}
}

// special skips a comment or processing instruction, or reads a CDATA section.
func (s *scanner) special(p *plan) error {
	if skipped, err := s.comment(); skipped || err != nil {
		return err
	}
	const start = "<![CDATA["
	if s.buf[s.pos+2] != start[2] {
		return s.fail("a DOCTYPE is refused")
	}
	if ok, err := s.has(start); err != nil {
		return err
	} else if !ok {
		return s.fail("a CDATA section is malformed")
	}
	s.pos += len(start)
	text, err := s.repaired(']', p.wantText)
	if err == nil && p.wantText {
		s.acc = append(s.acc, text...)
	}
	return err
}

// child reads a child element, whose '<' was read.
func (s *scanner) child(v reflect.Value, p *plan, next *int) error {
	name, err := s.name()
	if err != nil {
		return err
	}
	f := find(p.children, name, next)
	if f == nil {
		f = p.any
	}
	if s.depth++; s.depth > maxDepth {
		return s.fail("elements are nested too deeply")
	}
	from := len(s.names)
	if s.names = append(s.names, name...); len(s.names) > maxToken {
		return s.fail("a name is too long")
	}
	switch {
	case f == nil && (p.flat || p.rest != nil):
		err = s.flatten(from)
	case f == nil:
		_, err = s.element(v, skipPlan, from)
	case f.path != nil:
		_, err = s.element(v, f.path, from)
	case f.stream:
		if err = s.value(s.item, f.codec, from, f.name); err == nil && !s.emit() {
			err = errStopped
		}
	default:
		err = s.value(f.value(v), f.codec, from, f.name)
	}
	s.names = s.names[:from]
	s.depth--
	return err
}

// value reads an element into v.
func (s *scanner) value(v reflect.Value, c *codec, from int, name string) error {
	switch c.kind {
	case kindSlice:
		return s.value(extend(v), c.elem, from, name)
	case kindPointer:
		return s.value(pointee(v), c.elem, from, name)
	case kindStruct:
		_, err := s.element(v, c.plan, from)
		return err
	}
	text, err := s.element(v, leafPlan, from)
	if err != nil {
		return err
	}
	return s.set(v, c, text, name)
}

// extend makes the slice v one longer and returns its new last element.
func extend(v reflect.Value) reflect.Value {
	n := v.Len()
	v.Grow(1)
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
func (s *scanner) set(v reflect.Value, c *codec, text []byte, name string) error {
	var err error
	switch c.kind {
	case kindString:
		v.SetString(string(text))
	case kindBytes:
		v.SetBytes(append([]byte{}, text...))
	case kindText:
		err = v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText(text)
	case kindSlice:
		return s.set(extend(v), c.elem, text, name)
	case kindPointer:
		return s.set(pointee(v), c.elem, text, name)
	default:
		text = bytes.TrimSpace(text)
		if len(text) == 0 {
			v.SetZero()
			return nil
		}
		err = setScalar(v, c, string(text))
	}
	if err == nil {
		return nil
	}
	// The errors of strconv and of others may quote the text: they are not kept.
	want := c.typ.Kind().String()
	if c.kind == kindText {
		want = c.typ.String()
	}
	if errors.Is(err, strconv.ErrRange) {
		return s.fail(name + " is out of the range of " + want)
	}
	return s.fail(name + " is no " + want)
}

func setScalar(v reflect.Value, c *codec, text string) error {
	switch c.kind {
	case kindBool:
		x, err := strconv.ParseBool(text)
		v.SetBool(x)
		return err
	case kindInt:
		x, err := strconv.ParseInt(text, 10, c.typ.Bits())
		v.SetInt(x)
		return err
	case kindUint:
		x, err := strconv.ParseUint(text, 10, c.typ.Bits())
		v.SetUint(x)
		return err
	default:
		x, err := strconv.ParseFloat(text, c.typ.Bits())
		v.SetFloat(x)
		return err
	}
}

// leftovers keeps in one map what no field takes: every attribute and every
// child, each under the path of names that leads to it ("groups/group/id"). A
// path that was there before gets "[2]", "[3]" and so on. A child without
// attributes or children of its own is there even if empty; the text of others
// only if it is not blank.
type leftovers struct {
	into *map[string]string
	seen map[string]int // how often a path was met; those in the map are met once
	path []byte
	size int // of all keys
}

// enter lengthens the path by name, made unlike all before.
func (l *leftovers) enter(name []byte) (plain int) {
	if len(l.path) > 0 {
		l.path = append(l.path, '/')
	}
	l.path = append(l.path, name...)
	plain = len(l.path)
	n := l.seen[string(l.path)]
	if _, ok := (*l.into)[string(l.path)]; ok {
		n = max(n, 1)
	}
	if n > 0 {
		l.seen = mark(l.seen, string(l.path), n+1)
		l.path = append(l.path, '[')
		l.path = strconv.AppendInt(l.path, int64(n+1), 10)
		l.path = append(l.path, ']')
	}
	return plain
}

func mark(seen map[string]int, path string, n int) map[string]int {
	if seen == nil {
		seen = make(map[string]int)
	}
	seen[path] = n
	return seen
}

// put stores text under the path. The keys may be a multiple of the document,
// not any multiple: a deep or long path could be had a million times.
func (s *scanner) put(text []byte) error {
	l := s.rest
	l.size += len(l.path)
	if int64(l.size) > 1<<20+16*(s.base+int64(s.pos)) {
		return s.fail("the paths of unknown elements are too long")
	}
	if *l.into == nil {
		*l.into = make(map[string]string)
	}
	(*l.into)[string(l.path)] = string(text)
	return nil
}

// keep stores an attribute.
func (s *scanner) keep(name string, value []byte) error {
	l := s.rest
	base := len(l.path)
	l.enter([]byte(name))
	err := s.put(value)
	l.path = l.path[:base]
	return err
}

// flatten reads an unknown child and all in it.
func (s *scanner) flatten(from int) error {
	l := s.rest
	base, before := len(l.path), len(*l.into)
	plain := l.enter(local(s.names[from:]))
	text, err := s.element(reflect.Value{}, flatPlan, from)
	if err != nil {
		return err
	}
	if len(*l.into) > before { // not a leaf
		if path := l.path[:plain]; l.seen[string(path)] == 0 {
			l.seen = mark(l.seen, string(path), 1)
		}
		text = bytes.TrimSpace(text)
	}
	if len(text) > 0 || len(*l.into) == before {
		err = s.put(text)
	}
	l.path = l.path[:base]
	return err
}

// isDeclaration tells whether the attribute declares a namespace.
func isDeclaration(name []byte) bool {
	return string(name) == "xmlns" || bytes.HasPrefix(name, []byte("xmlns:"))
}
