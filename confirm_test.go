package trillian_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
)

func TestConfirm(t *testing.T) {
	t.Parallel()
	unknown := &trillian.Error{Method: "POST", Path: "users/", StatusCode: 504, OutcomeUnknown: true}
	broken := &trillian.DecodeError{Method: "POST", Path: "users/", OutcomeUnknown: true}
	look := func(done bool, err error) func() (bool, error) { return func() (bool, error) { return done, err } }
	for _, err := range []error{unknown, broken, fmt.Errorf("row 7: %w", unknown), errors.Join(errors.New("x"), broken)} {
		require.NoError(t, trillian.Confirm(err, look(true, nil)))

		settled := trillian.Confirm(err, look(false, nil))
		require.Error(t, settled)
		require.NotErrorIs(t, settled, trillian.ErrOutcomeUnknown)
		require.NotContains(t, settled.Error(), "may have been carried out")
		require.ErrorContains(t, settled, "it was not done when looked for")

		trouble := errors.New("no network")
		both := trillian.Confirm(err, look(false, trouble))
		require.ErrorIs(t, both, trillian.ErrOutcomeUnknown)
		require.ErrorIs(t, both, trouble)
	}
	joined := errors.Join(&trillian.Error{StatusCode: 404}, unknown)
	require.ErrorIs(t, trillian.Confirm(joined, look(false, nil)), trillian.ErrServer, "the one that was unknown")
	bare := trillian.Confirm(trillian.ErrOutcomeUnknown, look(false, nil))
	require.Error(t, bare, "which a fake may return")
	require.NotErrorIs(t, bare, trillian.ErrOutcomeUnknown)
	none := trillian.Confirm(unknown, nil)
	require.ErrorIs(t, none, trillian.ErrOutcomeUnknown)
	require.ErrorIs(t, none, trillian.ErrInvalidArgument)

	settled := trillian.Confirm(fmt.Errorf("row 7: %w", unknown), look(false, nil))
	require.ErrorIs(t, settled, trillian.ErrServer, "what else is known stays")
	require.ErrorContains(t, settled, "row 7: ")
	require.True(t, unknown.OutcomeUnknown, "the error itself is left as it is")

	never := func() (bool, error) { panic("nothing to look for") }
	for _, err := range []error{nil, errors.New("x"), &trillian.Error{StatusCode: 404}} {
		require.Equal(t, err, trillian.Confirm(err, never))
	}
}
