package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/examples/trillianctl/internal/archive"
)

var archiveColumns = columns[archive.Result]{
	{name: "owners", value: func(r archive.Result) any { return r.Owners }},
	{name: "weeks", value: func(r archive.Result) any { return r.Weeks }},
	{name: "messages", value: func(r archive.Result) any { return r.Messages }},
	{name: "files", value: func(r archive.Result) any { return r.Files }},
	{name: "bytes", value: func(r archive.Result) any { return r.Bytes }},
	{name: "failures", value: func(r archive.Result) any { return r.Failures }},
}

// archiveFlags choose what of the server is archived, or compared with the archive.
type archiveFlags struct {
	users, chats []string
	since, until string
	withoutMedia bool
	concurrency  int
}

func (f *archiveFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringSliceVar(&f.users, "user", nil, "only these `users`, and the group chats of --chat")
	flags.StringSliceVar(&f.chats, "chat", nil, "only these group `chats`, and the users of --user")
	flags.StringVar(&f.since, "since", "", "only weeks and files that may be from this `time` on: 2026-01-31, or 2026-01-31T08:00:00Z")
	flags.StringVar(&f.until, "until", "", "only weeks and files that may be from before this `time`")
	flags.BoolVar(&f.withoutMedia, "no-media", false, "leave out the files")
	flags.IntVar(&f.concurrency, "concurrency", 8, "how many `requests` are under way at once, 1 to 64")
}

func (f *archiveFlags) options(ctx context.Context, c *trillian.Client) (opts archive.Options, err error) {
	if f.concurrency < 1 || f.concurrency > 64 {
		return opts, usageErrorf("--concurrency %d: want 1 to 64", f.concurrency)
	}
	opts = archive.Options{WithoutMedia: f.withoutMedia, Concurrency: f.concurrency}
	if opts.Since, opts.Until, err = parsePeriod(f.since, f.until); err != nil || c == nil {
		return opts, err
	}
	users, err := resolveAll(f.users, func(name string) (string, error) { return userName(ctx, c, name) })
	if err != nil {
		return opts, err
	}
	chats, err := resolveAll(f.chats, func(name string) (string, error) { return chatName(ctx, c, name) })
	opts.Owners = slices.Compact(slices.Sorted(slices.Values(append(users, chats...))))
	return opts, err
}

func newArchiveCommand(a *app) *cobra.Command {
	var f archiveFlags
	cmd := &cobra.Command{
		Use: "archive FILE", Short: "Keep all messages and files in one database", Args: cobra.ExactArgs(1),
		Long: `Keep all messages and files in one SQLite database, with a directory of the files
beside it, FILE.media, in which each is named by its SHA-256.

Stopped or killed at any moment and run again it goes on where it was. Run again
later it asks for the lists, and then only for weeks and files that are new or may have
changed. What is deleted on the server stays in the archive. A conversation of two
users is stored once, and both their copies are asked for.

With --since and --until whole weeks are archived, and some more on either side:
how the server numbers them is not documented.`,
		Example: "  trillianctl archive company.db\n  trillianctl archive search company.db lunch thursday",
		RunE: func(cmd *cobra.Command, args []string) error {
			if a.dryRun {
				return usageErrorf("archive changes nothing on the server, so --dry-run has nothing to print")
			}
			client, err := a.client()
			if err != nil {
				return err
			}
			opts, err := f.options(cmd.Context(), client)
			if err != nil {
				return err
			}
			meter := newMeter(a.stderr, isTerminal(a.stderr))
			opts.Progress = meter.show
			result, err := archive.Run(cmd.Context(), client, args[0], opts)
			meter.stop()
			err = archiveError(cmd.Context(), result, err)
			if err != nil && result == (archive.Result{}) {
				return err
			}
			return a.printWith(err, archiveColumns.one(result))
		},
	}
	f.add(cmd)
	a.prints(cmd, archiveColumns.names()...)
	cmd.AddCommand(newArchiveSearchCommand(a), newArchiveExportCommand(a), newArchiveVerifyCommand(a))
	return cmd
}

// archiveError says what an error leaves to do. Of what is kept nothing is lost.
func archiveError(ctx context.Context, result archive.Result, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return errors.New("stopped; what is archived stays, and the next run goes on from there")
	case result.Failures > 0: // whatever they were, the command has failed
		return fmt.Errorf("%d could not be archived; the next run asks for them again:\n%v", result.Failures, err)
	}
	return notFoundOwner(err)
}

// notFoundOwner gives a name that nobody has its exit code.
func notFoundOwner(err error) error {
	if errors.Is(err, archive.ErrNoSuchOwner) {
		return notFoundErrorf("%v", err)
	}
	return err
}

// filterFlags choose among archived messages.
type filterFlags struct{ from, owner, since, until string }

func (f *filterFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.from, "from", "", "only what was sent by this `address`, or one with this in it")
	flags.StringVar(&f.owner, "owner", "", "only the history of this `owner`: a user's address, or a group chat's name or display name")
	flags.StringVar(&f.since, "since", "", "only messages from this `time` on: 2026-01-31, or 2026-01-31T08:00:00Z")
	flags.StringVar(&f.until, "until", "", "only messages before this `time`")
}

