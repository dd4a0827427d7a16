// Onboard creates the users of a CSV file and makes them members of group chats:
//
//	im,email,password,chats
//	ann@example.com,ann@example.com,correct horse,General;Sales
//
// It goes on after a row that fails, says which did, and may be run again: who
// exists already is not created twice. It takes the server from TRILLIAN_TOKEN and
// TRILLIAN_BASE_URL.
package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"

	"github.com/trillian-go/trillian"
)

func main() {
	client, err := trillian.NewClientFromEnv()
	if err != nil {
		log.Fatal(err)
	}
	if err := onboard(context.Background(), client, os.Stdin, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func onboard(ctx context.Context, client *trillian.Client, in io.Reader, out io.Writer) error {
	rows, err := csv.NewReader(in).ReadAll()
	if err != nil {
		return err
	}
	if len(rows) == 0 || strings.Join(rows[0], ",") != "im,email,password,chats" {
		return errors.New("the first line must be im,email,password,chats")
	}
	chats, err := client.GroupChats.List(ctx, nil)
	if err != nil {
		return err
	}
	named := map[string]string{} // people know chats by their display names
	for _, chat := range chats {
		named[chat.DisplayName] = chat.Name
	}
	var failed []error
	for i, row := range rows[1:] {
		err := add(ctx, client, named, row)
		if err != nil {
			failed = append(failed, fmt.Errorf("line %d: %s: %w", i+2, row[0], err))
			continue
		}
		fmt.Fprintln(out, "welcome,", row[0])
	}
	return errors.Join(failed...)
}

func add(ctx context.Context, client *trillian.Client, chats map[string]string, row []string) error {
	user := trillian.UserCreate{IM: row[0], Email: row[1], Password: trillian.Secret(row[2])}
	exists := func() (bool, error) {
		_, err := client.Users.Get(ctx, user.IM)
		if errors.Is(err, trillian.ErrNotFound) {
			return false, nil
		}
		return err == nil, err
	}
	if there, err := exists(); err != nil {
		return err
	} else if !there {
		_, err := client.Users.Create(ctx, user)
		if err := trillian.Confirm(err, exists); err != nil { // a lost response is no reason to create twice
			return err
		}
	}
	for name := range strings.SplitSeq(row[3], ";") {
		if name == "" {
			continue
		}
		chat, ok := chats[name]
		if !ok {
			return fmt.Errorf("there is no group chat %q", name)
		}
		if _, err := client.GroupChats.Members.Add(ctx, chat, user.IM); err != nil {
			return err
		}
	}
	return nil
}
