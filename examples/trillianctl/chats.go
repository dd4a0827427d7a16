package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/trillian-go/trillian"
)

var chatColumns = columns[trillian.GroupChat]{
	{name: "name", value: func(c trillian.GroupChat) any { return c.Name }},
	{name: "displayName", value: func(c trillian.GroupChat) any { return c.DisplayName }},
	{name: "topic", value: func(c trillian.GroupChat) any { return c.Topic }},
	{name: "flags", value: func(c trillian.GroupChat) any { return c.Flags }},
	{name: "messageTimestamp", value: func(c trillian.GroupChat) any { return c.MessageTimestamp }, wide: true},
	{name: "members", value: func(c trillian.GroupChat) any { return memberNames(c.Members) }, wide: true},
	{name: "groups", value: func(c trillian.GroupChat) any { return groupNames(c.Groups) }, wide: true},
	{name: "fields", value: func(c trillian.GroupChat) any { return withoutSecrets(c.Fields) }, wide: true},
}

func memberNames(members trillian.Collection[trillian.Member]) []string {
	return mapped(members.Items, func(m trillian.Member) string { return m.Name })
}

func groupNames(groups trillian.Collection[trillian.Group]) []string {
	return mapped(groups.Items, func(g trillian.Group) string { return g.DisplayName })
}

func newChatsCommand(a *app) *cobra.Command {
	return newParent("chats", "Manage group chats",
		newChatsListCommand(a), newChatsGetCommand(a), newChatsCreateCommand(a), newChatsUpdateCommand(a), newChatsDeleteCommand(a))
}

func addChatOptions(cmd *cobra.Command, opts *trillian.GroupChatOptions) {
	cmd.Flags().BoolVar(&opts.Members, "members", false, "ask for the members too")
	cmd.Flags().BoolVar(&opts.Groups, "groups", false, "ask for the groups too")
}

func newChatsListCommand(a *app) *cobra.Command {
	var opts trillian.GroupChatOptions
	cmd := &cobra.Command{
		Use: "list", Short: "List all group chats", Args: cobra.NoArgs,
		RunE: a.with(func(ctx context.Context, c *trillian.Client, _ []string) error {
			chats, err := c.GroupChats.List(ctx, &opts)
			if err != nil {
				return err
			}
			return a.print(chatColumns.list(chats).showing("members", opts.Members).showing("groups", opts.Groups))
		}),
	}
	addChatOptions(cmd, &opts)
	return a.prints(cmd, chatColumns.names()...)
}

func newChatsGetCommand(a *app) *cobra.Command {
	var opts trillian.GroupChatOptions
	cmd := &cobra.Command{
		Use: "get CHAT", Short: "Show a group chat", Args: cobra.ExactArgs(1),
		RunE: a.with(func(ctx context.Context, c *trillian.Client, args []string) error {
			name, err := chatName(ctx, c, args[0])
			if err != nil {
				return err
			}
			chat, err := c.GroupChats.Get(ctx, name, &opts)
			if err != nil {
				return err
			}
			return a.print(chatColumns.one(*chat).showing("members", opts.Members).showing("groups", opts.Groups))
		}),
	}
	addChatOptions(cmd, &opts)
	return a.prints(cmd, chatColumns.names()...)
}

const chatFlagsUsage = "what users may not do, as `NAMES` joined by |: DISABLE_DISPLAYNAME_SET, DISABLE_TOPIC_SET, DISABLE_LIST, DISABLE_MEMBER_ADD, DISABLE_MEMBER_REMOVE, DISABLE_MESSAGE_SEND; 0 for none"

func newChatsCreateCommand(a *app) *cobra.Command {
	var names string
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Create a group chat by its display name", Args: cobra.ExactArgs(1),
		Example: "  trillianctl chats create Sales --flags 'DISABLE_LIST|DISABLE_TOPIC_SET'",
		RunE: a.with(func(ctx context.Context, c *trillian.Client, args []string) error {
			flags, err := trillian.ParseGroupChatFlags(names)
			if err != nil {
				return err
			}
			chat, err := c.GroupChats.Create(ctx, trillian.GroupChatCreate{DisplayName: args[0], Flags: flags})
			if err != nil {
				return err
			}
			return a.print(chatColumns.one(*chat))
		}),
	}
	cmd.Flags().StringVar(&names, "flags", "0", chatFlagsUsage)
	return a.prints(cmd, chatColumns.names()...)
}

func newChatsUpdateCommand(a *app) *cobra.Command {
	var names, displayName, topic string
	cmd := &cobra.Command{Use: "update CHAT", Short: "Change a group chat; what no flag names stays", Args: cobra.ExactArgs(1)}
	cmd.RunE = a.with(func(ctx context.Context, c *trillian.Client, args []string) error {
		flags, err := trillian.ParseGroupChatFlags(names)
		if err != nil {
			return err
		}
		name, err := chatName(ctx, c, args[0])
		if err != nil {
			return err
		}
		chat, err := c.GroupChats.Update(ctx, name, trillian.GroupChatUpdate{
			DisplayName: changed(cmd, "display-name", displayName), Topic: changed(cmd, "topic", topic), Flags: changed(cmd, "flags", flags),
		})
		if err != nil {
			return err
		}
		return a.print(chatColumns.one(*chat))
	})
	cmd.Flags().StringVar(&displayName, "display-name", "", "the `name` that users see")
	cmd.Flags().StringVar(&topic, "topic", "", "the `text` at the top of the window")
	cmd.Flags().StringVar(&names, "flags", "0", chatFlagsUsage)
	return a.prints(cmd, chatColumns.names()...)
}

func newChatsDeleteCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "delete CHAT", Short: "Mark a group chat as deleted", Args: cobra.ExactArgs(1),
		Long: "Mark a group chat as deleted: the API knows no other way than the chat's flag DELETED, which is added to those it has.",
		RunE: a.with(func(ctx context.Context, c *trillian.Client, args []string) error {
			name, err := chatName(ctx, c, args[0])
			if err != nil {
				return err
			}
			chat, err := c.GroupChats.Get(ctx, name, nil)
			if err != nil {
				return err
			}
			if err := a.confirm(fmt.Sprintf("Delete the group chat %s (%s)?", visible(chat.Name), visible(chat.DisplayName))); err != nil {
				return err
			}
			flags := chat.Flags.With(trillian.GroupChatDeleted)
			if _, err := c.GroupChats.Update(ctx, name, trillian.GroupChatUpdate{Flags: &flags}); err != nil {
				return err
			}
			a.done("deleted %s", visible(name))
			return nil
		}),
	}
}
