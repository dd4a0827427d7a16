package adversarial

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/internal/servertest"
)

// asListed is how the file of ten digits is asListed, by a sender with a plan.
var asListed = trillian.Media{ID: item, Size: 10, Type: "text/plain", Name: "../../etc/passwd"}

// media answers with headers and a body as they are.
func media(header, body string) fault {
	return fault{answer: writes("HTTP/1.1 200 OK\r\nConnection: close\r\n" + header + "\r\n\r\n" + body)}
}

func chunked(body string) string {
	return fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)
}

func TestDownloadFile(t *testing.T) {
	t.Parallel()
	const plain = "Content-Type: text/plain"
	whole := media(plain+"\r\nContent-Length: 10", file)
	cut := media(plain+"\r\nContent-Length: 10", file[:5])
	cases := map[string]struct {
		script []fault
		wire   int
		err    error // nil: it is there
	}{
		"whole":                     {[]fault{whole}, 1, nil},
		"whole, in chunks":          {[]fault{media(plain+"\r\nTransfer-Encoding: chunked", chunked(file))}, 1, nil},
		"whole, until the end":      {[]fault{media(plain, file)}, 1, nil},
		"after a bad gateway":       {[]fault{answers(502, "", ""), whole}, 2, nil},
		"broken off":                {[]fault{cut, whole}, 2, nil},
		"broken off, until the end": {[]fault{media(plain, file[:5]), whole}, 2, nil},
		"broken off at its end":     {[]fault{media(plain+"\r\nContent-Length: 10", file[:9]), media(plain+"\r\nContent-Length: 10", file[:1]), whole}, 3, nil},
		"broken off always":         {[]fault{cut, cut, cut}, 3, io.ErrUnexpectedEOF},
		"of no type":                {[]fault{media("Content-Length: 10", file)}, 1, nil},
		"of the type in its way":    {[]fault{media("Content-Type: Text/Plain ;charset=utf-8\r\nContent-Length: 10", file)}, 1, nil},
		"of any type":               {[]fault{media("Content-Type: application/octet-stream\r\nContent-Length: 10", file)}, 1, nil},
		"a login page":              {[]fault{media("Content-Type: text/html\r\nContent-Length: 6", "<html>")}, 1, trillian.ErrMalformedResponse},
		"a login page that fits":    {[]fault{media("Content-Type: text/html\r\nContent-Length: 10", "<html>    ")}, 1, trillian.ErrMalformedResponse},
		"a login page in chunks":    {[]fault{media("Content-Type: text/html\r\nTransfer-Encoding: chunked", chunked("<html>"))}, 1, trillian.ErrMalformedResponse},
		"shorter":                   {[]fault{media(plain+"\r\nContent-Length: 9", file[:9])}, 1, trillian.ErrMalformedResponse},
		"longer":                    {[]fault{media(plain+"\r\nContent-Length: 11", file+"!")}, 1, trillian.ErrMalformedResponse},
		"longer, in chunks":         {[]fault{media(plain+"\r\nTransfer-Encoding: chunked", chunked(file+"!"))}, 1, trillian.ErrMalformedResponse},
		"longer, until the end":     {[]fault{media(plain, file+"!")}, 1, trillian.ErrMalformedResponse},
		"not found":                 {[]fault{answers(404, "", "")}, 1, trillian.ErrNotFound},
	}
	for name, c := range cases {
		for _, before := range []string{"", "what was there"} {
			t.Run(fmt.Sprintf("%s, over %q", name, before), func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				path := filepath.Join(dir, "f")
				if before != "" {
					require.NoError(t, os.WriteFile(path, []byte(before), 0o600))
				}
				server := newFaultServer(t, false, c.script...)
				info, err := server.client(t, 10*time.Second).Users.Media.DownloadFile(t.Context(), smw, asListed, path)
				require.Len(t, server.wire(t), c.wire, "%v", err)
				if c.err == nil {
					require.NoError(t, err)
					require.Equal(t, int64(10), info.Size)
					before = file
				} else {
					require.ErrorIs(t, err, c.err)
					require.Nil(t, info)
				}
				requireOnly(t, dir, before)
			})
		}
	}
}

