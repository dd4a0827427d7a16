package trilliantest

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trillian-go/trillian"
)

// conversation is a history as one owner has it.
type conversation struct {
	id       string
	name     string // the group chat's or the peer's
	revision int    // counts the changes
	weeks    []*week
}

type week struct {
	year, number int
	messages     []message
}

type message struct {
	at   int64 // in milliseconds
	from string
	text string
}

// The sample's values of what the reference does not explain.
const (
	medium    = "astra"
	weekFlags = "2"
)

const canSend = uint32(trillian.MemberOp | trillian.MemberVoice)

// conversation returns the conversation of the id, and makes one where there is
// none.
func (o *owner) conversation(id, name string) *conversation {
	for _, c := range o.conversations {
		if c.id == id {
			return c
		}
	}
	c := &conversation{id: id, name: name}
	o.conversations = append(o.conversations, c)
	return c
}

// conversationWith is where new messages of two sides go, whose copies have one
// id. A group chat is its own other side.
func (o *owner) conversationWith(peer *owner) *conversation {
	if c := o.conversationNamed(peer.name); c != nil {
		return c
	}
	id := hash40("conversation\n" + min(o.name, peer.name) + "\n" + max(o.name, peer.name))
	if c := peer.conversationNamed(o.name); c != nil {
		id = c.id
	}
	return o.conversation(id, peer.name)
}

func (o *owner) conversationNamed(name string) *conversation {
	for _, c := range o.conversations {
		if c.name == name {
			return c
		}
	}
	return nil
}

// add files a message under its week: the days of its year, in UTC, by sevens,
// from 0. That is what the sample has, whose messages of 2016-05-25 are in week 20.
func (c *conversation) add(m message) {
	at := time.UnixMilli(m.at).UTC()
	c.addWeek(at.Year(), (at.YearDay()-1)/7, []message{m})
}

// addWeek files messages that are all of one week. Several conversations may be
// given the same ones: what a week holds is replaced and never changed.
func (c *conversation) addWeek(year, number int, messages []message) {
	w := &week{year: year, number: number, messages: slices.Clip(messages)}
	i, found := slices.BinarySearchFunc(c.weeks, w, func(a, b *week) int {
		return cmp.Or(a.year-b.year, a.number-b.number)
	})
	if found {
		c.weeks[i].messages = append(c.weeks[i].messages, messages...)
	} else {
		c.weeks = slices.Insert(c.weeks, i, w)
	}
	c.revision += len(messages)
}

func listWeeks(_ *state, c *call, o *owner) (*answer, error) {
	resource := "users"
	if isChatName(o.name) {
		resource = "groupchats"
	}
	return respond(http.StatusOK, func(x *xmlWriter) {
		for _, conv := range o.conversations {
			if len(conv.weeks) == 0 {
				continue
			}
			x.begin("messages", "conversation", conv.id, "medium", medium, "name", conv.name, "revision", strconv.Itoa(conv.revision))
			for _, w := range conv.weeks {
				year, number := strconv.Itoa(w.year), strconv.Itoa(w.number)
				x.empty("week", "flags", weekFlags, "href", c.link(resource, o.name, "messages", conv.id, year, number),
					"messages", strconv.Itoa(len(w.messages)), "week", number, "year", year)
			}
			x.end()
		}
	})
}

func listMessages(_ *state, c *call, o *owner) (*answer, error) {
	_, w, err := o.findWeek(c)
	if err != nil {
		return nil, err
	}
	return respond(http.StatusOK, func(x *xmlWriter) {
		x.begin("messages")
		for _, m := range w.messages {
			writeMessage(x, m)
		}
		x.end()
	})
}

func writeMessage(x *xmlWriter, m message) {
	x.text("message", m.text, "timestamp", strconv.FormatInt(m.at, 10), "from", m.from)
}

