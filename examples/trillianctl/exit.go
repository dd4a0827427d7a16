package main

import (
	"errors"
	"fmt"

	"github.com/trillian-go/trillian"
)

// The exit codes, for scripts.
const (
	exitFailed         = 1
	exitUsage          = 2 // the command line or the configuration: nothing was changed
	exitNotFound       = 3
	exitOutcomeUnknown = 4 // look before it is repeated
)

// An error of one of these kinds ends with the kind's exit code.
var (
	errUsage    = errors.New("usage")
	errNotFound = errors.New("not found")
)

type kindError struct {
	kind error
	text string
}

func (e *kindError) Error() string        { return e.text }
func (e *kindError) Is(target error) bool { return target == e.kind }

// usageErrorf is an error of what the user wrote: exit code 2.
func usageErrorf(format string, args ...any) error {
	return &kindError{errUsage, fmt.Sprintf(format, args...)}
}

// notFoundErrorf is an error of a name that nothing has: exit code 3.
func notFoundErrorf(format string, args ...any) error {
	return &kindError{errNotFound, fmt.Sprintf(format, args...)}
}

// exitCode tells what a script may have to act on: of several errors at once the
// most urgent one.
func exitCode(err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, trillian.ErrOutcomeUnknown):
		return exitOutcomeUnknown
	case errors.Is(err, errUsage), errors.Is(err, trillian.ErrInvalidArgument):
		return exitUsage
	case errors.Is(err, errNotFound), errors.Is(err, trillian.ErrNotFound):
		return exitNotFound
	}
	return exitFailed
}

// settle makes of the error that cobra returned the one to report: before a
// command ran it is one of usage, and what a dry run did not send is none.
func (a *app) settle(err error) error {
	if err != nil && !a.running && !errors.Is(err, errUsage) {
		return usageErrorf("%v", err)
	}
	return a.sent(err)
}

// sent passes over what a dry run has printed instead of sent, for a command
// that goes on after a request.
func (a *app) sent(err error) error {
	if a.dryRun && errors.Is(err, errDryRun) {
		return nil
	}
	return err
}