// requireOnly wants nothing but a file of that content in a directory, or nothing
// at all.
func requireOnly(t *testing.T, dir, content string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	if content == "" {
		require.Empty(t, entries)
		return
	}
	require.Len(t, entries, 1)
	got, err := os.ReadFile(filepath.Join(dir, "f"))
	require.NoError(t, err)
	require.Equal(t, content, string(got))
}

func TestDownloadFileOfNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server := newFaultServer(t, false, answers(200, "", ""), answers(200, "", file))
	client := server.client(t, 10*time.Second)
	path := filepath.Join(dir, "f")
	_, err := client.GroupChats.Media.DownloadFile(t.Context(), general, trillian.Media{ID: item}, path)
	require.NoError(t, err)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Zero(t, info.Size())
	_, err = client.GroupChats.Media.DownloadFile(t.Context(), general, trillian.Media{ID: item}, path)
	require.ErrorIs(t, err, trillian.ErrMalformedResponse, "an empty file is not any file")
}

// TestDownloadFilePermissions are those of any new file, or of the one before.
func TestDownloadFilePermissions(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, prepare := range map[string]func(string){
		"new": func(string) {},
		"private": func(path string) {
			require.NoError(t, os.WriteFile(path, nil, 0o600))
		},
		"shared": func(path string) {
			require.NoError(t, os.WriteFile(path, nil, 0o600))
			require.NoError(t, os.Chmod(path, 0o666)) // more than the umask would leave
		},
	} {
		like, path := filepath.Join(dir, "like "+name), filepath.Join(dir, name)
		prepare(like)
		prepare(path)
		f, err := os.OpenFile(like, os.O_WRONLY|os.O_CREATE, 0o666)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		server := newFaultServer(t, false, media("Content-Length: 10", file))
		_, err = server.client(t, 10*time.Second).Users.Media.DownloadFile(t.Context(), smw, asListed, path)
		require.NoError(t, err)
		want, err := os.Stat(like)
		require.NoError(t, err)
		got, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, want.Mode(), got.Mode(), name)
	}
}

func TestDownloadFileToNowhere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	link := filepath.Join(dir, "link")
	require.NoError(t, os.Symlink(filepath.Join(dir, "elsewhere"), link))
	server := servertest.New(t, 200, file)
	media := newClient(t, server.URL).Users.Media
	download := func(item trillian.Media, path string) error {
		_, err := media.DownloadFile(t.Context(), smw, item, path)
		return err
	}
	for want, err := range map[string]error{
		"path is empty":              download(asListed, ""),
		"path is a directory":        download(asListed, dir),
		"path is not a regular file": download(asListed, link),
		"id is empty":                download(trillian.Media{}, filepath.Join(dir, "f")),
		"item has a negative size":   download(trillian.Media{ID: item, Size: -1}, filepath.Join(dir, "f")),
	} {
		require.ErrorIs(t, err, trillian.ErrInvalidArgument)
		require.EqualError(t, err, "trillian: "+want)
	}
	err := download(asListed, filepath.Join(dir, "no such directory", "f"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	failure := new(trillian.Error)
	require.ErrorAs(t, err, &failure)
	require.ErrorContains(t, err, ": nothing was sent: ")
	require.Zero(t, server.Count(), "requests")
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1, "only the link")
}

// TestDownloadFileThatCannotBeKept finds a directory in its place at the end.
func TestDownloadFileThatCannotBeKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	server := newFaultServer(t, false, fault{answer: func(conn net.Conn, r *http.Request) bool {
		_ = os.MkdirAll(filepath.Join(path, "inside"), 0o700)
		return says(200, "", file)(conn, r)
	}})
	_, err := server.client(t, 10*time.Second).Users.Media.DownloadFile(t.Context(), smw, trillian.Media{ID: item, Size: 10}, path)
	failure := new(trillian.Error)
	require.ErrorAs(t, err, &failure)
	link := new(os.LinkError)
	require.ErrorAs(t, err, &link)
	require.Len(t, server.wire(t), 1)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1, "the directory")
}

func TestDownloadFileCancelled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	server := newFaultServer(t, false, fault{answer: func(conn net.Conn, r *http.Request) bool {
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234")
		cancel()
		_, _ = io.Copy(io.Discard, conn)
		return false
	}})
	_, err := server.client(t, 10*time.Second).Users.Media.DownloadFile(ctx, smw, asListed, filepath.Join(dir, "f"))
	require.ErrorIs(t, err, context.Canceled)
	requireOnly(t, dir, "")
}
