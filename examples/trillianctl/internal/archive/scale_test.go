package archive

import (
	"database/sql"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/trilliantest"
)

var scale = flag.Bool("scale", false, "archive 200,000 messages of 500 conversations, and say what it costs")

// What an archive of this size costs. The server is this process, the archive, and
// the loop that only reads the same with the SDK, are others.
func TestScale(t *testing.T) {
	if !*scale {
		t.Skip("takes some seconds: with -scale")
	}
	server := trilliantest.NewServer(t, trilliantest.WithGeneratedCompany(150, 208, 61), trilliantest.WithKeptRequests(1<<20))
	path := filepath.Join(t.TempDir(), "archive.db")
	for _, c := range []struct {
		what, path string
		before     func()
	}{
		{"only reading", onlyReads, nil}, {"archiving", path, nil}, {"again", path, nil},
		{"a message more in each conversation", path, func() { oneMore(t, server, path) }},
		{"only reading, from afar", onlyReads, func() { // as from another machine
			server.Inject("GET /{any...}", trilliantest.Delay(time.Millisecond)).Always()
		}},
		{"archiving, from afar", path + "2", nil},
	} {
		if c.before != nil {
			c.before()
		}
		requests := len(server.Requests())
		begin := time.Now()
		out, err := childCommand(t.Context(), server, c.path).Output()
		require.NoError(t, err)
		took, peak := time.Since(begin), strings.TrimSpace(string(out))
		t.Logf("%s: %v, at most %s of memory, %d requests", c.what, took.Round(time.Millisecond), peak, len(server.Requests())-requests)
		if kilobytes, ok := strings.CutSuffix(peak, " kB"); ok { // Linux
			n, err := strconv.Atoi(kilobytes)
			require.NoError(t, err)
			require.Less(t, n, 96<<10)
		}
	}
	info, err := os.Stat(path)
	require.NoError(t, err)
	archive := opened(t, path)
	var messages, conversations int
	require.NoError(t, archive.db.QueryRow("SELECT (SELECT count(*) FROM messages), (SELECT count(*) FROM conversations)").Scan(&messages, &conversations))
	t.Logf("%d messages of %d conversations in %d KiB", messages, conversations, info.Size()>>10)

	for _, words := range [][]string{{"bonjour"}, {"bon*"}, {"s*"}, {"m*"}, {"schöne grüße"}, {"会議"}, {"nowhere"}} {
		begin := time.Now()
		hits, err := archive.Search(t.Context(), Query{Words: words})
		require.NoError(t, err)
		t.Logf("search for %q: %v, %d hits", words, time.Since(begin).Round(100*time.Microsecond), len(hits))
	}
	begin := time.Now()
	require.Empty(t, problems(t, server.Client(), path))
	t.Logf("verify: %v", time.Since(begin).Round(time.Millisecond))
}

// oneMore adds a message to every archived conversation, in the last week it has.
func oneMore(t *testing.T, server *trilliantest.Server, path string) {
	t.Helper()
	type last struct {
		owner, conversation, sender string
		at                          int64
	}
	all, err := queryAll(t.Context(), opened(t, path).db, func(rows *sql.Rows, l *last) error {
		return rows.Scan(&l.owner, &l.conversation, &l.sender, &l.at)
	}, `SELECT max(o.name), c.name, m.sender, max(m.at) FROM `+recordTables+`
		JOIN copies p ON p.conversation = c.id JOIN owners o ON o.id = p.owner GROUP BY c.id`)
	require.NoError(t, err)
	more := make([]trilliantest.Option, len(all))
	for i, l := range all {
		message := trillian.Message{Timestamp: trillian.Timestamp{Time: timeOf(l.at)}, From: l.sender, Text: "One more"}
		more[i] = trilliantest.WithMessages(l.owner, l.conversation, message)
	}
	server.Fill(more...)
}
