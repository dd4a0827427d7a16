package archive

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/trilliantest"
)

// What goes wrong with an archive is found, and only that.
func TestVerifyDamage(t *testing.T) {
	t.Parallel()
	change := func(query string) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			db, err := open(path, nil)
			require.NoError(t, err)
			defer db.Close()
			_, err = db.Exec(query)
			require.NoError(t, err)
		}
	}
	oneFile := func(t *testing.T, path string) string {
		names := storedFiles(t, path)
		return names[len(names)-1]
	}
	for name, c := range map[string]struct {
		damage  func(t *testing.T, path string)
		text    string
		offline int // problems that are found without the server
		all     int
	}{
		"nothing":             {func(*testing.T, string) {}, "", 0, 0},
		"a text":              {change("UPDATE messages SET text = 'No 👎' WHERE text = 'Yes 👍'"), "not those that were archived", 2, 2},
		"a sender":            {change("UPDATE messages SET sender = 'x' WHERE text = 'Yes 👍'"), "not those that were archived", 1, 1},
		"a time":              {change("UPDATE messages SET at = at + 1 WHERE text = 'Yes 👍'"), "not those that were archived", 1, 1},
		"the order":           {change("UPDATE messages SET place = place + 9 WHERE text = 'Lunch?'"), "not those that were archived", 1, 1},
		"a message less":      {change("DELETE FROM messages WHERE text = 'Yes 👍'"), "1 messages archived of 2", 2, 4},
		"a week never stored": {change("DELETE FROM listed_weeks WHERE week = (SELECT week FROM messages WHERE text = 'Yes 👍')"), "not archived, 2 messages", 0, 2},
		"the index":           {change("INSERT INTO words (words) VALUES ('delete-all')"), "the index of words", 1, 1},
		"a file": {func(t *testing.T, path string) {
			name := oneFile(t, path)
			require.NoError(t, os.Chmod(name, 0o600))
			require.NoError(t, os.WriteFile(name, []byte("another text!!"), 0o600))
		}, "it is not what was archived", 1, 1},
		"no file": {func(t *testing.T, path string) { require.NoError(t, os.Remove(oneFile(t, path))) }, "it is not there", 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, path := newServer(t), newPath(t)
			update(t, server, path, Options{})
			c.damage(t, path)
			require.Len(t, problems(t, nil, path), c.offline)
			found := problems(t, server.Client(), path)
			require.Len(t, found, c.all)
			var texts string
			for _, p := range found {
				texts += p.What + "\n"
			}
			require.Contains(t, texts, c.text)
		})
	}
}

func TestVerifyBehind(t *testing.T) {
	t.Parallel()
	server, path := newServer(t), newPath(t)
	update(t, server, path, Options{})
	client := server.Client()
	server.Fill(
		trilliantest.WithMessages(chat, "sales", said(30, kwk, "more")),
		trilliantest.WithMessages(smw, "new", said(30, lsk, "new")),
		trilliantest.WithMedia(kwk, file("new", "new")),
	)
	found := problems(t, client, path)
	require.Len(t, found, 4, "a week that grew, a new conversation of two, a file")
	for _, p := range found {
		require.Equal(t, Behind, p.Kind, p)
	}
	update(t, server, path, Options{})
	require.Empty(t, problems(t, client, path))

	server.Fill(trilliantest.WithMessages(chat, "sales", said(31, kwk, "and more")))
	server.Inject(chatWeek, trilliantest.Status(500)).Always()
	result, err := Run(t.Context(), client, path, Options{})
	require.Error(t, err)
	require.Equal(t, 1, result.Failures)
	found = problems(t, client, path)
	require.Len(t, found, 1)
	require.Contains(t, found[0].What, "not been asked for as it is listed now")
}

// What could not be looked at is no problem of the archive. Nothing is
// behind here: what is may be found before the refusal or after.
func TestVerifyRefused(t *testing.T) {
	t.Parallel()
	server, path := newServer(t), newPath(t)
	update(t, server, path, Options{})
	server.Inject("GET /users/{user}/messages/", trilliantest.Status(403))
	_, err := Verify(t.Context(), server.Client(), path, Options{}, func(p Problem) { t.Error(p) })
	require.ErrorIs(t, err, trillian.ErrForbidden)
}

// A file that is gone is downloaded again.
func TestMendFiles(t *testing.T) {
	t.Parallel()
	server, path := newServer(t), newPath(t)
	update(t, server, path, Options{})
	before := contents(t, path)
	require.NoError(t, os.RemoveAll(path+".media"))
	require.Equal(t, 3, update(t, server, path, Options{}).Files)
	require.Equal(t, before, contents(t, path))
}
