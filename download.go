package trillian

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/trillian-go/trillian/internal/transport"
)

// Open starts to download a file. Close the reader. The response's shape is
// inferred: the bytes themselves, with their MIME type in the header. Any response
// of success is taken for the file, also the login page of a proxy: hold Size and
// Type against what [MediaService.List] says, as [MediaService.DownloadFile] does.
//
// The context must last as long as the reader is read.
//
// Trillian API: GET /v1/groupchats/:groupchat/media/:item/, GET /v1/users/:user/media/:item/
func (s *MediaService) Open(ctx context.Context, owner, id string) (*MediaReader, error) {
	r := s.content(".Open", owner, id)
	call, err := s.client.newCall(ctx, r)
	if err != nil {
		return nil, err
	}
	begin := s.client.now()
	resp, err := s.client.send(call, r)
	s.client.log(call, begin, err)
	if err != nil {
		return nil, err
	}
	info := mediaInfo(resp)
	if err := s.settle(ctx, info, resp, owner, id); err != nil {
		_ = resp.Body.Close()
		if err == errNoLength {
			err = s.client.malformed(call, r, resp, err)
		}
		return nil, err
	}
	m := NewMediaReader(*info, resp.Body)
	m.failed = func(err error) error { return s.client.broken(call, r, resp, err) }
	return m, nil
}

// Download writes a file to w and returns what the headers said of it. One that
// breaks off before anything was written is asked for again; after an error w may
// have been given a part of the file. What [MediaService.Open] cannot know,
// Download cannot either.
//
// Trillian API: GET /v1/groupchats/:groupchat/media/:item/, GET /v1/users/:user/media/:item/
func (s *MediaService) Download(ctx context.Context, owner, id string, w io.Writer) (*MediaInfo, error) {
	if isNil(w) {
		return nil, &ArgumentError{Name: "w", Reason: "is nil"}
	}
	r := s.content(".Download", owner, id)
	var info *MediaInfo
	var unsettled error // of another call, and so complete
	err := s.client.exchange(ctx, r, func(resp *http.Response) error {
		info = mediaInfo(resp)
		err := s.settle(ctx, info, resp, owner, id)
		if err == errNoLength {
			return err
		}
		if unsettled = err; err != nil {
			return partly{err}
		}
		_, err = copyTo(w, &exactly{body: resp.Body, size: info.Size})
		return err
	})
	if unsettled != nil {
		return nil, unsettled
	}
	if err != nil {
		return nil, err
	}
	return info, nil
}

// content asks for a file itself, of any size.
func (s *MediaService) content(operation, owner, id string) request {
	r := s.item(operation, owner, id)
	r.method, r.unlimited = http.MethodGet, true
	return r
}

var errNoLength = errors.New("has no length, so that a part could not be told from the whole")

// endsWithConnection reports whether only the connection's end tells the body's:
// a broken connection would look like the end of the file.
func endsWithConnection(resp *http.Response) bool {
	return resp.ContentLength < 0 && resp.Close && len(resp.TransferEncoding) == 0
}

// settle asks for the size of a file whose download does not tell where it ends.
func (s *MediaService) settle(ctx context.Context, info *MediaInfo, resp *http.Response, owner, id string) error {
	if info.Size >= 0 || !endsWithConnection(resp) {
		return nil
	}
	head, err := s.Stat(ctx, owner, id)
	if err != nil {
		return err
	}
	if info.Size = head.Size; info.Size >= 0 {
		return nil
	}
	items, err := s.List(ctx, owner)
	if err != nil {
		return err
	}
	for _, item := range items {
		if item.ID == id && item.Size >= 0 {
			info.Size = item.Size
			return nil
		}
	}
	return errNoLength
}

// MediaReader reads a file while it arrives. A file that breaks off ends in an
// error, never in io.EOF.
type MediaReader struct {
	MediaInfo

	file   exactly
	closer io.Closer
	failed func(error) error // names the call, if there is one
}

// NewMediaReader returns what [MediaService.Open] does, of a file of your own: for a
// fake in your tests. The file must have info.Size bytes, or be of any size if that
// is negative.
func NewMediaReader(info MediaInfo, file io.ReadCloser) *MediaReader {
	return &MediaReader{MediaInfo: info, file: exactly{body: file, size: info.Size}, closer: file}
}

// Read reads from the file. After Close, also one that comes while it waits, it
// fails with [os.ErrClosed].
func (m *MediaReader) Read(p []byte) (int, error) {
	n, err := m.file.Read(p)
	if err != nil && err != io.EOF && err != transport.ErrClosed && m.failed != nil {
		err = m.failed(err)
	}
	return n, err
}

// Close ends the download, whether or not it is complete, and a Read that waits.
func (m *MediaReader) Close() error { return m.closer.Close() }

// exactly reads a body that must have size bytes, if size is not negative.
type exactly struct {
	body       io.Reader
	size, read int64
}

func (e *exactly) Read(p []byte) (int, error) {
	n, err := e.body.Read(p)
	e.read += int64(n)
	switch {
	case err == io.EOF && e.size >= 0 && e.read < e.size:
		err = fmt.Errorf("has %d of %d bytes: %w", e.read, e.size, io.ErrUnexpectedEOF)
	case e.size >= 0 && e.read > e.size:
		n -= int(e.read - e.size)
		e.read = e.size
		err = fmt.Errorf("has more than the %d bytes that were announced", e.size)
	}
	return n, err
}
