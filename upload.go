package trillian

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path"
	"strconv"
	"sync"
	"time"

	"github.com/trillian-go/trillian/internal/form"
)

// MaxThumbnail is the largest thumbnail, in bytes before Base64.
//
// Trillian API: Create a media item owned by a group chat.
const MaxThumbnail = 65_535

// MediaUpload describes a file to store.
type MediaUpload struct {
	Name string // the file's name
	Type string // the MIME type; "" for what the name's extension stands for, or else application/octet-stream

	// Data is the file, read from where it stands. If it is an io.Seeker it is read
	// twice, first to learn the request's length, and again on a retry. If it is
	// also an io.ReaderAt, as an *os.File is, only ReadAt is called, and it stands
	// where it stood before. Anything else is read and sent once, in chunks, which
	// some servers and proxies refuse (411).
	//
	// The end of the context ends an upload whose Data hangs, unless it is a regular
	// *os.File. A Read that waits then may still return, and fill its buffer, for a
	// moment after Upload has; no other follows it. A panic in it, and
	// runtime.Goexit, are errors.
	Data io.Reader

	// Thumbnail is an image of at most MaxThumbnail bytes, or none. That it may be
	// missing is inferred: the reference calls only the image's size optional.
	Thumbnail []byte

	ImageWidth  int // in pixels, 0 where it does not apply
	ImageHeight int // in pixels, 0 where it does not apply

	// Progress, if set, is called while the file is sent, at most about ten times
	// a second and once at its end, with the bytes of the file that have been
	// sent and the total, -1 where that is unknown. It is called from another
	// goroutine, and starts anew on a retry. The upload waits for it, but for a
	// second at most once all else is over. A panic in it, and runtime.Goexit, end
	// the upload with an error.
	Progress func(sent, total int64)
}

// Upload stores a file with an owner. The response is not documented: where it has no
// media, the result holds what was sent, without an ID.
//
// Like every POST it is sent again only where the server cannot have stored the
// file: it was not reached, said 429, or was sent a part of the form only. That
// takes a file that can be read again, which is one that can seek.
//
// Trillian API: POST /v1/groupchats/:groupchat/media/, POST /v1/users/:user/media/
func (s *MediaService) Upload(ctx context.Context, owner string, upload MediaUpload) (*Media, error) {
	return s.upload(ctx, endpoint(s.name+".Upload", s.under, owner), owner, upload)
}

func (s *MediaService) upload(ctx context.Context, r request, owner string, upload MediaUpload) (*Media, error) {
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
		return nil, s.client.unsent(call, r, err)
	}
	sent := &Media{Owner: owner, Name: upload.Name, Type: upload.mediaType()}
	media, err := change(ctx, s.client, http.MethodPost, r, "media", sent)
	if media == sent {
		sent.Size = r.file.sent()
	}
	return media, err
}

