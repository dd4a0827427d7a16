package trillian_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/internal/servertest"
)

// store is a server that keeps the uploads it was sent whole.
type store struct {
	*httptest.Server
	mu      sync.Mutex
	refuse  []int // the statuses of the first requests
	lengths []int64
	files   []string
}

func newStore(t testing.TB, refuse ...int) *store {
	t.Helper()
	s := &store{refuse: refuse}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

// arrived returns the announced lengths of all requests and the files that came whole.
func (s *store) arrived() ([]int64, []string) {
	s.Close() // waits for the handlers
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lengths, s.files
}

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lengths = append(s.lengths, r.ContentLength)
	if err != nil {
		return
	}
	if len(s.refuse) > 0 {
		w.WriteHeader(s.refuse[0])
		s.refuse = s.refuse[1:]
		return
	}
	form, _ := url.ParseQuery(string(body))
	file, err := base64.StdEncoding.DecodeString(form.Get("data"))
	if err != nil {
		w.WriteHeader(400)
		return
	}
	s.files = append(s.files, string(file))
	w.WriteHeader(201)
	fmt.Fprintf(w, `<response> <media m="x/+="> <size>%d</size><name>%s</name></media></response>`, len(file), form.Get("name"))
}

func TestUploadSizes(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	c := newClient(t, s.URL)
	for _, size := range []int{0, 1, 2, 3, 4, 1000, 100_001, 1 << 20} {
		file := make([]byte, size)
		_, _ = rand.Read(file)
		media, err := c.Users.Media.Upload(t.Context(), smw, trillian.MediaUpload{Name: "f", Data: bytes.NewReader(file)})
		require.NoError(t, err)
		require.Equal(t, &trillian.Media{ID: "x/+=", Name: "f", Size: int64(size)}, media)
		require.Equal(t, string(file), s.files[len(s.files)-1])
		require.Positive(t, s.lengths[len(s.lengths)-1], "the length is announced")
	}
}

func TestUploadStartsWhereTheFileStands(t *testing.T) {
	t.Parallel()
	s := newStore(t, 429)
	file := strings.NewReader("skip this, send that")
	_, err := file.Seek(11, io.SeekStart)
	require.NoError(t, err)
	_, err = newClient(t, s.URL, fast).Users.Media.Upload(t.Context(), smw, trillian.MediaUpload{Name: "f", Data: file})
	require.NoError(t, err)
	lengths, files := s.arrived()
	require.Equal(t, []string{"send that"}, files, "also when it is sent again")
	require.Len(t, lengths, 2)
}

func TestUploadOfWhatCannotSeek(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	c := newClient(t, s.URL, fast)
	_, err := c.Users.Media.Upload(t.Context(), smw, trillian.MediaUpload{Name: "f", Data: iotest.HalfReader(strings.NewReader("from a pipe"))})
	require.NoError(t, err)
	lengths, files := s.arrived()
	require.Equal(t, []string{"from a pipe"}, files)
	require.Equal(t, []int64{-1}, lengths)

	s = newStore(t, 429, 429)
	_, err = newClient(t, s.URL, fast).Users.Media.Upload(t.Context(), smw, trillian.MediaUpload{Name: "f", Data: io.LimitReader(strings.NewReader("once"), 4)})
	require.ErrorIs(t, err, trillian.ErrRateLimited)
	lengths, _ = s.arrived()
	require.Len(t, lengths, 1, "it cannot be sent again")
}

func TestUploadProgress(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	for _, seeks := range []bool{true, false} {
		var file io.Reader = bytes.NewReader(make([]byte, 300_000))
		total := int64(300_000)
		if !seeks {
			file, total = io.MultiReader(file), -1
		}
		var calls [][2]int64
		_, err := newClient(t, s.URL).Users.Media.Upload(t.Context(), smw, trillian.MediaUpload{
			Name: "f", Data: file, Progress: func(sent, of int64) { calls = append(calls, [2]int64{sent, of}) },
		})
		require.NoError(t, err)
		require.NotEmpty(t, calls)
		require.Equal(t, [2]int64{300_000, total}, calls[len(calls)-1])
	}
}

