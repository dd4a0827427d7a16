package trillian

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/url"
	"path"
	"strconv"
	"sync"
	"time"

	"github.com/trillian-go/trillian/internal/wire"
)

// MaxThumbnail is the largest thumbnail, in bytes before Base64.
//
// Trillian API: Create a media item owned by a group chat.
const MaxThumbnail = 65_535

// MediaUpload describes a file to store.
type MediaUpload struct {
	Name string // the file's name
	Type string // the MIME type; "" for what the name's extension stands for

	// Data is the file, read from where it stands. If it is an io.Seeker it is
	// read twice, first to learn the request's length, and again on a retry.
	// Otherwise it is sent once, in chunks, which some servers refuse.
	Data io.Reader

	Thumbnail   []byte // an image of at most MaxThumbnail bytes, or none
	ImageWidth  int    // in pixels, 0 where it does not apply
	ImageHeight int    // in pixels, 0 where it does not apply

	// Progress, if set, is called while the file is sent, at most about ten times
	// a second and once at its end, with the bytes of the file that have been
	// sent and the total, -1 where that is unknown. It is called from another
	// goroutine, for which the upload waits, and starts anew on a retry.
	Progress func(sent, total int64)
}

func (u *MediaUpload) check() error {
	switch {
	case u.Name == "":
		return &ArgumentError{Name: "name", Reason: "is empty"}
	case u.Data == nil:
		return &ArgumentError{Name: "data", Reason: "is nil"}
	case len(u.Thumbnail) > MaxThumbnail:
		return &ArgumentError{Name: "thumbnail", Reason: fmt.Sprintf("has %d bytes: at most %d are allowed", len(u.Thumbnail), MaxThumbnail)}
	case u.ImageWidth < 0 || u.ImageHeight < 0:
		return &ArgumentError{Name: "image size", Reason: "is negative"}
	}
	return nil
}

func (u *MediaUpload) mediaType() string {
	if u.Type != "" {
		return u.Type
	}
	if t := mime.TypeByExtension(path.Ext(u.Name)); t != "" {
		return t
	}
	return "application/octet-stream"
}

// fields are the parameters before the file, encoded.
func (u *MediaUpload) fields() string {
	v := url.Values{"name": {u.Name}, "type": {u.mediaType()}}
	if u.ImageHeight > 0 {
		v.Set("imageheight", strconv.Itoa(u.ImageHeight))
	}
	if u.ImageWidth > 0 {
		v.Set("imagewidth", strconv.Itoa(u.ImageWidth))
	}
	if len(u.Thumbnail) > 0 {
		v.Set("thumbnail", base64.StdEncoding.EncodeToString(u.Thumbnail))
	}
	return v.Encode()
}

// form makes the request body of an upload, with its length where the file can
// be read twice.
func (u *MediaUpload) form(ctx context.Context) (*fileForm, error) {
	if err := u.check(); err != nil {
		return nil, err
	}
	f := &fileForm{fields: u.fields(), progress: u.Progress, src: u.Data, size: -1, length: -1}
	seeker, ok := u.Data.(io.Seeker)
	if !ok {
		return f, nil
	}
	start, err := seeker.Seek(0, io.SeekCurrent)
	if err != nil {
		return f, nil // a pipe is an *os.File too
	}
	f.rewind = func() error { _, err := seeker.Seek(start, io.SeekStart); return err }
	if f.size, f.length, err = wire.MeasureForm(ctx, f.fields, fileKey, u.Data); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, fmt.Errorf("trillian: reading the file to upload: %w", err)
	}
	return f, nil
}

// fileKey is the parameter that carries the file.
const fileKey = "data"

