package trillian

import (
	"context"
	"iter"
	"net/http"
	"strings"
)

// GroupChatsService manages group chats: named, persistent, many-to-many
// conversations between users.
//
// Trillian API: Group Chats.
type GroupChatsService struct {
	client *Client

	Members  *MembersService
	Media    *MediaService
	Messages *MessagesService
}

// GroupChat is a group chat as the server returns it.
type GroupChat struct {
	Name             string              `xml:"name,attr" json:"name"` // its identifier: "#" and a hash, "@" and the domain
	DisplayName      string              `xml:"displayname" json:"displayName"`
	Flags            GroupChatFlags      `xml:"flags" json:"flags"`
	Groups           Collection[Group]   `xml:"groups" items:"group" json:"groups,omitzero"`
	Media            Collection[Media]   `xml:"media" items:"media" json:"media,omitzero"`
	Members          Collection[Member]  `xml:"members" items:"member" json:"members,omitzero"`
	MessageTimestamp Timestamp           `xml:"messageTimestamp" json:"messageTimestamp"` // of the last message (inferred), zero for none
	Messages         Collection[Message] `xml:"messages" items:"message" json:"messages,omitzero"`
	Topic            string              `xml:"topic" json:"topic"`

	Fields map[string]string `xml:",any" json:"fields,omitempty"` // what has no field here: see [User]
}

// GroupChatOptions says which sub-resources a response expands. A nil
// *GroupChatOptions expands none.
type GroupChatOptions struct {
	Groups  bool `url:"groups,int,omitempty"`
	Members bool `url:"members,int,omitempty"`
}

// GroupChatCreate describes a new group chat.
type GroupChatCreate struct {
	DisplayName string         `url:"displayname"`
	Flags       GroupChatFlags `url:"flags"`
}

// GroupChatUpdate describes changes to a group chat. Nil fields are left alone.
type GroupChatUpdate struct {
	DisplayName *string         `url:"displayname,omitempty"`
	Flags       *GroupChatFlags `url:"flags,omitempty"`
	Topic       *string         `url:"topic,omitempty"`
}

// List returns every group chat.
//
// Trillian API: GET /v1/groupchats/
func (s *GroupChatsService) List(ctx context.Context, opts *GroupChatOptions) ([]GroupChat, error) {
	return list[GroupChat](ctx, s.client, endpoint("GroupChats.List", "groupchats/").expand(opts), "groupchat")
}

// All yields every group chat while the response arrives. An error comes last,
// once, with a zero GroupChat.
//
// Trillian API: GET /v1/groupchats/
func (s *GroupChatsService) All(ctx context.Context, opts *GroupChatOptions) iter.Seq2[GroupChat, error] {
	return stream[GroupChat](ctx, s.client, endpoint("GroupChats.All", "groupchats/").expand(opts), "groupchat")
}

// Get returns one group chat.
//
// Trillian API: GET /v1/groupchats/:groupchat/
func (s *GroupChatsService) Get(ctx context.Context, chat string, opts *GroupChatOptions) (*GroupChat, error) {
	return get[GroupChat](ctx, s.client, endpoint("GroupChats.Get", "groupchats/:groupchat/", chat).expand(opts), "groupchat")
}

// Create makes a new group chat and returns it with the name the server gave it.
//
// Trillian API: POST /v1/groupchats/
func (s *GroupChatsService) Create(ctx context.Context, chat GroupChatCreate) (*GroupChat, error) {
	return change[GroupChat](ctx, s.client, http.MethodPost, endpoint("GroupChats.Create", "groupchats/").form(chat), "groupchat", nil)
}

// Update changes a group chat and returns it as it is then. A topic is shown at
// the top of the message window; a display name reaches every user who has not
// renamed the chat.
//
// Trillian API: PATCH /v1/groupchats/:groupchat/
func (s *GroupChatsService) Update(ctx context.Context, chat string, update GroupChatUpdate) (*GroupChat, error) {
	return change[GroupChat](ctx, s.client, http.MethodPatch, endpoint("GroupChats.Update", "groupchats/:groupchat/", chat).changes(update), "groupchat", nil)
}

// MembersService manages the members of a group chat.
//
// Trillian API: Group Chat Members.
type MembersService struct{ client *Client }

// Member is a user who belongs to a group chat.
type Member struct {
	Name  string      `xml:"name,attr" json:"name"`
	Flags MemberFlags `xml:"flags" json:"flags"`

	Fields map[string]string `xml:",any" json:"fields,omitempty"` // what has no field here: see [User]
}

// List returns every member of a group chat.
//
// Trillian API: GET /v1/groupchats/:groupchat/members/
func (s *MembersService) List(ctx context.Context, chat string) ([]Member, error) {
	return list[Member](ctx, s.client, endpoint("GroupChats.Members.List", "groupchats/:groupchat/members/", chat), "members>member")
}

// All yields every member of a group chat while they arrive. An error comes last,
// once, with a zero Member.
//
// Trillian API: GET /v1/groupchats/:groupchat/members/
func (s *MembersService) All(ctx context.Context, chat string) iter.Seq2[Member, error] {
	return stream[Member](ctx, s.client, endpoint("GroupChats.Members.All", "groupchats/:groupchat/members/", chat), "members>member")
}

// Add makes a user a member of a group chat and returns the member. What becomes
// of the flags of one who is a member already is not documented, nor whether the
// server refuses that.
//
// Trillian API: POST /v1/groupchats/:groupchat/:member/
func (s *MembersService) Add(ctx context.Context, chat, member string) (*Member, error) {
	if err := checkMember(member); err != nil {
		return nil, err
	}
	return change[Member](ctx, s.client, http.MethodPost, endpoint("GroupChats.Members.Add", "groupchats/:groupchat/:member/", chat, member), "member", nil)
}

// Remove ends a user's membership of a group chat.
//
// Trillian API: DELETE /v1/groupchats/:groupchat/:member/
func (s *MembersService) Remove(ctx context.Context, chat, member string) error {
	if err := checkMember(member); err != nil {
		return err
	}
	return s.client.act(ctx, http.MethodDelete, endpoint("GroupChats.Members.Remove", "groupchats/:groupchat/:member/", chat, member))
}

// checkMember refuses the names of a group chat's other sub-resources: a member
// stands where they stand, so adding "messages" would post a message.
func checkMember(member string) error {
	name, _, _ := strings.Cut(member, ";") // behind it are parameters, to some servers
	switch strings.ToLower(name) {
	case "groups", "media", "members", "messages":
		return &ArgumentError{Name: "member", Reason: "is the name of another resource of a group chat"}
	}
	return nil
}
