package trillian

import (
	"context"
	"encoding/base64"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
)

// MessagesService reads, sends and deletes messages. The owner of a history is a
// user's IM address for [UsersService.Messages], a group chat's name for
// [GroupChatsService.Messages].
//
// Trillian API: Group Chat Messages, User Messages.
type MessagesService struct {
	client *Client
	name   string // "GroupChats.Messages" or "Users.Messages"
	under  string // "groupchats/:groupchat/messages/" or "users/:user/messages/"

	// What a history needs for every week: to put them together each time makes a
	// small call 5 % longer.
	list string // the name of List
	week string // the route of a week
}

func newMessagesService(c *Client, name, under string) *MessagesService {
	return &MessagesService{client: c, name: name, under: under, list: name + ".List", week: under + ":conversation/:year/:week/"}
}

// Conversation is a message history: a group chat has one, a user one a peer.
type Conversation struct {
	ID       string        `xml:"conversation,attr" json:"id"`
	Medium   string        `xml:"medium,attr" json:"medium"`     // the network, such as astra
	Name     string        `xml:"name,attr" json:"name"`         // who or what the conversation is with
	Revision int           `xml:"revision,attr" json:"revision"` // another one after every change (inferred)
	Weeks    []MessageWeek `xml:"week" json:"weeks,omitempty"`

	Fields map[string]string `xml:",any" json:"fields,omitempty"` // what has no field here: see [User]
}

// MessageWeek names a part of a history: a year from 1 to 9999, and in it a number
// from 0 up. Weeks are the server's own numbers: take them from
// [MessagesService.Conversations], never compute them from a date.
type MessageWeek struct {
	Conversation string `xml:"-" json:"conversation"` // the ID of its Conversation
	Year         int    `xml:"year,attr" json:"year"`
	Week         int    `xml:"week,attr" json:"week"`
	Count        int    `xml:"messages,attr" json:"count"` // how many messages there are
	Flags        uint32 `xml:"flags,attr" json:"flags"`    // undocumented
	Href         string `xml:"href,attr" json:"href"`

	Fields map[string]string `xml:",any" json:"fields,omitempty"` // what has no field here: see [User]
}

// Message is one message. Its timestamp does not identify it: two can share one.
type Message struct {
	Timestamp    Timestamp `xml:"timestamp,attr" json:"timestamp"`
	From         string    `xml:"from,attr" json:"from"` // the sender's IM address
	Text         string    `xml:",chardata" json:"text"` // without that of children, which is in Fields
	Conversation string    `xml:"-" json:"conversation"` // the ID of its Conversation, where it was read from one

	Fields map[string]string `xml:",any" json:"fields,omitempty"` // what has no field here: see [User]
}

// MessageSend describes a message to send. The client's token must be the
// sender's own, not an administrator's: see [Client.WithToken].
type MessageSend struct {
	From string `url:"from"` // the sender's IM address
	Text string `url:"message"`
}

// Conversations returns the owner's conversations and the weeks they have
// messages in. A listed week that cannot be one is a [*DecodeError].
//
// Trillian API: GET /v1/groupchats/:groupchat/messages/, GET /v1/users/:user/messages/
func (s *MessagesService) Conversations(ctx context.Context, owner string) ([]Conversation, error) {
	r := endpoint(s.name+".Conversations", s.under, owner)
	conversations, err := list[Conversation](ctx, s.client, r, "messages")
	for _, c := range conversations {
		for i := range c.Weeks {
			c.Weeks[i].Conversation = c.ID
			if err := c.Weeks[i].check(); err != nil { // the server's fault, not the caller's
				return nil, &DecodeError{Method: http.MethodGet, Path: r.path, Err: fmt.Errorf("lists a week that %s", err.Reason)}
			}
		}
	}
	return conversations, err
}

// List returns the messages of a week, in the server's order.
//
// Trillian API: GET /v1/groupchats/:groupchat/messages/:conversation/:year/:week/, GET /v1/users/:user/messages/:conversation/:year/:week/
func (s *MessagesService) List(ctx context.Context, owner string, week MessageWeek) ([]Message, error) {
	messages, err := list[Message](ctx, s.client, s.ofWeek(s.list, owner, week), "messages>message")
	for i := range messages {
		messages[i].Conversation = week.Conversation
	}
	return messages, err
}

