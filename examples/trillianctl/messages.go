package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/trillian-go/trillian"
)

// aWeek is a week of a conversation, which is how the server keeps messages.
type aWeek struct {
	conversation trillian.Conversation
	week         trillian.MessageWeek
}

var weekColumns = columns[aWeek]{
	{name: "conversation", value: func(w aWeek) any { return w.conversation.ID }},
	{name: "name", value: func(w aWeek) any { return w.conversation.Name }},
	{name: "medium", value: func(w aWeek) any { return w.conversation.Medium }, wide: true},
	{name: "revision", value: func(w aWeek) any { return w.conversation.Revision }, wide: true},
	{name: "week", value: func(w aWeek) any { return fmt.Sprintf("%d/%02d", w.week.Year, w.week.Week) }},
	{name: "messages", value: func(w aWeek) any { return w.week.Count }},
}

var messageColumns = columns[trillian.Message]{
	{name: "timestamp", value: func(m trillian.Message) any { return m.Timestamp }},
	{name: "from", value: func(m trillian.Message) any { return m.From }},
	{name: "text", value: func(m trillian.Message) any { return m.Text }},
	{name: "conversation", value: func(m trillian.Message) any { return m.Conversation }, wide: true},
	{name: "fields", value: func(m trillian.Message) any { return withoutSecrets(m.Fields) }, wide: true},
}

func newMessagesCommand(a *app) *cobra.Command {
	return newParent("messages", "Read, send and delete messages",
		newMessagesWeeksCommand(a), newMessagesListCommand(a), newMessagesSendCommand(a), newMessagesDeleteCommand(a))
}

func newMessagesWeeksCommand(a *app) *cobra.Command {
	return a.prints(&cobra.Command{
		Use: "weeks OWNER", Short: "List an owner's conversations and the weeks they have messages in", Args: cobra.ExactArgs(1), Long: ownerHelp,
		RunE: a.with(func(ctx context.Context, c *trillian.Client, args []string) error {
			owner, err := ownerOf(ctx, c, args[0])
			if err != nil {
				return err
			}
			conversations, err := owner.messages.Conversations(ctx, owner.name)
			if err != nil {
				return err
			}
			var weeks []aWeek
			for _, conversation := range conversations {
				for _, week := range conversation.Weeks {
					weeks = append(weeks, aWeek{conversation, week})
				}
			}
			return a.print(weekColumns.list(weeks))
		}),
	}, weekColumns.names()...)
}

// historyFlags choose among an owner's messages.
type historyFlags struct {
	conversation, since, until string
	last                       int
}

func newMessagesListCommand(a *app) *cobra.Command {
	var f historyFlags
	cmd := &cobra.Command{
		Use: "list OWNER", Short: "List an owner's messages", Args: cobra.ExactArgs(1), Long: ownerHelp,
		Example: "  trillianctl messages list Sales --since 2026-01-01 --last 20",
		RunE: a.with(func(ctx context.Context, c *trillian.Client, args []string) error {
			opts, err := f.options()
			if err != nil {
				return err
			}
			owner, err := ownerOf(ctx, c, args[0])
			if err != nil {
				return err
			}
			if f.conversation != "" {
				conversation, err := conversationOf(ctx, owner, f.conversation)
				if err != nil {
					return err
				}
				opts.Conversation = conversation.ID
			}
			messages, err := f.collect(ctx, owner, opts)
			if err != nil {
				return err
			}
			return a.print(messageColumns.list(messages))
		}),
	}
	flags := cmd.Flags()
	flags.StringVar(&f.conversation, "conversation", "", "only this `conversation`, by id or by whom it is with")
	flags.StringVar(&f.since, "since", "", "only messages from this `time` on: 2026-01-31, or 2026-01-31T08:00:00Z")
	flags.StringVar(&f.until, "until", "", "only messages before this `time`")
	flags.IntVar(&f.last, "last", 0, "only the last `n`")
	return a.prints(cmd, messageColumns.names()...)
}

func (f *historyFlags) options() (*trillian.HistoryOptions, error) {
	opts := &trillian.HistoryOptions{NewestFirst: f.last > 0}
	if f.last < 0 {
		return nil, usageErrorf("--last %d: want a number from 1 up", f.last)
	}
	var err error
	opts.Since, opts.Until, err = parsePeriod(f.since, f.until)
	return opts, err
}

// parseTime reads a day, which begins at midnight UTC, or a moment.
func parseTime(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usageErrorf("--%s %s: want a day such as 2026-01-31 or a moment such as 2026-01-31T08:00:00Z", flag, text)
}

// parsePeriod reads --since and --until.
func parsePeriod(since, until string) (from, to time.Time, err error) {
	if from, err = parseTime("since", since); err != nil {
		return from, to, err
	}
	if to, err = parseTime("until", until); err == nil && !from.IsZero() && !to.IsZero() && !from.Before(to) {
		err = usageErrorf("--since %s is not before --until %s", since, until)
	}
	return from, to, err
}

