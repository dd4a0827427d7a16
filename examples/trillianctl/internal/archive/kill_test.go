package archive

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian/trilliantest"
)

// childCommand is this test binary as the program that archives.
func childCommand(ctx context.Context, server *trilliantest.Server, path string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0])
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "TRILLIAN_") }) // the developer's own
	cmd.Env = append(env, archiveVariable+"="+path, "TRILLIAN_BASE_URL="+server.BaseURL(), "TRILLIAN_TOKEN="+server.Token())
	return cmd
}

// An archive that is killed at any moment holds nothing by halves, and one that then
// goes on ends as one that was never killed.
func TestKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	server := trilliantest.NewServer(t, trilliantest.WithGeneratedCompany(14, 4, 12))
	dir := t.TempDir()
	whole := filepath.Join(dir, "whole.db")
	out, err := childCommand(t.Context(), server, whole).CombinedOutput()
	require.NoError(t, err, string(out))
	requests := len(server.Requests())
	expected := contents(t, whole)
	require.Empty(t, problems(t, server.Client(), whole))
	all, _ := asked(server)

	// By the clock it would be another moment whenever the machine is busier.
	var left atomic.Int64 // requests until the moment
	moment := make(chan struct{}, 1)
	gate := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if left.Add(-1) == 0 {
			moment <- struct{}{}
		}
		server.Handler().ServeHTTP(w, r)
	}))
	t.Cleanup(gate.Close)

	const kills = 20
	begun, midway := 0, 0
	for i := range kills {
		path := filepath.Join(dir, "killed.db"+string(rune('a'+i)))
		child := childCommand(t.Context(), server, path)
		child.Env = append(child.Env, "TRILLIAN_BASE_URL="+gate.URL+"/v1/")
		asks := 0 // the first is killed before it has begun
		if i > 0 {
			asks = (requests*i + rand.N(requests)) / kills
		}
		left.Store(int64(asks))
		require.NoError(t, child.Start())
		if asks > 0 {
			select {
			case <-moment:
			case <-time.After(time.Minute):
				require.Fail(t, "it has not asked so often", "%d requests", asks)
			}
		}
		require.NoError(t, child.Process.Kill())
		_ = child.Wait()

		switch archive, err := Open(t.Context(), path); {
		case err != nil: // it had not begun, and so has left nothing but an empty file
			info, statErr := os.Stat(path)
			require.True(t, errors.Is(err, fs.ErrNotExist) || statErr == nil && info.Size() <= 4096, "after %d requests: %v", asks, err)
		default:
			begun++
			require.NoError(t, archive.Close())
			require.Empty(t, problems(t, nil, path), "after %d requests", asks)
		}
		for _, name := range storedFiles(t, path) {
			sum, err := hashFile(name)
			require.NoError(t, err)
			require.Equal(t, sum, filepath.Base(name), "after %d requests a file is not whole", asks)
		}
		before, _ := asked(server)
		result := update(t, server, path, Options{})
		after, _ := asked(server)
		require.Equal(t, expected, contents(t, path), "killed after %d requests", asks)
		require.Empty(t, problems(t, server.Client(), path))
		if after > before && after-before < all {
			midway++
		}
		t.Logf("killed after %d requests: %d weeks and %d files were left", asks, result.Weeks, result.Files)
	}
	require.Greater(t, begun, kills/4)
	require.Positive(t, midway, "some were killed while they asked for weeks")
}

// The moment that chance seldom hits: the file has its name, and the row that says so
// is not committed yet.
func TestKilledBetweenFileAndRow(t *testing.T) {
	t.Parallel()
	server, path, whole := newServer(t), newPath(t), newPath(t)
	update(t, server, whole, Options{})
	update(t, server, path, Options{WithoutMedia: true})
	execute(t, path, `CREATE TRIGGER killed BEFORE UPDATE OF sha256 ON media WHEN new.sha256 IS NOT NULL BEGIN SELECT die(); END`)

	out, err := childCommand(t.Context(), server, path).CombinedOutput()
	require.Error(t, err)
	require.Empty(t, string(out), "it was killed, and did not fail")
	require.NotEmpty(t, storedFiles(t, path))
	archive := opened(t, path)
	var archived int
	require.NoError(t, archive.db.QueryRowContext(t.Context(), "SELECT count(sha256) FROM media").Scan(&archived))
	require.Zero(t, archived)
	require.NoError(t, archive.Close())
	execute(t, path, `DROP TRIGGER killed`)
	require.Empty(t, problems(t, nil, path))

	require.Equal(t, Result{Owners: 4, Files: 3, Bytes: 28}, update(t, server, path, Options{}))
	require.Equal(t, contents(t, whole), contents(t, path))
	require.Empty(t, problems(t, server.Client(), path))
}

// execute changes an archive as no program would.
func execute(t *testing.T, path, statement string) {
	t.Helper()
	db, err := openToWrite(t.Context(), path)
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), statement)
	require.NoError(t, errors.Join(err, db.Close()))
}