func (f *filterFlags) filter() (filter archive.Filter, err error) {
	filter = archive.Filter{From: f.from, Owner: f.owner}
	filter.Since, filter.Until, err = parsePeriod(f.since, f.until)
	return filter, err
}

func newArchiveSearchCommand(a *app) *cobra.Command {
	var f filterFlags
	var limit int
	mark := strings.NewReplacer(archive.MarkBegin, "[", archive.MarkEnd, "]")
	hits := columns[archive.Hit]{
		{name: "at", value: func(h archive.Hit) any { return h.At }},
		{name: "where", value: func(h archive.Hit) any { return h.Where }},
		{name: "from", value: func(h archive.Hit) any { return h.From }},
		{name: "snippet", value: func(h archive.Hit) any { return mark.Replace(h.Snippet) }},
		{name: "text", value: func(h archive.Hit) any { return h.Text }, wide: true},
		{name: "conversation", value: func(h archive.Hit) any { return h.Conversation }, wide: true},
		{name: "week", value: func(h archive.Hit) any { return fmt.Sprintf("%d/%02d", h.Year, h.Week) }, wide: true},
		{name: "place", value: func(h archive.Hit) any { return h.Place }, wide: true},
	}
	cmd := &cobra.Command{
		Use: "search FILE WORDS...", Short: "Find archived messages that have all the words, the newest first", Args: cobra.MinimumNArgs(2),
		Long: `Find archived messages that have all the words in them, in any order, the newest
first. An argument with spaces in it is a phrase, one that ends in * the beginning
of a word. Neither case nor accents matter. The server is not asked.`,
		Example: "  trillianctl archive search company.db lunch thurs* 'see you' --from anna",
		RunE: func(cmd *cobra.Command, args []string) error {
			filter, err := f.filter()
			if err != nil {
				return err
			}
			if limit < 1 {
				return usageErrorf("--limit %d: want a number from 1 up", limit)
			}
			reader, err := archive.Open(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			defer reader.Close()
			found, err := reader.Search(cmd.Context(), archive.Query{Filter: filter, Words: args[1:], Limit: limit})
			if errors.Is(err, archive.ErrNoWords) {
				return usageErrorf("%v", err)
			}
			if err != nil {
				return notFoundOwner(err)
			}
			return a.print(hits.list(found))
		},
	}
	f.add(cmd)
	cmd.Flags().IntVar(&limit, "limit", 20, "at most `n` messages")
	return a.prints(cmd, hits.names()...)
}

func newArchiveExportCommand(a *app) *cobra.Command {
	var f filterFlags
	var jsonl, csv bool
	cmd := &cobra.Command{
		Use: "export FILE --jsonl|--csv", Short: "Write archived messages to standard output", Args: cobra.ExactArgs(1),
		Long: `Write archived messages to standard output, as JSON one a line, or as CSV: a
conversation after the other, in the server's order. The server is not asked.

CSV is for spreadsheets: what one of them would take for a formula, a text that begins
with = + - or @, say, has an apostrophe before it. JSON has every text as it was, and
so has the --output csv of other commands.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			filter, err := f.filter()
			if err != nil {
				return err
			}
			reader, err := archive.Open(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			defer reader.Close()
			write := archive.WriteJSONL
			if csv {
				write = archive.WriteCSV
			}
			return notFoundOwner(write(a.stdout, reader.Records(cmd.Context(), filter)))
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&jsonl, "jsonl", false, "as JSON, one message a line")
	cmd.Flags().BoolVar(&csv, "csv", false, "as CSV for spreadsheets, without formulas, with a first line that names the columns")
	cmd.MarkFlagsOneRequired("jsonl", "csv")
	cmd.MarkFlagsMutuallyExclusive("jsonl", "csv")
	return cmd
}

func newArchiveVerifyCommand(a *app) *cobra.Command {
	var f archiveFlags
	var offline bool
	problems := columns[archive.Problem]{
		{name: "kind", value: func(p archive.Problem) any { return string(p.Kind) }},
		{name: "what", value: func(p archive.Problem) any { return p.What }},
	}
	cmd := &cobra.Command{
		Use: "verify FILE", Short: "Check an archive by itself and against the server", Args: cobra.ExactArgs(1),
		Long: `Check an archive: the database's own structure, a digest of every week, the hash of
every file, and the counts that the server lists. It prints what is "damaged", and
what is "behind": on the server, and not in the archive. Either is exit code 1.

The choices must be those that the archive was made with: what they leave out is not
compared.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			var client *trillian.Client
			var err error
			if !offline {
				if client, err = a.client(); err != nil {
					return err
				}
			}
			opts, err := f.options(cmd.Context(), client)
			if err != nil {
				return err
			}
			var found []archive.Problem
			done, err := archive.Verify(cmd.Context(), client, args[0], opts, func(p archive.Problem) { found = append(found, p) })
			if err == nil && done.Problems > 0 {
				err = fmt.Errorf("%d problems", done.Problems)
			}
			a.done("verified %d messages in %d weeks, %d files with %d bytes, the lists of %d owners; %d owners are no longer on the server",
				done.Messages, done.Weeks, done.Files, done.Bytes, done.Owners, done.Gone)
			return a.printWith(err, problems.list(found))
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&offline, "offline", false, "do not ask the server")
	return a.prints(cmd, problems.names()...)
}
