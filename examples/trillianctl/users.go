package main

import (
	"github.com/spf13/cobra"

	"github.com/trillian-go/trillian"
)

var userColumns = columns[trillian.User]{
	{name: "name", value: func(u trillian.User) any { return u.Name }},
	{name: "displayName", value: func(u trillian.User) any { return u.DisplayName }},
	{name: "email", value: func(u trillian.User) any { return u.Email }},
	{name: "fields", value: func(u trillian.User) any { return u.Fields }, wide: true},
}

func newUsersCommand(a *app) *cobra.Command {
	return newParent("users", "Manage users", newUsersListCommand(a))
}

func newUsersListCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "List all users", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			users, err := client.Users.List(cmd.Context())
			if err != nil {
				return err
			}
			return a.print(userColumns.list(users))
		},
	}
	return a.prints(cmd, userColumns.names()...)
}
