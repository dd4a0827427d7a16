package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/trillian-go/trillian"
)

var peerColumns = columns[trillian.Peer]{
	{name: "id", value: func(p trillian.Peer) any { return p.ID }},
	{name: "fields", value: func(p trillian.Peer) any { return withoutSecrets(p.Fields) }, wide: true},
}

func newPeersCommand(a *app) *cobra.Command {
	return newParent("peers", "Manage which groups see which",
		newPeersListCommand(a), newPeersAddCommand(a), newPeersRemoveCommand(a))
}

func newPeersListCommand(a *app) *cobra.Command {
	return a.prints(&cobra.Command{
		Use: "list GROUP", Short: "List the groups that a group sees", Args: cobra.ExactArgs(1),
		RunE: a.with(func(ctx context.Context, c *trillian.Client, args []string) error {
			id, err := groupID(ctx, c, args[0])
			if err != nil {
				return err
			}
			peers, err := c.Groups.Peers.List(ctx, id)
			if err != nil {
				return err
			}
			return a.print(peerColumns.list(peers))
		}),
	}, peerColumns.names()...)
}

func newPeersAddCommand(a *app) *cobra.Command {
	return a.prints(&cobra.Command{
		Use: "add GROUP PEER...", Short: "Let a group see others", Args: cobra.MinimumNArgs(2),
		RunE: a.with(func(ctx context.Context, c *trillian.Client, args []string) error {
			ids, err := groupIDs(ctx, c, args)
			if err != nil {
				return err
			}
			var added []trillian.Peer
			err = each(a, ids[1:], func(id int) error {
				peer, err := c.Groups.Peers.Add(ctx, ids[0], id)
				if err == nil {
					added = append(added, *peer)
				}
				return err
			})
			return a.printWith(err, peerColumns.list(added))
		}),
	}, peerColumns.names()...)
}

func newPeersRemoveCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "remove GROUP PEER...", Short: "End that a group sees others", Args: cobra.MinimumNArgs(2),
		RunE: a.with(func(ctx context.Context, c *trillian.Client, args []string) error {
			ids, err := groupIDs(ctx, c, args)
			if err != nil {
				return err
			}
			if err := a.confirm(fmt.Sprintf("Let the group %d no longer see %v?", ids[0], ids[1:])); err != nil {
				return err
			}
			return each(a, ids[1:], func(id int) error {
				if err := c.Groups.Peers.Remove(ctx, ids[0], id); err != nil {
					return err
				}
				a.done("removed peer %d from group %d", id, ids[0])
				return nil
			})
		}),
	}
}

func groupIDs(ctx context.Context, c *trillian.Client, names []string) ([]int, error) {
	return resolveAll(names, func(name string) (int, error) { return groupID(ctx, c, name) })
}