// collect reads the messages, of the last ones no more weeks than they need.
func (f *historyFlags) collect(ctx context.Context, owner owner, opts *trillian.HistoryOptions) ([]trillian.Message, error) {
	var messages []trillian.Message
	for message, err := range owner.messages.History(ctx, owner.name, opts) {
		if err != nil {
			return nil, err
		}
		messages = append(messages, message)
		if len(messages) == f.last {
			break
		}
	}
	if opts.NewestFirst {
		slices.Reverse(messages)
	}
	return messages, nil
}

// conversationOf finds a conversation of an owner by its id or its name.
func conversationOf(ctx context.Context, owner owner, name string) (trillian.Conversation, error) {
	conversations, err := owner.messages.Conversations(ctx, owner.name)
	if err != nil {
		return trillian.Conversation{}, err
	}
	return pick("conversation", name, conversations,
		func(c trillian.Conversation) string { return c.ID },
		func(c trillian.Conversation) []string { return []string{c.ID, c.Name} })
}

func newMessagesSendCommand(a *app) *cobra.Command {
	var from string
	cmd := &cobra.Command{
		Use: "send OWNER TEXT --from USER", Short: "Send a message to a user or a group chat", Args: cobra.ExactArgs(2),
		Long: `Send a message to a user or a group chat. A TEXT of - is read from standard input.

The server wants the sender's own token, not an administrator's: that of
TRILLIAN_SENDER_TOKEN or TRILLIAN_SENDER_TOKEN_FILE, or of the context's "senders".

` + ownerHelp,
		RunE: a.with(func(ctx context.Context, c *trillian.Client, args []string) error {
			if from == "" {
				return usageErrorf("from whom? Say --from USER")
			}
			text, err := a.textOrInput(args[1])
			if err != nil {
				return err
			}
			sender, err := userName(ctx, c, from)
			if err != nil {
				return err
			}
			to, err := ownerOf(ctx, c, args[0])
			if err != nil {
				return err
			}
			own, err := a.senderClient(sender)
			if err != nil {
				return err
			}
			to = to.as(own)
			message, err := to.messages.Send(ctx, to.name, trillian.MessageSend{From: sender, Text: text})
			if err != nil {
				return err
			}
			return a.print(messageColumns.one(*message))
		}),
	}
	cmd.Flags().StringVar(&from, "from", "", "the `user` who sends it")
	return a.prints(cmd, messageColumns.names()...)
}

func (a *app) textOrInput(text string) (string, error) {
	if text != "-" {
		return text, nil
	}
	input, err := a.readInput("-")
	return strings.TrimRight(string(input), "\r\n"), err
}

func newMessagesDeleteCommand(a *app) *cobra.Command {
	var f deleteFlags
	cmd := &cobra.Command{
		Use: "delete OWNER CONVERSATION", Short: "Delete a conversation's messages, all or a week's", Args: cobra.ExactArgs(2), Long: ownerHelp,
		RunE: a.with(func(ctx context.Context, c *trillian.Client, args []string) error {
			year, number, err := f.parse()
			if err != nil {
				return err
			}
			owner, err := ownerOf(ctx, c, args[0])
			if err != nil {
				return err
			}
			conversation, err := conversationOf(ctx, owner, args[1])
			if err != nil {
				return err
			}
			what, of := "all messages", visible(fmt.Sprintf("%s (%s)", conversation.ID, conversation.Name))
			if f.week != "" {
				what = "the week " + f.week
			}
			if err := a.confirm(fmt.Sprintf("Delete %s of the conversation %s?", what, of)); err != nil {
				return err
			}
			if f.all {
				err = owner.messages.DeleteConversation(ctx, owner.name, conversation.ID)
			} else {
				err = owner.messages.DeleteWeek(ctx, owner.name, trillian.MessageWeek{Conversation: conversation.ID, Year: year, Week: number})
			}
			if err != nil {
				return err
			}
			a.done("deleted %s of %s", what, of)
			return nil
		}),
	}
	cmd.Flags().StringVar(&f.week, "week", "", "only this `YEAR/WEEK`, as messages weeks lists it")
	cmd.Flags().BoolVar(&f.all, "all", false, "the whole conversation")
	return cmd
}

// deleteFlags say how much is deleted: it must be said, since nothing brings it
// back.
type deleteFlags struct {
	week string
	all  bool
}

func (f *deleteFlags) parse() (year, week int, err error) {
	if f.all == (f.week != "") {
		return 0, 0, usageErrorf("how much? Say --week YEAR/WEEK or --all")
	}
	if f.all {
		return 0, 0, nil
	}
	y, w, ok := strings.Cut(f.week, "/")
	year, errYear := strconv.Atoi(y)
	week, errWeek := strconv.Atoi(w)
	if !ok || errYear != nil || errWeek != nil {
		return 0, 0, usageErrorf("--week %s: want YEAR/WEEK, such as 2016/20", f.week)
	}
	return year, week, nil
}
