package conformance

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/trillian-go/trillian"
)

func (s *session) readMessages() {
	for _, kind := range ownerKinds {
		owner, _, week := kind.fields(&s.seen)
		if *owner == "" {
			continue
		}
		conversations, err := kind.messages(s.client).Conversations(s.ctx, *owner)
		if !s.on("Get all message weeks from " + kind.name).succeeds(err) {
			continue
		}
		if i := slices.IndexFunc(conversations, hasWeeks); i >= 0 {
			*week = conversations[i].Weeks[0]
			s.checkWeek(kind, *owner, *week)
		}
	}
}

func hasWeeks(c trillian.Conversation) bool { return len(c.Weeks) > 0 }

// checkWeek gets a week's messages.
func (s *session) checkWeek(kind ownerKind, owner string, week trillian.MessageWeek) []trillian.Message {
	get := s.on("Get messages from " + kind.name + " by week")
	messages, err := kind.messages(s.client).List(s.ctx, owner, week)
	if get.succeeds(err) {
		same(get, "there are as many as the list of weeks says", len(messages), week.Count)
	}
	return messages
}

func (s *session) sendMessages() {
	for _, kind := range ownerKinds {
		owner, _, week := kind.fields(&s.own)
		switch {
		case *owner == "":
		case s.sender == nil:
			s.checkSilence(kind, *owner)
		default:
			s.checkSilence(kind, *owner)
			*week = s.sendTo(kind, *owner, "one", "two & <three>", "Ünusual + 100%\nin two lines")
		}
	}
	s.sendAsOther()
}

// checkSilence looks at the history of who has none.
func (s *session) checkSilence(kind ownerKind, owner string) {
	list := s.on("Get all message weeks from " + kind.name)
	conversations, err := kind.messages(s.client).Conversations(s.ctx, owner)
	if list.succeeds(err) {
		list.holds(!slices.ContainsFunc(conversations, hasWeeks), "there is no week without messages", "there is %v", conversations)
	}
}

// sendTo sends messages, finds them in the owner's history, and returns the week
// that the last of them is in.
func (s *session) sendTo(kind ownerKind, owner string, texts ...string) trillian.MessageWeek {
	send := s.on("Send a message to " + kind.name)
	for _, text := range texts {
		time.Sleep(2 * time.Millisecond) // so that each has a timestamp of its own, to be deleted by
		sent, err := kind.messages(s.sender).Send(s.ctx, owner, trillian.MessageSend{From: s.target.Sender, Text: text})
		if !send.succeeds(err) {
			return trillian.MessageWeek{}
		}
		same(send, "from is that of the request", sent.From, s.target.Sender)
		same(send, "the message is that of the request", sent.Text, text)
	}
	conversation, ok := s.history(kind, owner)
	list := s.on("Get all message weeks from " + kind.name)
	if !list.holds(ok, "a message that was sent is in a conversation", "there is none with a week") {
		return trillian.MessageWeek{}
	}
	want := owner
	if kind.name == "a user" {
		want = s.target.Sender // a user has a conversation for each peer
	}
	same(list, "the conversation is named after the group chat, or the peer", conversation.Name, want)

	var got []string
	for _, week := range conversation.Weeks {
		for _, m := range s.checkWeek(kind, owner, week) {
			got = append(got, m.Text)
			if !slices.Contains(texts, m.Text) || m.From != s.target.Sender {
				got = append(got, "(from "+m.From+")")
			}
		}
	}
	send.holds(slices.Equal(got, texts), "what was sent is in the history, once and in order", "it has %q and should have %q", got, texts)
	s.on("Get messages from "+kind.name+" by week").
		holds(slices.Equal(got, texts), "it has the messages that were sent", "it has %q and should have %q", got, texts)
	return conversation.Weeks[len(conversation.Weeks)-1]
}

// history is the one conversation of an owner who was created just now.
func (s *session) history(kind ownerKind, owner string) (c trillian.Conversation, ok bool) {
	conversations, err := kind.messages(s.client).Conversations(s.ctx, owner)
	if !s.on("Get all message weeks from " + kind.name).succeeds(err) {
		return c, false
	}
	i := slices.IndexFunc(conversations, hasWeeks)
	if i < 0 {
		return c, false
	}
	return conversations[i], true
}

