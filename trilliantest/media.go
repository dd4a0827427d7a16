package trilliantest

import (
	"crypto/sha256"
	"encoding/base64"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxThumbnail is the reference's limit, in bytes before Base64.
const maxThumbnail = 65_535

// file is a media item. Its contents are never changed once it is made, and so
// can be sent without holding anything up.
type file struct {
	id                      string
	name, mediaType         string
	content, thumbnail      []byte
	createdAt, expiresAt    int64 // in seconds, 0 for never
	dataHash, thumbnailHash string
}

// hash32 is 32 bytes in Base64, the look of the server's own hashes.
func hash32(b []byte) string {
	sum := sha256.Sum256(b)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// addMedia gives a file its id and its hashes.
func (st *state) addMedia(o *owner, f file) *file {
	if f.mediaType == "" {
		f.mediaType = "application/octet-stream"
	}
	if f.id == "" {
		f.id = hash32([]byte(o.name + "\n" + st.ids()))
	}
	if f.dataHash == "" {
		f.dataHash = hash32(f.content)
	}
	if f.thumbnailHash == "" && len(f.thumbnail) > 0 {
		f.thumbnailHash = hash32(f.thumbnail)
	}
	o.media = append(o.media, &f)
	return &f
}

func (o *owner) mediaAt(id string) (int, error) {
	i := slices.IndexFunc(o.media, func(f *file) bool { return f.id == id })
	if i < 0 {
		return i, notFound("no such media item")
	}
	return i, nil
}

func listMedia(_ *state, _ *call, o *owner) (*answer, error) {
	return respond(http.StatusOK, func(x *xmlWriter) {
		for _, f := range o.media {
			writeMedia(x, o, f)
		}
	})
}

func getMedia(_ *state, c *call, o *owner) (*answer, error) {
	i, err := o.mediaAt(c.args[1])
	if err != nil {
		return nil, err
	}
	f := o.media[i]
	a := bytesOf(f.mediaType, f.content)
	a.header.Set("Trillian-Media-Name", headerText(f.name))
	a.header.Set("Trillian-Media-Size", strconv.Itoa(len(f.content)))
	a.header.Set("Trillian-Media-Created-At", strconv.FormatInt(f.createdAt, 10))
	if f.thumbnailHash != "" {
		a.header.Set("Trillian-Media-Thumbnail", f.thumbnailHash)
	}
	return a, nil
}

// headerText is a text as UTF-8 that a header can hold.
func headerText(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return utf8.RuneError
		}
		return r
	}, s)
}

func createMedia(st *state, c *call, o *owner) (*answer, error) {
	p := c.params()
	f := file{name: p.required("name"), mediaType: p.required("type"), createdAt: c.now / 1000}
	f.readContent(p, c.form)
	var height, width int64
	p.integer("imageheight", &height, 0, math.MaxInt32)
	p.integer("imagewidth", &width, 0, math.MaxInt32)
	var thumbnail string
	p.base64("thumbnail", &thumbnail)
	if f.thumbnail = []byte(thumbnail); len(f.thumbnail) > maxThumbnail {
		p.fail("thumbnail exceeds %d bytes", maxThumbnail)
	}
	if p.err != nil {
		return nil, p.err
	}
	own := st.addMedia(o, f)
	return respond(http.StatusCreated, func(x *xmlWriter) { writeMedia(x, o, own) })
}

// readContent takes the file that came with a form.
func (f *file) readContent(p *params, from form) {
	if _, ok := p.get(fileParam); !ok {
		p.fail("%s is missing", fileParam)
	}
	f.content = from.file
}

func deleteMedia(_ *state, c *call, o *owner) (*answer, error) {
	i, err := o.mediaAt(c.args[1])
	if err != nil {
		return nil, err
	}
	o.media = slices.Delete(o.media, i, i+1)
	return noContent()
}

func writeMedia(x *xmlWriter, o *owner, f *file) {
	size := int64(len(f.content))
	x.begin("media", "m", f.id)
	x.number("createdAt", f.createdAt)
	x.number("expiresAt", f.expiresAt)
	x.number("size", size)
	x.text("owner", o.name)
	x.text("type", f.mediaType)
	x.text("name", f.name)
	x.text("thumbnail", f.thumbnailHash)
	x.text("data", f.dataHash)
	x.end()
}
