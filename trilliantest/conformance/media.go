package conformance

import (
	"bytes"
	"net/http"
	"slices"
	"strings"

	"github.com/trillian-go/trillian"
)

// ownerKind is one of the two that have media and messages.
type ownerKind struct {
	name     string
	media    func(*trillian.Client) *trillian.MediaService
	messages func(*trillian.Client) *trillian.MessagesService
	fields   func(*things) (owner, item *string, week *trillian.MessageWeek)
}

var ownerKinds = []ownerKind{
	{
		"a group chat",
		func(c *trillian.Client) *trillian.MediaService { return c.GroupChats.Media },
		func(c *trillian.Client) *trillian.MessagesService { return c.GroupChats.Messages },
		func(t *things) (owner, item *string, week *trillian.MessageWeek) {
			return &t.chat, &t.chatMedia, &t.chatWeek
		},
	},
	{
		"a user",
		func(c *trillian.Client) *trillian.MediaService { return c.Users.Media },
		func(c *trillian.Client) *trillian.MessagesService { return c.Users.Messages },
		func(t *things) (owner, item *string, week *trillian.MessageWeek) {
			return &t.user, &t.userMedia, &t.userWeek
		},
	}}

// largestRead is the largest file that is fetched where only reading is allowed.
const largestRead = 1 << 20

func (s *session) readMedia() {
	for _, kind := range ownerKinds {
		owner, item, _ := kind.fields(&s.seen)
		if *owner == "" {
			continue
		}
		files, err := kind.media(s.client).List(s.ctx, *owner)
		if !s.on("Get all media owned by " + kind.name).succeeds(err) {
			continue
		}
		i := slices.IndexFunc(files, func(m trillian.Media) bool { return m.Size <= largestRead })
		if i >= 0 {
			*item = files[i].ID
			s.checkFile(kind, *owner, files[i])
		}
	}
}

// checkFile gets a file, and what HEAD says of it.
func (s *session) checkFile(kind ownerKind, owner string, want trillian.Media) []byte {
	look, get := s.on("Get information about a media item owned by "+kind.name), s.on("Get a single media item owned by "+kind.name)
	info, err := kind.media(s.client).Stat(s.ctx, owner, want.ID)
	if look.succeeds(err) {
		same(look, "the size is the one in the list", info.Size, want.Size)
		same(look, "the type is the one in the list", mediaType(info.Type), mediaType(want.Type))
	}
	var content bytes.Buffer
	got, err := kind.media(s.client).Download(s.ctx, owner, want.ID, &content)
	if !get.succeeds(err) {
		return nil
	}
	same(get, "the size is the one in the list", int64(content.Len()), want.Size)
	same(get, "the type is the one in the list", mediaType(got.Type), mediaType(want.Type))
	if info != nil {
		look.holds(info.Type == got.Type && (info.Size == got.Size || got.Size < 0), "it says what GET says", "it is %d %s and should be %d %s",
			info.Size, info.Type, got.Size, got.Type)
	}
	return content.Bytes()
}

// mediaType is a MIME type without its parameters.
func mediaType(s string) string {
	s, _, _ = strings.Cut(s, ";")
	return strings.ToLower(strings.TrimSpace(s))
}

func (s *session) uploadMedia() {
	for _, kind := range ownerKinds {
		if owner, item, _ := kind.fields(&s.own); *owner != "" {
			*item = s.upload(kind, *owner)
		}
	}
}

// upload stores files and returns the id of one.
func (s *session) upload(kind ownerKind, owner string) string {
	create := s.on("Create a media item owned by " + kind.name)
	name, content := s.marker+" + ü & co.txt", []byte("+/=%&\x00\xff of "+s.marker)
	_, err := kind.media(s.client).Upload(s.ctx, owner, trillian.MediaUpload{Name: name, Type: "text/plain", Data: bytes.NewReader(content)})
	if !create.succeeds(err) {
		return ""
	}
	file, ok := s.fileNamed(kind, owner, name)
	if !create.holds(ok, "a new media item is listed, by the name of the request", "it is not") {
		return ""
	}
	list := s.on("Get all media owned by " + kind.name)
	same(create, "type is that of the request", mediaType(file.Type), "text/plain")
	same(list, "size is the number of bytes", file.Size, int64(len(content)))
	same(list, "owner is whose media it is", file.Owner, owner)
	list.holds(!file.CreatedAt.IsZero(), "createdAt is set", "it is 0")
	got := s.checkFile(kind, owner, file)
	create.holds(bytes.Equal(got, content), "data is that of the request", "it is %q and should be %q", got, content)

	image := s.marker + ".png"
	_, err = kind.media(s.client).Upload(s.ctx, owner, trillian.MediaUpload{
		Name: image, Type: "image/png", Data: bytes.NewReader(pixel), ImageWidth: 1, ImageHeight: 1,
		Thumbnail: append(bytes.Clone(pixel), make([]byte, trillian.MaxThumbnail-len(pixel))...),
	})
	if create.succeeds(err) {
		with, ok := s.fileNamed(kind, owner, image)
		create.holds(ok && with.Thumbnail != "", "a media item may have image sizes and a thumbnail of 65,535 bytes", "it is %+v", with)
	}
	return file.ID
}

func (s *session) fileNamed(kind ownerKind, owner, name string) (file trillian.Media, ok bool) {
	files, err := kind.media(s.client).List(s.ctx, owner)
	if !s.on("Get all media owned by " + kind.name).succeeds(err) {
		return file, false
	}
	i := slices.IndexFunc(files, func(m trillian.Media) bool { return m.Name == name })
	if i < 0 {
		return file, false
	}
	return files[i], true
}

func (s *session) deleteMedia() {
	for _, kind := range ownerKinds {
		owner, item, _ := kind.fields(&s.own)
		if *item == "" {
			continue
		}
		remove := s.on("Delete a media item owned by " + kind.name)
		if !remove.succeeds(kind.media(s.client).Delete(s.ctx, *owner, *item)) {
			continue
		}
		_, err := kind.media(s.client).Stat(s.ctx, *owner, *item)
		remove.refuses(err, http.StatusNotFound, "a deleted media item is gone")
		files, err := kind.media(s.client).List(s.ctx, *owner)
		if s.on("Get all media owned by " + kind.name).succeeds(err) {
			gone := !slices.ContainsFunc(files, func(m trillian.Media) bool { return m.ID == *item })
			remove.holds(gone, "a deleted media item is not listed", "it is")
			remove.holds(len(files) == 1, "the owner's others stay", "there are %d", len(files))
		}
		for _, file := range files {
			remove.succeeds(kind.media(s.client).Delete(s.ctx, *owner, file.ID))
		}
		*item = ""
	}
}
