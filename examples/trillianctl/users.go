package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/trillian-go/trillian"
)

var userColumns = columns[trillian.User]{
	{name: "name", value: func(u trillian.User) any { return u.Name }},
	{name: "displayName", value: func(u trillian.User) any { return u.DisplayName }},
	{name: "email", value: func(u trillian.User) any { return u.Email }},
	{name: "fields", value: func(u trillian.User) any { return withoutSecrets(u.Fields) }, wide: true},
}

// withoutSecrets hides what a server should never have answered.
func withoutSecrets(fields map[string]string) map[string]string {
	shown := make(map[string]string, len(fields))
	for name, value := range fields {
		lower := strings.ToLower(name)
		if strings.Contains(lower, "password") || strings.Contains(lower, "token") || strings.Contains(lower, "secret") {
			value = "[redacted]"
		}
		shown[name] = value
	}
	return shown
}

func newUsersCommand(a *app) *cobra.Command {
	return newParent("users", "Manage users",
		newUsersListCommand(a), newUsersGetCommand(a), newUsersCreateCommand(a), newUsersUpdateCommand(a), newUsersDeleteCommand(a),
		newUsersApplyCommand(a))
}

func newUsersListCommand(a *app) *cobra.Command {
	return a.prints(&cobra.Command{
		Use: "list", Short: "List all users", Args: cobra.NoArgs,
		RunE: a.with(func(ctx context.Context, c *trillian.Client, _ []string) error {
			users, err := c.Users.List(ctx)
			if err != nil {
				return err
			}
			return a.print(userColumns.list(users))
		}),
	}, userColumns.names()...)
}

func newUsersGetCommand(a *app) *cobra.Command {
	return a.prints(&cobra.Command{
		Use: "get USER", Short: "Show a user", Args: cobra.ExactArgs(1),
		RunE: a.with(func(ctx context.Context, c *trillian.Client, args []string) error {
			name, err := userName(ctx, c, args[0])
			if err != nil {
				return err
			}
			user, err := c.Users.Get(ctx, name)
			if err != nil {
				return err
			}
			return a.print(userColumns.one(*user))
		}),
	}, userColumns.names()...)
}

// userFlags are what users create and users update set.
type userFlags struct {
	email, displayName string
	password           passwordFlags
	fields             []string
}

func (f *userFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.email, "email", "", "the user's e-mail `address`")
	flags.StringVar(&f.displayName, "display-name", "", "the `name` that others see")
	flags.StringArrayVar(&f.fields, "field", nil, "a further parameter of your server's, as `NAME=VALUE`; may be repeated, and is not treated as a secret")
	f.password.add(cmd)
}

// parameters are the fields as the SDK takes them.
func (f *userFlags) parameters() (map[string]string, error) {
	var fields map[string]string
	for _, field := range f.fields {
		name, value, ok := strings.Cut(field, "=")
		if !ok || name == "" {
			return nil, usageErrorf("--field %s: want NAME=VALUE", field)
		}
		if fields == nil {
			fields = make(map[string]string)
		}
		fields[name] = value
	}
	return fields, nil
}

func newUsersCreateCommand(a *app) *cobra.Command {
	var f userFlags
	cmd := &cobra.Command{
		Use: "create ADDRESS", Short: "Create a user", Args: cobra.ExactArgs(1),
		Example: "  trillianctl users create new@example.com --email new@example.com --ask-password",
		RunE: a.with(func(ctx context.Context, c *trillian.Client, args []string) error {
			fields, err := f.parameters()
			if err != nil {
				return err
			}
			password, err := f.password.read(a)
			if err != nil {
				return err
			}
			user, err := c.Users.Create(ctx, trillian.UserCreate{
				IM: args[0], Password: password, Email: f.email, DisplayName: f.displayName, Fields: fields,
			})
			if err != nil {
				return err
			}
			return a.print(userColumns.one(*user))
		}),
	}
	f.add(cmd)
	return a.prints(cmd, userColumns.names()...)
}

func newUsersUpdateCommand(a *app) *cobra.Command {
	var f userFlags
	cmd := &cobra.Command{Use: "update USER", Short: "Change a user; what no flag names stays", Args: cobra.ExactArgs(1)}
	cmd.RunE = a.with(func(ctx context.Context, c *trillian.Client, args []string) error {
		name, err := userName(ctx, c, args[0])
		if err != nil {
			return err
		}
		update := trillian.UserUpdate{Email: changed(cmd, "email", f.email), DisplayName: changed(cmd, "display-name", f.displayName)}
		if update.Fields, err = f.parameters(); err != nil {
			return err
		}
		password, err := f.password.read(a)
		if err != nil {
			return err
		}
		if password != "" {
			update.Password = &password
		}
		user, err := c.Users.Update(ctx, name, update)
		if err != nil {
			return err
		}
		return a.print(userColumns.one(*user))
	})
	f.add(cmd)
	return a.prints(cmd, userColumns.names()...)
}

func newUsersDeleteCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "delete USER...", Short: "Delete users, with their own histories and files", Args: cobra.MinimumNArgs(1),
		RunE: a.with(func(ctx context.Context, c *trillian.Client, args []string) error {
			names, err := resolveAll(args, func(name string) (string, error) { return userName(ctx, c, name) })
			if err != nil {
				return err
			}
			if err := a.confirm("Delete the user " + quoted(names) + "?"); err != nil {
				return err
			}
			return each(a, names, func(name string) error {
				if err := c.Users.Delete(ctx, name); err != nil {
					return err
				}
				a.done("deleted %s", visible(name))
				return nil
			})
		}),
	}
}