// All yields the messages of a week, in the server's order, while they arrive. An
// error comes last, once, with a zero Message.
//
// Trillian API: GET /v1/groupchats/:groupchat/messages/:conversation/:year/:week/, GET /v1/users/:user/messages/:conversation/:year/:week/
func (s *MessagesService) All(ctx context.Context, owner string, week MessageWeek) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		for message, err := range stream[Message](ctx, s.client, s.ofWeek(s.name+".All", owner, week), "messages>message") {
			if err == nil {
				message.Conversation = week.Conversation
			}
			if !yield(message, err) {
				return
			}
		}
	}
}

// Send sends a message to the owner: to a user, or to a group chat's members. The
// client's token must be the sender's own.
//
// It returns the message as the server does. The response is documented for a group
// chat only: where there is none for a user, what was sent is returned, without a
// timestamp.
//
// After an error for which errors.Is(err, [ErrOutcomeUnknown]) holds the message
// may have arrived: look before you send it again.
//
// Trillian API: POST /v1/groupchats/:groupchat/messages/, POST /v1/users/:user/messages/
func (s *MessagesService) Send(ctx context.Context, owner string, message MessageSend) (*Message, error) {
	if message.From == "" {
		return nil, &ArgumentError{Name: "from", Reason: "is empty"}
	}
	if message.Text == "" {
		return nil, &ArgumentError{Name: "message", Reason: "is empty"}
	}
	var sent *Message // the response of a group chat is documented
	if s != s.client.GroupChats.Messages {
		sent = &Message{From: message.From, Text: message.Text}
	}
	return change(ctx, s.client, http.MethodPost, endpoint(s.name+".Send", s.under, owner).form(message), "message", sent)
}

// DeleteBlock deletes a block of messages of a week. What a block holds is not
// documented; it is sent as Base64. An empty one is refused, since the same
// request without it deletes the week.
//
// Trillian API: DELETE /v1/groupchats/:groupchat/messages/:conversation/:year/:week/, DELETE /v1/users/:user/messages/:conversation/:year/:week/, with block
func (s *MessagesService) DeleteBlock(ctx context.Context, owner string, week MessageWeek, block []byte) error {
	if len(block) == 0 {
		return &ArgumentError{Name: "block", Reason: "is empty: DeleteWeek deletes the whole week"}
	}
	req := s.ofWeek(s.name+".DeleteBlock", owner, week)
	req.params = url.Values{"block": {base64.StdEncoding.EncodeToString(block)}}
	return s.client.act(ctx, http.MethodDelete, req)
}

// DeleteWeek deletes the messages of a week.
//
// Trillian API: DELETE /v1/groupchats/:groupchat/messages/:conversation/:year/:week/, DELETE /v1/users/:user/messages/:conversation/:year/:week/
func (s *MessagesService) DeleteWeek(ctx context.Context, owner string, week MessageWeek) error {
	return s.client.act(ctx, http.MethodDelete, s.ofWeek(s.name+".DeleteWeek", owner, week))
}

// DeleteConversation deletes all messages of a conversation.
//
// Trillian API: DELETE /v1/groupchats/:groupchat/messages/:conversation/, DELETE /v1/users/:user/messages/:conversation/
func (s *MessagesService) DeleteConversation(ctx context.Context, owner, conversation string) error {
	return s.client.act(ctx, http.MethodDelete, endpoint(s.name+".DeleteConversation", s.under+":conversation/", owner, conversation))
}

// check refuses what is no week. Week 0 is one; a year of 0 is a week that was not
// filled in.
func (w MessageWeek) check() *ArgumentError {
	if w.Year <= 0 || w.Year > 9999 {
		return &ArgumentError{Name: "week", Reason: fmt.Sprintf("has the year %d", w.Year)}
	}
	if w.Week < 0 {
		return &ArgumentError{Name: "week", Reason: fmt.Sprintf("has the number %d", w.Week)}
	}
	return nil
}

func (s *MessagesService) ofWeek(name, owner string, w MessageWeek) request {
	if err := w.check(); err != nil {
		return request{err: err}
	}
	return endpoint(name, s.week, owner, w.Conversation, w.Year, strconv.Itoa(w.Week))
}
