package main

import (
	"bytes"
	"errors"
	"io"

	"github.com/muktihari/xmltokenizer"

	"github.com/trillian-go/trillian"
)

// What follows decodes token by token, in the loop over Token that xmltokenizer's
// USAGE.md shows. Its copies of a start element, for the values of inner
// elements, are not needed here. A token holds its attributes and its text.

// tokenizing is a tokenizer, and what its user has to remember.
type tokenizing struct {
	*xmltokenizer.Tokenizer
	unescaper
}

// tokenized reads the answer while it arrives.
func tokenized[T any](decode func(*tokenizing, func(T)) error) decoder[T] {
	return func(document []byte, yield func(T)) error {
		return decode(&tokenizing{Tokenizer: xmltokenizer.New(bytes.NewReader(document))}, yield)
	}
}

// each hands every token to f, with the name of its element.
func (t *tokenizing) each(f func(token *xmltokenizer.Token, element []byte) error) error {
	var token xmltokenizer.Token // once, not an allocation each
	for {
		var err error
		token, err = t.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := f(&token, token.Name.Local); err != nil {
			return err
		}
	}
}

// attributes hands every attribute of a token to f.
func (t *tokenizing) attributes(token *xmltokenizer.Token, f func(name, value []byte) error) error {
	for i := range token.Attrs {
		a := &token.Attrs[i]
		if err := f(a.Name.Local, t.text(a.Value)); err != nil {
			return err
		}
	}
	return nil
}

func tokenizeMessages(t *tokenizing, yield func(trillian.Message)) error {
	return t.each(func(token *xmltokenizer.Token, element []byte) error {
		if token.IsEndElement || string(element) != "message" {
			return nil
		}
		var m trillian.Message
		if err := t.attributes(token, func(name, v []byte) error { return setMessage(&m, name, v) }); err != nil {
			return err
		}
		m.Text = string(t.text(token.Data))
		yield(m)
		return nil
	})
}

func tokenizeChats(t *tokenizing, yield func(trillian.GroupChat)) error {
	var c trillian.GroupChat
	return t.each(func(token *xmltokenizer.Token, element []byte) error {
		switch isChat := string(element) == "groupchat"; {
		case token.IsEndElement && isChat:
			yield(c)
			return nil
		case token.IsEndElement:
			return nil
		case isChat:
			c = trillian.GroupChat{}
		}
		if err := t.attributes(token, func(_, v []byte) error { setChat(&c, element, v); return nil }); err != nil {
			return err
		}
		return setChatText(&c, element, t.text(token.Data))
	})
}

func tokenizePresences(t *tokenizing, yield func(trillian.Presence)) error {
	var p trillian.Presence
	return t.each(func(token *xmltokenizer.Token, element []byte) error {
		switch isPresence := string(element) == "presence"; {
		case token.IsEndElement && isPresence:
			yield(p)
			return nil
		case token.IsEndElement:
			return nil
		case isPresence:
			p = trillian.Presence{}
		case string(element) == "device":
			p.Devices = append(p.Devices, trillian.Device{})
		}
		return t.attributes(token, func(name, v []byte) error { return setPresence(&p, element, name, v) })
	})
}

func tokenizeUsers(t *tokenizing, yield func(trillian.User)) error {
	var u trillian.User
	return t.each(func(token *xmltokenizer.Token, element []byte) error {
		switch isUser := string(element) == "user"; {
		case token.IsEndElement && isUser:
			yield(u)
			return nil
		case token.IsEndElement:
			return nil
		case isUser:
			u = trillian.User{Fields: make(map[string]string)}
		}
		if err := t.attributes(token, func(name, v []byte) error { setUser(&u, element, name, v); return nil }); err != nil {
			return err
		}
		if len(token.Data) > 0 {
			setUserText(&u, element, t.text(token.Data))
		}
		return nil
	})
}
