package archive

import (
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian/trilliantest"
)

var scale = flag.Bool("scale", false, "archive 200,000 messages of 500 conversations, and say what it costs")

// What an archive of this size costs. The server is this process, the archive, and
// the loop that only reads the same with the SDK, are others.
func TestScale(t *testing.T) {
	if !*scale {
		t.Skip("takes some seconds: with -scale")
	}
	server := trilliantest.NewServer(t, trilliantest.WithGeneratedCompany(150, 208, 61))
	path := filepath.Join(t.TempDir(), "archive.db")
	for _, c := range []struct {
		what, path string
		slow       bool // every answer takes a millisecond more, as it does from another machine
	}{
		{"only reading", onlyReads, false}, {"archiving", path, false}, {"again", path, false},
		{"only reading, from afar", onlyReads, true}, {"archiving, from afar", path + "2", true},
	} {
		if c.slow {
			server.Inject("GET /{any...}", trilliantest.Delay(time.Millisecond)).Always()
		}
		begin := time.Now()
		out, err := childCommand(t.Context(), server, c.path).Output()
		require.NoError(t, err)
		took, peak := time.Since(begin), strings.TrimSpace(string(out))
		t.Logf("%s: %v, at most %s of memory", c.what, took.Round(time.Millisecond), peak)
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
