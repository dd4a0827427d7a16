package conformance

import (
	"slices"
	"strings"

	"github.com/trillian-go/trillian"
)

const newChatFlags = trillian.GroupChatDisableDisplayNameSet | trillian.GroupChatDisableTopicSet

func (s *session) readChats() {
	list := s.on("Get all group chats")
	chats, err := s.client.GroupChats.List(s.ctx, nil)
	if !list.succeeds(err) {
		return
	}
	list.holds(s.wire.last().count("groupchat", "members", "member")+s.wire.last().count("groupchat", "groups", "group") == 0,
		"members and groups are links unless asked for", "some are expanded")
	_, err = s.client.GroupChats.List(s.ctx, &trillian.GroupChatOptions{Groups: true, Members: true})
	list.succeeds(err)
	if len(chats) == 0 {
		return
	}
	s.seen.chat = chats[0].Name
	s.checkChat(chats[0])
}

// checkChat reads a group chat in every way there is.
func (s *session) checkChat(want trillian.GroupChat) {
	get := s.on("Get a single group chat")
	chat, err := s.client.GroupChats.Get(s.ctx, want.Name, nil)
	if get.succeeds(err) {
		same(get, "it is the group chat that was asked for", chat.Name, want.Name)
		same(get, "its displayname is the known one", chat.DisplayName, want.DisplayName)
		same(get, "its flags are the known ones", chat.Flags, want.Flags)
		same(get, "its topic is the known one", chat.Topic, want.Topic)
		get.holds(s.wire.last().count("groupchat", "members", "member")+s.wire.last().count("groupchat", "groups", "group") == 0,
			"members and groups are links unless asked for", "some are expanded")
	}
	listMembers := s.on("Get all members of a group chat")
	members, err := s.client.GroupChats.Members.List(s.ctx, want.Name)
	if !listMembers.succeeds(err) || len(members) == 0 {
		return
	}
	chat, err = s.client.GroupChats.Get(s.ctx, want.Name, &trillian.GroupChatOptions{Members: true, Groups: true})
	if get.succeeds(err) {
		get.holds(equal(chat.Members.Items, members), "members=1 expands the members", "they are %v and should be %v", chat.Members.Items, members)
	}
	list := s.on("Get all group chats")
	chats, err := s.client.GroupChats.List(s.ctx, &trillian.GroupChatOptions{Members: true})
	if list.succeeds(err) {
		i := chatAt(chats, want.Name)
		list.holds(i >= 0 && equal(chats[i].Members.Items, members), "members=1 expands the members", "they are not those of %s", want.Name)
	}
}

func chatAt(chats []trillian.GroupChat, name string) int {
	return slices.IndexFunc(chats, func(c trillian.GroupChat) bool { return c.Name == name })
}

func (s *session) createChat() {
	create := s.on("Create a group chat")
	chat, err := s.client.GroupChats.Create(s.ctx, trillian.GroupChatCreate{DisplayName: s.marker, Flags: newChatFlags})
	if !create.succeeds(err) {
		return
	}
	s.own.chat = chat.Name
	create.holds(strings.HasPrefix(chat.Name, "#"), `the new group chat's name begins with "#"`, "it is %q", chat.Name)
	same(create, "displayname is that of the request", chat.DisplayName, s.marker)
	same(create, "flags are those of the request", chat.Flags, newChatFlags)
	same(create, "the new group chat has no topic", chat.Topic, "")
	create.holds(s.wire.last().count("groupchat", "members", "member") == 0, "members are a link", "they are expanded")

	list := s.on("Get all group chats")
	chats, err := s.client.GroupChats.List(s.ctx, nil)
	if list.succeeds(err) {
		list.holds(chatAt(chats, chat.Name) >= 0, "a new group chat is listed", "%s is not", chat.Name)
	}
	s.checkChat(*chat)
}

