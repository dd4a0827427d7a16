package trilliantest

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/trillian-go/trillian"
)

// Option sets up a [Server]. Options that fill it are applied in their order: of
// two things with the same name or ID, the later one holds. Users that are named
// but not described (as a member, a sender, an owner) come into being.
type Option func(*settings)

type settings struct {
	basePath   string
	address    string
	noListener bool
	token      string
	clock      func() time.Time
	ids        func() string
	seeds      []func(*state, time.Time) error
}

func seed(fill func(*state, time.Time) error) Option {
	return func(set *settings) { set.seeds = append(set.seeds, fill) }
}

// WithToken sets the administrator's token, which otherwise is random.
func WithToken(token string) Option { return func(set *settings) { set.token = token } }

// WithClock sets the clock that messages, media and presence are stamped by. It
// is called from many goroutines.
func WithClock(now func() time.Time) Option { return func(set *settings) { set.clock = now } }

// WithIDs sets the source of the names of group chats and the ids of media: a
// text of its own for every call, such as 40 hexadecimal digits. Without it they
// are the same in every run.
func WithIDs(next func() string) Option { return func(set *settings) { set.ids = next } }

// WithBasePath sets the path before the resources, "/v1/" by default. A later
// edition of the API has "/v2/cerulean-inc.com/".
func WithBasePath(path string) Option {
	return func(set *settings) {
		set.basePath = "/"
		if path = strings.Trim(path, "/"); path != "" {
			set.basePath = "/" + path + "/"
		}
	}
}

// WithAddress sets the address to listen on, "127.0.0.1:0" by default: a free
// port that only the own machine reaches.
func WithAddress(address string) Option { return func(set *settings) { set.address = address } }

// WithoutListener makes a server without a port and a goroutine: it is reached by
// its Client, its Transport and its Handler only.
func WithoutListener() Option { return func(set *settings) { set.noListener = true } }

// WithUsers adds users.
func WithUsers(users ...trillian.User) Option {
	return seed(func(st *state, _ time.Time) error {
		for _, u := range users {
			if reason := badAddress(u.Name); reason != "" {
				return fmt.Errorf("WithUsers: the name %q %s", u.Name, reason)
			}
			own := st.addUser(u.Name)
			own.displayName, own.email = u.DisplayName, u.Email
			for name, value := range u.Fields {
				if !isXMLName(name) {
					return fmt.Errorf("WithUsers: the field %q of %s cannot be an element's name", name, u.Name)
				}
				own.fields[name] = value
			}
		}
		return nil
	})
}

// WithGroups adds groups. One without an ID is given the next; one whose Peers
// has no Items is peered as a new group is.
func WithGroups(groups ...trillian.Group) Option {
	return seed(func(st *state, _ time.Time) error {
		for _, g := range groups {
			if g.ID < 0 {
				return fmt.Errorf("WithGroups: the ID %d is negative", g.ID)
			}
			st.addGroup(g)
		}
		return nil
	})
}

// WithPolicies adds policies. One without an ID is given the next.
func WithPolicies(policies ...trillian.Policy) Option {
	return seed(func(st *state, _ time.Time) error {
		for _, p := range policies {
			if p.ID < 0 {
				return fmt.Errorf("WithPolicies: the ID %d is negative", p.ID)
			}
			st.addPolicy(p)
		}
		return nil
	})
}

// WithGroupChats adds group chats, with the Items of their Members and Groups.
// One without a name is given one. Media and messages have options of their own.
func WithGroupChats(chats ...trillian.GroupChat) Option {
	return seed(func(st *state, _ time.Time) error {
		for _, c := range chats {
			if c.Name == "" {
				name, err := st.newChatName()
				if err != nil {
					return err
				}
				c.Name = name
			}
			own := st.addChat(c.Name)
			own.displayName, own.flags, own.topic = c.DisplayName, uint32(c.Flags), c.Topic
			own.lastMessage = millis(c.MessageTimestamp.Time)
			for _, m := range c.Members.Items {
				if m.Name == "" {
					return fmt.Errorf("WithGroupChats: %s has a member without a name", c.Name)
				}
				st.addUser(m.Name)
				own.addMember(m.Name, uint32(m.Flags))
			}
			for _, g := range c.Groups.Items {
				if st.groups.get(g.ID) == nil {
					g.ID = st.addGroup(g).id
				}
				own.groups = append(own.groups, g.ID)
			}
		}
		return nil
	})
}

// WithPresence adds users' presence.
func WithPresence(presence ...trillian.Presence) Option {
	return seed(func(st *state, _ time.Time) error {
		for _, p := range presence {
			if p.Name == "" {
				return errors.New("WithPresence: a presence has no name")
			}
			st.addUser(p.Name)
			st.presence.put(p.Name, &presenceOf{
				status: int64(p.Status), message: p.Message, timestamp: seconds(p.Timestamp.Time), devices: p.Devices,
			})
		}
		return nil
	})
}

// WithMessages adds messages to the history of an owner: of a group chat, whose
// name begins with "#", or of a user. A message without a timestamp is of now.
// Of a user's history the other side is the first sender who is not the user.
func WithMessages(owner, conversation string, messages ...trillian.Message) Option {
	return seed(func(st *state, now time.Time) error {
		if owner == "" || conversation == "" {
			return errors.New("WithMessages: the owner or the conversation is empty")
		}
		peer := owner
		if !isChatName(owner) {
			for _, m := range messages {
				if m.From != owner {
					peer = m.From
					break
				}
			}
		}
		c := st.addOwner(owner).conversation(conversation, peer)
		for _, m := range messages {
			if m.From == "" {
				return fmt.Errorf("WithMessages: a message of %s has no sender", owner)
			}
			at := m.Timestamp.Time
			if at.IsZero() {
				at = now
			}
			st.addUser(m.From)
			c.add(message{at: millis(at), from: m.From, text: m.Text})
			if chat := st.chats.get(owner); chat != nil {
				chat.lastMessage = max(chat.lastMessage, millis(at))
			}
		}
		return nil
	})
}

// WithMedia adds files of an owner: of a group chat, whose name begins with "#",
// or of a user. Their Data is read at once.
func WithMedia(owner string, uploads ...trillian.MediaUpload) Option {
	return seed(func(st *state, now time.Time) error {
		if owner == "" {
			return errors.New("WithMedia: the owner is empty")
		}
		for _, u := range uploads {
			if u.Data == nil {
				return fmt.Errorf("WithMedia: %q of %s has no data", u.Name, owner)
			}
			content, err := io.ReadAll(u.Data)
			if err != nil {
				return fmt.Errorf("WithMedia: reading %q of %s: %w", u.Name, owner, err)
			}
			st.addMedia(st.addOwner(owner), file{
				name: u.Name, mediaType: u.Type, content: content, thumbnail: u.Thumbnail, createdAt: seconds(now),
			})
		}
		return nil
	})
}
