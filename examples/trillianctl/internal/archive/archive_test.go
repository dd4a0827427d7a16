package archive

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/examples/trillianctl/internal/dbfile"
	"github.com/trillian-go/trillian/trilliantest"
)

func TestArchiveEverything(t *testing.T) {
	t.Parallel()
	server, path := newServer(t), newPath(t)
	result := update(t, server, path, Options{})
	require.Equal(t, Result{Owners: 4, Weeks: 7, Messages: 8, Files: 3, Bytes: 28}, result)
	weeks, files := asked(server)
	require.Equal(t, 7, weeks, "of a conversation that two share both copies are asked for")
	require.Equal(t, 3, files)

	require.Equal(t, []string{
		"Good morning", "Good morning", "Who has the <budget> & the plan?", "The budget is café-proof\nand signed", "会議は10時からです。",
	}, texts(t, path, "sales"), "two that are alike are two")
	all := records(t, path, Filter{Owner: kwk})
	require.Equal(t, Record{
		At: time.Date(2026, 1, 2, 9, 30, 0, 123e6, time.UTC), From: smw, Text: "Lunch?", Where: "kwk@cerulean-inc.com, smw@cerulean-inc.com",
		Conversation: "smw-kwk", Owners: []string{kwk, smw}, Year: 2026, Week: 0, Place: 0,
	}, all[0])
	require.Len(t, all, 3)

	var names []string
	for _, pattern := range []string{"*", "*/*"} {
		found, err := filepath.Glob(filepath.Join(filepath.Dir(path), pattern))
		require.NoError(t, err)
		for _, name := range found {
			names = append(names, filepath.Base(name))
		}
	}
	require.NotContains(t, names, "passwd")
	require.Len(t, storedFiles(t, path), 2, "files that are alike are stored once")
	require.Empty(t, problems(t, server.Client(), path))
}

func TestRunAgain(t *testing.T) {
	t.Parallel()
	server, path := newServer(t), newPath(t)
	update(t, server, path, Options{})
	before := contents(t, path)
	weeks, files := asked(server)
	requests := len(server.Requests())

	require.Equal(t, Result{Owners: 4}, update(t, server, path, Options{}))
	again, againFiles := asked(server)
	require.Equal(t, []int{weeks, files}, []int{again, againFiles}, "nothing has changed, and only lists are asked for")
	require.Len(t, server.Requests(), requests+2+2*4, "users, group chats, and of each its conversations and its files")
	require.Equal(t, before, contents(t, path))

	server.Fill(trilliantest.WithMessages(smw, "smw-kwk", said(20, kwk, "What?")), trilliantest.WithMedia(kwk, file("new", "new")))
	require.Equal(t, Result{Owners: 4, Weeks: 2, Messages: 1, Files: 1, Bytes: 3}, update(t, server, path, Options{}))
	again, againFiles = asked(server)
	require.Equal(t, []int{weeks + 2, files + 1}, []int{again, againFiles}, "the week of both copies, and no others")
	require.Equal(t, []string{"Lunch?", "Yes 👍", "=1+1, \"quoted\"", "What?"}, texts(t, path, "smw-kwk"))
	require.Empty(t, problems(t, server.Client(), path))
}

// A message is deleted and another comes: the week has as many as before, and only
// the revision tells.
func TestSameCountAnotherRevision(t *testing.T) {
	t.Parallel()
	server, path := newServer(t), newPath(t)
	update(t, server, path, Options{})
	deleteMessage(t, server, chat, weekOf("sales", 1), said(8, lsk, ""))
	server.Fill(trilliantest.WithMessages(chat, "sales", said(9, kwk, "It is not")))

	require.Len(t, problems(t, server.Client(), path), 1)
	require.Equal(t, 1, update(t, server, path, Options{}).Messages)
	require.Equal(t, []string{"The budget is café-proof\nand signed", "It is not"}, texts(t, path, "sales")[3:5], "what is deleted on the server stays")
	require.Empty(t, problems(t, server.Client(), path))
	require.Zero(t, update(t, server, path, Options{}).Weeks, "and is not asked for every time")
}

