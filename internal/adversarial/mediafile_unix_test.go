//go:build unix

package adversarial

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/internal/servertest"
)

// TestNamedPipes would wait for ever for the other end of one.
func TestNamedPipes(t *testing.T) {
	t.Parallel()
	pipe := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	server := servertest.New(t, 200, file)
	media := newClient(t, server.URL).Users.Media
	_, err := media.UploadFile(t.Context(), smw, pipe)
	require.EqualError(t, err, "trillian: path is not a regular file")
	_, err = media.DownloadFile(t.Context(), smw, trillian.Media{ID: item, Size: 10}, pipe)
	require.EqualError(t, err, "trillian: path is not a regular file")
	require.Zero(t, server.Count(), "requests")
}
