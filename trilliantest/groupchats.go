package trilliantest

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/trillian-go/trillian"
)

const (
	flagDeleted     = uint32(trillian.GroupChatDeleted)
	flagDisableSend = uint32(trillian.GroupChatDisableMessageSend)
)

type groupChat struct {
	owner
	displayName string
	flags       uint32
	topic       string
	groups      []int
	members     []member
	lastMessage int64 // in milliseconds
	unlisted    bool  // left out of the list of all group chats
}

type member struct {
	name  string
	flags uint32
}

func (g *groupChat) memberAt(name string) int {
	return slices.IndexFunc(g.members, func(m member) bool { return m.name == name })
}

// addMember makes a user a member, anew if the user was one.
func (g *groupChat) addMember(name string, flags uint32) {
	m := member{name, flags}
	if i := g.memberAt(name); i >= 0 {
		g.members[i] = m
		return
	}
	g.members = append(g.members, m)
}

func (g *groupChat) removeMember(name string) bool {
	i := g.memberAt(name)
	if i >= 0 {
		g.members = slices.Delete(g.members, i, i+1)
	}
	return i >= 0
}

func listChats(st *state, c *call) (*answer, error) {
	expand, err := chatExpansion(c)
	if err != nil {
		return nil, err
	}
	return respond(http.StatusOK, func(x *xmlWriter) {
		for _, chat := range st.chats.items() {
			if chat.flags&flagDeleted == 0 && !chat.unlisted {
				writeChat(x, st, c, chat, expand)
			}
		}
	})
}

func getChat(st *state, c *call, chat *groupChat) (*answer, error) {
	expand, err := chatExpansion(c)
	if err != nil {
		return nil, err
	}
	return respond(http.StatusOK, func(x *xmlWriter) { writeChat(x, st, c, chat, expand) })
}

func createChat(st *state, c *call) (*answer, error) {
	p := c.params()
	displayName := p.required("displayname")
	var flags uint32
	p.flags("flags", &flags)
	if p.err != nil {
		return nil, p.err
	}
	name, err := st.newChatName()
	if err != nil {
		return nil, cannot("%v", err)
	}
	chat := st.addChat(name)
	chat.displayName, chat.flags = displayName, flags
	return respond(http.StatusCreated, func(x *xmlWriter) { writeChat(x, st, c, chat, expansion{}) })
}

func updateChat(st *state, c *call, chat *groupChat) (*answer, error) {
	p := c.params()
	displayName, flags, topic := chat.displayName, chat.flags, chat.topic
	p.text("displayname", &displayName)
	p.flags("flags", &flags)
	p.text("topic", &topic)
	if p.change(); p.err != nil {
		return nil, p.err
	}
	chat.displayName, chat.flags, chat.topic = displayName, flags, topic
	return respond(http.StatusOK, func(x *xmlWriter) { writeChat(x, st, c, chat, expansion{}) })
}

// expansion says which sub-resources of a group chat are more than links.
type expansion struct{ groups, members bool }

func chatExpansion(c *call) (e expansion, err error) {
	if e.groups, err = c.expands("groups"); err != nil {
		return e, err
	}
	e.members, err = c.expands("members")
	return e, err
}

func writeChat(x *xmlWriter, st *state, c *call, chat *groupChat, expand expansion) {
	link := func(resource string) string { return c.link("groupchats", chat.name, resource) }
	x.begin("groupchat", "name", chat.name)
	x.text("displayname", chat.displayName)
	x.number("flags", int64(chat.flags))
	x.begin("groups", "href", link("groups"))
	if expand.groups {
		for _, id := range chat.groups {
			if g := st.groups.get(id); g != nil {
				writeGroup(x, c, g, false)
			}
		}
	}
	x.end()
	x.empty("media", "href", link("media"))
	writeMembers(x, c, chat, expand.members)
	x.number("messageTimestamp", chat.lastMessage)
	x.empty("messages", "href", link("messages"))
	x.text("topic", chat.topic)
	x.end()
}

func listMembers(_ *state, c *call, chat *groupChat) (*answer, error) {
	return respond(http.StatusOK, func(x *xmlWriter) { writeMembers(x, c, chat, true) })
}

func addMember(st *state, c *call, chat *groupChat) (*answer, error) {
	u := st.users.get(c.args[1])
	if u == nil {
		return nil, notFound("no such user")
	}
	if chat.memberAt(u.name) < 0 {
		chat.addMember(u.name, 0)
	}
	own := chat.members[chat.memberAt(u.name)]
	return respond(http.StatusCreated, func(x *xmlWriter) { writeMember(x, own) })
}

func deleteMember(_ *state, c *call, chat *groupChat) (*answer, error) {
	if !chat.removeMember(c.args[1]) {
		return nil, notFound("no such member")
	}
	return noContent()
}

func writeMembers(x *xmlWriter, c *call, chat *groupChat, expand bool) {
	x.begin("members", "href", c.link("groupchats", chat.name, "members"))
	if expand {
		for _, m := range chat.members {
			writeMember(x, m)
		}
	}
	x.end()
}

func writeMember(x *xmlWriter, m member) {
	x.begin("member", "name", m.name)
	x.text("flags", strconv.FormatUint(uint64(m.flags), 10))
	x.end()
}
