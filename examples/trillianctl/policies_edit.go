package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/examples/trillianctl/internal/policyedit"
)

// policyChange is an item of a policy that differs, and what became of that.
type policyChange struct {
	policy trillian.Policy
	trillian.PolicyChange
	outcome string
	err     error
}

var policyDiffColumns = columns[policyChange]{
	{name: "key", value: func(c policyChange) any { return c.Key }},
	{name: "old", value: func(c policyChange) any { return orNone(c.Old) }},
	{name: "new", value: func(c policyChange) any { return orNone(c.New) }},
}

var policyApplyColumns = append(columns[policyChange]{
	{name: "id", value: func(c policyChange) any { return c.policy.ID }},
	{name: "policy", value: func(c policyChange) any { return c.policy.Name }},
}, append(policyDiffColumns,
	column[policyChange]{name: "outcome", value: func(c policyChange) any { return c.outcome }},
	column[policyChange]{name: "error", value: func(c policyChange) any { return errorText(c.err) }, wide: true},
)...)

// orNone is nil for an item that is not there, which is not one that is empty.
func orNone(value *string) any {
	if value == nil {
		return nil
	}
	return *value
}

func changesOf(policy trillian.Policy, data trillian.PolicyData, outcome string) (changes []policyChange) {
	for _, c := range policy.Data.Diff(data) {
		changes = append(changes, policyChange{policy: policy, PolicyChange: c, outcome: outcome})
	}
	return changes
}

const colorUsage = "`when` a difference has colours: auto (on a terminal, unless NO_COLOR is set), always or never"

// colors reports whether a difference has colours on a stream.
func colors(when string, stream io.Writer) (bool, error) {
	switch when {
	case "auto":
		return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && isTerminal(stream), nil
	case "always", "never":
		return when == "always", nil
	}
	return false, usageErrorf("--color %s: want auto, always or never", when)
}

func findPolicy(ctx context.Context, c *trillian.Client, name string) (*trillian.Policy, error) {
	id, err := policyID(ctx, c, name)
	if err != nil {
		return nil, err
	}
	return c.Policies.Get(ctx, id)
}

func policyTitle(p *trillian.Policy) string { return fmt.Sprintf("policy %d (%s)", p.ID, p.Name) }

func newPoliciesDiffCommand(a *app) *cobra.Command {
	var file, color string
	cmd := &cobra.Command{
		Use: "diff POLICY [OTHER]", Short: "Compare the items of two policies, or of a policy and a file",
		Args: cobra.RangeArgs(1, 2),
	}
	cmd.RunE = a.with(func(ctx context.Context, c *trillian.Client, args []string) error {
		colored, err := colors(color, a.stdout)
		if err != nil {
			return err
		}
		if (len(args) == 2) == (file != "") {
			return usageErrorf("compare with what? Name another policy or a file (--file)")
		}
		policy, err := findPolicy(ctx, c, args[0])
		if err != nil {
			return err
		}
		other, title := &trillian.Policy{}, file
		if file != "" {
			if other.Data, err = a.readPolicy(file); err != nil {
				return err
			}
		} else {
			if other, err = findPolicy(ctx, c, args[1]); err != nil {
				return err
			}
			title = policyTitle(other)
		}
		changes := policy.Data.Diff(other.Data)
		if a.format.output != "table" {
			return a.print(policyDiffColumns.list(changesOf(*policy, other.Data, "")))
		}
		if len(changes) == 0 {
			return nil
		}
		return policyedit.Printer{Writer: a.stdout, Color: colored, Show: visible}.Diff(policyTitle(policy), title, changes)
	})
	cmd.Flags().StringVar(&file, "file", "", dataFileUsage)
	cmd.Flags().StringVar(&color, "color", "auto", colorUsage)
	return a.prints(cmd, policyDiffColumns.names()...)
}

const lostUpdates = `The policy is read again just before it is written, and left alone if somebody has
changed it. The API has no condition for an update, so a change in the moment between
the two is overwritten: it cannot do better.`

