package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/trillian-go/trillian"
)

var policyColumns = columns[trillian.Policy]{
	{name: "id", value: func(p trillian.Policy) any { return p.ID }},
	{name: "name", value: func(p trillian.Policy) any { return p.Name }},
	{name: "items", value: func(p trillian.Policy) any { return countItems(p.Data) }},
	{name: "data", value: func(p trillian.Policy) any { return string(p.Data) }, wide: true},
	{name: "fields", value: func(p trillian.Policy) any { return withoutSecrets(p.Fields) }, wide: true},
}

func countItems(data trillian.PolicyData) (n int) {
	for range data.Items() {
		n++
	}
	return n
}

// policyItem is one line of a policy.
type policyItem struct {
	policy     trillian.Policy
	key, value string
}

var policyItemColumns = columns[policyItem]{
	{name: "id", value: func(i policyItem) any { return i.policy.ID }, wide: true},
	{name: "name", value: func(i policyItem) any { return i.policy.Name }, wide: true},
	{name: "key", value: func(i policyItem) any { return i.key }},
	{name: "value", value: func(i policyItem) any { return i.value }},
}

func newPoliciesCommand(a *app) *cobra.Command {
	return newParent("policies", "Manage policies, what clients can and cannot do",
		newPoliciesListCommand(a), newPoliciesGetCommand(a), newPoliciesCreateCommand(a), newPoliciesUpdateCommand(a), newPoliciesDeleteCommand(a),
		newPoliciesDiffCommand(a), newPoliciesEditCommand(a), newPoliciesApplyCommand(a))
}

func newPoliciesListCommand(a *app) *cobra.Command {
	return a.prints(&cobra.Command{
		Use: "list", Short: "List all policies", Args: cobra.NoArgs,
		RunE: a.with(func(ctx context.Context, c *trillian.Client, _ []string) error {
			policies, err := c.Policies.List(ctx)
			if err != nil {
				return err
			}
			return a.print(policyColumns.list(policies))
		}),
	}, policyColumns.names()...)
}

func newPoliciesGetCommand(a *app) *cobra.Command {
	var raw bool
	cmd := &cobra.Command{
		Use: "get POLICY", Short: "Show the items of a policy", Args: cobra.ExactArgs(1),
		RunE: a.with(func(ctx context.Context, c *trillian.Client, args []string) error {
			id, err := policyID(ctx, c, args[0])
			if err != nil {
				return err
			}
			policy, err := c.Policies.Get(ctx, id)
			if err != nil {
				return err
			}
			if raw {
				_, err := io.WriteString(a.stdout, string(policy.Data))
				return err
			}
			var items []policyItem
			for key, value := range policy.Data.Items() {
				items = append(items, policyItem{*policy, key, value})
			}
			return a.print(policyItemColumns.list(items))
		}),
	}
	cmd.Flags().BoolVar(&raw, "raw", false, "print the text as the server has it, for --data-file")
	return a.prints(cmd, policyItemColumns.names()...)
}

func newPoliciesCreateCommand(a *app) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Create a policy", Args: cobra.ExactArgs(1),
		RunE: a.with(func(ctx context.Context, c *trillian.Client, args []string) error {
			data, err := a.readPolicy(file)
			if err != nil {
				return err
			}
			policy, err := c.Policies.Create(ctx, trillian.PolicyCreate{Name: args[0], Data: data})
			if err != nil {
				return err
			}
			return a.print(policyColumns.one(*policy))
		}),
	}
	cmd.Flags().StringVar(&file, "data-file", "", dataFileUsage)
	return a.prints(cmd, policyColumns.names()...)
}

const dataFileUsage = "`file` with the items, one a line, - for standard input"

func (a *app) readPolicy(path string) (trillian.PolicyData, error) {
	if path == "" {
		return "", nil
	}
	text, err := a.readInput(path)
	if err != nil {
		return "", err
	}
	data := trillian.PolicyData(text)
	for range data.Items() {
		return data, nil
	}
	// More likely what wrote it has failed than that a policy is to have no rules.
	return "", usageErrorf("%s: there are no items in it", path)
}

func newPoliciesUpdateCommand(a *app) *cobra.Command {
	var name, file string
	cmd := &cobra.Command{Use: "update POLICY", Short: "Rename a policy, or replace all of its items", Args: cobra.ExactArgs(1)}
	cmd.RunE = a.with(func(ctx context.Context, c *trillian.Client, args []string) error {
		data, err := a.readPolicy(file)
		if err != nil {
			return err
		}
		id, err := policyID(ctx, c, args[0])
		if err != nil {
			return err
		}
		if file != "" {
			if err := a.confirm(fmt.Sprintf("Replace all items of the policy %d (%s)?", id, visible(args[0]))); err != nil {
				return err
			}
		}
		policy, err := c.Policies.Update(ctx, id, trillian.PolicyUpdate{Name: changed(cmd, "name", name), Data: changed(cmd, "data-file", data)})
		if err != nil {
			return err
		}
		return a.print(policyColumns.one(*policy))
	})
	cmd.Flags().StringVar(&name, "name", "", "the policy's new `name`")
	cmd.Flags().StringVar(&file, "data-file", "", dataFileUsage)
	return a.prints(cmd, policyColumns.names()...)
}

func newPoliciesDeleteCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "delete POLICY", Short: "Delete a policy", Args: cobra.ExactArgs(1),
		RunE: a.with(func(ctx context.Context, c *trillian.Client, args []string) error {
			id, err := policyID(ctx, c, args[0])
			if err != nil {
				return err
			}
			if err := a.confirm(fmt.Sprintf("Delete the policy %d (%s)?", id, visible(args[0]))); err != nil {
				return err
			}
			if err := c.Policies.Delete(ctx, id); err != nil {
				return err
			}
			a.done("deleted policy %d", id)
			return nil
		}),
	}
}