// sendAsOther tries to send with a token that is not the sender's.
func (s *session) sendAsOther() {
	if s.own.chat == "" || s.own.user == "" {
		return
	}
	send := s.on("Send a message to a group chat")
	const text = "the token must be owned by the sender"
	for _, client := range []*trillian.Client{s.client, s.sender} {
		if client == nil {
			continue
		}
		_, err := client.GroupChats.Messages.Send(s.ctx, s.own.chat, trillian.MessageSend{From: s.own.user, Text: text})
		e, _ := errors.AsType[*trillian.Error](err)
		send.holds(e != nil && e.StatusCode >= 400, "a token that is not the sender's is refused", "it is answered %d (%v)", s.wire.last().status, err)
	}
	for m, err := range s.client.GroupChats.Messages.History(s.ctx, s.own.chat, nil) {
		send.holds(err == nil && m.Text != text, "what was refused is not in the history", "it is, or %v", err)
	}
}

func (s *session) deleteMessages() {
	for _, kind := range ownerKinds {
		if owner, _, week := kind.fields(&s.own); week.Year != 0 {
			s.deleteBlock(kind, *owner, *week)
			s.deleteWeek(kind, *owner)
			s.deleteConversation(kind, *owner)
		}
	}
}

func (s *session) deleteBlock(kind ownerKind, owner string, week trillian.MessageWeek) {
	remove := s.on("Delete one or more messages from " + kind.name)
	if s.target.Block == nil {
		remove.skips(remove.success("DELETE"), "what a block holds is not known")
		return
	}
	messages, err := kind.messages(s.client).List(s.ctx, owner, week)
	if err != nil || len(messages) == 0 {
		remove.skips(remove.success("DELETE"), "there is no message left to delete")
		return
	}
	if !remove.succeeds(kind.messages(s.client).DeleteBlock(s.ctx, owner, week, s.target.Block(messages[0]))) {
		return
	}
	if len(messages) == 1 {
		remove.skips("the other messages of the week stay", "there are none, since a week began in the meantime")
		return
	}
	got, err := kind.messages(s.client).List(s.ctx, owner, week)
	remove.holds(err == nil && equal(got, messages[1:]), "the other messages of the week stay", "there are %v and should be %v", got, messages[1:])
}

func (s *session) deleteWeek(kind ownerKind, owner string) {
	remove := s.on("Delete messages from " + kind.name + " by week")
	s.sendMore(kind, owner)
	conversation, ok := s.history(kind, owner)
	if !ok {
		remove.skips(remove.success("DELETE"), "there is no message left to delete")
		return
	}
	for _, week := range conversation.Weeks {
		remove.succeeds(kind.messages(s.client).DeleteWeek(s.ctx, owner, week))
	}
	rest, ok := s.history(kind, owner)
	remove.holds(!ok, "a deleted week is not listed", "there are %v", rest.Weeks)
}

func (s *session) deleteConversation(kind ownerKind, owner string) {
	remove := s.on("Delete all messages from " + kind.name)
	s.sendMore(kind, owner)
	conversation, ok := s.history(kind, owner)
	if !ok {
		remove.skips(remove.success("DELETE"), "there is no message left to delete")
		return
	}
	if remove.succeeds(kind.messages(s.client).DeleteConversation(s.ctx, owner, conversation.ID)) {
		rest, ok := s.history(kind, owner)
		remove.holds(!ok, "no week is left", "there are %v", rest.Weeks)
	}
}

func (s *session) sendMore(kind ownerKind, owner string) {
	_, err := kind.messages(s.sender).Send(s.ctx, owner, trillian.MessageSend{From: s.target.Sender, Text: "once more"})
	s.on("Send a message to " + kind.name).succeeds(err)
}

// cleanMessages removes from the sender's history what was sent to the run's own
// user.
func (s *session) cleanMessages(ctx context.Context) {
	if s.sender == nil {
		return
	}
	conversations, _ := s.client.Users.Messages.Conversations(ctx, s.target.Sender)
	for _, c := range conversations {
		if s.isOwn(c.Name) {
			_ = s.client.Users.Messages.DeleteConversation(ctx, s.target.Sender, c.ID)
		}
	}
}
