package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/trillian-go/trillian/examples/trillianctl/internal/dbfile"
	"github.com/trillian-go/trillian/examples/trillianctl/internal/people"
)

// applyFlags are those of users apply.
type applyFlags struct {
	people.Options
	results string
	resume  bool
	maxRows int
}

// The time between a lost answer and the look at what was done, in which the
// request may still be under way.
const pauseBeforeLook = time.Second

func newUsersApplyCommand(a *app) *cobra.Command {
	var flags applyFlags
	cmd := &cobra.Command{
		Use: "apply FILE", Short: "Make users and memberships what a CSV file says",
		Long: `Make users and their memberships of group chats what a CSV file says.

Without --yes the plan is printed and nothing is changed. With it the plan is
carried out; what fails does not keep the rest from being done, and run again only
what is missing is done.

The file's first line names its columns, in any order:

  address       the user's IM address; the only column that must be there
  display_name  an empty cell leaves it alone
  email         an empty cell leaves it alone
  password      for creating the user; an empty cell has one generated. The password
                of a user that there is already is left alone
  state         active, or nothing, or removed
  chats         group chats the user is to be in, by display name or identifier,
                with | between them

It is UTF-8, with commas, semicolons or tabs. Users that it does not name are left
alone, and so are memberships, unless --exact ends those of the file's users in the
file's chats. An operator of a group chat is never taken out of it, nor removed:
the API has no way back.

The results file, which only its owner may read, says what became of every row, and
has the generated passwords. They are in it before they are sent, so that it can be
gone on with (--resume) after a kill.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.applyUsers(cmd.Context(), args[0], flags) },
	}
	set := cmd.Flags()
	set.BoolVar(&flags.Exact, "exact", false, "let the file's users leave those of the file's group chats that are not in their row")
	set.BoolVar(&flags.NoPasswords, "no-passwords", false, "generate no passwords: where users sign in by a directory")
	set.StringVar(&flags.results, "results", "", "results `file` (default FILE with .results.csv at its end)")
	set.BoolVar(&flags.resume, "resume", false, "go on with the results file of an earlier run")
	set.IntVar(&flags.maxRows, "max-rows", people.MaxRows, "the most `rows` that are taken for meant")
	set.IntVar(&flags.Concurrency, "concurrency", 4, "`users` that are worked on at once, up to 32")
	return a.prints(cmd, stepColumns.names()...)
}

var stepColumns = columns[people.Result]{
	{name: "line", value: func(r people.Result) any { return r.Line }},
	{name: "address", value: func(r people.Result) any { return r.Address }},
	{name: "action", value: func(r people.Result) any { return string(r.Action) }},
	{name: "detail", value: func(r people.Result) any { return r.Detail }},
	{name: "chat", value: func(r people.Result) any { return r.Chat }, wide: true},
	{name: "outcome", value: func(r people.Result) any { return string(r.Outcome) }},
	{name: "error", value: func(r people.Result) any { return errorText(r.Err) }, wide: true},
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func (a *app) applyUsers(ctx context.Context, file string, flags applyFlags) error {
	if flags.Concurrency < 1 || flags.Concurrency > 32 {
		return usageErrorf("--concurrency %d: want 1 to 32", flags.Concurrency)
	}
	rows, err := a.readPeople(file, &flags)
	if err != nil {
		return err
	}
	client, err := a.client()
	if err != nil {
		return err
	}
	if a.yes && !a.dryRun { // before the plan: another run would change what it is made from
		release, err := dbfile.Lock(flags.results)
		if err != nil {
			return err
		}
		defer release()
	}
	plan, err := people.MakePlan(ctx, client, rows, flags.Options)
	if problems, ok := errors.AsType[*people.Problems](err); ok {
		return usageErrorf("%v", problems)
	} else if err != nil {
		return err
	}
	if a.dryRun {
		flags.DryRun, flags.Concurrency = true, 1
		_, err := people.Apply(ctx, client, plan, nil, flags.Options)
		return err
	}
	if !a.yes {
		return a.printPlan(plan)
	}
	if plan.Changes() == 0 && !flags.resume {
		a.done("Nothing to do.")
		return a.print(stepColumns.list(planned(plan)))
	}
	results, err := people.OpenResults(flags.results, flags.resume)
	if errors.Is(err, os.ErrExist) {
		return usageErrorf("%s is there already, and may have passwords in it: go on with it (--resume), or name another (--results)", flags.results)
	} else if err != nil {
		return err
	}
	results.SettleEarlier(plan)
	flags.Pause, flags.Progress = pauseBeforeLook, a.progress("steps")
	applied, err := people.Apply(ctx, client, plan, results, flags.Options)
	err = errors.Join(err, results.Finish())
	if applied == nil {
		return err
	}
	return errors.Join(a.print(stepColumns.list(applied)), a.summary(applied, flags.results), err)
}

func (a *app) readPeople(file string, flags *applyFlags) ([]people.Row, error) {
	in, name, mode := io.Reader(input{a}), "standard input", os.FileMode(0)
	if file != "-" {
		opened, err := os.Open(file)
		if err != nil {
			return nil, usageErrorf("%v", err)
		}
		defer opened.Close()
		info, err := opened.Stat()
		if err != nil {
			return nil, err
		}
		in, name, mode = opened, file, info.Mode().Perm()
		flags.results = cmp.Or(flags.results, strings.TrimSuffix(file, ".csv")+".results.csv")
	}
	if flags.results == "" {
		return nil, usageErrorf("standard input has no name that a results file could be called by: name one (--results)")
	}
	flags.File = name
	rows, err := people.Read(in, name, flags.maxRows)
	if err != nil {
		return nil, usageErrorf("%v", err)
	}
	for _, row := range rows {
		if row.Password != "" && mode&0o077 != 0 {
			a.done("Note: %s has passwords in it, and others may read it.", name)
			break
		}
	}
	return rows, nil
}

func (a *app) printPlan(plan *people.Plan) error {
	if err := a.print(stepColumns.list(planned(plan))); err != nil {
		return err
	}
	if n := plan.Changes(); n > 0 {
		a.done("%s planned. Nothing was changed: apply with --yes.", counted(n, "change"))
	} else {
		a.done("Nothing to do.")
	}
	return nil
}

// planned are a plan's steps as results.
func planned(plan *people.Plan) []people.Result {
	results := make([]people.Result, len(plan.Steps))
	for i, step := range plan.Steps {
		results[i] = people.Result{Step: step, Outcome: "planned"}
		if step.Action == people.Keep {
			results[i].Outcome = people.Kept
		}
	}
	return results
}

// summary says how it went, and what to do about it.
func (a *app) summary(applied []people.Result, file string) error {
	counts := map[people.Outcome]int{}
	passwords := 0
	var unknown error
	for _, result := range applied {
		counts[result.Outcome]++
		if result.Password != "" {
			passwords++
		}
		if result.Outcome == people.Unknown && unknown == nil {
			unknown = result.Err
		}
	}
	a.done("%s done, %d failed, %d unknown, %d not attempted, %d kept; see %s.",
		counted(counts[people.Done], "step"), counts[people.Failed], counts[people.Unknown], counts[people.Skipped], counts[people.Kept], file)
	left := len(applied) - counts[people.Done] - counts[people.Kept]
	if passwords > 0 {
		advice := "hand them out, and delete it"
		if left > 0 { // they may be of users who were not created, and --resume needs them
			advice = "keep it until all is done"
		}
		a.done("It has %s in it, and only you may read it: %s.", counted(passwords, "generated password"), advice)
	}
	switch {
	case unknown != nil:
		return fmt.Errorf("%s not done, go on with --resume: %w", counted(left, "step"), unknown)
	case left > 0:
		return fmt.Errorf("%s not done, go on with --resume", counted(left, "step"))
	}
	return nil
}

func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// progress writes how far it is on standard error every few seconds.
func (a *app) progress(things string) func(done, total int) {
	const every = 5 * time.Second
	var mu sync.Mutex
	last := time.Now()
	return func(done, total int) {
		mu.Lock()
		defer mu.Unlock()
		if now := time.Now(); now.Sub(last) >= every {
			last = now
			a.done("%d of %d %s", done, total, things)
		}
	}
}
