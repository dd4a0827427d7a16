package trillian

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// AvatarService manages the picture that a user's contacts see.
//
// Trillian API: User Address Book.
type AvatarService struct{ client *Client }

// Avatar is a user's picture.
type Avatar struct {
	Type string `json:"type"` // the MIME type, such as image/png
	Data []byte `json:"data"` // the picture itself, of at most 65,535 bytes (inferred); more is the server's to refuse
}

// Get returns a user's avatar. The response's shape is inferred: the bytes of the
// picture, with their MIME type in the header, as for media. A response of another
// type than a picture is a [DecodeError].
//
// Trillian API: GET /v1/users/:user/addressbook/avatar/
func (s *AvatarService) Get(ctx context.Context, user string) (*Avatar, error) {
	req := endpoint("Users.Avatar.Get", "users/:user/addressbook/avatar/", user)
	req.method, req.raw = http.MethodGet, true
	var avatar *Avatar
	err := s.client.exchange(ctx, req, func(resp *http.Response) error {
		if endsWithConnection(resp) {
			return errNoLength
		}
		data, err := io.ReadAll(resp.Body)
		if err != nil {
			return err
		}
		kind := resp.Header.Get("Content-Type")
		if kind == "" {
			kind = http.DetectContentType(data)
		}
		if !isPicture(kind) {
			return errors.New("is not a picture")
		}
		if len(data) == 0 {
			return errors.New("is empty")
		}
		avatar = &Avatar{Type: kind, Data: data}
		return nil
	})
	return avatar, err
}

// Set replaces a user's avatar. The parameters are inferred from those of media:
// data (Base64) and type. Without a Type it is what Data looks like; what is then
// not a picture is an [ArgumentError], since Get would not take it for one.
//
// Trillian API: PUT /v1/users/:user/addressbook/avatar/
func (s *AvatarService) Set(ctx context.Context, user string, avatar Avatar) error {
	if len(avatar.Data) == 0 {
		return &ArgumentError{Name: "avatar", Reason: "is empty: Delete removes one"}
	}
	kind := avatar.Type
	if kind == "" {
		kind = http.DetectContentType(avatar.Data)
	}
	if !isPicture(kind) {
		return &ArgumentError{Name: "avatar", Reason: fmt.Sprintf("is of type %q, which is not a picture: set its Type", kind)}
	}
	req := endpoint("Users.Avatar.Set", "users/:user/addressbook/avatar/", user)
	req.params = url.Values{"data": {base64.StdEncoding.EncodeToString(avatar.Data)}, "type": {kind}}
	return s.client.act(ctx, http.MethodPut, req)
}

// isPicture reports whether a MIME type is one of pictures, or says nothing.
func isPicture(kind string) bool {
	kind = strings.ToLower(withoutParameters(kind))
	return strings.HasPrefix(kind, "image/") || kind == "application/octet-stream"
}

// Delete removes a user's avatar.
//
// Trillian API: DELETE /v1/users/:user/addressbook/avatar/
func (s *AvatarService) Delete(ctx context.Context, user string) error {
	return s.client.act(ctx, http.MethodDelete, endpoint("Users.Avatar.Delete", "users/:user/addressbook/avatar/", user))
}
