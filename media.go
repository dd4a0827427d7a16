package trillian

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/trillian-go/trillian/internal/transport"
)

// MediaService manages the files of an owner: a user's IM address for
// [UsersService.Media], a group chat's name for [GroupChatsService.Media].
//
// Trillian API: Group Chat Media, User Media.
type MediaService struct {
	client *Client
	name   string // "GroupChats.Media" or "Users.Media"
	under  string // "groupchats/:groupchat/media/" or "users/:user/media/"
}

// Media is a file as the server lists it.
type Media struct {
	ID        string    `xml:"m,attr"`
	CreatedAt Timestamp `xml:"createdAt"`
	ExpiresAt Timestamp `xml:"expiresAt"` // zero: never
	Size      int64     `xml:"size"`      // in bytes
	Owner     string    `xml:"owner"`
	Type      string    `xml:"type"` // the MIME type
	Name      string    `xml:"name"`
	Thumbnail string    `xml:"thumbnail"` // 32 bytes in Base64, a hash of the thumbnail (inferred)
	Data      string    `xml:"data"`      // 32 bytes in Base64, a hash of the file (inferred)
}

// MediaInfo is what the headers say of a file.
type MediaInfo struct {
	Size   int64  // in bytes, -1 where the server does not say
	Type   string // the MIME type
	Header http.Header
}

// List returns an owner's files.
//
// Trillian API: GET /v1/groupchats/:groupchat/media/, GET /v1/users/:user/media/
func (s *MediaService) List(ctx context.Context, owner string) ([]Media, error) {
	return list[Media](ctx, s.client, endpoint(s.name+".List", s.under, owner), "media")
}

