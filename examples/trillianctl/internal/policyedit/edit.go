// Package policyedit changes the items of policies: in an editor, or one item in
// many policies at once. It writes nothing over what somebody else has written in
// the meantime, as far as the API lets it know.
package policyedit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/trillian-go/trillian"
)

// ErrChanged says that a policy is no longer what an edit began with.
var ErrChanged = errors.New("the policy was changed in the meantime")

// Conflict is an ErrChanged, with what was changed by somebody else.
type Conflict struct {
	Policy trillian.Policy // as it is now
	Theirs []trillian.PolicyChange
}

// Error tells how many items somebody else has changed.
func (e *Conflict) Error() string {
	return fmt.Sprintf("%v: %d of its items differ from what was read", ErrChanged, len(e.Theirs))
}

// Is reports whether target is ErrChanged.
func (e *Conflict) Is(target error) bool { return target == ErrChanged }

// An interrupt does not keep an unknown outcome from being looked for, for so long.
const lookTimeout = 30 * time.Second

// Write gives a policy new data, unless it is no longer as it was read. It is read
// again just before: the API has no precondition for an update, so what somebody
// writes between that look and the update is overwritten.
//
// An update of unknown outcome is looked for, and not repeated. The data that
// is there already is not written again.
func Write(ctx context.Context, policies Policies, was trillian.Policy, data trillian.PolicyData) error {
	if err := data.Valid(); err != nil {
		return err
	}
	now, err := policies.Get(ctx, was.ID)
	if err != nil {
		return err
	}
	if now.Data == data {
		return nil
	}
	if now.Data != was.Data {
		return &Conflict{Policy: *now, Theirs: was.Data.Diff(now.Data)}
	}
	_, err = policies.Update(ctx, was.ID, trillian.PolicyUpdate{Data: &data})
	return trillian.Confirm(err, func() (bool, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTimeout)
		defer cancel()
		now, err := policies.Get(ctx, was.ID)
		return err == nil && now.Data == data, err
	})
}

// Policies are the methods of *trillian.PoliciesService that writing needs.
type Policies interface {
	Get(ctx context.Context, policy int) (*trillian.Policy, error)
	Update(ctx context.Context, policy int, update trillian.PolicyUpdate) (*trillian.Policy, error)
}

// Change is one item to set in policies, or to take out of them.
type Change struct {
	Key   string
	Value string
	Unset bool
}

// Apply returns data with the changes made, in their order.
func Apply(data trillian.PolicyData, changes []Change) trillian.PolicyData {
	for _, c := range changes {
		if c.Unset {
			data = data.Without(c.Key)
		} else {
			data = data.With(c.Key, c.Value)
		}
	}
	return data
}
