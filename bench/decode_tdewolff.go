package main

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tdewolff/parse/v2"
	lexer "github.com/tdewolff/parse/v2/xml"

	"github.com/trillian-go/trillian"
)

// What follows decodes by hand, token by token, as fast as tdewolff/parse lets it.

// lex hands every token to f. An element's name and text are borrowed.
func lex(input *parse.Input, f func(lexer.TokenType, *lexer.Lexer) error) error {
	l := lexer.NewLexer(input)
	for {
		token, _ := l.Next()
		if token == lexer.ErrorToken {
			if errors.Is(l.Err(), io.EOF) {
				return nil
			}
			return l.Err()
		}
		if err := f(token, l); err != nil {
			return err
		}
	}
}

// lexed reads the answer as parse.NewInput does: all of it, into memory.
func lexed[T any](decode func(*parse.Input, func(T)) error) decoder[T] {
	return func(document []byte, yield func(T)) error {
		return decode(parse.NewInput(bytes.NewReader(document)), yield)
	}
}

// lexedInPlace does without the reading, which an answer does not let it.
func lexedInPlace[T any](decode func(*parse.Input, func(T)) error) decoder[T] {
	return func(document []byte, yield func(T)) error {
		return decode(parse.NewInputBytes(document), yield)
	}
}

// value is the attribute's, without its quotes.
func value(l *lexer.Lexer) string {
	v := l.AttrVal()
	return plainText(v[1 : len(v)-1])
}

// plainText resolves references, if there are any.
func plainText(b []byte) string {
	if bytes.IndexByte(b, '&') < 0 {
		return string(b)
	}
	return unescape(b)
}

func unescape(b []byte) string {
	out := make([]byte, 0, len(b))
	for {
		i := bytes.IndexByte(b, '&')
		if i < 0 {
			return string(append(out, b...))
		}
		out, b = append(out, b[:i]...), b[i+1:]
		ref, rest, _ := bytes.Cut(b, []byte(";"))
		out, b = appendReferred(out, ref), rest
	}
}

func appendReferred(out, ref []byte) []byte {
	switch string(ref) {
	case "amp":
		return append(out, '&')
	case "lt":
		return append(out, '<')
	case "gt":
		return append(out, '>')
	case "quot":
		return append(out, '"')
	case "apos":
		return append(out, '\'')
	}
	n, _ := strconv.ParseInt(strings.TrimPrefix(string(ref), "#"), 10, 32)
	return utf8.AppendRune(out, rune(n))
}

func lexMessages(input *parse.Input, yield func(trillian.Message)) error {
	var m trillian.Message
	inside := false
	return lex(input, func(token lexer.TokenType, l *lexer.Lexer) error {
		switch token {
		case lexer.StartTagToken:
			if string(l.Text()) == "message" {
				m, inside = trillian.Message{}, true
			}
		case lexer.AttributeToken:
			switch string(l.Text()) {
			case "timestamp":
				v := l.AttrVal()
				return m.Timestamp.UnmarshalText(v[1 : len(v)-1])
			case "from":
				m.From = value(l)
			}
		case lexer.TextToken:
			if inside {
				m.Text = plainText(l.Text())
			}
		case lexer.EndTagToken:
			if inside {
				yield(m)
			}
			inside = false
		}
		return nil
	})
}

func lexChats(input *parse.Input, yield func(trillian.GroupChat)) error {
	var c trillian.GroupChat
	var element string
	return lex(input, func(token lexer.TokenType, l *lexer.Lexer) error {
		switch token {
		case lexer.StartTagToken:
			if element = known(l.Text()); element == "groupchat" {
				c = trillian.GroupChat{}
			}
		case lexer.AttributeToken:
			setChatAttribute(&c, element, l)
		case lexer.TextToken:
			return setChatText(&c, element, l.Text())
		case lexer.EndTagToken:
			element = ""
			if string(l.Text()) == "groupchat" {
				yield(c)
			}
		}
		return nil
	})
}

