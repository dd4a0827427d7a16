package trillian_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/internal/servertest"
)

func TestMediaAll(t *testing.T) {
	t.Parallel()
	server := servertest.New(t, 200, sample(t, "groupchats-media-list"))
	var all []trillian.Media
	for m, err := range newClient(t, server.URL).GroupChats.Media.All(t.Context(), general) {
		require.NoError(t, err)
		all = append(all, m)
	}
	require.Equal(t, sampleMedia(), all)
	require.Equal(t, "GET", server.Only(t).Method)
	require.Equal(t, chatPath+"media/", server.Only(t).Path)
}

func TestMediaFields(t *testing.T) {
	t.Parallel()
	server := servertest.New(t, 200, `<response><media m="1" v="2"><size>3</size><scan by="x">clean</scan></media><media m="2"/></response>`)
	media, err := newClient(t, server.URL).Users.Media.List(t.Context(), smw)
	require.NoError(t, err)
	require.Equal(t, []trillian.Media{
		{ID: "1", Size: 3, Fields: map[string]string{"v": "2", "scan": "clean", "scan/by": "x"}}, {ID: "2"},
	}, media)
}

// TestMediaJSON goes there and back again.
func TestMediaJSON(t *testing.T) {
	t.Parallel()
	media := append(sampleMedia(), trillian.Media{ID: "1", ExpiresAt: seconds(1464196567), Fields: map[string]string{"scan": "clean"}})
	text, err := json.Marshal(media)
	require.NoError(t, err)
	var back []trillian.Media
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, media[2], back[2])
	var keys map[string]any
	text, err = json.Marshal(media[2])
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &keys))
	for _, key := range []string{"id", "createdAt", "expiresAt", "size", "owner", "type", "name", "thumbnail", "data", "fields"} {
		require.Contains(t, keys, key)
	}

	info := trillian.MediaInfo{Size: 3, Type: "text/plain", Name: "a", CreatedAt: seconds(1464196567), Thumbnail: "b", Header: http.Header{"Set-Cookie": {"x"}}}
	text, err = json.Marshal(info)
	require.NoError(t, err)
	require.JSONEq(t, `{"size":3,"type":"text/plain","name":"a","createdAt":"2016-05-25T17:16:07Z","thumbnail":"b"}`, string(text))
}

// TestMediaInfo reads headers that nobody promised.
func TestMediaInfo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		header http.Header
		want   trillian.MediaInfo
	}{
		"none": {want: trillian.MediaInfo{Size: 9}},
		"all": {
			header: http.Header{
				"Trillian-Media-Name": {"Sales Goals.txt"}, "Trillian-Media-Size": {"1"},
				"Trillian-Media-Created-At": {"1464196567"}, "Trillian-Media-Thumbnail": {"CdKt="},
			},
			want: trillian.MediaInfo{Size: 9, Name: "Sales Goals.txt", CreatedAt: seconds(1464196567), Thumbnail: "CdKt="},
		},
		"none that can be read": {
			header: http.Header{"Trillian-Media-Name": {"Gr\xfc\xdfe"}, "Trillian-Media-Size": {"huge"}, "Trillian-Media-Created-At": {"yesterday"}},
			want:   trillian.MediaInfo{Size: 9},
		},
		"in another script": {header: http.Header{"Trillian-Media-Name": {"Grüße"}}, want: trillian.MediaInfo{Size: 9, Name: "Grüße"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := servertest.New(t, 200, "Sell more")
			server.Header = c.header.Clone()
			if server.Header == nil {
				server.Header = http.Header{}
			}
			server.Header.Set("Content-Type", "text/plain")
			server.Header.Set("Content-Length", "9")
			client := newClient(t, server.URL)
			head, err := client.Users.Media.Stat(t.Context(), smw, item)
			require.NoError(t, err)
			m, err := client.Users.Media.Open(t.Context(), smw, item)
			require.NoError(t, err)
			defer m.Close()
			for _, info := range []trillian.MediaInfo{*head, m.MediaInfo} {
				require.Equal(t, "text/plain", info.Header.Get("Content-Type"))
				info.Header = nil
				c.want.Type = "text/plain"
				require.Equal(t, c.want, info)
			}
		})
	}
}

// TestNewMediaReader holds that a fake's file is read as the server's is.
func TestNewMediaReader(t *testing.T) {
	t.Parallel()
	file := strings.NewReader("12345")
	for size, want := range map[int64]error{5: nil, -1: nil, 6: io.ErrUnexpectedEOF} {
		file.Reset("12345")
		reader := trillian.NewMediaReader(trillian.MediaInfo{Name: "a.txt", Size: size}, io.NopCloser(file))
		require.Equal(t, "a.txt", reader.Name)
		got, err := io.ReadAll(reader)
		require.ErrorIs(t, err, want)
		require.Equal(t, "12345", string(got))
		require.NoError(t, reader.Close())
	}
	file.Reset("12345")
	got, err := io.ReadAll(trillian.NewMediaReader(trillian.MediaInfo{Size: 4}, io.NopCloser(file)))
	require.ErrorContains(t, err, "more than the 4 bytes")
	require.Equal(t, "1234", string(got))
}

