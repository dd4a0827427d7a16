package trillian

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/trillian-go/trillian/internal/transport"
)

// Open starts to download a file. Close the reader. The response's shape is
// inferred: the bytes themselves, with their MIME type in the header. Any response
// of success is taken for the file, also the login page of a proxy: hold Size and
// Type against what [MediaService.List] says, as [MediaService.DownloadFile] does.
//
// If the response does not tell where it ends, as in HTTP/1.0, the size is asked for,
// with Stat and then List, and the file once more.
//
// The context must last as long as the reader is read.
//
// Trillian API: GET /v1/groupchats/:groupchat/media/:item/, GET /v1/users/:user/media/:item/
func (s *MediaService) Open(ctx context.Context, owner, id string) (*MediaReader, error) {
	r := s.content(".Open", owner, id)
	var m *MediaReader
	err := s.withSize(ctx, owner, id, func(size int64) (err error) {
		m, err = s.open(ctx, r, size)
		return err
	})
	return m, err
}

func (s *MediaService) open(ctx context.Context, r request, size int64) (*MediaReader, error) {
	call, err := s.client.newCall(ctx, r)
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	resp, err := s.client.send(call, r)
	s.client.log(call, begin, err)
	if err != nil {
		return nil, err
	}
	info, err := sizedInfo(resp, size)
	if err != nil {
		_ = resp.Body.Close()
		return nil, s.client.malformed(call, r, resp, err)
	}
	m := NewMediaReader(*info, resp.Body)
	m.failed = func(err error) error { return s.client.broken(call, r, resp, err) }
	return m, nil
}

// Download writes a file to w and returns what the headers said of it. One that
// breaks off before anything was written is asked for again; after an error w may
// have been given a part of the file. What [MediaService.Open] cannot know, Download
// cannot either, and it asks for a size as Open does.
//
// Trillian API: GET /v1/groupchats/:groupchat/media/:item/, GET /v1/users/:user/media/:item/
func (s *MediaService) Download(ctx context.Context, owner, id string, w io.Writer) (*MediaInfo, error) {
	if isNil(w) {
		return nil, &ArgumentError{Name: "w", Reason: "is nil"}
	}
	r := s.content(".Download", owner, id)
	var info *MediaInfo
	err := s.withSize(ctx, owner, id, func(size int64) error {
		return s.client.exchange(ctx, r, func(resp *http.Response) (err error) {
			if info, err = sizedInfo(resp, size); err != nil {
				return err
			}
			_, err = copyTo(w, &exactly{body: resp.Body, size: info.Size})
			return err
		})
	})
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

// sizedInfo is what the headers say of a download, which is of the given size where
// it does not tell where it ends.
func sizedInfo(resp *http.Response, size int64) (*MediaInfo, error) {
	info := mediaInfo(resp)
	if info.Size >= 0 || !endsWithConnection(resp) {
		return info, nil
	}
	if size < 0 {
		return nil, errNoLength
	}
	info.Size = size
	return info, nil
}

// withSize downloads with the size unknown, -1, and if the response does not tell
// where it ends, once more with the size that Stat or List tells. The first response is
// given up for that: it would keep its connection, which may be the only one.
func (s *MediaService) withSize(ctx context.Context, owner, id string, download func(size int64) error) error {
	first := download(-1)
	if malformed, ok := first.(*DecodeError); !ok || malformed.Err != errNoLength {
		return first
	}
	head, err := s.Stat(ctx, owner, id)
	if err != nil {
		return err
	}
	if head.Size >= 0 {
		return download(head.Size)
	}
	items, err := s.List(ctx, owner)
	if err != nil {
		return err
	}
	for _, item := range items {
		if item.ID == id && item.Size >= 0 {
			return download(item.Size)
		}
	}
	return first
}

// MediaReader reads a file while it arrives. A file that breaks off ends in an
// error, never in io.EOF.
type MediaReader struct {
	MediaInfo

	file   exactly
	closer io.Closer
	failed func(error) error // names the call, if there is one
}

// NewMediaReader returns a MediaReader of a file of your own, as [MediaService.Open]
// returns one of the server's: for a fake in your tests. The file must have info.Size
// bytes; -1 stands for any number. What Read returns after Close, the file decides.
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
