package trillian

import (
	"context"
	"iter"
	"net/http"
	"strconv"
	"unicode/utf8"
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
	ID        string    `xml:"m,attr" json:"id"`
	CreatedAt Timestamp `xml:"createdAt" json:"createdAt"`
	ExpiresAt Timestamp `xml:"expiresAt" json:"expiresAt"` // zero: never
	Size      int64     `xml:"size" json:"size"`           // in bytes
	Owner     string    `xml:"owner" json:"owner"`
	Type      string    `xml:"type" json:"type"`           // the MIME type
	Thumbnail string    `xml:"thumbnail" json:"thumbnail"` // 32 bytes in Base64, a hash of the thumbnail (inferred)
	Data      string    `xml:"data" json:"data"`           // 32 bytes in Base64, a hash of the file (inferred)

	// Name is what the sender chose, such as "../../etc/passwd": never use it as a
	// path, or a part of one, as it is.
	Name string `xml:"name" json:"name"`

	Fields map[string]string `xml:",any" json:"fields,omitempty"` // what has no field here: see [User]
}

// MediaInfo is what the headers say of a file. All but Size, Type and Header is
// inferred, from what the vendor's web client asks for, and zero where the server
// does not say it in a form that can be read.
type MediaInfo struct {
	Size      int64     `json:"size"` // in bytes, -1 where the server does not say
	Type      string    `json:"type"` // the MIME type
	Name      string    `json:"name"` // chosen by the sender, as [Media]'s is: no path
	CreatedAt Timestamp `json:"createdAt"`
	Thumbnail string    `json:"thumbnail"` // as [Media] has it

	Header http.Header `json:"-"` // all of them, without secrets
}

// List returns every file of an owner.
//
// Trillian API: GET /v1/groupchats/:groupchat/media/, GET /v1/users/:user/media/
func (s *MediaService) List(ctx context.Context, owner string) ([]Media, error) {
	return list[Media](ctx, s.client, endpoint(s.name+".List", s.under, owner), "media")
}

// All yields every file of an owner while the response arrives. An error comes last,
// once, with a zero Media.
//
// Trillian API: GET /v1/groupchats/:groupchat/media/, GET /v1/users/:user/media/
func (s *MediaService) All(ctx context.Context, owner string) iter.Seq2[Media, error] {
	return stream[Media](ctx, s.client, endpoint(s.name+".All", s.under, owner), "media")
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
	return info, err
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

func mediaInfo(resp *http.Response) *MediaInfo {
	info := &MediaInfo{
		Size: resp.ContentLength, Type: resp.Header.Get("Content-Type"),
		Thumbnail: resp.Header.Get("Trillian-Media-Thumbnail"), Header: resp.Header.Clone(),
	}
	if name := resp.Header.Get("Trillian-Media-Name"); utf8.ValidString(name) {
		info.Name = name
	}
	_ = info.CreatedAt.UnmarshalText([]byte(resp.Header.Get("Trillian-Media-Created-At")))
	if info.Size < 0 {
		if size, err := strconv.ParseInt(resp.Header.Get("Trillian-Media-Size"), 10, 64); err == nil && size >= 0 {
			info.Size = size
		}
	}
	return info
}
