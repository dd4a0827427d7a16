// Policyedit sets one item of a policy, shows what that changes, and saves it:
//
//	policyedit 2 trillian.history.cloud 0
//
// Nobody may have changed the policy in between: it is read again before it is
// written. The API has no condition for an update, so a moment remains.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strconv"

	"github.com/trillian-go/trillian"
)

func main() {
	client, err := trillian.NewClientFromEnv()
	if err != nil {
		log.Fatal(err)
	}
	if len(os.Args) != 4 {
		log.Fatal("usage: policyedit POLICY KEY VALUE")
	}
	id, err := strconv.Atoi(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	if err := edit(context.Background(), client, id, os.Args[2], os.Args[3], os.Stdout); err != nil {
		log.Fatal(err)
	}
}

var errChanged = errors.New("somebody else has changed it meanwhile: look, and try again")

func edit(ctx context.Context, client *trillian.Client, id int, key, value string, out io.Writer) error {
	policy, err := client.Policies.Get(ctx, id)
	if err != nil {
		return err
	}
	data := policy.Data.With(key, value)
	if err := data.Valid(); err != nil {
		return err
	}
	changes := policy.Data.Diff(data)
	if len(changes) == 0 {
		fmt.Fprintln(out, policy.Name, "has it already")
		return nil
	}
	for _, change := range changes {
		fmt.Fprintf(out, "%s: %s %s -> %s\n", policy.Name, change.Key, text(change.Old), text(change.New))
	}
	again, err := client.Policies.Get(ctx, id)
	if err != nil {
		return err
	}
	if again.Data != policy.Data {
		return errChanged
	}
	_, err = client.Policies.Update(ctx, id, trillian.PolicyUpdate{Data: &data})
	return trillian.Confirm(err, func() (bool, error) {
		saved, err := client.Policies.Get(ctx, id)
		return err == nil && saved.Data == data, err
	})
}

func text(value *string) string {
	if value == nil {
		return "(default)"
	}
	return strconv.Quote(*value)
}
