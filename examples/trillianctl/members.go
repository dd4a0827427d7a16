package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/trillian-go/trillian"
)

var memberColumns = columns[trillian.Member]{
	{name: "name", value: func(m trillian.Member) any { return m.Name }},
	{name: "flags", value: func(m trillian.Member) any { return m.Flags }},
	{name: "fields", value: func(m trillian.Member) any { return withoutSecrets(m.Fields) }, wide: true},
}

func newMembersCommand(a *app) *cobra.Command {
	return newParent("members", "Manage the members of group chats",
		newMembersListCommand(a), newMembersAddCommand(a), newMembersRemoveCommand(a))
}

func newMembersListCommand(a *app) *cobra.Command {
	return a.prints(&cobra.Command{
		Use: "list CHAT", Short: "List the members of a group chat", Args: cobra.ExactArgs(1),
		RunE: a.with(func(ctx context.Context, c *trillian.Client, args []string) error {
			chat, err := chatName(ctx, c, args[0])
			if err != nil {
				return err
			}
			members, err := c.GroupChats.Members.List(ctx, chat)
			if err != nil {
				return err
			}
			return a.print(memberColumns.list(members))
		}),
	}, memberColumns.names()...)
}

func newMembersAddCommand(a *app) *cobra.Command {
	return a.prints(&cobra.Command{
		Use: "add CHAT USER...", Short: "Make users members of a group chat", Args: cobra.MinimumNArgs(2),
		RunE: a.with(func(ctx context.Context, c *trillian.Client, args []string) error {
			chat, users, err := chatAndUsers(ctx, c, args)
			if err != nil {
				return err
			}
			var added []trillian.Member
			err = each(a, users, func(user string) error {
				member, err := c.GroupChats.Members.Add(ctx, chat, user)
				if err == nil {
					added = append(added, *member)
				}
				return err
			})
			return a.printWith(err, memberColumns.list(added))
		}),
	}, memberColumns.names()...)
}

func newMembersRemoveCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "remove CHAT USER...", Short: "End users' membership of a group chat", Args: cobra.MinimumNArgs(2),
		RunE: a.with(func(ctx context.Context, c *trillian.Client, args []string) error {
			chat, users, err := chatAndUsers(ctx, c, args)
			if err != nil {
				return err
			}
			if err := a.confirm(fmt.Sprintf("Remove %s from the group chat %s?", quoted(users), visible(args[0]))); err != nil {
				return err
			}
			return each(a, users, func(user string) error {
				if err := c.GroupChats.Members.Remove(ctx, chat, user); err != nil {
					return err
				}
				a.done("removed %s from %s", visible(user), visible(chat))
				return nil
			})
		}),
	}
}

func chatAndUsers(ctx context.Context, c *trillian.Client, args []string) (chat string, users []string, err error) {
	if chat, err = chatName(ctx, c, args[0]); err != nil {
		return "", nil, err
	}
	users, err = resolveAll(args[1:], func(name string) (string, error) { return userName(ctx, c, name) })
	return chat, users, err
}
