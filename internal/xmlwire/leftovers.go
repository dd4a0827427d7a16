package xmlwire

import (
	"bytes"
	"strconv"
)

// leftovers collects in one map what no field takes: every attribute and every
// child, each under the path of names that leads to it ("groups/group/id"). A
// path that was there before gets "[2]", "[3]" and so on. A child without
// attributes or children of its own is there even if empty; the text of others
// only if it is not blank.
type leftovers struct {
	into *map[string]string
	seen map[string]int // how often a path was there; those in the map were there once
	path []byte         // of the element that is being read
}

// begin forgets what was seen before. To clear it instead of making it anew saves a
// user 10 to 20 %, as long as it is small.
func (l *leftovers) begin() *leftovers {
	if len(l.seen) > 64 {
		l.seen = nil
	}
	clear(l.seen)
	return l
}

// enter lengthens the path by name, made unlike all before, and returns how long
// it was.
func (l *leftovers) enter(name string) (before int) {
	before = len(l.path)
	if before > 0 {
		l.path = append(l.path, '/')
	}
	l.path = append(l.path, local(name)...)
	n := l.seen[string(l.path)]
	if _, ok := (*l.into)[string(l.path)]; ok {
		n = max(n, 1)
	}
	if n > 0 {
		l.setSeen(n + 1)
		l.path = append(strconv.AppendInt(append(l.path, '['), int64(n+1), 10), ']')
	}
	return before
}

func (l *leftovers) setSeen(n int) {
	if l.seen == nil {
		l.seen = make(map[string]int)
	}
	l.seen[string(l.path)] = n
}

// addLeftover stores text under the path. The keys may be a multiple of the
// document, not any multiple: a deep or long path could be there a million times.
func (s *scanner) addLeftover(text []byte) {
	l := s.leftovers
	s.keyBytes += int64(len(l.path))
	if s.keyBytes > 1<<20+16*(s.base+int64(s.pos)) {
		s.malformed("the paths of unknown elements are too long")
	}
	if *l.into == nil {
		*l.into = make(map[string]string)
	}
	(*l.into)[s.strings.cut(l.path)] = s.strings.cut(text)
}

// flatten reads a child that no field takes, and all in it.
func (s *scanner) flatten(name string) {
	l := s.leftovers
	before, entries := l.enter(name), len(*l.into)
	text := s.element(nil, flatPlan, name)
	if len(*l.into) > entries { // it has attributes or children
		if text = bytes.TrimSpace(text); l.seen[string(l.path)] == 0 {
			l.setSeen(1)
		}
	}
	if len(text) > 0 || len(*l.into) == entries {
		s.addLeftover(text)
	}
	l.path = l.path[:before]
}
