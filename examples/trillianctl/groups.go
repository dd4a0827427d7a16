package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/trillian-go/trillian"
)

var groupColumns = columns[trillian.Group]{
	{name: "id", value: func(g trillian.Group) any { return g.ID }},
	{name: "displayName", value: func(g trillian.Group) any { return g.DisplayName }},
	{name: "name", value: func(g trillian.Group) any { return g.Name }},
	{name: "parent", value: func(g trillian.Group) any { return g.Parent }},
	{name: "policy", value: func(g trillian.Group) any { return g.Policy }},
	{name: "priority", value: func(g trillian.Group) any { return g.Priority }, wide: true},
	{name: "type", value: func(g trillian.Group) any { return g.Type }},
	{name: "peers", value: func(g trillian.Group) any { return peerIDs(g.Peers) }, wide: true},
	{name: "fields", value: func(g trillian.Group) any { return withoutSecrets(g.Fields) }, wide: true},
}

func peerIDs(peers trillian.Collection[trillian.Peer]) []int {
	return mapped(peers.Items, func(p trillian.Peer) int { return p.ID })
}

func newGroupsCommand(a *app) *cobra.Command {
	return newParent("groups", "Manage groups, the units that users see in their contact lists",
		newGroupsListCommand(a), newGroupsGetCommand(a), newGroupsCreateCommand(a), newGroupsUpdateCommand(a), newGroupsDeleteCommand(a))
}

const peersUsage = "ask for the groups' peers too"

func newGroupsListCommand(a *app) *cobra.Command {
	var opts trillian.GroupOptions
	cmd := &cobra.Command{
		Use: "list", Short: "List all groups", Args: cobra.NoArgs,
		RunE: a.with(func(ctx context.Context, c *trillian.Client, _ []string) error {
			groups, err := c.Groups.List(ctx, &opts)
			if err != nil {
				return err
			}
			return a.print(groupColumns.list(groups).showing("peers", opts.Peers))
		}),
	}
	cmd.Flags().BoolVar(&opts.Peers, "peers", false, peersUsage)
	return a.prints(cmd, groupColumns.names()...)
}

func newGroupsGetCommand(a *app) *cobra.Command {
	var opts trillian.GroupOptions
	cmd := &cobra.Command{
		Use: "get GROUP", Short: "Show a group", Args: cobra.ExactArgs(1),
		RunE: a.with(func(ctx context.Context, c *trillian.Client, args []string) error {
			id, err := groupID(ctx, c, args[0])
			if err != nil {
				return err
			}
			group, err := c.Groups.Get(ctx, id, &opts)
			if err != nil {
				return err
			}
			return a.print(groupColumns.one(*group).showing("peers", opts.Peers))
		}),
	}
	cmd.Flags().BoolVar(&opts.Peers, "peers", false, peersUsage)
	return a.prints(cmd, groupColumns.names()...)
}

// groupFlags are what groups create and groups update set.
type groupFlags struct {
	displayName, name, parent, policy, kind string
	priority                                int
}

func (f *groupFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.displayName, "display-name", "", "the `name` that users see")
	flags.StringVar(&f.parent, "parent", "0", "the `group` above it, 0 for none")
	flags.StringVar(&f.policy, "policy", "0", "the `policy` that binds its users, 0 for none")
	flags.IntVar(&f.priority, "priority", 0, "the `number` that decides between a user's LDAP groups")
	flags.StringVar(&f.kind, "type", "standard", "standard or ldap")
	_ = cmd.RegisterFlagCompletionFunc("type", cobra.FixedCompletions([]string{"standard", "ldap"}, cobra.ShellCompDirectiveNoFileComp))
}

// resolve finds the numbers of what the flags name.
func (f *groupFlags) resolve(ctx context.Context, c *trillian.Client) (parent, policy int, kind trillian.GroupType, err error) {
	if kind, err = groupType(f.kind); err != nil {
		return
	}
	if parent, err = groupID(ctx, c, f.parent); err != nil {
		return
	}
	policy, err = policyID(ctx, c, f.policy)
	return
}

func groupType(name string) (trillian.GroupType, error) {
	for _, t := range []trillian.GroupType{trillian.GroupTypeStandard, trillian.GroupTypeLDAP} {
		if strings.EqualFold(name, t.String()) || name == strconv.Itoa(int(t)) {
			return t, nil
		}
	}
	return 0, usageErrorf("--type %s: want standard or ldap", name)
}

func newGroupsCreateCommand(a *app) *cobra.Command {
	var f groupFlags
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Create a group, whose NAME is unique and not shown to users", Args: cobra.ExactArgs(1),
		Example: "  trillianctl groups create sales-emea --display-name 'Sales (EMEA)' --parent Sales --policy IT",
		RunE: a.with(func(ctx context.Context, c *trillian.Client, args []string) error {
			parent, policy, kind, err := f.resolve(ctx, c)
			if err != nil {
				return err
			}
			displayName := f.displayName
			if displayName == "" {
				displayName = args[0]
			}
			group, err := c.Groups.Create(ctx, trillian.GroupCreate{
				DisplayName: displayName, Name: args[0], Parent: parent, Policy: policy, Priority: f.priority, Type: kind,
			})
			if err != nil {
				return err
			}
			return a.print(groupColumns.one(*group))
		}),
	}
	f.add(cmd)
	return a.prints(cmd, groupColumns.names()...)
}

func newGroupsUpdateCommand(a *app) *cobra.Command {
	var f groupFlags
	cmd := &cobra.Command{Use: "update GROUP", Short: "Change a group; what no flag names stays", Args: cobra.ExactArgs(1)}
	cmd.RunE = a.with(func(ctx context.Context, c *trillian.Client, args []string) error {
		id, err := groupID(ctx, c, args[0])
		if err != nil {
			return err
		}
		parent, policy, kind, err := f.resolve(ctx, c)
		if err != nil {
			return err
		}
		group, err := c.Groups.Update(ctx, id, trillian.GroupUpdate{
			DisplayName: changed(cmd, "display-name", f.displayName), Name: changed(cmd, "name", f.name),
			Parent: changed(cmd, "parent", parent), Policy: changed(cmd, "policy", policy),
			Priority: changed(cmd, "priority", f.priority), Type: changed(cmd, "type", kind),
		})
		if err != nil {
			return err
		}
		return a.print(groupColumns.one(*group))
	})
	f.add(cmd)
	cmd.Flags().StringVar(&f.name, "name", "", "the unique `name` that is not shown to users")
	return a.prints(cmd, groupColumns.names()...)
}

func newGroupsDeleteCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "delete GROUP", Short: "Delete a group", Args: cobra.ExactArgs(1),
		RunE: a.with(func(ctx context.Context, c *trillian.Client, args []string) error {
			id, err := groupID(ctx, c, args[0])
			if err != nil {
				return err
			}
			if err := a.confirm(fmt.Sprintf("Delete the group %d (%s)?", id, visible(args[0]))); err != nil {
				return err
			}
			if err := c.Groups.Delete(ctx, id); err != nil {
				return err
			}
			a.done("deleted group %d", id)
			return nil
		}),
	}
}
