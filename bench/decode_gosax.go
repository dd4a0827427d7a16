package main

import (
	"bytes"
	"sync"

	"github.com/orisano/gosax"

	"github.com/trillian-go/trillian"
)

// What follows decodes event by event, with Name, NextAttribute and Unescape
// instead of Token, which gosax's documentation recommends where speed counts.

// saxReaders are pooled, as the example of Reader.Reset has it.
var saxReaders = sync.Pool{New: func() any { return gosax.NewReaderSize(nil, 64<<10) }}

// sax is a reader, and what its user has to remember.
type sax struct {
	*gosax.Reader
	element []byte // the name of the last start tag
	attrs   []byte // those of its attributes that are still to be read
}

// saxed reads the answer while it arrives.
func saxed[T any](decode func(*sax, func(T)) error) decoder[T] {
	return func(document []byte, yield func(T)) error {
		r := saxReaders.Get().(*gosax.Reader)
		defer saxReaders.Put(r)
		r.Reset(bytes.NewReader(document))
		return decode(&sax{Reader: r}, yield)
	}
}

// each hands every event to f.
func (s *sax) each(f func(gosax.Event) error) error {
	for {
		e, err := s.Event()
		if err != nil {
			return err
		}
		switch e.Type() {
		case gosax.EventEOF:
			return nil
		case gosax.EventStart:
			var name []byte
			name, s.attrs = gosax.Name(e.Bytes)
			s.element = append(s.element[:0], name...)
		}
		if err := f(e); err != nil {
			return err
		}
	}
}

// attributes hands every attribute of a start tag to f.
func (s *sax) attributes(f func(name, value []byte) error) error {
	for len(s.attrs) > 0 {
		a, rest, err := gosax.NextAttribute(s.attrs)
		if err != nil || len(a.Key) == 0 {
			return err
		}
		v, err := gosax.Unescape(a.Value[1 : len(a.Value)-1])
		if err != nil {
			return err
		}
		if err := f(a.Key, v); err != nil {
			return err
		}
		s.attrs = rest
	}
	return nil
}

func isEndOf(e gosax.Event, element string) bool {
	name, _ := gosax.Name(e.Bytes)
	return string(name) == element
}

func saxMessages(s *sax, yield func(trillian.Message)) error {
	var m trillian.Message
	return s.each(func(e gosax.Event) error {
		switch e.Type() {
		case gosax.EventStart:
			m = trillian.Message{}
			return s.attributes(func(name, v []byte) error { return setMessage(&m, name, v) })
		case gosax.EventText:
			if string(s.element) == "message" {
				text, err := gosax.Unescape(e.Bytes)
				m.Text = string(text)
				return err
			}
		case gosax.EventEnd:
			if isEndOf(e, "message") {
				yield(m)
			}
		}
		return nil
	})
}

func saxChats(s *sax, yield func(trillian.GroupChat)) error {
	var c trillian.GroupChat
	return s.each(func(e gosax.Event) error {
		switch e.Type() {
		case gosax.EventStart:
			if string(s.element) == "groupchat" {
				c = trillian.GroupChat{}
			}
			return s.attributes(func(_, v []byte) error { setChat(&c, s.element, v); return nil })
		case gosax.EventText:
			text, err := gosax.Unescape(e.Bytes)
			if err != nil {
				return err
			}
			return setChatText(&c, s.element, text)
		case gosax.EventEnd:
			s.element = s.element[:0]
			if isEndOf(e, "groupchat") {
				yield(c)
			}
		}
		return nil
	})
}

func saxPresences(s *sax, yield func(trillian.Presence)) error {
	var p trillian.Presence
	return s.each(func(e gosax.Event) error {
		switch e.Type() {
		case gosax.EventStart:
			switch string(s.element) {
			case "presence":
				p = trillian.Presence{}
			case "device":
				p.Devices = append(p.Devices, trillian.Device{})
			}
			return s.attributes(func(name, v []byte) error { return setPresence(&p, s.element, name, v) })
		case gosax.EventEnd:
			if isEndOf(e, "presence") {
				yield(p)
			}
		}
		return nil
	})
}

func saxUsers(s *sax, yield func(trillian.User)) error {
	var u trillian.User
	return s.each(func(e gosax.Event) error {
		switch e.Type() {
		case gosax.EventStart:
			if string(s.element) == "user" {
				u = trillian.User{Fields: make(map[string]string)}
			}
			return s.attributes(func(name, v []byte) error { setUser(&u, s.element, name, v); return nil })
		case gosax.EventText:
			text, err := gosax.Unescape(e.Bytes)
			if err != nil {
				return err
			}
			setUserText(&u, s.element, text)
		case gosax.EventEnd:
			s.element = s.element[:0]
			if isEndOf(e, "user") {
				yield(u)
			}
		}
		return nil
	})
}
