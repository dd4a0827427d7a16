package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/trillian-go/trillian"
)

var presenceColumns = columns[trillian.Presence]{
	{name: "name", value: func(p trillian.Presence) any { return p.Name }},
	{name: "status", value: func(p trillian.Presence) any { return p.Status }},
	{name: "message", value: func(p trillian.Presence) any { return p.Message }},
	{name: "timestamp", value: func(p trillian.Presence) any { return p.Timestamp }},
	{name: "devices", value: func(p trillian.Presence) any { return deviceTexts(p.Devices) }},
	{name: "fields", value: func(p trillian.Presence) any { return withoutSecrets(p.Fields) }, wide: true},
}

// deviceTexts says where a user is: "Windows 6.0.50 at 192.168.1.138".
func deviceTexts(devices []trillian.Device) []string {
	texts := []string{}
	for _, d := range devices {
		version := strings.Trim(d.Version+"."+d.Build, ".")
		texts = append(texts, strings.TrimSpace(fmt.Sprintf("%s %s at %v", d.Platform, version, d.IP)))
	}
	return texts
}

func newPresenceCommand(a *app) *cobra.Command {
	return newParent("presence", "See and set who is there",
		newPresenceListCommand(a), newPresenceSetCommand(a), newPresenceWatchCommand(a), newPresenceBoardCommand(a))
}

func newPresenceListCommand(a *app) *cobra.Command {
	return a.prints(&cobra.Command{
		Use: "list", Short: "List the presence of all users the server knows one of", Args: cobra.NoArgs,
		RunE: a.with(func(ctx context.Context, c *trillian.Client, _ []string) error {
			presence, err := c.Presence.List(ctx)
			if err != nil {
				return err
			}
			return a.print(presenceColumns.list(presence))
		}),
	}, presenceColumns.names()...)
}

// statuses are those that a client can set, by the words one types for them.
var statuses = map[string]trillian.PresenceStatus{
	"offline": trillian.PresenceOffline, "online": trillian.PresenceOnline, "away": trillian.PresenceAway,
	"do-not-disturb": trillian.PresenceDoNotDisturb, "invisible": trillian.PresenceInvisible,
}

var statusWords = slices.Sorted(maps.Keys(statuses))

func parseStatus(word string) (trillian.PresenceStatus, error) {
	if status, ok := statuses[strings.ToLower(word)]; ok {
		return status, nil
	}
	if n, err := strconv.Atoi(word); err == nil {
		return trillian.PresenceStatus(n), nil
	}
	return 0, usageErrorf("--status %s: want %s, or a number", word, strings.Join(statusWords, ", "))
}

func newPresenceSetCommand(a *app) *cobra.Command {
	var word, message string
	cmd := &cobra.Command{Use: "set USER", Short: "Set a user's presence; what no flag names stays", Args: cobra.ExactArgs(1)}
	cmd.RunE = a.with(func(ctx context.Context, c *trillian.Client, args []string) error {
		var update trillian.PresenceUpdate
		if word != "" {
			status, err := parseStatus(word)
			if err != nil {
				return err
			}
			update.Status = &status
		}
		update.Message = changed(cmd, "message", message)
		name, err := userName(ctx, c, args[0])
		if err != nil {
			return err
		}
		if err := c.Presence.Update(ctx, name, update); err != nil {
			return err
		}
		a.done("set the presence of %s", visible(name))
		return nil
	})
	cmd.Flags().StringVar(&word, "status", "", "`status`: "+strings.Join(statusWords, ", ")+", or a number")
	cmd.Flags().StringVar(&message, "message", "", "the `text` beside it")
	_ = cmd.RegisterFlagCompletionFunc("status", cobra.FixedCompletions(statusWords, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}