func TestAvatarsThatAreNone(t *testing.T) {
	t.Parallel()
	png := []byte("\x89PNG\r\n\x1a\n")
	for _, c := range []struct {
		avatar trillian.Avatar
		sent   string // the type, or "": refused
	}{
		{trillian.Avatar{Data: png}, "image/png"},
		{trillian.Avatar{Type: "image/png", Data: []byte("whatever")}, "image/png"},
		{trillian.Avatar{Type: "Image/PNG; x=y", Data: png}, "Image/PNG; x=y"},
		{trillian.Avatar{Type: "application/octet-stream", Data: png}, "application/octet-stream"},
		{trillian.Avatar{Data: []byte("\x00\x01\x02")}, "application/octet-stream"},
		{trillian.Avatar{Type: "text/plain", Data: png}, ""},
		{trillian.Avatar{Data: []byte("<html>")}, ""},
		{trillian.Avatar{Data: []byte("just text")}, ""},
		{trillian.Avatar{Type: "imagery/png", Data: png}, ""},
		{trillian.Avatar{Type: "image/png"}, ""},
	} {
		server := servertest.New(t, 201, "")
		client := newClient(t, server.URL)
		err := client.Users.Avatar.Set(t.Context(), smw, c.avatar)
		if c.sent == "" {
			require.ErrorIs(t, err, trillian.ErrInvalidArgument, "%+v", c.avatar)
			require.Zero(t, server.Count())
			continue
		}
		require.NoError(t, err, "%+v", c.avatar)
		require.Equal(t, c.sent, server.Only(t).Form.Get("type"))
		server.Status, server.Answer = 200, string(c.avatar.Data)
		server.Header.Set("Content-Type", c.sent)
		got, err := client.Users.Avatar.Get(t.Context(), smw)
		require.NoError(t, err, "what was set can be got")
		require.True(t, slices.Equal(c.avatar.Data, got.Data))
		require.Equal(t, c.sent, got.Type)
	}
}

// mediaOperations are those that a group chat and a user have alike.
func mediaOperations(kind, owner, base string, of func(*trillian.Client) *trillian.MediaService) []operation {
	return []operation{
		{
			name: "list media of a " + kind, method: http.MethodGet, path: base + "media/", status: 200,
			answer: "groupchats-media-list", want: sampleMedia(),
			call: func(ctx context.Context, c *trillian.Client) (any, error) { return of(c).List(ctx, owner) },
		},
		{
			name: "get media of a " + kind, method: http.MethodGet, path: base + itemPath, status: 200,
			answer: "Sell more", want: "Sell more",
			call: func(ctx context.Context, c *trillian.Client) (any, error) {
				var b bytes.Buffer
				info, err := of(c).Download(ctx, owner, item, &b)
				if err == nil && info.Size != int64(b.Len()) {
					return info, nil
				}
				return b.String(), err
			},
		},
		{
			name: "look at media of a " + kind, method: http.MethodHead, path: base + itemPath, status: 200,
			answer: "Sell more", want: int64(9),
			call: func(ctx context.Context, c *trillian.Client) (any, error) {
				info, err := of(c).Stat(ctx, owner, item)
				if err != nil {
					return nil, err
				}
				return info.Size, nil
			},
		},
		{
			name: "create media of a " + kind, method: http.MethodPost, path: base + "media/", status: 201,
			form: url.Values{
				"data": {"+/8="}, "imageheight": {"2"}, "imagewidth": {"3"}, "name": {"a b&c.png"}, "thumbnail": {"AP8="}, "type": {"image/png"},
			},
			want: &trillian.Media{Owner: owner, Name: "a b&c.png", Type: "image/png", Size: 2},
			call: func(ctx context.Context, c *trillian.Client) (any, error) {
				return of(c).Upload(ctx, owner, trillian.MediaUpload{
					Name: "a b&c.png", Type: "image/png", Data: bytes.NewReader([]byte{0xfb, 0xff}), Thumbnail: []byte{0, 0xff},
					ImageWidth: 3, ImageHeight: 2,
				})
			},
		},
		{
			name: "delete media of a " + kind, method: http.MethodDelete, path: base + itemPath, status: 204,
			call: func(ctx context.Context, c *trillian.Client) (any, error) {
				return nothing(of(c).Delete(ctx, owner, item))
			},
		},
	}
}
