package trillian

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// DownloadFile writes a file to path, whole and as it is listed, or not at all.
// item is what [MediaService.List] returned. A response of another size, or of
// another type where both name one (application/octet-stream names none), is a
// [DecodeError]: it may be a proxy's login page. One that breaks off is asked for
// again, from the start.
//
// The bytes go to a file of another name beside path, which is synced and then
// renamed. What stands at path is replaced, and lends its permissions; anything
// but a regular file, symbolic links included, is refused. item.Name is not used:
// the sender chose it, and it may be a path to anywhere.
//
// Trillian API: GET /v1/groupchats/:groupchat/media/:item/, GET /v1/users/:user/media/:item/
func (s *MediaService) DownloadFile(ctx context.Context, owner string, item Media, path string) (*MediaInfo, error) {
	r := s.content(".DownloadFile", owner, item.ID)
	if item.Size < 0 {
		r = r.refuse("item", errors.New("has a negative size"))
	}
	before, err := os.Lstat(path)
	switch {
	case path == "":
		r = r.refuse("path", errors.New("is empty"))
	case err == nil:
		r = r.refuseIrregular(before)
	}
	call, err := s.client.newCall(ctx, r)
	if err != nil {
		return nil, err
	}
	f, err := createPart(path, before)
	if err != nil {
		return nil, s.client.unsent(call, r, err)
	}
	defer f.discard()
	var info *MediaInfo
	err = s.client.exchange(ctx, r, func(resp *http.Response) error {
		info = mediaInfo(resp)
		if err := checkListed(info, item); err != nil {
			return err
		}
		info.Size = item.Size
		return f.fill(&exactly{body: resp.Body, size: item.Size})
	})
	if err != nil {
		return nil, err
	}
	return info, nil
}

// checkListed holds a response's headers against the list.
func checkListed(info *MediaInfo, item Media) error {
	sent, listed := namedType(info.Type), namedType(item.Type)
	switch {
	case sent != "" && listed != "" && sent != listed:
		return fmt.Errorf("is of type %q, not %q as listed", shorten(sent, maxContentType), shorten(listed, maxContentType))
	case info.Size >= 0 && info.Size != item.Size:
		return fmt.Errorf("has %d bytes, not %d as listed", info.Size, item.Size)
	}
	return nil
}

// namedType is a MIME type without its parameters, or "" if it says nothing.
func namedType(kind string) string {
	if kind = strings.ToLower(withoutParameters(kind)); kind == "application/octet-stream" {
		return ""
	}
	return kind
}

// part is a file that gets its name when it is whole.
type part struct {
	*os.File
	path string
}

// createPart makes a file beside path, with the permissions of what it is to
// replace, or those of any new file. At no time has it more than these.
func createPart(path string, before fs.FileInfo) (*part, error) {
	mode := fs.FileMode(0o666)
	if before != nil {
		mode = before.Mode().Perm()
	}
	name := filepath.Join(filepath.Dir(path), ".trillian-"+rand.Text()+".part")
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return nil, err
	}
	p := &part{f, path}
	if before != nil { // the umask has taken from it
		if err := p.Chmod(mode); err != nil {
			p.discard()
			return nil, err
		}
	}
	return p, nil
}

// fill writes all of a body from the start, over what an earlier one left, which
// was no longer, and puts the file in its place. What fails here, below the network, fails again.
func (p *part) fill(body io.Reader) error {
	if _, err := p.Seek(0, io.SeekStart); err != nil {
		return partly{&writeError{err}}
	}
	if _, err := copyTo(p.File, body); err != nil {
		if handed, ok := errors.AsType[partly](err); ok && !isWriteError(err) {
			return handed.error // nobody has seen it yet
		}
		return err
	}
	if err := p.keep(); err != nil {
		return partly{&writeError{err}}
	}
	return nil
}

func (p *part) keep() error {
	if err := p.Sync(); err != nil {
		return err
	}
	if err := p.Close(); err != nil {
		return err
	}
	return os.Rename(p.Name(), p.path)
}

// discard removes what was not kept.
func (p *part) discard() {
	_ = p.Close()
	_ = os.Remove(p.Name())
}

// UploadFile stores a file of this machine with an owner, under the last element of
// path, as [MediaService.Upload] does. Its type is what the name's extension stands
// for, or else what [http.DetectContentType] makes of its first bytes. Anything but a
// regular file is an [ArgumentError].
//
// Trillian API: POST /v1/groupchats/:groupchat/media/, POST /v1/users/:user/media/
func (s *MediaService) UploadFile(ctx context.Context, owner, path string) (*Media, error) {
	r := endpoint(s.name+".UploadFile", s.under, owner)
	r.method = http.MethodPost
	info, missing := os.Stat(path) // to open a named pipe would wait for its other end
	switch {
	case path == "":
		r = r.refuse("path", errors.New("is empty"))
	case missing == nil:
		r = r.refuseIrregular(info)
	}
	call, err := s.client.newCall(ctx, r)
	if err != nil {
		return nil, err
	}
	if missing != nil {
		return nil, s.client.unsent(call, r, missing)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, s.client.unsent(call, r, err)
	}
	defer f.Close()
	kind, err := fileType(f)
	if err != nil {
		return nil, s.client.unsent(call, r, err)
	}
	return s.upload(ctx, r, owner, MediaUpload{Name: filepath.Base(path), Type: kind, Data: f})
}

func (r request) refuseIrregular(info fs.FileInfo) request {
	switch {
	case info.IsDir():
		return r.refuse("path", errors.New("is a directory"))
	case !info.Mode().IsRegular():
		return r.refuse("path", errors.New("is not a regular file"))
	}
	return r
}

// fileType is the MIME type of a file, whose place it does not move.
func fileType(f *os.File) (string, error) {
	if kind := mime.TypeByExtension(filepath.Ext(f.Name())); kind != "" {
		return kind, nil
	}
	var start [512]byte // is what DetectContentType looks at
	n, err := f.ReadAt(start[:], 0)
	if err != nil && err != io.EOF {
		return "", err
	}
	return http.DetectContentType(start[:n]), nil
}
