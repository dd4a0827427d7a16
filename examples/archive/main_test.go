package main

import (
	"encoding/json"
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

func TestArchive(t *testing.T) {
	t.Parallel()
	server := trilliantest.NewServer(t, trilliantest.WithMessages(smw, "c", history(0, 70)...)) // ten weeks
	path := filepath.Join(t.TempDir(), "history.jsonl")
	run := func() (int, error) {
		file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		require.NoError(t, err)
		defer file.Close()
		return archive(t.Context(), server.Client(), smw, file)
	}
	const weeks = "GET /users/{user}/messages/{conversation}/{year}/{week}/"

	server.Inject(weeks, trilliantest.Status(403)).After(4)
	n, err := run()
	require.ErrorIs(t, err, trillian.ErrForbidden)
	require.Less(t, n, 10)

	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0o600) // a line that was never finished
	require.NoError(t, err)
	_, err = file.WriteString(`{"week":`)
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