// Nor does it help to look only where the count is another: the newest week may have
// lost a message and got another before there was one behind it.
func TestSameCountBesideAnotherCount(t *testing.T) {
	t.Parallel()
	server, path := newServer(t), newPath(t)
	update(t, server, path, Options{})
	deleteMessage(t, server, chat, weekOf("sales", 4), said(30, smw, ""))
	server.Fill(trilliantest.WithMessages(chat, "sales", said(30, kwk, "はい"), said(60, kwk, "Much later")))

	require.Equal(t, 2, update(t, server, path, Options{}).Messages)
	require.Equal(t, []string{"会議は10時からです。", "はい", "Much later"}, texts(t, path, "sales")[4:])
	require.Empty(t, problems(t, server.Client(), path))
	require.Zero(t, update(t, server, path, Options{}).Weeks, "and is not asked for every time")
}

// What a revision stands for is not documented: another count is a change without one.
func TestAnotherCountSameRevision(t *testing.T) {
	t.Parallel()
	server, path := newServer(t), newPath(t)
	server.Inject("GET /groupchats/{chat}/messages/", trilliantest.Body("text/xml", `<response><messages conversation="sales" medium="astra" name="`+chat+`" revision="6">`+
		`<week flags="2" messages="3" week="0" year="2026"/><week flags="2" messages="1" week="1" year="2026"/></messages></response>`))
	update(t, server, path, Options{})
	server.Fill(trilliantest.WithMessages(chat, "sales", said(9, kwk, "It is not"))) // the sixth: revision 6

	require.Equal(t, 2, update(t, server, path, Options{}).Messages)
	require.Equal(t, []string{"It is not", "会議は10時からです。"}, texts(t, path, "sales")[4:])
	require.Empty(t, problems(t, server.Client(), path))
}

func deleteMessage(t *testing.T, server *trilliantest.Server, owner string, week trillian.MessageWeek, m trillian.Message) {
	t.Helper()
	block := fmt.Appendf(nil, "%d %s\n", m.Timestamp.UnixMilli(), m.From)
	require.NoError(t, histories(server.Client(), owner).DeleteBlock(t.Context(), owner, week, block))
}

// Each of two users has deleted another message of a week: both lists say one.
func TestUnlikeCopiesWithTheSameCount(t *testing.T) {
	t.Parallel()
	server, path := newServer(t), newPath(t)
	both := []string{"Lunch?", "Yes 👍", "=1+1, \"quoted\""}
	deleteMessage(t, server, smw, weekOf("smw-kwk", 0), said(1, smw, ""))
	deleteMessage(t, server, kwk, weekOf("smw-kwk", 0), said(1, kwk, ""))
	update(t, server, path, Options{})
	require.ElementsMatch(t, both, texts(t, path, "smw-kwk"))

	server.Fill(trilliantest.WithMessages(smw, "smw-kwk", said(2, kwk, "Where?"), said(2, smw, "Here")))
	deleteMessage(t, server, smw, weekOf("smw-kwk", 0), said(2, smw, ""))
	deleteMessage(t, server, kwk, weekOf("smw-kwk", 0), said(2, kwk, ""))
	update(t, server, path, Options{})
	require.ElementsMatch(t, append(both, "Where?", "Here"), texts(t, path, "smw-kwk"))
	require.Empty(t, problems(t, server.Client(), path))
	require.Zero(t, update(t, server, path, Options{}).Weeks)
}

