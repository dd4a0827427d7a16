package main

import (
	"maps"
	"slices"

	"github.com/spf13/cobra"
)

// namedContext is a context as it is listed: without its secrets.
type namedContext struct {
	name    string
	current bool
	*serverContext
}

var contextColumns = columns[namedContext]{
	{name: "name", value: func(c namedContext) any { return c.name }},
	{name: "current", value: func(c namedContext) any { return c.current }},
	{name: "baseURL", value: func(c namedContext) any { return c.BaseURL }},
	{name: "token", value: func(c namedContext) any { return c.whereabouts() }},
	{name: "senders", value: func(c namedContext) any { return slices.Sorted(maps.Keys(c.Senders)) }, wide: true},
}

// whereabouts says where the token is.
func (c credential) whereabouts() string {
	switch {
	case c.TokenFile != "":
		return "in " + c.TokenFile
	case c.Token != "":
		return "in the configuration"
	}
	return "none"
}

func newContextsCommand(a *app) *cobra.Command {
	return a.prints(&cobra.Command{
		Use: "contexts", Short: "List the contexts of the configuration file", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			cfg, err := a.config()
			if err != nil {
				return err
			}
			var contexts []namedContext
			for _, name := range slices.Sorted(maps.Keys(cfg.Contexts)) {
				if c := cfg.Contexts[name]; c != nil {
					contexts = append(contexts, namedContext{name, name == cfg.Current, c})
				}
			}
			return a.print(contextColumns.list(contexts))
		},
	}, contextColumns.names()...)
}