func (u *MediaUpload) check() error {
	switch {
	case u.Name == "":
		return &ArgumentError{Name: "name", Reason: "is empty"}
	case isNil(u.Data):
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

// form prepares the request body of an upload, to be measured before it is opened.
func (u *MediaUpload) form(ctx context.Context) *fileForm {
	return &fileForm{
		ctx: ctx, fields: u.fields(), progress: u.Progress, src: u.Data, size: -1, length: -1,
		reading: []lock{newLock()}, reporting: newLock(),
	}
}

// fileKey is the parameter that carries the file.
const fileKey = "data"

// fileForm is the form of an upload. net/http reads a body in a goroutine of its
// own, which may still run when an attempt is over: each attempt's reader works
// only until the next one, or the end of the call, takes the file from it.
type fileForm struct {
	ctx          context.Context // the call's
	fields       string
	size, length int64 // of the file and the form, -1 where unknown
	progress     func(sent, total int64)

	src      io.Reader
	seeker   io.Seeker   // src, if it can be read again
	start    int64       // where it stood then
	readerAt io.ReaderAt // src, if attempts need not share its cursor

	reporting lock // held while the caller's Progress works

	mu      sync.Mutex
	reading []lock // each held while the caller's reader works, which may be long
	turn    int
	form    *form.FileForm
	touched bool  // the file was read from
	handed  int64 // bytes of the form that net/http was given
	whole   bool  // they are all of it
	err     error
}

// lock is a mutex that is not waited for longer than a context lasts.
type lock chan struct{}

func newLock() lock { return make(lock, 1) }

func (l lock) take(ctx context.Context) bool {
	select {
	case l <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (l lock) give() { <-l }

// wait returns when nobody has the lock.
func (l lock) wait(ctx context.Context) {
	if l.take(ctx) {
		l.give()
	}
}

// measure reads a file that can be read again, to learn the length of its form.
func (f *fileForm) measure() error {
	seeker, ok := f.src.(io.Seeker)
	if !ok {
		return nil
	}
	size, length := f.size, f.length
	err := form.Apart(f.ctx, form.OfFile, func() error {
		start, err := seeker.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil // a pipe is an *os.File too
		}
		f.mu.Lock()
		f.start, f.seeker = start, seeker
		f.readerAt, _ = f.src.(io.ReaderAt)
		file := f.next()
		f.mu.Unlock()
		size, length, err = form.MeasureForm(f.ctx, f.fields, fileKey, file)
		return err
	})
	if err != nil {
		return err // it may still run, and set size and length
	}
	f.size, f.length = size, length
	return nil
}

// open is called once for every attempt, and once before the first.
func (f *fileForm) open() (io.Reader, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.touched && f.seeker == nil {
		return nil, errors.New("the file cannot be read a second time")
	}
	file := f.next()
	f.handed, f.whole = 0, false
	f.form = form.NewFileForm(f.fields, fileKey, file, f.size, f.length, f.reporter(f.turn))
	return &formReader{file: f, form: f.form, turn: f.turn}, nil
}

// next takes the file from the latest attempt and returns it for another.
func (f *fileForm) next() io.Reader {
	f.turn++
	r := &fileReader{file: f, turn: f.turn, src: f.src, reading: f.reading[0], rewind: f.seeker != nil}
	if f.readerAt != nil {
		r.src, r.rewind = io.NewSectionReader(f.readerAt, f.start, math.MaxInt64-f.start), false
		r.reading = newLock()
		f.reading = append(f.reading, r.reading)
	}
	return r
}

// reporter is the caller's Progress during one attempt.
func (f *fileForm) reporter(turn int) func(sent, total int64) error {
	if f.progress == nil {
		return nil
	}
	return func(sent, total int64) error {
		return form.Apart(f.ctx, form.OfProgress, func() error {
			if !f.reporting.take(f.ctx) {
				return f.ctx.Err()
			}
			defer f.reporting.give()
			if f.isTurn(turn) {
				f.progress(sent, total)
			}
			return nil
		})
	}
}

var errOver = errors.New("the attempt is over")

// fileReader is the caller's reader during one attempt, locked for one Read at
// a time: the many that fill a block would keep the caller waiting.
type fileReader struct {
	file    *fileForm
	turn    int
	src     io.Reader
	reading lock
	rewind  bool // src does not stand at its start
}

func (r *fileReader) Read(p []byte) (int, error) {
	if !r.reading.take(r.file.ctx) {
		return 0, errOver
	}
	defer r.reading.give()
	if !r.file.touch(r.turn) {
		return 0, errOver
	}
	if r.rewind {
		if _, err := r.file.seeker.Seek(r.file.start, io.SeekStart); err != nil {
			return 0, fmt.Errorf("rewind: %w", err)
		}
		r.rewind = false
	}
	return r.src.Read(p)
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
	form *form.FileForm
	turn int
}

func (r *formReader) Read(p []byte) (n int, err error) {
	err = form.ErrGoexit // unless Read returns
	defer func() { n, err = r.hand(n, err) }()
	return r.form.Read(p)
}

// hand notes what is handed to net/http, or why nothing is.
func (r *formReader) hand(n int, err error) (int, error) {
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
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.touched && f.seeker == nil
}

// MayHang is false for a regular file, whose reads end: what it takes to abandon
// one that does not would make the upload of a file a third slower.
func (f *fileForm) MayHang() bool {
	file, ok := f.src.(*os.File)
	if !ok {
		return true
	}
	info, err := file.Stat()
	return err != nil || !info.Mode().IsRegular()
}

func (f *fileForm) sent() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.form.Sent()
}

// release takes the file from net/http, so that the caller has it to itself and
// Progress is not called any more. What still runs is waited for, but no longer than
// a second, and a Read no longer than the context lasts.
func (f *fileForm) release() {
	f.mu.Lock()
	f.turn++
	reading := f.reading
	f.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	f.reporting.wait(ctx)
	defer context.AfterFunc(f.ctx, cancel)()
	for _, l := range reading {
		l.wait(ctx)
	}
}