// Each of two users has deleted what the other still has.
func TestUnlikeCopies(t *testing.T) {
	t.Parallel()
	server, path := newServer(t), newPath(t)
	server.Fill(trilliantest.WithMessages(smw, "smw-kwk", said(2, kwk, "Where?")))
	week := weekOf("smw-kwk", 0)
	deleteMessage(t, server, smw, week, said(1, smw, ""))
	deleteMessage(t, server, smw, week, said(2, kwk, ""))
	deleteMessage(t, server, kwk, week, said(1, kwk, ""))

	update(t, server, path, Options{})
	require.ElementsMatch(t, []string{"Lunch?", "Yes 👍", "Where?", "=1+1, \"quoted\""}, texts(t, path, "smw-kwk"))
	require.Empty(t, problems(t, server.Client(), path))
	require.Zero(t, update(t, server, path, Options{}).Weeks)
}

func TestDeletedOnTheServerStays(t *testing.T) {
	t.Parallel()
	server, path := newServer(t), newPath(t)
	update(t, server, path, Options{})
	before := records(t, path, Filter{})
	client := server.Client()
	require.NoError(t, client.GroupChats.Messages.DeleteWeek(t.Context(), chat, weekOf("sales", 0)))
	require.NoError(t, client.Users.Messages.DeleteConversation(t.Context(), smw, "smw-kwk"))
	require.NoError(t, client.Users.Delete(t.Context(), kwk))

	require.Equal(t, Result{Owners: 3, Weeks: 1}, update(t, server, path, Options{}))
	require.Equal(t, before, records(t, path, Filter{}))
	require.Empty(t, problems(t, client, path))

	server.Fill(trilliantest.WithMessages(smw, "smw-kwk", said(21, smw, "Again")))
	require.Equal(t, 1, update(t, server, path, Options{}).Messages)
	require.Equal(t, "Again", texts(t, path, "smw-kwk")[3])
}

func TestOwnersAndPeriod(t *testing.T) {
	t.Parallel()
	server, path := newServer(t), newPath(t)
	server.Fill(trilliantest.WithMessages(smw, "smw-kwk", said(200, kwk, "Summer")))
	summer := Options{Owners: []string{smw}, Since: said(190, "", "").Timestamp.Time, Until: said(210, "", "").Timestamp.Time, WithoutMedia: true}
	require.Equal(t, Result{Owners: 1, Weeks: 1, Messages: 1}, update(t, server, path, summer))
	require.Empty(t, server.RequestsTo("GET /users/{user}/media/"))
	require.Empty(t, server.RequestsTo("GET /groupchats/{chat}/messages/"))

	_, err := Run(t.Context(), server.Client(), path, Options{Owners: []string{"nobody@cerulean-inc.com"}})
	require.ErrorIs(t, err, ErrNoSuchOwner)

	result := update(t, server, path, Options{})
	require.Equal(t, 8, result.Weeks, "those that were left out, and not that of before")
	require.Equal(t, 8, result.Messages)
	require.Equal(t, 3, result.Files)
}

func TestFaultInTheMiddle(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		pattern  string
		fault    trilliantest.Fault
		failures int // 0: nothing more is tried
	}{
		"a week":    {chatWeek, trilliantest.Status(500), 1},
		"a list":    {"GET /users/{user}/messages/", trilliantest.Status(500), 1},
		"a file":    {userFile, trilliantest.Status(500), 1},
		"forbidden": {chatWeek, trilliantest.Status(403), 0},
		"garbage":   {userWeek, trilliantest.Body("text/html", "<html>"), 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, path := newServer(t), newPath(t)
			whole := newPath(t)
			update(t, server, whole, Options{})

			server.Inject(c.pattern, c.fault).After(1)
			result, err := Run(t.Context(), server.Client(), path, Options{Concurrency: 1})
			require.Error(t, err)
			require.Equal(t, c.failures, result.Failures)
			require.Positive(t, result.Weeks)
			weeks, files := asked(server)
			again := update(t, server, path, Options{})
			if weeksNow, filesNow := asked(server); c.failures > 0 { // or a request may be under way to the server
				require.Equal(t, []int{again.Weeks, again.Files}, []int{weeksNow - weeks, filesNow - files})
			}
			require.Equal(t, 10, result.Weeks+result.Files+again.Weeks+again.Files, "what was committed is not asked for again")
			require.Equal(t, contents(t, whole), contents(t, path))
			require.Empty(t, problems(t, server.Client(), path))
		})
	}
}

