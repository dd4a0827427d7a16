package archive

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/trilliantest"
)

const (
	smw  = "smw@cerulean-inc.com"
	kwk  = "kwk@cerulean-inc.com"
	lsk  = "lsk@cerulean-inc.com"
	chat = "#5b8fa79923cddcc8be3060bad620442f40749db6@cerulean-inc.com"

	chatWeek = "GET /groupchats/{chat}/messages/{conversation}/{year}/{week}/"
	userWeek = "GET /users/{user}/messages/{conversation}/{year}/{week}/"
	chatFile = "GET /groupchats/{chat}/media/{item}/"
	userFile = "GET /users/{user}/media/{item}/"
)

func said(day int, from, text string) trillian.Message {
	at := time.Date(2026, 1, 1+day, 9, 30, 0, 123e6, time.UTC)
	return trillian.Message{Timestamp: trillian.Timestamp{Time: at}, From: from, Text: text}
}

func file(name, content string) trillian.MediaUpload {
	return trillian.MediaUpload{Name: name, Type: "text/plain", Data: strings.NewReader(content)}
}

// newServer has a group chat with five messages in three weeks, two users who write
// to each other in two more weeks, and three files, of which two are alike.
func newServer(t *testing.T) *trilliantest.Server {
	t.Helper()
	return trilliantest.NewServer(t,
		trilliantest.WithUsers(trillian.User{Name: smw, DisplayName: "Scott"}, trillian.User{Name: kwk}, trillian.User{Name: lsk}),
		trilliantest.WithGroupChats(trillian.GroupChat{Name: chat, DisplayName: "Sales"}),
		trilliantest.WithMessages(chat, "sales",
			said(0, smw, "Good morning"), said(0, smw, "Good morning"), said(0, kwk, "Who has the <budget> & the plan?"),
			said(8, lsk, "The budget is café-proof\nand signed"), said(30, smw, "会議は10時からです。")),
		trilliantest.WithMessages(smw, "smw-kwk", said(1, smw, "Lunch?"), said(1, kwk, "Yes 👍"), said(20, smw, "=1+1, \"quoted\"")),
		trilliantest.WithMedia(chat, file("../../etc/passwd", "not a password")),
		trilliantest.WithMedia(kwk, file("same", "not a password"), file("empty", "")),
	)
}

func newPath(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "archive ?#%41.db") // what a URI would read in another way
}

// update brings an archive up to date and returns what it did.
func update(t *testing.T, server *trilliantest.Server, path string, opts Options) Result {
	t.Helper()
	result, err := Run(t.Context(), server.Client(), path, opts)
	require.NoError(t, err)
	return result
}

// asked counts the requests for weeks and for files.
func asked(server *trilliantest.Server) (weeks, files int) {
	return len(server.RequestsTo(chatWeek)) + len(server.RequestsTo(userWeek)), len(server.RequestsTo(chatFile)) + len(server.RequestsTo(userFile))
}

// texts are the archived texts of a conversation, in order.
func texts(t *testing.T, path, conversation string) (all []string) {
	t.Helper()
	for _, r := range records(t, path, Filter{}) {
		if r.Conversation == conversation {
			all = append(all, r.Text)
		}
	}
	return all
}

func records(t *testing.T, path string, f Filter) (all []Record) {
	t.Helper()
	archive := opened(t, path)
	for r, err := range archive.Records(t.Context(), f) {
		require.NoError(t, err)
		all = append(all, r)
	}
	return all
}

func opened(t *testing.T, path string) *Reader {
	t.Helper()
	archive, err := Open(t.Context(), path)
	require.NoError(t, err)
	t.Cleanup(func() { _ = archive.Close() })
	return archive
}

// problems are what Verify reports. It changes nothing, and so a client that is nil
// may stand for no server.
func problems(t *testing.T, client *trillian.Client, path string) (all []Problem) {
	t.Helper()
	done, err := Verify(t.Context(), client, path, Options{}, func(p Problem) { all = append(all, p) })
	require.NoError(t, err)
	require.Equal(t, len(all), done.Problems)
	return all
}

// contents is all that an archive holds, as a text: in the same order whatever the
// order was in which it came.
func contents(t *testing.T, path string) string {
	t.Helper()
	archive, err := Open(t.Context(), path)
	require.NoError(t, err)
	defer archive.Close()
	var all bytes.Buffer
	for _, query := range []string{
		`SELECT c.name, w.year, w.week, m.place, m.at, m.sender, m.text, m.fields FROM ` + recordTables + ` ORDER BY 1, 2, 3, 4`,
		`SELECT c.name, w.year, w.week, hex(w.digest) FROM weeks w JOIN conversations c ON c.id = w.conversation ORDER BY 1, 2, 3`,
		`SELECT o.name, c.name, p.name, p.revision, w.year, w.week, l.listed, l.asked, l.flags FROM copies p JOIN owners o ON o.id = p.owner
			JOIN conversations c ON c.id = p.conversation LEFT JOIN listed_weeks l ON l.copy = p.id LEFT JOIN weeks w ON w.id = l.week ORDER BY 1, 2, 5, 6`,
		`SELECT o.name, m.item, m.size, m.type, m.name, m.created_at, m.sha256 FROM media m JOIN owners o ON o.id = m.owner ORDER BY 1, 2`,
	} {
		rows, err := archive.db.QueryContext(t.Context(), query)
		require.NoError(t, err)
		writeRows(t, &all, rows)
	}
	root := path + ".media"
	err = filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		sum, err := hashFile(name)
		relative, _ := filepath.Rel(root, name)
		fmt.Fprintln(&all, filepath.ToSlash(relative), sum)
		return err
	})
	require.NoError(t, err)
	return all.String()
}

func writeRows(t *testing.T, w *bytes.Buffer, rows *sql.Rows) {
	t.Helper()
	defer rows.Close()
	columns, err := rows.Columns()
	require.NoError(t, err)
	for rows.Next() {
		values := make([]sql.NullString, len(columns))
		to := make([]any, len(columns))
		for i := range values {
			to[i] = &values[i]
		}
		require.NoError(t, rows.Scan(to...))
		for _, v := range values {
			fmt.Fprintf(w, "%q ", v.String)
		}
		w.WriteByte('\n')
	}
	require.NoError(t, rows.Err())
}

func weekOf(conversation string, number int) trillian.MessageWeek {
	return trillian.MessageWeek{Conversation: conversation, Year: 2026, Week: number}
}

// storedFiles are the archive's files, without those that are still coming.
func storedFiles(t *testing.T, path string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(path+".media", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist): // there are none yet
			return nil
		case err == nil && !entry.IsDir() && filepath.Base(filepath.Dir(name)) != incoming:
			names = append(names, name)
		}
		return err
	})
	require.NoError(t, err)
	return names
}
