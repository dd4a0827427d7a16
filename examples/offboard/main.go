// Offboard removes users who have left, with their memberships and their avatars:
//
//	offboard ann@example.com bob@example.com
//
// What they wrote stays in the histories of the others. It may be run again until
// it says that everyone is gone.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"slices"

	"github.com/trillian-go/trillian"
)

func main() {
	client, err := trillian.NewClientFromEnv()
	if err != nil {
		log.Fatal(err)
	}
	if len(os.Args) < 2 {
		log.Fatal("usage: offboard USER...")
	}
	ctx := context.Background()
	for _, user := range os.Args[1:] {
		if err := offboard(ctx, client, user, os.Stdout); err != nil {
			log.Fatal(err)
		}
	}
}

func offboard(ctx context.Context, client *trillian.Client, user string, out io.Writer) error {
	chats, err := client.GroupChats.List(ctx, &trillian.GroupChatOptions{Members: true})
	if err != nil {
		return err
	}
	for _, chat := range chats {
		isMember := func(m trillian.Member) bool { return m.Name == user }
		if !slices.ContainsFunc(chat.Members.Items, isMember) {
			continue
		}
		err := client.GroupChats.Members.Remove(ctx, chat.Name, user)
		if err != nil && !errors.Is(err, trillian.ErrNotFound) {
			return err
		}
		fmt.Fprintf(out, "%s has left %s\n", user, chat.DisplayName)
	}
	if err := client.Users.Avatar.Delete(ctx, user); err != nil && !errors.Is(err, trillian.ErrNotFound) {
		return err
	}
	if err := client.Users.Delete(ctx, user); err != nil && !errors.Is(err, trillian.ErrNotFound) {
		return err
	}
	// A 404 may be a proxy's, which knows nothing of users: the list is the proof.
	for u, err := range client.Users.All(ctx) {
		if err != nil {
			return err
		}
		if u.Name == user {
			return fmt.Errorf("%s is still there: run this again", user)
		}
	}
	fmt.Fprintln(out, user, "is gone")
	return nil
}
