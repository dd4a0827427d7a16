package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/trillian-go/trillian"
)

var mediaColumns = columns[trillian.Media]{
	{name: "id", value: func(m trillian.Media) any { return m.ID }},
	{name: "name", value: func(m trillian.Media) any { return m.Name }},
	{name: "type", value: func(m trillian.Media) any { return m.Type }},
	{name: "size", value: func(m trillian.Media) any { return m.Size }},
	{name: "createdAt", value: func(m trillian.Media) any { return m.CreatedAt }},
	{name: "expiresAt", value: func(m trillian.Media) any { return m.ExpiresAt }, wide: true},
	{name: "owner", value: func(m trillian.Media) any { return m.Owner }, wide: true},
	{name: "thumbnail", value: func(m trillian.Media) any { return m.Thumbnail }, wide: true},
	{name: "data", value: func(m trillian.Media) any { return m.Data }, wide: true},
	{name: "fields", value: func(m trillian.Media) any { return withoutSecrets(m.Fields) }, wide: true},
}

// savedMedia is a file of the server's, and the one it was written to, if any.
type savedMedia struct {
	id, path string
	*trillian.MediaInfo
}

var mediaInfoColumns = columns[savedMedia]{
	{name: "id", value: func(s savedMedia) any { return s.id }},
	{name: "name", value: func(s savedMedia) any { return s.Name }},
	{name: "type", value: func(s savedMedia) any { return s.Type }},
	{name: "size", value: func(s savedMedia) any { return s.Size }},
	{name: "createdAt", value: func(s savedMedia) any { return s.CreatedAt }},
	{name: "thumbnail", value: func(s savedMedia) any { return s.Thumbnail }, wide: true},
	{name: "file", value: func(s savedMedia) any { return s.path }, wide: true},
}

func newMediaCommand(a *app) *cobra.Command {
	return newParent("media", "Manage the files of users and group chats",
		newMediaListCommand(a), newMediaStatCommand(a), newMediaDownloadCommand(a), newMediaUploadCommand(a), newMediaDeleteCommand(a))
}

const itemHelp = ownerHelp + ` ITEM is a file by its id or, where only one
has it, by its name.`

// mediaOf finds one of an owner's files, which costs the list of them.
func mediaOf(ctx context.Context, c *trillian.Client, args []string) (owner, trillian.Media, error) {
	owner, err := ownerOf(ctx, c, args[0])
	if err != nil {
		return owner, trillian.Media{}, err
	}
	items, err := owner.media.List(ctx, owner.name)
	if err != nil {
		return owner, trillian.Media{}, err
	}
	item, err := pick("file", args[1], items,
		func(m trillian.Media) string { return m.ID },
		func(m trillian.Media) []string { return []string{m.ID, m.Name} })
	return owner, item, err
}

func newMediaListCommand(a *app) *cobra.Command {
	return a.prints(&cobra.Command{
		Use: "list OWNER", Short: "List an owner's files", Args: cobra.ExactArgs(1), Long: "List an owner's files. " + ownerHelp,
		RunE: a.with(func(ctx context.Context, c *trillian.Client, args []string) error {
			owner, err := ownerOf(ctx, c, args[0])
			if err != nil {
				return err
			}
			items, err := owner.media.List(ctx, owner.name)
			if err != nil {
				return err
			}
			return a.print(mediaColumns.list(items))
		}),
	}, mediaColumns.names()...)
}

func newMediaStatCommand(a *app) *cobra.Command {
	return a.prints(&cobra.Command{
		Use: "stat OWNER ITEM", Short: "Show what the headers say of a file", Args: cobra.ExactArgs(2), Long: "Show what the headers say of a file. " + itemHelp,
		RunE: a.with(func(ctx context.Context, c *trillian.Client, args []string) error {
			owner, item, err := mediaOf(ctx, c, args)
			if err != nil {
				return err
			}
			info, err := owner.media.Stat(ctx, owner.name, item.ID)
			if err != nil {
				return err
			}
			return a.print(mediaInfoColumns.one(savedMedia{item.ID, "", info}))
		}),
	}, mediaInfoColumns.names()...)
}

func newMediaDownloadCommand(a *app) *cobra.Command {
	var to string
	cmd := &cobra.Command{
		Use: "download OWNER ITEM --to FILE", Short: "Save a file", Args: cobra.ExactArgs(2),
		Long: `Save a file, whole and as it is listed, or not at all. Its own name is not used: the
sender chose it, and it may be a path to anywhere. ` + itemHelp,
		RunE: a.with(func(ctx context.Context, c *trillian.Client, args []string) error {
			if to == "" {
				return usageErrorf("where to? Say --to FILE, or - for standard output")
			}
			owner, item, err := mediaOf(ctx, c, args)
			if err != nil {
				return err
			}
			if to == "-" {
				_, err := owner.media.Download(ctx, owner.name, item.ID, a.stdout)
				return err
			}
			if err := a.confirmOverwrite(to); err != nil {
				return err
			}
			info, err := owner.media.DownloadFile(ctx, owner.name, item, to)
			if err != nil {
				return err
			}
			return a.print(mediaInfoColumns.one(savedMedia{item.ID, to, info}).showing("file", true))
		}),
	}
	cmd.Flags().StringVar(&to, "to", "", "the `file` to write, - for standard output")
	return a.prints(cmd, mediaInfoColumns.names()...)
}

func newMediaUploadCommand(a *app) *cobra.Command {
	return a.prints(&cobra.Command{
		Use: "upload OWNER FILE", Short: "Store a file with an owner", Args: cobra.ExactArgs(2), Long: "Store a file with an owner. " + ownerHelp,
		RunE: a.with(func(ctx context.Context, c *trillian.Client, args []string) error {
			owner, err := ownerOf(ctx, c, args[0])
			if err != nil {
				return err
			}
			item, err := owner.media.UploadFile(ctx, owner.name, args[1])
			if err != nil {
				return err
			}
			return a.print(mediaColumns.one(*item))
		}),
	}, mediaColumns.names()...)
}

func newMediaDeleteCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "delete OWNER ITEM", Short: "Delete a file", Args: cobra.ExactArgs(2), Long: "Delete a file. " + itemHelp,
		RunE: a.with(func(ctx context.Context, c *trillian.Client, args []string) error {
			owner, item, err := mediaOf(ctx, c, args)
			if err != nil {
				return err
			}
			if err := a.confirm(visible(fmt.Sprintf("Delete the file %s (%s, %d bytes)?", item.ID, item.Name, item.Size))); err != nil {
				return err
			}
			if err := owner.media.Delete(ctx, owner.name, item.ID); err != nil {
				return err
			}
			a.done("deleted %s", visible(item.ID))
			return nil
		}),
	}
}