func TestGivesUpWhereNothingAnswers(t *testing.T) {
	t.Parallel()
	server := trilliantest.NewServer(t, trilliantest.WithGeneratedCompany(1, 5, 100))
	server.Inject(chatWeek, trilliantest.Status(500)).Always()
	result, err := Run(t.Context(), server.Client(), newPath(t), Options{})
	require.ErrorIs(t, err, trillian.ErrServer)
	require.Equal(t, failuresInARow-1, result.Failures)
	// Those before the last batch, it, those that wait behind it, and those under way.
	require.LessOrEqual(t, len(server.RequestsTo(chatWeek)), failuresInARow-1+2*largestBatch+defaultConcurrency)
}

func TestTwoAtOnce(t *testing.T) {
	t.Parallel()
	server, path := newServer(t), newPath(t)
	update(t, server, path, Options{})
	release, err := dbfile.Lock(path)
	require.NoError(t, err)
	_, err = Run(t.Context(), server.Client(), path, Options{})
	require.ErrorIs(t, err, dbfile.ErrLocked)
	require.ErrorContains(t, err, path)
	out, err := childCommand(t.Context(), server, path).CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), dbfile.ErrLocked.Error(), "nor does another process")
	require.Len(t, records(t, path, Filter{}), 8, "it can be read all the same")
	release()
	update(t, server, path, Options{})
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	server, path := newServer(t), newPath(t)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Run(ctx, server.Client(), path, Options{Concurrency: 1, Progress: func(p Progress) {
		if p.Step == Messages {
			cancel()
		}
	}})
	require.ErrorIs(t, err, context.Canceled)
	update(t, server, path, Options{})
	require.Empty(t, problems(t, server.Client(), path))
}

func TestNotAnArchive(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	for name, write := range map[string]func(t *testing.T, path string){
		"text": func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path, []byte("this is a letter, and long enough to have a header of a hundred bytes, which is what SQLite looks at first of all"), 0o600))
		},
		"another database": func(t *testing.T, path string) {
			db, err := open(path, nil)
			require.NoError(t, err)
			defer db.Close()
			_, err = db.Exec("CREATE TABLE t (x)")
			require.NoError(t, err)
		},
		"a later version": func(t *testing.T, path string) {
			update(t, server, path, Options{})
			db, err := open(path, nil)
			require.NoError(t, err)
			defer db.Close()
			_, err = db.Exec("PRAGMA user_version = 7")
			require.NoError(t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := newPath(t)
			write(t, path)
			before, err := hashFile(path)
			require.NoError(t, err)
			_, err = Run(t.Context(), server.Client(), path, Options{})
			require.ErrorContains(t, err, path)
			_, err = Open(t.Context(), path)
			require.ErrorContains(t, err, path)
			after, err := hashFile(path)
			require.NoError(t, err)
			require.Equal(t, before, after, "nothing is written to it")
		})
	}
	path := newPath(t)
	_, err := Open(t.Context(), path)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoFileExists(t, path)
}

func TestProgress(t *testing.T) {
	t.Parallel()
	last := map[Step]Progress{}
	update(t, newServer(t), newPath(t), Options{Progress: func(p Progress) {
		require.LessOrEqual(t, p.Done, p.Total)
		require.GreaterOrEqual(t, p.Done, last[p.Step].Done)
		last[p.Step] = p
	}})
	require.Equal(t, map[Step]Progress{Lists: {Lists, 4, 4}, Messages: {Messages, 11, 11}, Files: {Files, 28, 28}}, last)
}
