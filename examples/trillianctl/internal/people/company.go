package people

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/trillian-go/trillian"
)

// company is what a server has of what files are about.
type company struct {
	users map[string]trillian.User // by folded address
	chats map[string]*chat         // by identifier: those that are named, or all
	named map[string]*chat         // by what the file calls them
}

type chat struct {
	name, title string
	known       bool // the members are
	members     map[string]trillian.Member
}

func (c *chat) setMembers(members []trillian.Member) {
	c.known, c.members = true, make(map[string]trillian.Member, len(members))
	for _, m := range members {
		c.members[fold(m.Name)] = m
	}
}

// look asks the server: one request for all users, and where memberships matter one
// for all group chats and one for each that is named. Where the file removes users
// every chat matters: they may be its operators.
func look(ctx context.Context, client *trillian.Client, rows []Row, file string) (*company, error) {
	c := &company{users: map[string]trillian.User{}, chats: map[string]*chat{}, named: map[string]*chat{}}
	for user, err := range client.Users.All(ctx) {
		if err != nil {
			return nil, err
		}
		if user.Name == "" { // the shape of a user is not documented: better nothing than everyone anew
			return nil, errors.New("the server's list of users has one without an address")
		}
		if !deleted(user) {
			c.users[fold(user.Name)] = user
		}
	}
	named, removes := false, false
	for _, row := range rows {
		named, removes = named || len(row.Chats) > 0, removes || row.Removed
	}
	if !named && !removes {
		return c, nil
	}
	chats, err := client.GroupChats.List(ctx, &trillian.GroupChatOptions{Members: removes})
	if err != nil {
		return nil, err
	}
	for _, listed := range chats {
		own := &chat{name: listed.Name, title: listed.DisplayName}
		if listed.Members.Items != nil {
			own.setMembers(listed.Members.Items)
		}
		c.chats[own.name] = own
	}
	if err := c.resolve(ctx, client, rows, file); err != nil {
		return nil, err
	}
	for _, own := range c.chats {
		if own.known || !removes && !c.isNamed(own) {
			continue
		}
		members, err := client.GroupChats.Members.List(ctx, own.name)
		if err != nil {
			return nil, err
		}
		own.setMembers(members)
	}
	return c, nil
}

func (c *company) isNamed(own *chat) bool {
	for _, named := range c.named {
		if named == own {
			return true
		}
	}
	return false
}

// deleted reports whether a user is only listed because it can be brought back
// (inferred).
func deleted(u trillian.User) bool { return u.Fields["deleted"] == "1" }

// resolve finds the chats that the file names.
func (c *company) resolve(ctx context.Context, client *trillian.Client, rows []Row, file string) error {
	titles := map[string][]*chat{}
	for _, own := range c.chats {
		titles[own.title] = append(titles[own.title], own)
	}
	p := &Problems{File: file}
	for _, row := range rows {
		if row.Removed {
			continue
		}
		for _, name := range row.Chats {
			if c.named[name] != nil {
				continue
			}
			own, err := c.find(ctx, client, name, titles)
			if reason, ok := errors.AsType[noChat](err); ok {
				p.add(row.Line, "%s", string(reason))
				continue
			} else if err != nil {
				return err
			}
			c.named[name] = own
		}
	}
	if len(p.List) > 0 {
		return p
	}
	return nil
}

// noChat says why a name is no chat's.
type noChat string

func (n noChat) Error() string { return string(n) }

func (c *company) find(ctx context.Context, client *trillian.Client, name string, titles map[string][]*chat) (*chat, error) {
	if own := c.chats[name]; own != nil {
		return own, nil
	}
	if strings.HasPrefix(name, "#") { // not every chat is listed
		got, err := client.GroupChats.Get(ctx, name, nil)
		if errors.Is(err, trillian.ErrNotFound) || errors.Is(err, trillian.ErrInvalidArgument) {
			return nil, noChat(fmt.Sprintf("there is no group chat %s", name))
		} else if err != nil {
			return nil, err
		}
		own := &chat{name: got.Name, title: got.DisplayName}
		c.chats[own.name] = own
		return own, nil
	}
	switch found := titles[name]; len(found) {
	case 1:
		return found[0], nil
	case 0:
		return nil, noChat(fmt.Sprintf("there is no group chat %q", name))
	default:
		names := make([]string, len(found))
		for i, own := range found {
			names[i] = own.name
		}
		return nil, noChat(fmt.Sprintf("%q is the name of %d group chats: write one of %s", name, len(found), sortedList(names)))
	}
}

// operates is the title of a chat whose operator the user is, or "".
func (c *company) operates(address string) string {
	var titles []string
	for _, own := range c.chats {
		if own.members[fold(address)].Flags.Has(trillian.MemberOp) {
			titles = append(titles, own.title)
		}
	}
	return sortedList(titles)
}