func setChatAttribute(c *trillian.GroupChat, element string, l *lexer.Lexer) {
	switch element {
	case "groupchat":
		c.Name = value(l)
	case "groups":
		c.Groups.Href = value(l)
	case "media":
		c.Media.Href = value(l)
	case "members":
		c.Members.Href = value(l)
	case "messages":
		c.Messages.Href = value(l)
	}
}

func setChatText(c *trillian.GroupChat, element string, text []byte) error {
	switch element {
	case "displayname":
		c.DisplayName = plainText(text)
	case "topic":
		c.Topic = plainText(text)
	case "flags":
		n, err := strconv.ParseUint(string(text), 10, 32)
		c.Flags = trillian.GroupChatFlags(n)
		return err
	case "messageTimestamp":
		return c.MessageTimestamp.UnmarshalText(text)
	}
	return nil
}

// known returns a name without making a string of it.
func known(name []byte) string {
	switch string(name) {
	case "groupchat":
		return "groupchat"
	case "groups":
		return "groups"
	case "media":
		return "media"
	case "members":
		return "members"
	case "messages":
		return "messages"
	case "displayname":
		return "displayname"
	case "topic":
		return "topic"
	case "flags":
		return "flags"
	case "messageTimestamp":
		return "messageTimestamp"
	}
	return string(name)
}

func lexPresences(input *parse.Input, yield func(trillian.Presence)) error {
	var p trillian.Presence
	var device *trillian.Device
	return lex(input, func(token lexer.TokenType, l *lexer.Lexer) error {
		switch token {
		case lexer.StartTagToken:
			switch string(l.Text()) {
			case "presence":
				p, device = trillian.Presence{}, nil
			case "device":
				p.Devices = append(p.Devices, trillian.Device{})
				device = &p.Devices[len(p.Devices)-1]
			}
		case lexer.AttributeToken:
			v := l.AttrVal()
			name, v := l.Text(), v[1:len(v)-1]
			if device != nil {
				return setDevice(device, name, v)
			}
			return setPresence(&p, name, v)
		case lexer.EndTagToken:
			if string(l.Text()) == "presence" {
				yield(p)
			}
		}
		return nil
	})
}

func setPresence(p *trillian.Presence, name, v []byte) error {
	switch string(name) {
	case "name":
		p.Name = plainText(v)
	case "status":
		n, err := strconv.Atoi(string(v))
		p.Status = trillian.PresenceStatus(n)
		return err
	case "message":
		p.Message = plainText(v)
	case "timestamp":
		return p.Timestamp.UnmarshalText(v)
	}
	return nil
}

func setDevice(d *trillian.Device, name, v []byte) error {
	switch string(name) {
	case "ip":
		return d.IP.UnmarshalText(v)
	case "name":
		d.Name = plainText(v)
	case "platform":
		d.Platform = plainText(v)
	case "version":
		d.Version = plainText(v)
	case "build":
		d.Build = plainText(v)
	}
	return nil
}

func lexUsers(input *parse.Input, yield func(trillian.User)) error {
	var u trillian.User
	var element string
	return lex(input, func(token lexer.TokenType, l *lexer.Lexer) error {
		switch token {
		case lexer.StartTagToken:
			if element = string(l.Text()); element == "user" {
				u = trillian.User{Fields: make(map[string]string)}
			}
		case lexer.AttributeToken:
			switch name := string(l.Text()); {
			case element != "user":
				u.Fields[element+"/"+name] = value(l)
			case name == "name":
				u.Name = value(l)
			default:
				u.Fields[name] = value(l)
			}
		case lexer.TextToken:
			setUserText(&u, element, plainText(l.Text()))
		case lexer.EndTagToken:
			element = ""
			if string(l.Text()) == "user" {
				yield(u)
			}
		}
		return nil
	})
}

func setUserText(u *trillian.User, element, text string) {
	switch element {
	case "", "user", "response":
	case "email":
		u.Email = text
	case "displayname":
		u.DisplayName = text
	default:
		u.Fields[element] = text
	}
}
