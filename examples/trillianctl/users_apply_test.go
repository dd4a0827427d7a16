package main

import (
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian/examples/trillianctl/internal/dbfile"
	"github.com/trillian-go/trillian/trilliantest"
)

// program is trillianctl as a process of its own.
func program(t *testing.T, server *trilliantest.Server, args ...string) *exec.Cmd {
	t.Helper()
	path, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(path)
	cmd.Args = append([]string{"trillianctl"}, args...) // by which TestMain knows what to be
	// The developer's own environment may name another server.
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "TRILLIAN_") })
	cmd.Env = append(env, "TRILLIAN_BASE_URL="+server.BaseURL(), "TRILLIAN_TOKEN="+server.Token(), "XDG_CONFIG_HOME="+t.TempDir())
	return cmd
}

// A run that is killed, again and again, ends like one that is not: every user is
// created once, and the password that the server was sent is in the results file.
func TestUsersApplyIsKilledAndResumed(t *testing.T) {
	t.Parallel()
	const users = 300
	server := trilliantest.NewServer(t, trilliantest.WithSampleCompany())
	server.Inject("POST /users/", trilliantest.Delay(20*time.Millisecond)).Always()
	file := filepath.Join(t.TempDir(), "people.csv")
	var text strings.Builder
	text.WriteString("address,chats\n")
	for i := range users {
		fmt.Fprintf(&text, "user%d@cerulean-inc.com,General\n", i)
	}
	require.NoError(t, os.WriteFile(file, []byte(text.String()), 0o600))

	// By the clock a busy machine would kill it before it has begun.
	for range 10 {
		asks := len(server.RequestsTo("POST /users/")) + 1 + rand.N(16)
		if asks > users { // this test was held up, and one has ended before it was killed
			break
		}
		cmd := program(t, server, "users", "apply", file, "--yes", "--resume")
		require.NoError(t, cmd.Start())
		require.Eventually(t, func() bool { return len(server.RequestsTo("POST /users/")) >= asks }, time.Minute, time.Millisecond)
		time.Sleep(rand.N(20 * time.Millisecond)) // any moment of a request
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	t.Logf("%d requests before the last run", len(server.RequestsTo("POST /users/")))
	output, err := program(t, server, "users", "apply", file, "--yes", "--resume").CombinedOutput()
	require.NoError(t, err, "%s", output)

	sent := map[string]string{}
	for _, r := range server.RequestsTo("POST /users/") {
		if r.Status == 201 {
			require.NotContains(t, sent, r.Form.Get("im"), "created twice")
			sent[r.Form.Get("im")] = r.Form.Get("password")
		}
		require.NotEqual(t, 400, r.Status, "%v", r)
	}
	results, err := os.Open(file[:len(file)-len(".csv")] + ".results.csv")
	require.NoError(t, err)
	defer results.Close()
	lines, err := csv.NewReader(results).ReadAll()
	require.NoError(t, err)
	known := map[string]string{}
	for _, line := range lines[1:] {
		require.Equal(t, "done", line[4], "%v", line)
		if line[2] == "create" {
			known[line[1]] = line[5]
		}
	}
	require.Len(t, known, users)
	require.Equal(t, len(sent), users, "a kill may lose an answer, but never a request's record")
	require.Equal(t, sent, known)
	require.NotContains(t, string(output), known["user0@cerulean-inc.com"])
}

// Two runs on one results file would each make a password for the same user.
func TestUsersApplyTwiceAtOnce(t *testing.T) {
	t.Parallel()
	server := trilliantest.NewServer(t, trilliantest.WithSampleCompany())
	file := filepath.Join(t.TempDir(), "people.csv")
	require.NoError(t, os.WriteFile(file, []byte("address\nnew@cerulean-inc.com\n"), 0o600))
	release, err := dbfile.Lock(strings.TrimSuffix(file, ".csv") + ".results.csv")
	require.NoError(t, err)
	defer release()
	for _, args := range [][]string{{"--yes"}, {"--yes", "--resume"}} {
		output, err := program(t, server, append([]string{"users", "apply", file}, args...)...).CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(output), "people.results.csv: another run is at work on it")
	}
	require.Empty(t, server.Requests())
	output, err := program(t, server, "users", "apply", file).CombinedOutput()
	require.NoError(t, err, "%s", output) // which only plans

	release()
	output, err = program(t, server, "users", "apply", file, "--yes", "--resume").CombinedOutput()
	require.NoError(t, err, "%s", output)
	require.Len(t, server.RequestsTo("POST /users/"), 1)
}
