package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/trilliantest"
)

const smw = "smw@cerulean-inc.com"

func history(from, to int) []trillian.Message {
	var all []trillian.Message
	for day := from; day < to; day++ {
		at := trillian.Timestamp{Time: time.Date(2026, 1, 1+day, 9, 0, 0, 0, time.UTC)}
		all = append(all, trillian.Message{Timestamp: at, From: smw, Text: at.Format(time.DateOnly) + "\n<&>"})
	}
	return all
}

func read(t *testing.T, path string) (texts []string, weeks int) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		var week trillian.WeekMessages
		require.NoError(t, json.Unmarshal([]byte(line), &week))
		for _, m := range week.Messages {
			texts = append(texts, m.Text)
		}
		weeks++
	}
	return texts, weeks
}

const weeks = "GET /users/{user}/messages/{conversation}/{year}/{week}/"

func archiveTo(t *testing.T, server *trilliantest.Server, path string) (int, error) {
	t.Helper()
	return archiveOf(t, server, smw, path)
}

func archiveOf(t *testing.T, server *trilliantest.Server, owner, path string) (int, error) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	require.NoError(t, err)
	defer file.Close()
	return archive(t.Context(), server.Client(), owner, file)
}

func TestArchive(t *testing.T) {
	t.Parallel()
	server := trilliantest.NewServer(t, trilliantest.WithMessages(smw, "c", history(0, 70)...)) // ten weeks
	path := filepath.Join(t.TempDir(), "history.jsonl")
	run := func() (int, error) { return archiveTo(t, server, path) }

	server.Inject(weeks, trilliantest.Status(403)).After(4)
	n, err := run()
	require.ErrorIs(t, err, trillian.ErrForbidden)
	require.Less(t, n, 10)

	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0o600) // a line that was never finished
	require.NoError(t, err)
	_, err = file.WriteString(`{"owner":"smw@cerulean-inc.com","revision":70,"week":`)
	require.NoError(t, err)
	require.NoError(t, file.Close())

	more, err := run()
	require.NoError(t, err)
	require.Equal(t, 10, n+more)
	texts, lines := read(t, path)
	require.Len(t, texts, 70, "no gap and nothing twice")
	require.Equal(t, 10, lines)

	asked := len(server.RequestsTo(weeks))
	n, err = run()
	require.NoError(t, err)
	require.Zero(t, n)
	require.Len(t, server.RequestsTo(weeks), asked, "nothing has changed, and nothing was asked for")

	server.Fill(trilliantest.WithMessages(smw, "c", history(70, 71)...))
	n, err = run()
	require.NoError(t, err)
	require.Equal(t, 1, n, "one week has grown")
}

// One message less and another more: only the conversation's revision tells.
func TestSameCountAnotherRevision(t *testing.T) {
	t.Parallel()
	server := trilliantest.NewServer(t, trilliantest.WithMessages(smw, "c", history(0, 21)...)) // three weeks
	path := filepath.Join(t.TempDir(), "history.jsonl")
	listed := func() trillian.Conversation {
		all, err := server.Client().Users.Messages.Conversations(t.Context(), smw)
		require.NoError(t, err)
		return all[0]
	}
	n, err := archiveTo(t, server, path)
	require.NoError(t, err)
	require.Equal(t, 3, n)

	before := listed()
	gone := history(8, 9)[0].Timestamp
	require.NoError(t, server.Client().Users.Messages.DeleteBlock(t.Context(), smw, before.Weeks[1], fmt.Appendf(nil, "%d\n", gone.UnixMilli())))
	added := trillian.Message{Timestamp: trillian.Timestamp{Time: gone.Add(time.Hour)}, From: smw, Text: "another"}
	server.Fill(trilliantest.WithMessages(smw, "c", added))
	after := listed()
	require.Equal(t, before.Revision+2, after.Revision)
	require.Equal(t, before.Weeks, after.Weeks, "no count has changed")

	n, err = archiveTo(t, server, path)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	texts, _ := read(t, path)
	require.Len(t, texts, 21+7, "the other weeks are as they were, and not there twice")
	require.Contains(t, texts[21:], "another")

	asked := len(server.RequestsTo(weeks))
	n, err = archiveTo(t, server, path)
	require.NoError(t, err)
	require.Zero(t, n)
	require.Len(t, server.RequestsTo(weeks), asked, "and nothing is asked for every time")
}

// TestAnotherCountSameRevision has a server that counts its revisions in another way.
func TestAnotherCountSameRevision(t *testing.T) {
	t.Parallel()
	server := trilliantest.NewServer(t, trilliantest.WithMessages(smw, "c", history(0, 7)...)) // a week
	path := filepath.Join(t.TempDir(), "history.jsonl")
	all, err := server.Client().Users.Messages.Conversations(t.Context(), smw)
	require.NoError(t, err)
	_, err = archiveTo(t, server, path)
	require.NoError(t, err)

	week := all[0].Weeks[0]
	server.Fill(trilliantest.WithMessages(smw, "c", trillian.Message{Timestamp: history(6, 7)[0].Timestamp, From: smw, Text: "another"}))
	server.Inject("GET /users/{user}/messages/", trilliantest.Body("application/xml", fmt.Sprintf(
		`<response><messages conversation="c" revision="%d"><week year="%d" week="%d" messages="%d"/></messages></response>`,
		all[0].Revision, week.Year, week.Week, week.Count+1))).Always()
	n, err := archiveTo(t, server, path)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	texts, _ := read(t, path)
	require.Contains(t, texts, "another")
}

// A file of something else, with no line end or none at its end, is not an archive
// that broke off.
func TestFileOfAnother(t *testing.T) {
	t.Parallel()
	server := trilliantest.NewServer(t, trilliantest.WithMessages(smw, "c", history(0, 7)...))
	for _, text := range []string{
		"precious", "precious\n", `{"a":1}` + "\n" + `{"b":2}`, "\n", "{}", `{"owner":"smw@cerulean-inc.org","rev`,
	} {
		path := filepath.Join(t.TempDir(), "notes.txt")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err := archiveTo(t, server, path)
		require.ErrorContains(t, err, path+": at byte 0: no line of an archive of "+smw, text)
		kept, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, text, string(kept))
	}
}

// Stopped within the first line, at whichever byte of it.
func TestFirstLineBrokenOff(t *testing.T) {
	t.Parallel()
	server := trilliantest.NewServer(t, trilliantest.WithMessages(smw, "c", history(0, 7)...))
	path := filepath.Join(t.TempDir(), "history.jsonl")
	_, err := archiveTo(t, server, path)
	require.NoError(t, err)
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	for n := range min(len(whole), 60) {
		require.NoError(t, os.WriteFile(path, whole[:n], 0o600))
		_, err := archiveTo(t, server, path)
		require.NoError(t, err)
		again, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, string(whole), string(again), n)
	}
}

// Two users have a conversation in common, of which each may have deleted something
// else: in one file, one's copy would be taken for the other's.
func TestAnOwnerAFile(t *testing.T) {
	t.Parallel()
	const kwk = "kwk@cerulean-inc.com"
	theirs := history(0, 2)
	theirs[1].From = kwk
	server := trilliantest.NewServer(t, trilliantest.WithMessages(smw, "c", theirs...))
	path := filepath.Join(t.TempDir(), "history.jsonl")
	_, err := archiveTo(t, server, path)
	require.NoError(t, err)
	before, err := os.ReadFile(path)
	require.NoError(t, err)

	_, err = archiveOf(t, server, kwk, path)
	require.ErrorContains(t, err, "at byte 0: no line of an archive of "+kwk)
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(before), string(after))
}
