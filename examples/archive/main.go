// Archive appends an owner's message history to a file of JSON Lines, a week a line:
//
//	archive history.jsonl smw@example.com
//
// Stopped at any moment and started again it goes on behind the last whole line;
// run again later it appends only the weeks that have grown since. The last line of
// a week counts.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"

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
	fmt.Println(n, "weeks are new")
}

// weekID names a week; how many messages it has says whether it has grown.
type weekID struct {
	conversation string
	year, week   int
}

func idOf(w trillian.MessageWeek) weekID { return weekID{w.Conversation, w.Year, w.Week} }

func archive(ctx context.Context, client *trillian.Client, owner string, file *os.File) (weeks int, err error) {
	stored, err := resume(file)
	if err != nil {
		return 0, err
	}
	opts := &trillian.HistoryOptions{
		Only:        func(w trillian.MessageWeek) bool { return stored[idOf(w)] != w.Count },
		Concurrency: 8,
	}
	for week, err := range client.Users.Messages.Weeks(ctx, owner, opts) {
		if err != nil {
			return weeks, err // what is whole stays, and need not be asked for again
		}
		line, err := json.Marshal(week)
		if err != nil {
			return weeks, err
		}
		if _, err := file.Write(append(line, '\n')); err != nil {
			return weeks, err
		}
		weeks++
	}
	return weeks, file.Sync()
}

// resume reads what is there, and cuts off a line that was never finished.
func resume(file *os.File) (map[weekID]int, error) {
	stored := map[weekID]int{}
	in, end := bufio.NewReader(file), int64(0)
	for {
		line, err := in.ReadBytes('\n')
		if err == io.EOF {
			break
		}
		var week trillian.WeekMessages
		if err == nil {
			err = json.Unmarshal(line, &week)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: at byte %d: %w", file.Name(), end, err)
		}
		stored[idOf(week.Week)] = week.Week.Count
		end += int64(len(line))
	}
	if err := file.Truncate(end); err != nil {
		return nil, err
	}
	_, err := file.Seek(end, io.SeekStart)
	return stored, err
}