func TestUploadWhoseProgressPanics(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	for _, size := range []int{4, 300_000} { // at the end, and on the way
		_, err := newClient(t, s.URL).Users.Media.Upload(t.Context(), smw, trillian.MediaUpload{
			Name: "f", Data: strings.NewReader(strings.Repeat("x", size)), Progress: func(int64, int64) { panic("no terminal") },
		})
		require.ErrorContains(t, err, "/: progress callback: panic: no terminal")
	}
}

// TestUploadWhoseProgressCancels returns when Progress has.
func TestUploadWhoseProgressCancels(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	for range 5 {
		ctx, cancel := context.WithCancel(t.Context())
		var running atomic.Bool
		_, err := newClient(t, s.URL).Users.Media.Upload(ctx, smw, trillian.MediaUpload{
			Name: "f", Data: bytes.NewReader(make([]byte, 1<<20)), Progress: func(int64, int64) {
				running.Store(true)
				cancel()
				time.Sleep(20 * time.Millisecond)
				running.Store(false)
			},
		})
		require.ErrorIs(t, err, context.Canceled)
		require.False(t, running.Load(), "Progress still runs")
	}
}

func TestUploadWhoseSourceFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is gone")
	for name, file := range map[string]io.Reader{
		"at once":   iotest.ErrReader(broken),
		"in midway": io.MultiReader(strings.NewReader(strings.Repeat("x", 200_000)), iotest.ErrReader(broken)),
	} {
		s := newStore(t)
		_, err := newClient(t, s.URL, fast).Users.Media.Upload(t.Context(), smw, trillian.MediaUpload{Name: "f", Data: file})
		require.ErrorIs(t, err, broken, name)
		require.NotErrorIs(t, err, trillian.ErrOutcomeUnknown, name)
		lengths, files := s.arrived()
		require.Empty(t, files, name)
		require.LessOrEqual(t, len(lengths), 1, name)
	}
}

func TestUploadTypes(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"a.png": "image/png", "README": "application/octet-stream"} {
		server := servertest.New(t, 201, "")
		media, err := newClient(t, server.URL).GroupChats.Media.Upload(t.Context(), general, trillian.MediaUpload{Name: name, Data: strings.NewReader("x")})
		require.NoError(t, err)
		require.Equal(t, want, media.Type)
		require.Equal(t, want, server.Only(t).Form.Get("type"))
	}
}

func TestMediaReader(t *testing.T) {
	t.Parallel()
	server := servertest.New(t, 200, "Sell more")
	server.Header.Set("Content-Type", "text/plain")
	server.Header.Set("Content-Length", strconv.Itoa(len(server.Answer)))
	m, err := newClient(t, server.URL).Users.Media.Open(t.Context(), smw, item)
	require.NoError(t, err)
	defer m.Close()
	require.Equal(t, int64(9), m.Size)
	require.Equal(t, "text/plain", m.Type)
	require.NoError(t, iotest.TestReader(m, []byte("Sell more")))
	require.Equal(t, "identity", server.Only(t).Header.Get("Accept-Encoding"))

	server.Header.Set("Content-Encoding", "Identity")
	m, err = newClient(t, server.URL).Users.Media.Open(t.Context(), smw, item)
	require.NoError(t, err)
	require.NoError(t, m.Close())
}

// TestMediaReaderClosedWhileItWaits ends a Read from another goroutine.
func TestMediaReaderClosedWhileItWaits(t *testing.T) {
	t.Parallel()
	over := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		_ = http.NewResponseController(w).Flush()
		select {
		case <-r.Context().Done():
		case <-over:
		}
	}))
	t.Cleanup(server.Close)
	defer close(over)
	m, err := newClient(t, server.URL).Users.Media.Open(t.Context(), smw, item)
	require.NoError(t, err)
	ended := make(chan error)
	go func() {
		_, err := m.Read(make([]byte, 10))
		ended <- err
	}()
	time.Sleep(10 * time.Millisecond) // so that it waits, most likely
	require.NoError(t, m.Close())
	require.ErrorIs(t, <-ended, os.ErrClosed)
	_, err = m.Read(make([]byte, 10))
	require.ErrorIs(t, err, os.ErrClosed)
}