func (o *owner) findConversation(c *call) (*conversation, error) {
	for _, conv := range o.conversations {
		if conv.id == c.args[1] && len(conv.weeks) > 0 {
			return conv, nil
		}
	}
	return nil, notFound("no such conversation")
}

func (o *owner) findWeek(c *call) (*conversation, *week, error) {
	conv, err := o.findConversation(c)
	if err != nil {
		return nil, nil, err
	}
	for _, w := range conv.weeks {
		if strconv.Itoa(w.year) == c.args[2] && strconv.Itoa(w.number) == c.args[3] {
			return conv, w, nil
		}
	}
	return nil, nil, notFound("no such week")
}

// readMessage checks a message that is to be sent. Only the sender's own token
// may send it.
func readMessage(c *call) (message, error) {
	p := c.params()
	m := message{at: c.now, from: p.required("from"), text: p.required("message")}
	if p.err != nil {
		return m, p.err
	}
	if m.from != c.sender {
		return m, unauthorized("the token must be the sender's own")
	}
	return m, nil
}

func sendToChat(_ *state, c *call, chat *groupChat) (*answer, error) {
	m, err := readMessage(c)
	if err != nil {
		return nil, err
	}
	if chat.flags&flagDisableSend != 0 {
		if i := chat.memberAt(m.from); i < 0 || chat.members[i].flags&canSend == 0 {
			return nil, cannot("%s may not send messages to this group chat", m.from)
		}
	}
	chat.conversationWith(&chat.owner).add(m)
	chat.lastMessage = m.at
	return respond(http.StatusOK, func(x *xmlWriter) { writeMessage(x, m) })
}

func sendToUser(st *state, c *call, to *user) (*answer, error) {
	m, err := readMessage(c)
	if err != nil {
		return nil, err
	}
	from := st.users.get(m.from) // whose token it is
	to.conversationWith(&from.owner).add(m)
	if from != to {
		from.conversationWith(&to.owner).add(m)
	}
	return respond(http.StatusOK, func(x *xmlWriter) { writeMessage(x, m) })
}

// deleteMessages deletes a week or, with a block, some of its messages. An empty
// block is refused: it was meant to be one.
func deleteMessages(_ *state, c *call, o *owner) (*answer, error) {
	p := c.params()
	block, isBlock := p.get("block")
	text, ok := decodeBase64(block)
	switch {
	case !ok:
		p.fail("block is not Base64")
	case isBlock && len(text) == 0:
		p.fail("block is empty")
	}
	if p.err != nil {
		return nil, p.err
	}
	conv, w, err := o.findWeek(c)
	if err != nil {
		return nil, err
	}
	var rest []message
	if isBlock {
		if rest, err = w.without(string(text)); err != nil {
			return nil, err
		}
	}
	w.messages = rest
	if len(rest) == 0 {
		conv.weeks = slices.DeleteFunc(conv.weeks, func(other *week) bool { return other == w })
	}
	conv.revision++
	return noContent()
}

// without returns the messages that a block does not name. A block is text, a
// message a line: its timestamp and, where that is not enough, a space and its
// sender.
func (w *week) without(block string) ([]message, error) {
	rest := slices.Clone(w.messages)
	for line := range strings.Lines(block) {
		timestamp, from, hasFrom := strings.Cut(strings.TrimSpace(line), " ")
		at, err := strconv.ParseInt(timestamp, 10, 64)
		if err != nil {
			return nil, badRequest("block has a line that does not begin with a timestamp")
		}
		before := len(rest)
		rest = slices.DeleteFunc(rest, func(m message) bool { return m.at == at && (!hasFrom || m.from == from) })
		if len(rest) == before {
			return nil, notFound("no such message")
		}
	}
	return rest, nil
}

func deleteConversation(_ *state, c *call, o *owner) (*answer, error) {
	conv, err := o.findConversation(c)
	if err != nil {
		return nil, err
	}
	conv.weeks = nil
	conv.revision++
	return noContent()
}