func newPoliciesEditCommand(a *app) *cobra.Command {
	var color string
	cmd := &cobra.Command{
		Use: "edit POLICY", Short: "Change the items of a policy in an editor ($VISUAL, $EDITOR, or vi)",
		Long: `Change the items of a policy in an editor ($VISUAL, $EDITOR, or vi): a line an item,
each a key, a space and a value. What is not written in the end stays in the file
that was edited, whose name is told.

` + lostUpdates,
		Args: cobra.ExactArgs(1),
	}
	cmd.RunE = a.with(func(ctx context.Context, c *trillian.Client, args []string) error {
		colored, err := colors(color, a.stderr)
		if err != nil {
			return err
		}
		policy, err := findPolicy(ctx, c, args[0])
		if err != nil {
			return err
		}
		draft, err := policyedit.NewDraft(policy.Data)
		if err != nil {
			return err
		}
		data, err := a.editDraft(draft)
		if err == nil && data == policy.Data {
			draft.Remove()
			a.done("%s: nothing was changed.", visible(policyTitle(policy)))
			return nil
		}
		if err == nil {
			printer := policyedit.Printer{Writer: a.stderr, Color: colored, Show: visible}
			err = a.writeEdited(ctx, c, policy, data, printer)
		}
		if err != nil {
			return fmt.Errorf("%w\nWhat was typed is in %s: trillianctl policies apply %d --file %[2]s", err, draft.Path, policy.ID)
		}
		draft.Remove()
		return nil
	})
	cmd.Flags().StringVar(&color, "color", "auto", colorUsage)
	return cmd
}

// editDraft runs the editor until the text can be written or, on a terminal, until
// the person does not want to any more.
func (a *app) editDraft(draft *policyedit.Draft) (trillian.PolicyData, error) {
	command := os.Getenv("VISUAL")
	if command == "" {
		command = os.Getenv("EDITOR")
	}
	for {
		data, err := draft.Edit(policyedit.Editor{Command: command, Stdin: a.stdin, Stdout: a.stdout, Stderr: a.stderr})
		if err != nil {
			return "", err
		}
		invalid := data.Valid()
		if invalid == nil || a.yes || !isTerminal(a.stdin) {
			return data, invalid
		}
		if err := a.confirm(fmt.Sprintf("%v. Edit again?", invalid)); err != nil {
			return "", invalid
		}
	}
}

func (a *app) writeEdited(ctx context.Context, c *trillian.Client, policy *trillian.Policy, data trillian.PolicyData, printer policyedit.Printer) error {
	title := policyTitle(policy)
	if changes := policy.Data.Diff(data); len(changes) > 0 {
		_ = printer.Diff(title, title+" as edited", changes)
	} else {
		a.done("Only the order of the items or blank lines differ.")
	}
	if err := a.confirm(fmt.Sprintf("Write %s?", visible(title))); err != nil {
		return err
	}
	err := a.sent(policyedit.Write(ctx, c.Policies, *policy, data))
	if conflict, ok := errors.AsType[*policyedit.Conflict](err); ok {
		_ = printer.Diff(title+" as it was read", title+" as it is now", conflict.Theirs)
	}
	if err == nil && !a.dryRun {
		a.done("%s is written.", visible(title))
	}
	return err
}

// applyPolicyFlags are those of policies apply.
type applyPolicyFlags struct {
	set, unset []string
	file       string
	all        bool
}