// fileForm is the form of an upload. net/http reads a body in a goroutine of its
// own, which may still run when an attempt is over: each attempt's reader works
// only until the next one, or the end of the call, takes the file from it.
type fileForm struct {
	fields       string
	size, length int64 // of the file and the form, -1 where unknown
	rewind       func() error
	progress     func(sent, total int64)

	reading sync.Mutex // held while the caller's reader works, which may be long
	src     io.Reader

	reporting sync.Mutex // held while the caller's Progress works

	mu      sync.Mutex
	turn    int
	form    *wire.FileForm
	touched bool  // the file was read from
	handed  int64 // bytes of the form that net/http was given
	whole   bool  // they are all of it
	err     error
}

// open is called once for every attempt, and once before the first.
func (f *fileForm) open() (io.Reader, error) {
	f.reading.Lock()
	defer f.reading.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.touched && f.rewind == nil {
		return nil, errors.New("the file cannot be read a second time")
	}
	if f.rewind != nil {
		if err := f.rewind(); err != nil {
			f.err = fmt.Errorf("rewinding the file to upload: %w", err)
			return nil, f.err
		}
	}
	f.turn++
	f.handed, f.whole = 0, false
	f.form = wire.NewFileForm(f.fields, fileKey, fileReader{f, f.turn}, f.size, f.reporter(f.turn))
	if f.length >= 0 {
		f.form.ExpectLength(f.length)
	}
	return &formReader{file: f, form: f.form, turn: f.turn}, nil
}

// reporter is the caller's Progress during one attempt.
func (f *fileForm) reporter(turn int) func(sent, total int64) {
	if f.progress == nil {
		return nil
	}
	return func(sent, total int64) {
		f.reporting.Lock()
		defer f.reporting.Unlock()
		if f.isTurn(turn) {
			f.progress(sent, total)
		}
	}
}

var errOver = errors.New("the attempt is over")

// fileReader is the caller's reader during one attempt, locked for one Read at
// a time: the many that fill a block would keep the caller waiting.
type fileReader struct {
	file *fileForm
	turn int
}

func (r fileReader) Read(p []byte) (int, error) {
	r.file.reading.Lock()
	defer r.file.reading.Unlock()
	if !r.file.touch(r.turn) {
		return 0, errOver
	}
	return r.file.src.Read(p)
}

// touch reports whether it is still the attempt's turn to read the file.
func (f *fileForm) touch(turn int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.touched = f.touched || turn == f.turn
	return turn == f.turn
}

func (f *fileForm) isTurn(turn int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return turn == f.turn
}

// formReader is the body of one attempt.
type formReader struct {
	file *fileForm
	form *wire.FileForm
	turn int
}

func (r *formReader) Read(p []byte) (int, error) {
	n, err := r.form.Read(p)
	f := r.file
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.turn != f.turn {
		return 0, errOver
	}
	f.handed += int64(n)
	f.whole = err == io.EOF || f.handed == f.length
	if err != nil && err != io.EOF {
		f.err = err
	}
	return n, err
}

// Whole reports whether all of the form was handed over, which is before a server
// can have read it. If not, it never will be: the attempt ends here.
func (f *fileForm) Whole() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.whole {
		f.turn++
	}
	return f.whole
}

// Err is the failure of the caller's reader.
func (f *fileForm) Err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// Spent reports whether the file has been read and cannot be read again.
func (f *fileForm) Spent() bool {
	if f.rewind != nil {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.touched
}

// MayHang takes what can seek for a file, whose reads end.
func (f *fileForm) MayHang() bool { return f.rewind == nil }

func (f *fileForm) sent() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.form.Sent()
}

// release takes the file from net/http, so that the caller has it to itself and
// Progress is not called any more. A Read or a Progress that blocks is not waited
// for beyond a second or the context's end.
func (f *fileForm) release(ctx context.Context) {
	f.mu.Lock()
	f.turn++
	f.mu.Unlock()
	released := make(chan struct{})
	go func() {
		f.reading.Lock()
		defer f.reading.Unlock()
		f.reporting.Lock()
		defer f.reporting.Unlock()
		close(released)
	}()
	select {
	case <-released:
	case <-ctx.Done():
	case <-time.After(time.Second):
	}
}
