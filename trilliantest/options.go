package trilliantest

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/trillian-go/trillian"
)

// Option sets up a [Server]. Options that fill it are applied in their order: of
// two things with the same name or ID, the later one holds, and what it says
// nothing of stays. Users that are named but not described (as a member, a sender,
// an owner) come into being. An option can be used for any number of servers.
type Option func(*settings)

type settings struct {
	basePath   string
	address    string
	noListener bool
	tls        bool
	token      string
	clock      func() time.Time
	kept       int
	ids        func() string
	fixed      []string // the options that cannot be used while the server runs
	seeds      []func(*state, time.Time) error
}

func seed(fill func(*state, time.Time) error) Option {
	return func(set *settings) { set.seeds = append(set.seeds, fill) }
}

// setup is an option for the beginning only. Its name is that of the function
// that made it.
func setup(name string, change func(*settings)) Option {
	return func(set *settings) {
		set.fixed = append(set.fixed, name)
		change(set)
	}
}

// Fill adds to the server while it runs, or changes it: a user appears, a device
// signs on. It takes the options that fill a server, from [WithSampleCompany] to
// [WithMedia]; one that sets it up, as [WithAddress] does, ends the test, as does
// one that is wrong.
//
// Requests see all of what one call fills in, or nothing of it.
func (s *Server) Fill(opts ...Option) {
	if s.tb != nil {
		s.tb.Helper()
	}
	if err := s.fill(opts); err != nil {
		s.fatal(fmt.Errorf("trilliantest: Fill: %w", err))
	}
}

func (s *Server) fill(opts []Option) error {
	var set settings
	for _, opt := range opts {
		opt(&set)
	}
	if len(set.fixed) > 0 {
		return fmt.Errorf("%s cannot be changed while the server runs", set.fixed[0])
	}
	now := s.clock()
	s.mu.Lock()
	defer s.mu.Unlock()
	return set.seed(s.state, now)
}

func (set *settings) seed(st *state, now time.Time) error {
	for _, seed := range set.seeds {
		if err := seed(st, now); err != nil {
			return err
		}
	}
	return nil
}

// WithToken sets the administrator's token, which otherwise is random.
func WithToken(token string) Option {
	return setup("WithToken", func(set *settings) { set.token = token })
}

// WithClock sets the clock that messages, media and presence are stamped by. It
// is called from many goroutines.
func WithClock(now func() time.Time) Option {
	return setup("WithClock", func(set *settings) { set.clock = now })
}

// WithKeptRequests sets how many requests are kept for [Server.Requests], 32,768 by
// default: when there are so many, the older half goes. A server that runs for long,
// or that shares its memory with what is measured, does with fewer.
func WithKeptRequests(n int) Option {
	return setup("WithKeptRequests", func(set *settings) { set.kept = max(n, 1) })
}

// WithIDs sets the source of the names of group chats and the ids of media: a
// text of its own for every call, such as 40 hexadecimal digits. Without it they
// are the same in every run.
func WithIDs(next func() string) Option {
	return setup("WithIDs", func(set *settings) { set.ids = next })
}

// WithBasePath sets the path before the resources, "/v1/" by default. A later
// edition of the API has "/v2/cerulean-inc.com/".
func WithBasePath(path string) Option {
	return setup("WithBasePath", func(set *settings) {
		set.basePath = "/"
		if path = strings.Trim(path, "/"); path != "" {
			set.basePath = "/" + path + "/"
		}
	})
}

// WithAddress sets the address to listen on, "127.0.0.1:0" by default: a free
// port that only the own machine reaches. Of a server that listens on all
// addresses, as at "0.0.0.0:8080", the base URL has the own machine's.
func WithAddress(address string) Option {
	return setup("WithAddress", func(set *settings) { set.address = address })
}

// WithTLS makes the server speak https, with a certificate that it makes itself,
// as an in-house server's set-up does: see [Server.CertificatePin]. It then also
// speaks HTTP/2, where a fault that ends the connection ends the stream.
func WithTLS() Option { return setup("WithTLS", func(set *settings) { set.tls = true }) }

// WithoutListener makes a server without a port and a goroutine: it is reached by
// its Client, its Transport and its Handler only.
func WithoutListener() Option {
	return setup("WithoutListener", func(set *settings) { set.noListener = true })
}

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

// WithGroupChats adds group chats, with the Items of their Members and Groups. One
// without a name is given one. Media and messages have options of their own.
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
			own.lastMessage = max(own.lastMessage, millis(c.MessageTimestamp.Time))
			if c.Members.Items != nil {
				own.members = nil
			}
			if c.Groups.Items != nil {
				own.groups = nil
			}
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
				status: int64(p.Status), message: p.Message, timestamp: seconds(p.Timestamp.Time), devices: slices.Clone(p.Devices),
			})
		}
		return nil
	})
}

// WithMessages adds messages to a conversation of an owner: of a group chat, whose
// name begins with "#", or of a user. A message without a timestamp is of now.
//
// A user's conversation has another side, the peer: the first sender who is not
// the owner. The peer has a copy of all its messages under the same id, as of one
// that was sent here; messages of a third sender stand in both copies, and nowhere
// else. Where the owner wrote them all, they are the owner's to himself: make the
// peer the owner to say otherwise. Messages that are added to the conversation
// later go to both sides too, whichever of them is named as the owner, and so
// each message is given once.
func WithMessages(owner, id string, messages ...trillian.Message) Option {
	return seed(func(st *state, now time.Time) error {
		if owner == "" || id == "" {
			return errors.New("WithMessages: the owner or the conversation is empty")
		}
		own, peer := st.addOwner(owner), owner
		for _, m := range messages {
			if m.From == "" {
				return fmt.Errorf("WithMessages: a message of %s has no sender", owner)
			}
			st.addUser(m.From)
			if peer == owner && !isChatName(owner) {
				peer = m.From
			}
		}
		copies := []*conversation{own.conversation(id, peer)}
		if u := st.users.get(copies[0].name); u != nil && u.name != owner {
			copies = append(copies, u.conversation(id, owner))
		}
		for _, m := range messages {
			at := m.Timestamp.Time
			if at.IsZero() {
				at = now
			}
			for _, c := range copies {
				c.add(message{at: millis(at), from: m.From, text: m.Text})
			}
			if chat := st.chats.get(owner); chat != nil {
				chat.lastMessage = max(chat.lastMessage, millis(at))
			}
		}
		return nil
	})
}

// WithMedia adds files of an owner: of a group chat, whose name begins with "#",
// or of a user. Their Data is read at once, to its end, and kept.
func WithMedia(owner string, uploads ...trillian.MediaUpload) Option {
	files, err := readUploads(owner, uploads)
	return seed(func(st *state, now time.Time) error {
		for _, f := range files {
			f.createdAt = seconds(now)
			st.addMedia(st.addOwner(owner), f)
		}
		return err
	})
}

func readUploads(owner string, uploads []trillian.MediaUpload) ([]file, error) {
	if owner == "" {
		return nil, errors.New("WithMedia: the owner is empty")
	}
	var files []file
	for _, u := range uploads {
		if u.Data == nil {
			return nil, fmt.Errorf("WithMedia: %q of %s has no data", u.Name, owner)
		}
		content, err := io.ReadAll(u.Data)
		if err != nil {
			return nil, fmt.Errorf("WithMedia: reading %q of %s: %w", u.Name, owner, err)
		}
		files = append(files, file{name: u.Name, mediaType: u.Type, content: content, thumbnail: slices.Clone(u.Thumbnail)})
	}
	return files, nil
}
