package trillian

import (
	"errors"
	"strings"
)

// Confirm settles an error of unknown outcome by looking whether it was done after
// all:
//
//	_, err := client.Users.Create(ctx, user)
//	err = trillian.Confirm(err, func() (bool, error) {
//		_, err := client.Users.Get(ctx, user.IM)
//		if errors.Is(err, trillian.ErrNotFound) {
//			return false, nil
//		}
//		return err == nil, err
//	})
//
// It returns nil if it was done, the error with its outcome known if it was not,
// and both errors joined, for which [ErrOutcomeUnknown] still holds, if looking
// failed. Any other error, or nil, comes back as it is and nothing is looked at. Give
// it the error of one call: what is joined to that is settled with it.
//
// A server that is merely slow may still be at it: after a timeout, or a 502 or 504 of
// a proxy, wait before you look, for as long as the server may take.
//
// A call that was cancelled, at a shutdown say, leaves no context to look with: take
// [context.WithoutCancel] of it, and a short timeout.
func Confirm(err error, done func() (bool, error)) error {
	if !errors.Is(err, ErrOutcomeUnknown) {
		return err
	}
	if done == nil {
		return errors.Join(err, &ArgumentError{Name: "done", Reason: "is nil"})
	}
	yes, lookErr := done()
	switch {
	case lookErr != nil:
		return errors.Join(err, lookErr)
	case yes:
		return nil
	}
	text := strings.ReplaceAll(err.Error(), outcomeUnknownHint, "") + "; it was not done when looked for"
	return &confirmedError{text: text, err: withOutcome(err)} // nil: the text is all that is known
}

// withOutcome returns the error within err whose outcome was unknown, with it known.
func withOutcome(err error) error {
	switch e := err.(type) {
	case *Error:
		if e.OutcomeUnknown {
			known := *e
			known.OutcomeUnknown = false
			return &known
		}
	case *DecodeError:
		if e.OutcomeUnknown {
			known := *e
			known.OutcomeUnknown = false
			return &known
		}
	case interface{ Unwrap() error }:
		return withOutcome(e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, err := range e.Unwrap() {
			if known := withOutcome(err); known != nil {
				return known
			}
		}
	}
	return nil
}

// confirmedError keeps the text that the caller's own wrapping gave an error.
type confirmedError struct {
	text string
	err  error
}

func (e *confirmedError) Error() string { return e.text }
func (e *confirmedError) Unwrap() error { return e.err }
