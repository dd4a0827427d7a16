package conformance

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// shape is what an element must have at least, as the reference's samples show it.
type shape struct {
	kind   kind
	name   string
	attrs  []attr
	text   format
	below  []shape
	repeat bool // there may be none of it, or many
}

type attr struct {
	name string
	is   format
}

// kind tells answers of XML from others.
type kind int

const (
	documented kind = iota
	undocumented
	bodiless
	bytesOfFile
)

var (
	unsaid  = shape{kind: undocumented}
	nothing = shape{kind: bodiless}
	aFile   = shape{kind: bytesOfFile}
)

func one(s shape) shape { return shape{name: "response", below: []shape{s}} }

func all(s shape) shape { return one(many(s)) }

func many(s shape) shape {
	s.repeat = true
	return s
}

// linked is a sub-resource: a link, with elements in it where it is expanded.
func linked(name string, below ...shape) shape {
	return shape{name: name, attrs: []attr{{"href", link}}, below: below}
}

func text(name string) shape { return shape{name: name} }

func number(name string) shape { return shape{name: name, text: integer} }

// The elements of the samples.
var (
	groupChat = shape{name: "groupchat", attrs: []attr{{"name", given}}, below: []shape{
		text("displayname"), {name: "flags", text: bitmask}, linked("groups", many(group)), linked("media"), members,
		number("messageTimestamp"), linked("messages"), text("topic"),
	}}
	media = shape{name: "media", attrs: []attr{{"m", hash}}, below: []shape{
		number("createdAt"), number("expiresAt"), number("size"), {name: "owner", text: given}, text("type"), text("name"),
		{name: "thumbnail", text: hashOrNone}, {name: "data", text: hash},
	}}
	member  = shape{name: "member", attrs: []attr{{"name", given}}, below: []shape{{name: "flags", text: bitmask}}}
	members = linked("members", many(member))
	weeks   = shape{name: "messages", attrs: []attr{{"conversation", given}, {"medium", given}, {"name", given}, {"revision", integer}}, below: []shape{
		many(shape{name: "week", attrs: []attr{{"flags", bitmask}, {"href", link}, {"messages", integer}, {"week", integer}, {"year", integer}}}),
	}}
	message  = shape{name: "message", attrs: []attr{{"timestamp", integer}, {"from", given}}}
	messages = shape{name: "messages", below: []shape{many(message)}}
	group    = shape{name: "group", attrs: []attr{{"id", integer}}, below: []shape{
		text("displayname"), text("name"), number("parent"), peers, number("policy"), number("priority"), number("type"),
	}}
	peer     = shape{name: "peer", attrs: []attr{{"id", integer}}}
	peers    = linked("peers", many(peer))
	policy   = shape{name: "policy", attrs: []attr{{"id", integer}}, below: []shape{{name: "data", text: inBase64}, text("name")}}
	presence = shape{name: "presence", attrs: []attr{{"name", given}, {"status", integer}, {"message", anything}, {"timestamp", integer}}, below: []shape{
		{name: "devices", below: []shape{many(shape{name: "device", attrs: []attr{
			{"ip", given}, {"name", anything}, {"platform", anything}, {"version", anything}, {"build", anything},
		}})}},
	}}
)

// format says what a text must be. A nil one allows all.
type format func(string) (problem string)

func anything(string) string { return "" }

func given(s string) string {
	if s == "" {
		return "is empty"
	}
	return ""
}

func integer(s string) string {
	if _, err := strconv.ParseInt(s, 10, 64); err != nil {
		return "is not an integer"
	}
	return ""
}

func bitmask(s string) string {
	if _, err := strconv.ParseUint(s, 10, 32); err != nil {
		return "is not an unsigned 32-bit integer"
	}
	return ""
}

func inBase64(s string) string {
	if _, err := base64.StdEncoding.DecodeString(strings.TrimSpace(s)); err != nil {
		return "is not Base64"
	}
	return ""
}

func hash(s string) string {
	if b, err := base64.StdEncoding.DecodeString(s); err != nil || len(b) != 32 {
		return "is not 32 bytes in Base64"
	}
	return ""
}

func hashOrNone(s string) string {
	if s == "" {
		return ""
	}
	return hash(s)
}

func link(s string) string {
	if u, err := url.Parse(s); err != nil || !u.IsAbs() || u.Host == "" || !strings.HasSuffix(u.Path, "/") {
		return "is not a full URL that ends in a slash"
	}
	return ""
}

// mismatch says where an element is not of the shape. More than the shape has is
// no mismatch.
func (s shape) mismatch(n *node) string {
	for _, a := range s.attrs {
		value, ok := n.attr(a.name)
		if !ok {
			return fmt.Sprintf("<%s> has no attribute %s", s.name, a.name)
		}
		if problem := a.is(value); problem != "" {
			return fmt.Sprintf("%s of <%s> is %q, which %s", a.name, s.name, value, problem)
		}
	}
	if s.text != nil {
		if problem := s.text(n.Text); problem != "" {
			return fmt.Sprintf("<%s> is %q, which %s", s.name, n.Text, problem)
		}
	}
	for _, child := range s.below {
		found := n.all(child.name)
		if len(found) != 1 && !child.repeat {
			return fmt.Sprintf("<%s> has %d <%s>", s.name, len(found), child.name)
		}
		for _, f := range found {
			if problem := child.mismatch(f); problem != "" {
				return problem
			}
		}
	}
	return ""
}
