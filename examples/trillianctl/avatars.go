package main

import (
	"context"
	"fmt"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/trillian-go/trillian"
)

// savedAvatar is a picture, and the file it was written to.
type savedAvatar struct {
	user, path string
	avatar     *trillian.Avatar
}

var avatarColumns = columns[savedAvatar]{
	{name: "user", value: func(s savedAvatar) any { return s.user }},
	{name: "type", value: func(s savedAvatar) any { return s.avatar.Type }},
	{name: "size", value: func(s savedAvatar) any { return len(s.avatar.Data) }},
	{name: "file", value: func(s savedAvatar) any { return s.path }},
}

func newAvatarsCommand(a *app) *cobra.Command {
	return newParent("avatars", "Manage users' pictures", newAvatarsGetCommand(a), newAvatarsSetCommand(a), newAvatarsDeleteCommand(a))
}

func newAvatarsGetCommand(a *app) *cobra.Command {
	var to string
	cmd := &cobra.Command{
		Use: "get USER --to FILE", Short: "Save a user's picture", Args: cobra.ExactArgs(1),
		RunE: a.with(func(ctx context.Context, c *trillian.Client, args []string) error {
			if to == "" {
				return usageErrorf("where to? Say --to FILE, or - for standard output")
			}
			name, err := userName(ctx, c, args[0])
			if err != nil {
				return err
			}
			if err := a.confirmOverwrite(to); err != nil {
				return err
			}
			avatar, err := c.Users.Avatar.Get(ctx, name)
			if err != nil {
				return err
			}
			if to == "-" {
				_, err := a.stdout.Write(avatar.Data)
				return err
			}
			if err := writeWhole(to, avatar.Data); err != nil {
				return err
			}
			return a.print(avatarColumns.one(savedAvatar{name, to, avatar}))
		}),
	}
	cmd.Flags().StringVar(&to, "to", "", "the `file` to write, - for standard output")
	return a.prints(cmd, avatarColumns.names()...)
}

func newAvatarsSetCommand(a *app) *cobra.Command {
	var mediaType string
	cmd := &cobra.Command{
		Use: "set USER FILE", Short: "Set a user's picture, - for standard input", Args: cobra.ExactArgs(2),
		RunE: a.with(func(ctx context.Context, c *trillian.Client, args []string) error {
			data, err := a.readInput(args[1])
			if err != nil {
				return err
			}
			name, err := userName(ctx, c, args[0])
			if err != nil {
				return err
			}
			kind := mediaType
			if kind == "" {
				kind = http.DetectContentType(data)
			}
			if err := c.Users.Avatar.Set(ctx, name, trillian.Avatar{Type: kind, Data: data}); err != nil {
				return err
			}
			a.done("set the avatar of %s: %s, %d bytes", visible(name), visible(kind), len(data))
			return nil
		}),
	}
	cmd.Flags().StringVar(&mediaType, "type", "", "the picture's MIME `type` (default: seen from the file)")
	return cmd
}

func newAvatarsDeleteCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "delete USER", Short: "Delete a user's picture", Args: cobra.ExactArgs(1),
		RunE: a.with(func(ctx context.Context, c *trillian.Client, args []string) error {
			name, err := userName(ctx, c, args[0])
			if err != nil {
				return err
			}
			if err := a.confirm(fmt.Sprintf("Delete the avatar of %s?", visible(name))); err != nil {
				return err
			}
			if err := c.Users.Avatar.Delete(ctx, name); err != nil {
				return err
			}
			a.done("deleted the avatar of %s", visible(name))
			return nil
		}),
	}
}
