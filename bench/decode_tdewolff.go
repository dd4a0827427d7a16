package main

import (
	"bytes"
	"errors"
	"io"

	"github.com/tdewolff/parse/v2"
	lexer "github.com/tdewolff/parse/v2/xml"

	"github.com/trillian-go/trillian"
)

// What follows decodes token by token, in the loop over Next that the
// documentation of tdewolff/parse shows.

// lexed reads the answer as parse.NewInput does: all of it, into memory.
func lexed[T any](decode func(*lexing, func(T)) error) decoder[T] {
	return func(document []byte, yield func(T)) error {
		return decode(newLexing(parse.NewInput(bytes.NewReader(document))), yield)
	}
}

// lexedInPlace does without the reading, which an answer does not let it.
func lexedInPlace[T any](decode func(*lexing, func(T)) error) decoder[T] {
	return func(document []byte, yield func(T)) error {
		return decode(newLexing(parse.NewInputBytes(document)), yield)
	}
}

// lexing is a lexer, and what its user has to remember.
type lexing struct {
	*lexer.Lexer
	unescaper
	element []byte // the name of the last start tag
}

func newLexing(input *parse.Input) *lexing { return &lexing{Lexer: lexer.NewLexer(input)} }

// each hands every token to f.
func (l *lexing) each(f func(lexer.TokenType) error) error {
	for {
		token, _ := l.Next()
		switch token {
		case lexer.ErrorToken:
			if errors.Is(l.Err(), io.EOF) {
				return nil
			}
			return l.Err()
		case lexer.StartTagToken:
			l.element = append(l.element[:0], l.Text()...)
		}
		if err := f(token); err != nil {
			return err
		}
	}
}

// value is the attribute's, without its quotes.
func (l *lexing) value() []byte {
	v := l.AttrVal()
	return l.text(v[1 : len(v)-1])
}

func lexMessages(l *lexing, yield func(trillian.Message)) error {
	var m trillian.Message
	return l.each(func(token lexer.TokenType) error {
		switch token {
		case lexer.StartTagToken:
			m = trillian.Message{}
		case lexer.AttributeToken:
			return setMessage(&m, l.Text(), l.value())
		case lexer.TextToken:
			if string(l.element) == "message" {
				m.Text = string(l.text(l.Text()))
			}
		case lexer.EndTagToken:
			if string(l.Text()) == "message" {
				yield(m)
			}
		}
		return nil
	})
}

func lexChats(l *lexing, yield func(trillian.GroupChat)) error {
	var c trillian.GroupChat
	return l.each(func(token lexer.TokenType) error {
		switch token {
		case lexer.StartTagToken:
			if string(l.element) == "groupchat" {
				c = trillian.GroupChat{}
			}
		case lexer.AttributeToken:
			setChat(&c, l.element, l.value())
		case lexer.TextToken:
			return setChatText(&c, l.element, l.text(l.Text()))
		case lexer.EndTagToken:
			l.element = l.element[:0]
			if string(l.Text()) == "groupchat" {
				yield(c)
			}
		}
		return nil
	})
}

func lexPresences(l *lexing, yield func(trillian.Presence)) error {
	var p trillian.Presence
	return l.each(func(token lexer.TokenType) error {
		switch token {
		case lexer.StartTagToken:
			switch string(l.element) {
			case "presence":
				p = trillian.Presence{}
			case "device":
				p.Devices = append(p.Devices, trillian.Device{})
			}
		case lexer.AttributeToken:
			return setPresence(&p, l.element, l.Text(), l.value())
		case lexer.EndTagToken:
			if string(l.Text()) == "presence" {
				yield(p)
			}
		}
		return nil
	})
}

func lexUsers(l *lexing, yield func(trillian.User)) error {
	var u trillian.User
	return l.each(func(token lexer.TokenType) error {
		switch token {
		case lexer.StartTagToken:
			if string(l.element) == "user" {
				u = trillian.User{Fields: make(map[string]string)}
			}
		case lexer.AttributeToken:
			setUser(&u, l.element, l.Text(), l.value())
		case lexer.TextToken:
			setUserText(&u, l.element, l.text(l.Text()))
		case lexer.EndTagToken:
			l.element = l.element[:0]
			if string(l.Text()) == "user" {
				yield(u)
			}
		}
		return nil
	})
}