func (s *session) updateChat() {
	if s.own.chat == "" {
		return
	}
	update := s.on("Update a group chat")
	const topic = `Ünusual <topic> & "quotes" + 100%`
	chat, err := s.client.GroupChats.Update(s.ctx, s.own.chat, trillian.GroupChatUpdate{Topic: new(topic)})
	if !update.succeeds(err) {
		return
	}
	same(update, "it is the group chat that was asked for", chat.Name, s.own.chat)
	same(update, "topic is that of the request", chat.Topic, topic)
	same(update, "displayname, not given, stays", chat.DisplayName, s.marker)
	same(update, "flags, not given, stay", chat.Flags, newChatFlags)
	s.checkChat(*chat)

	chat, err = s.post.GroupChats.Update(s.ctx, s.own.chat, trillian.GroupChatUpdate{
		DisplayName: new(s.marker + " renamed"), Flags: new(trillian.GroupChatFlags(0)),
	})
	if update.succeedsAs("POST", err) {
		same(update, "displayname is that of the request", chat.DisplayName, s.marker+" renamed")
		same(update, "flags are those of the request", chat.Flags, 0)
		same(update, "topic, not given, stays", chat.Topic, topic)
		s.checkChat(*chat)
	}
	chat, err = s.client.GroupChats.Update(s.ctx, s.own.chat, trillian.GroupChatUpdate{Topic: new("")})
	if update.succeeds(err) {
		same(update, "topic can be made empty", chat.Topic, "")
	}
}

func (s *session) deleteChat() {
	if s.own.chat == "" {
		return
	}
	update := s.on("Update a group chat")
	_, err := s.client.GroupChats.Update(s.ctx, s.own.chat, trillian.GroupChatUpdate{Flags: new(trillian.GroupChatDeleted)})
	update.succeeds(err)
	list := s.on("Get all group chats")
	chats, err := s.client.GroupChats.List(s.ctx, nil)
	if list.succeeds(err) {
		list.holds(chatAt(chats, s.own.chat) < 0, "a group chat flagged DELETED is not listed", "%s is", s.own.chat)
	}
}

func (s *session) addMember() {
	if s.own.chat == "" || s.own.user == "" {
		return
	}
	if s.sender != nil { // who may have to be one to send
		_, _ = s.client.GroupChats.Members.Add(s.ctx, s.own.chat, s.target.Sender)
	}
	add := s.on("Add a member to a group chat")
	member, err := s.client.GroupChats.Members.Add(s.ctx, s.own.chat, s.own.user)
	if !add.succeeds(err) {
		return
	}
	s.own.chatMember = s.own.user
	same(add, "the member is the one that was added", member.Name, s.own.user)
	same(add, "a new member has no flags", member.Flags, 0)

	list := s.on("Get all members of a group chat")
	members, err := s.client.GroupChats.Members.List(s.ctx, s.own.chat)
	if list.succeeds(err) {
		list.holds(contains(members, *member), "a new member is listed", "they are %v", members)
	}
	s.checkMembers()
}

// checkMembers holds the members in answers about the group chat against the list.
func (s *session) checkMembers() {
	if chat, err := s.client.GroupChats.Get(s.ctx, s.own.chat, nil); err == nil {
		s.checkChat(*chat)
	}
}

func (s *session) deleteMember() {
	if s.own.chatMember == "" {
		return
	}
	remove := s.on("Delete a member from a group chat")
	if !remove.succeeds(s.client.GroupChats.Members.Remove(s.ctx, s.own.chat, s.own.chatMember)) {
		return
	}
	members, err := s.client.GroupChats.Members.List(s.ctx, s.own.chat)
	if s.on("Get all members of a group chat").succeeds(err) {
		gone := !slices.ContainsFunc(members, func(m trillian.Member) bool { return m.Name == s.own.chatMember })
		remove.holds(gone, "who was deleted is no longer a member", "they are %v", members)
	}
	_, err = s.client.Users.Get(s.ctx, s.own.chatMember)
	remove.holds(err == nil, "who was deleted from a group chat is still a user", "%v", err)
	s.own.chatMember = ""
}
