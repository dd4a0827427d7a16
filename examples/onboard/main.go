// Onboard creates the users of a CSV file and makes them members of group chats:
//
//	im,email,password,chats
//	ann@example.com,ann@example.com,correct horse,General;Sales
//
// It goes on after a row that fails, says which did, and may be run again: who
// exists already is not created twice, and who is a member not added twice. It takes
// the server from TRILLIAN_TOKEN and TRILLIAN_BASE_URL.
package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"slices"
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

// row is a person in the file.
type row struct {
	line  int
	cells []string
}

func read(in io.Reader) ([]row, error) {
	file := csv.NewReader(in)
	head, err := file.Read()
	if err != nil && err != io.EOF {
		return nil, err
	}
	// Excel begins a file with a byte order mark.
	if strings.TrimPrefix(strings.Join(head, ","), "\ufeff") != "im,email,password,chats" {
		return nil, errors.New("the first line must be im,email,password,chats")
	}
	var rows []row
	for {
		cells, err := file.Read()
		if err == io.EOF {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		line, _ := file.FieldPos(0)
		rows = append(rows, row{line, cells})
	}
}

func onboard(ctx context.Context, client *trillian.Client, in io.Reader, out io.Writer) error {
	rows, err := read(in) // to its end: nobody is created from half a file
	if err != nil {
		return err
	}
	chats, err := client.GroupChats.List(ctx, &trillian.GroupChatOptions{Members: true})
	if err != nil {
		return err
	}
	named := map[string][]trillian.GroupChat{} // people know chats by their display names
	for _, chat := range chats {
		named[chat.DisplayName] = append(named[chat.DisplayName], chat)
	}
	var failed []error
	for _, row := range rows {
		im := row.cells[0]
		if err := add(ctx, client, named, row.cells); err != nil {
			failed = append(failed, fmt.Errorf("line %d: %s: %w", row.line, im, err))
			continue
		}
		fmt.Fprintln(out, "welcome,", im)
	}
	return errors.Join(failed...)
}

func add(ctx context.Context, client *trillian.Client, named map[string][]trillian.GroupChat, cells []string) error {
	user := trillian.UserCreate{IM: cells[0], Email: cells[1], Password: trillian.Secret(cells[2])}
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
	for name := range strings.SplitSeq(cells[3], ";") {
		if name == "" {
			continue
		}
		chats := named[name]
		if len(chats) != 1 {
			return fmt.Errorf("there are %d group chats %q", len(chats), name)
		}
		isUser := func(m trillian.Member) bool { return m.Name == user.IM }
		if slices.ContainsFunc(chats[0].Members.Items, isUser) {
			continue // what becomes of the flags of one who is added again is not documented
		}
		if _, err := client.GroupChats.Members.Add(ctx, chats[0].Name, user.IM); err != nil {
			return err
		}
	}
	return nil
}
