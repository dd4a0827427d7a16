package main

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/trillian-go/trillian"
)

// newParent makes a command that only holds others.
func newParent(use, short string, children ...*cobra.Command) *cobra.Command {
	parent := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: needCommand}
	parent.AddCommand(children...)
	return parent
}

func needCommand(cmd *cobra.Command, _ []string) error {
	return usageErrorf("which command? See %s --help", cmd.CommandPath())
}

// with makes the client for a command that begins with it.
func (a *app) with(run func(ctx context.Context, c *trillian.Client, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		client, err := a.client()
		if err != nil {
			return err
		}
		return run(cmd.Context(), client, args)
	}
}

// each does something with every one of several things, goes on after a failure,
// and returns all that failed.
func each[T any](a *app, things []T, do func(T) error) error {
	var failed []error
	for _, thing := range things {
		if err := a.sent(do(thing)); err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// printWith prints what was done beside the error of what was not.
func (a *app) printWith(err error, t table) error {
	if len(t.rows) == 0 && (err != nil || a.dryRun) {
		return err
	}
	return errors.Join(err, a.print(t))
}

// changed is what an update is to set: the value of a flag that was given, or nil.
func changed[T any](cmd *cobra.Command, flag string, value T) *T {
	if !cmd.Flags().Changed(flag) {
		return nil
	}
	return &value
}

// readInput reads a file, or standard input for "-".
func (a *app) readInput(path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(input{a})
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, usageErrorf("%v", err)
	}
	return text, nil
}

// resolveAll resolves names in their order.
func resolveAll[T any](names []string, resolve func(string) (T, error)) ([]T, error) {
	var all []T
	for _, name := range names {
		one, err := resolve(name)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

func quoted(names []string) string {
	return visible(strings.Join(names, ", "))
}
