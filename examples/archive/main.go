// Archive appends an owner's message history to a file of JSON Lines, a week a line:
//
//	archive history.jsonl smw@example.com
//
// Stopped at any moment and started again it goes on behind the last whole line.
// Run again later it asks for the weeks that have another number of messages, and for
// all weeks of a conversation that has another revision, since a week can change and
// have as many messages as before; it appends those that have changed. Of the lines of
// a week the last one with messages counts. A file that holds anything else, another
// owner's archive too, is refused and left as it is.
package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
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
	if len(os.Args) != 3 {
		log.Fatal("usage: archive FILE OWNER")
	}
	file, err := os.OpenFile(os.Args[1], os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		log.Fatal(err)
	}
	n, err := archive(context.Background(), client, os.Args[2], file)
	if err = errors.Join(err, file.Close()); err != nil {
		log.Fatal(err)
	}
	fmt.Println(n, "weeks are new or have changed")
}

// line is a week at a revision of its conversation. One without messages says that
// they were as before.
type line struct {
	Owner    string               `json:"owner"` // first: see lineStart
	Revision int                  `json:"revision"`
	Week     trillian.MessageWeek `json:"week"`
	Messages json.RawMessage      `json:"messages,omitempty"`
}

// lineStart is what each line of an owner's archive begins with.
func lineStart(owner string) string {
	name, _ := json.Marshal(owner) // a string never fails
	return `{"owner":` + string(name) + ","
}

type weekID struct {
	conversation string
	year, week   int
}

func idOf(w trillian.MessageWeek) weekID { return weekID{w.Conversation, w.Year, w.Week} }

// state is what the file has of a week.
type state struct {
	revision int
	count    int // as it was listed
	messages [sha256.Size]byte
}

func archive(ctx context.Context, client *trillian.Client, owner string, file *os.File) (weeks int, err error) {
	stored, err := resume(file, owner)
	if err != nil {
		return 0, err
	}
	// Asked for before the weeks: what changes in between is seen by the next run.
	conversations, err := client.Users.Messages.Conversations(ctx, owner)
	if err != nil {
		return 0, err
	}
	revisions := map[string]int{}
	for _, c := range conversations {
		revisions[c.ID] = c.Revision
	}
	opts := &trillian.HistoryOptions{
		Only: func(w trillian.MessageWeek) bool {
			last, ok := stored[idOf(w)]
			return !ok || last.count != w.Count || last.revision != revisions[w.Conversation]
		},
		Concurrency: 8,
	}
	for week, err := range client.Users.Messages.Weeks(ctx, owner, opts) {
		if err != nil {
			return weeks, err // what is whole stays, and need not be asked for again
		}
		messages, err := json.Marshal(week.Messages)
		if err != nil {
			return weeks, err
		}
		next := line{owner, revisions[week.Week.Conversation], week.Week, messages}
		if stored[idOf(week.Week)].messages == sha256.Sum256(messages) {
			next.Messages = nil
		} else {
			weeks++
		}
		text, err := json.Marshal(next)
		if err != nil {
			return weeks, err
		}
		if _, err := file.Write(append(text, '\n')); err != nil {
			return weeks, err
		}
	}
	return weeks, file.Sync()
}

// resume reads what is there, and cuts off a line that was never finished: one of the
// archive's own, lest it cut off what somebody else wrote.
func resume(file *os.File, owner string) (map[weekID]state, error) {
	stored, start := map[weekID]state{}, lineStart(owner)
	in, end := bufio.NewReader(file), int64(0)
	for {
		text, err := in.ReadBytes('\n')
		if !strings.HasPrefix(string(text), start) && !strings.HasPrefix(start, string(text)) {
			return nil, fmt.Errorf("%s: at byte %d: no line of an archive of %s", file.Name(), end, owner)
		}
		if err == io.EOF {
			break
		}
		var l line
		if err == nil {
			err = json.Unmarshal(text, &l)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: at byte %d: %w", file.Name(), end, err)
		}
		id := idOf(l.Week)
		last := stored[id]
		last.revision, last.count = l.Revision, l.Week.Count
		if l.Messages != nil {
			last.messages = sha256.Sum256(l.Messages)
		}
		stored[id] = last
		end += int64(len(text))
	}
	if err := file.Truncate(end); err != nil {
		return nil, err
	}
	_, err := file.Seek(end, io.SeekStart)
	return stored, err
}