// Stat returns what the headers say of a file, without its bytes.
//
// Trillian API: HEAD /v1/groupchats/:groupchat/media/:item/, HEAD /v1/users/:user/media/:item/
func (s *MediaService) Stat(ctx context.Context, owner, id string) (*MediaInfo, error) {
	r := s.item(".Stat", owner, id)
	r.method = http.MethodHead
	var info *MediaInfo
	err := s.client.exchange(ctx, r, func(resp *http.Response) error {
		info = mediaInfo(resp)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return info, nil
}

// Open starts to download a file. Close the reader. The answer's shape is
// inferred: the bytes themselves, with their MIME type in the header.
//
// The context must last as long as the reader is read.
//
// Trillian API: GET /v1/groupchats/:groupchat/media/:item/, GET /v1/users/:user/media/:item/
func (s *MediaService) Open(ctx context.Context, owner, id string) (*MediaReader, error) {
	r := s.item(".Open", owner, id)
	r.method, r.unlimited = http.MethodGet, true
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
	m := &MediaReader{MediaInfo: *mediaInfo(resp), client: s.client, call: call, request: r, resp: resp}
	if endsWithConnection(resp) {
		if m.Size, err = s.size(ctx, owner, id); err != nil {
			_ = m.Close()
			return nil, err
		}
		if m.Size < 0 {
			_ = m.Close()
			return nil, s.client.malformed(call, r, resp, errNoLength)
		}
	}
	return m, nil
}

// Download writes a file to w and returns what the headers said of it. After an
// error w may have been given a part of the file.
//
// Trillian API: GET /v1/groupchats/:groupchat/media/:item/, GET /v1/users/:user/media/:item/
func (s *MediaService) Download(ctx context.Context, owner, id string, w io.Writer) (*MediaInfo, error) {
	m, err := s.Open(ctx, owner, id)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	if _, err := copyTo(w, m); err != nil {
		if _, ok := errors.AsType[*writeError](err); ok {
			return nil, s.client.failed(m.call, m.request, err)
		}
		return nil, unpart(err)
	}
	return &m.MediaInfo, nil
}

// Delete removes a file.
//
// Trillian API: DELETE /v1/groupchats/:groupchat/media/:item/, DELETE /v1/users/:user/media/:item/
func (s *MediaService) Delete(ctx context.Context, owner, id string) error {
	return s.client.act(ctx, http.MethodDelete, endpoint(s.name+".Delete", s.under+":item/", owner, id))
}

func (s *MediaService) item(operation, owner, id string) request {
	r := endpoint(s.name+operation, s.under+":item/", owner, id)
	r.raw = true
	return r
}

// size asks for the size of a file whose download does not tell it.
func (s *MediaService) size(ctx context.Context, owner, id string) (int64, error) {
	if info, err := s.Stat(ctx, owner, id); err != nil || info.Size >= 0 {
		return value(info).Size, err
	}
	items, err := s.List(ctx, owner)
	if err != nil {
		return 0, err
	}
	for _, item := range items {
		if item.ID == id {
			return item.Size, nil
		}
	}
	return -1, nil
}

var errNoLength = errors.New("has no length, so that a part could not be told from the whole")

// endsWithConnection reports whether only the connection's end tells the body's:
// a broken connection would look like the end of the file.
func endsWithConnection(resp *http.Response) bool {
	return resp.ContentLength < 0 && resp.Close && len(resp.TransferEncoding) == 0
}

func mediaInfo(resp *http.Response) *MediaInfo {
	return &MediaInfo{Size: resp.ContentLength, Type: resp.Header.Get("Content-Type"), Header: resp.Header.Clone()}
}

// MediaReader reads a file while it arrives. A file that breaks off ends in an
// error, never in io.EOF.
type MediaReader struct {
	MediaInfo

	client  *Client
	call    *transport.Call
	request request
	resp    *http.Response
	read    int64
}

// Read reads from the file. After Close, also one that comes while it waits, it
// fails with [os.ErrClosed].
func (m *MediaReader) Read(p []byte) (int, error) {
	n, err := m.resp.Body.Read(p)
	m.read += int64(n)
	switch {
	case err == io.EOF && m.Size >= 0 && m.read < m.Size:
		err = fmt.Errorf("has %d of %d bytes: %w", m.read, m.Size, io.ErrUnexpectedEOF)
	case m.Size >= 0 && m.read > m.Size:
		n -= int(m.read - m.Size)
		m.read = m.Size
		err = fmt.Errorf("has more than the %d bytes that were announced", m.Size)
	}
	if err != nil && err != io.EOF && err != transport.ErrClosed {
		err = m.client.broken(m.call, m.request, m.resp, err)
	}
	return n, err
}

// Close ends the download, whether or not it is complete, and a Read that waits.
func (m *MediaReader) Close() error { return m.resp.Body.Close() }

// unpart takes the mark of partly off an error.
func unpart(err error) error {
	if p, ok := errors.AsType[partly](err); ok {
		return p.error
	}
	return err
}

// Upload stores a file with an owner. What the server answers is not documented:
// where it is no media, the result holds what was sent, without an ID.
//
// Like every POST it is sent again only where the server cannot have stored the
// file: it was not reached, said 429, or was sent a part of the form only. That
// takes a file that can be read again, which is one that can seek.
//
// Trillian API: POST /v1/groupchats/:groupchat/media/, POST /v1/users/:user/media/
func (s *MediaService) Upload(ctx context.Context, owner string, upload MediaUpload) (*Media, error) {
	r := endpoint(s.name+".Upload", s.under, owner)
	r.method = http.MethodPost
	if err := upload.check(); err != nil && r.err == nil {
		r.err = err
	}
	call, err := s.client.newCall(ctx, r)
	if err != nil {
		return nil, err
	}
	r.file = upload.form(ctx)
	defer r.file.release()
	if err := r.file.measure(); err != nil {
		return nil, s.client.failed(call, r, err)
	}
	sent := &Media{Owner: owner, Name: upload.Name, Type: upload.mediaType()}
	media, err := change(ctx, s.client, http.MethodPost, r, "media", sent)
	if media == sent {
		sent.Size = r.file.sent()
	}
	return media, err
}
