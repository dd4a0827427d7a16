package archive

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian/trilliantest"
)

var scale = flag.Bool("scale", false, "archive 200,000 messages and say what it costs")

func TestScale(t *testing.T) {
	if !*scale {
		t.Skip("with -scale")
	}
	server := trilliantest.NewServer(t, trilliantest.WithGeneratedCompany(150, 208, 61))
	path := filepath.Join(t.TempDir(), "archive.db")
	for _, what := range []string{onlyReads, path, path} {
		begin, before := time.Now(), len(server.Requests())
		out, err := childCommand(t.Context(), server, what).CombinedOutput()
		require.NoError(t, err, string(out))
		t.Logf("%s: %v, %s, %d requests", filepath.Base(what), time.Since(begin), strings.TrimSpace(string(out)), len(server.Requests())-before)
	}
	info, err := os.Stat(path)
	require.NoError(t, err)
	t.Log(info.Size())
	if to := os.Getenv("KEEP"); to != "" {
		b, _ := os.ReadFile(path)
		_ = os.WriteFile(to, b, 0o600)
	}
}
