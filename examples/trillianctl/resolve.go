package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/trillian-go/trillian"
)

// pick finds what a person means by a name among the names that things have: as it
// is written or, where nothing has it so, in any case. Several that have it are an
// error that lists them.
func pick[T any](kind, name string, things []T, id func(T) string, names func(T) []string) (found T, err error) {
	for _, same := range []func(string, string) bool{func(a, b string) bool { return a == b }, strings.EqualFold} {
		var matches []T
		for _, thing := range things {
			for _, n := range names(thing) {
				if same(n, name) {
					matches = append(matches, thing)
					break
				}
			}
		}
		switch len(matches) {
		case 0:
		case 1:
			return matches[0], nil
		default:
			var candidates strings.Builder
			for _, m := range matches {
				fmt.Fprintf(&candidates, "\n  %s (%s)", id(m), strings.Join(names(m), ", "))
			}
			return found, usageErrorf("several %ss are called %q: name one by what comes first in its line%s", kind, name, visibleLines(candidates.String()))
		}
	}
	return found, notFoundErrorf("there is no %s called %q", kind, name)
}

// visibleLines is visible, but for the ends of lines.
func visibleLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = visible(line)
	}
	return strings.Join(lines, "\n")
}

// chatName resolves a group chat: its own name, which begins with "#", costs
// nothing; a display name costs the list.
func chatName(ctx context.Context, c *trillian.Client, name string) (string, error) {
	if strings.HasPrefix(name, "#") {
		return name, nil
	}
	chats, err := c.GroupChats.List(ctx, nil)
	if err != nil {
		return "", err
	}
	chat, err := pick("group chat", name, chats,
		func(chat trillian.GroupChat) string { return chat.Name },
		func(chat trillian.GroupChat) []string { return []string{chat.DisplayName} })
	return chat.Name, err
}

// userName resolves a user: an address costs nothing; what comes before its "@",
// and a display name, cost the list.
func userName(ctx context.Context, c *trillian.Client, name string) (string, error) {
	if strings.Contains(name, "@") {
		return name, nil
	}
	users, err := c.Users.List(ctx)
	if err != nil {
		return "", err
	}
	user, err := pick("user", name, users,
		func(u trillian.User) string { return u.Name },
		func(u trillian.User) []string {
			local, _, _ := strings.Cut(u.Name, "@")
			return []string{local, u.DisplayName}
		})
	return user.Name, err
}

// groupID resolves a group: a number is its ID and costs nothing; its name and its
// display name cost the list.
func groupID(ctx context.Context, c *trillian.Client, name string) (int, error) {
	if id, err := strconv.Atoi(name); err == nil {
		return id, nil
	}
	groups, err := c.Groups.List(ctx, nil)
	if err != nil {
		return 0, err
	}
	group, err := pick("group", name, groups,
		func(g trillian.Group) string { return strconv.Itoa(g.ID) },
		func(g trillian.Group) []string { return []string{g.DisplayName, g.Name} })
	return group.ID, err
}

// policyID resolves a policy: a number is its ID and costs nothing; a name costs
// the list.
func policyID(ctx context.Context, c *trillian.Client, name string) (int, error) {
	if id, err := strconv.Atoi(name); err == nil {
		return id, nil
	}
	policies, err := c.Policies.List(ctx)
	if err != nil {
		return 0, err
	}
	policy, err := pick("policy", name, policies,
		func(p trillian.Policy) string { return strconv.Itoa(p.ID) },
		func(p trillian.Policy) []string { return []string{p.Name} })
	return policy.ID, err
}

// owner is who has files and messages: a user or a group chat.
type owner struct {
	name     string
	isUser   bool
	media    *trillian.MediaService
	messages *trillian.MessagesService
}

const ownerHelp = `OWNER is a user's address, or a group chat by its display name or by its own name,
which begins with "#".`

// ownerOf resolves an owner: "#…" is a group chat, what has an "@" a user, and
// anything else a group chat's display name.
func ownerOf(ctx context.Context, c *trillian.Client, name string) (owner, error) {
	if !strings.HasPrefix(name, "#") && strings.Contains(name, "@") {
		return owner{name: name, isUser: true}.as(c), nil
	}
	chat, err := chatName(ctx, c, name)
	return owner{name: chat}.as(c), err
}

// as returns the owner as another client's services reach it.
func (o owner) as(c *trillian.Client) owner {
	o.media, o.messages = c.GroupChats.Media, c.GroupChats.Messages
	if o.isUser {
		o.media, o.messages = c.Users.Media, c.Users.Messages
	}
	return o
}