// TestDownloadToAWriterThatFails asks once, whatever the writer's failure looks
// like, and never writes the file's start again.
func TestDownloadToAWriterThatFails(t *testing.T) {
	t.Parallel()
	for _, full := range []error{errors.New("the disk is full"), syscall.EPIPE, io.ErrUnexpectedEOF} {
		server := servertest.New(t, 200, "Sell more")
		client := newClient(t, server.URL, fast)
		info, err := client.Users.Media.Download(t.Context(), smw, item, failing{full})
		require.Nil(t, info)
		require.ErrorIs(t, err, full)
		require.NotErrorIs(t, err, trillian.ErrMalformedResponse)
		require.Equal(t, 1, server.Count(), "requests")
		err = client.Do(t.Context(), http.MethodGet, "users/", nil, failing{full})
		require.ErrorIs(t, err, full)
		require.Equal(t, 2, server.Count(), "requests")
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// TestOneFileManyUploads sends one file from many goroutines, each from
// where it stands, which no upload moves.
func TestOneFileManyUploads(t *testing.T) {
	t.Parallel()
	data := make([]byte, 300_000)
	for i := range data {
		data[i] = byte(i * 31)
	}
	path := filepath.Join(t.TempDir(), "f")
	require.NoError(t, os.WriteFile(path, data, 0o600))
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	_, err = file.Seek(1000, io.SeekStart)
	require.NoError(t, err)
	s := newStore(t, 429, 429)
	client := newClient(t, s.URL, fast)
	const n = 6
	errs := make(chan error, n)
	for range n {
		go func() {
			_, err := client.Users.Media.Upload(t.Context(), smw, trillian.MediaUpload{Name: "f", Data: file})
			errs <- err
		}()
	}
	for range n {
		require.NoError(t, <-errs)
	}
	_, files := s.arrived()
	require.Len(t, files, n)
	for _, f := range files {
		require.True(t, f == string(data[1000:]))
	}
	at, err := file.Seek(0, io.SeekCurrent)
	require.NoError(t, err)
	require.Equal(t, int64(1000), at)
}

func TestUploadFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, c := range map[string]struct{ content, kind string }{
		"a.png":   {"not looked at", "image/png"},
		"picture": {"\x89PNG\r\n\x1a\n", "image/png"},
		"README":  {"Read me", "text/plain; charset=utf-8"},
		"bytes":   {"\x00\x01", "application/octet-stream"},
		"empty":   {"", "text/plain; charset=utf-8"},
	} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(c.content), 0o600))
		s := newStore(t)
		media, err := newClient(t, s.URL).Users.Media.UploadFile(t.Context(), smw, path)
		require.NoError(t, err)
		require.Equal(t, name, media.Name)
		_, files := s.arrived()
		require.Equal(t, []string{c.content}, files)

		server := servertest.New(t, 201, "")
		media, err = newClient(t, server.URL).GroupChats.Media.UploadFile(t.Context(), general, path)
		require.NoError(t, err)
		require.Equal(t, &trillian.Media{Owner: general, Name: name, Type: c.kind, Size: int64(len(c.content))}, media)
		require.Equal(t, c.kind, server.Only(t).Form.Get("type"))
	}
}

func TestUploadFileThatIsNone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server := servertest.New(t, 201, "")
	media := newClient(t, server.URL).Users.Media
	for path, want := range map[string]string{"": "path is empty", dir: "path is a directory", os.DevNull: "path is not a regular file"} {
		_, err := media.UploadFile(t.Context(), smw, path)
		require.ErrorIs(t, err, trillian.ErrInvalidArgument)
		require.EqualError(t, err, "trillian: "+want)
	}
	_, err := media.UploadFile(t.Context(), smw, filepath.Join(dir, "none"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	failure := new(trillian.Error)
	require.ErrorAs(t, err, &failure)
	require.ErrorContains(t, err, ": nothing was sent: ")
	require.Zero(t, server.Count(), "requests")
}
