package main

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/trillian-go/trillian"
)

// What every library that only cuts a document into tokens leaves to its user:
// to put what a name stands for where it belongs, here with its references
// resolved. What is handed over is borrowed.

func setMessage(m *trillian.Message, name, v []byte) error {
	switch string(name) {
	case "timestamp":
		return m.Timestamp.UnmarshalText(v)
	case "from":
		m.From = string(v)
	}
	return nil
}

func setChat(c *trillian.GroupChat, element, v []byte) {
	switch string(element) {
	case "groupchat":
		c.Name = string(v)
	case "groups":
		c.Groups.Href = string(v)
	case "media":
		c.Media.Href = string(v)
	case "members":
		c.Members.Href = string(v)
	case "messages":
		c.Messages.Href = string(v)
	}
}

func setChatText(c *trillian.GroupChat, element, text []byte) error {
	switch string(element) {
	case "displayname":
		c.DisplayName = string(text)
	case "topic":
		c.Topic = string(text)
	case "flags":
		n, err := strconv.ParseUint(string(text), 10, 32)
		c.Flags = trillian.GroupChatFlags(n)
		return err
	case "messageTimestamp":
		return c.MessageTimestamp.UnmarshalText(text)
	}
	return nil
}

// setPresence sets what an attribute says of the presence or, inside of a
// device's element, of the last device.
func setPresence(p *trillian.Presence, element, name, v []byte) error {
	if string(element) == "device" {
		return setDevice(&p.Devices[len(p.Devices)-1], name, v)
	}
	switch string(name) {
	case "name":
		p.Name = string(v)
	case "status":
		n, err := strconv.Atoi(string(v))
		p.Status = trillian.PresenceStatus(n)
		return err
	case "message":
		p.Message = string(v)
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
		d.Name = string(v)
	case "platform":
		d.Platform = string(v)
	case "version":
		d.Version = string(v)
	case "build":
		d.Build = string(v)
	}
	return nil
}

func setUser(u *trillian.User, element, name, v []byte) {
	switch {
	case string(element) != "user":
		u.Fields[string(element)+"/"+string(name)] = string(v)
	case string(name) == "name":
		u.Name = string(v)
	default:
		u.Fields[string(name)] = string(v)
	}
}

func setUserText(u *trillian.User, element, text []byte) {
	switch string(element) {
	case "", "user", "response":
	case "email":
		u.Email = string(text)
	case "displayname":
		u.DisplayName = string(text)
	default:
		u.Fields[string(element)] = string(text)
	}
}

// unescaper resolves references, for the libraries that do not.
type unescaper struct{ buf []byte }

// text returns b as it is, if there are none, and else what is good until the
// next call.
func (u *unescaper) text(b []byte) []byte {
	i := bytes.IndexByte(b, '&')
	if i < 0 {
		return b
	}
	u.buf = u.buf[:0]
	for ; i >= 0; i = bytes.IndexByte(b, '&') {
		u.buf, b = append(u.buf, b[:i]...), b[i+1:]
		ref, rest, _ := bytes.Cut(b, []byte(";"))
		u.buf, b = appendReferred(u.buf, ref), rest
	}
	u.buf = append(u.buf, b...)
	return u.buf
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