func newPoliciesApplyCommand(a *app) *cobra.Command {
	var flags applyPolicyFlags
	cmd := &cobra.Command{
		Use: "apply [POLICY]...", Short: "Set items in several policies at once, or replace all of their items by a file's",
		Long: `Set items in several policies at once, or replace all of their items by a file's.
Without --yes the plan is printed and nothing is changed.

` + lostUpdates,
		Example: `  trillianctl policies apply --all --set trillian.history.cloud=0
  trillianctl policies apply IT Sales --unset trillian.filetransfer --yes`,
	}
	cmd.RunE = a.with(func(ctx context.Context, c *trillian.Client, args []string) error {
		edit, err := a.policyEdit(flags)
		if err != nil {
			return err
		}
		policies, err := choosePolicies(ctx, c, args, flags.all)
		if err != nil {
			return err
		}
		return a.applyPolicies(ctx, c, policies, edit)
	})
	set := cmd.Flags()
	set.StringArrayVar(&flags.set, "set", nil, "set the item `KEY=VALUE`; may be given several times")
	set.StringArrayVar(&flags.unset, "unset", nil, "take out the items with the `KEY`; may be given several times")
	set.StringVar(&flags.file, "file", "", dataFileUsage)
	set.BoolVar(&flags.all, "all", false, "in all policies")
	return a.prints(cmd, policyApplyColumns.names()...)
}

// policyEdit is what the flags make of a policy's data.
func (a *app) policyEdit(flags applyPolicyFlags) (func(trillian.PolicyData) trillian.PolicyData, error) {
	var changes []policyedit.Change
	for _, text := range flags.set {
		key, value, ok := strings.Cut(text, "=")
		if !ok {
			return nil, usageErrorf("--set %s: want KEY=VALUE", text)
		}
		changes = append(changes, policyedit.Change{Key: key, Value: value})
	}
	for _, key := range flags.unset {
		changes = append(changes, policyedit.Change{Key: key, Unset: true})
	}
	if (len(changes) > 0) == (flags.file != "") {
		return nil, usageErrorf("apply what? Name items (--set, --unset) or a file (--file)")
	}
	edit := func(data trillian.PolicyData) trillian.PolicyData { return policyedit.Apply(data, changes) }
	if flags.file != "" {
		data, err := a.readPolicy(flags.file)
		if err != nil {
			return nil, err
		}
		edit = func(trillian.PolicyData) trillian.PolicyData { return data }
	}
	return edit, edit("").Valid()
}

// choosePolicies reads the policies that are named, each once.
func choosePolicies(ctx context.Context, c *trillian.Client, names []string, all bool) ([]trillian.Policy, error) {
	if (len(names) > 0) == all {
		return nil, usageErrorf("apply to which policies? Name some, or say --all")
	}
	if all {
		return c.Policies.List(ctx)
	}
	var policies []trillian.Policy
	seen := map[int]bool{}
	for _, name := range names {
		policy, err := findPolicy(ctx, c, name)
		if err != nil {
			return nil, err
		}
		if !seen[policy.ID] {
			seen[policy.ID] = true
			policies = append(policies, *policy)
		}
	}
	return policies, nil
}

// applyPolicies changes the policies that need it. One that fails does not keep
// the others from being changed.
func (a *app) applyPolicies(ctx context.Context, c *trillian.Client, policies []trillian.Policy, edit func(trillian.PolicyData) trillian.PolicyData) error {
	var all []policyChange
	var failures []error
	written, planned := 0, 0
	for _, policy := range policies {
		data := edit(policy.Data)
		if data == policy.Data {
			continue
		}
		planned++
		outcome, err := "planned", data.Valid()
		if err == nil && (a.yes || a.dryRun) {
			outcome, err = "done", a.sent(policyedit.Write(ctx, c.Policies, policy, data))
		}
		if err != nil {
			outcome = "failed"
			if errors.Is(err, trillian.ErrOutcomeUnknown) {
				outcome = "unknown"
			}
			failures = append(failures, fmt.Errorf("%s: %w", visible(policyTitle(&policy)), err))
		} else if outcome == "done" {
			written++
		}
		for _, c := range changesOf(policy, data, outcome) {
			c.err = err
			all = append(all, c)
		}
	}
	switch {
	case a.dryRun:
		return errors.Join(failures...)
	case planned == 0:
		a.done("Nothing to do.")
	case !a.yes:
		a.done("%d of %d policies would be changed. Nothing was: apply with --yes.", planned, len(policies))
	default:
		a.done("%d of %d policies were changed.", written, len(policies))
	}
	return errors.Join(append([]error{a.print(policyApplyColumns.list(all))}, failures...)...)
}
