package trilliantest

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// maxBody is the largest request body, in bytes.
const maxBody = 1 << 30

// fileParam is the parameter that an upload's file comes in.
const fileParam = "data"

// form is the parameters of a request.
type form struct {
	values url.Values
	file   []byte // what fileParam held, decoded, where the operation takes a file
	sizes  map[string]int64
	err    error // why it cannot be read
}

// readForm reads the parameters from the body of a request, whatever its verb.
// An upload's file is decoded while it arrives, and kept once. A body of more
// than limit bytes is refused.
func readForm(r *http.Request, takesFile bool, limit int64) form {
	f := form{values: url.Values{}, sizes: map[string]int64{}}
	if r.Body == nil || r.Body == http.NoBody {
		return f
	}
	body := &limitedBody{r: r.Body, left: limit}
	if !isForm(r.Header) {
		// The rest of the body must go somewhere, for the connection's sake.
		if n, _ := io.Copy(io.Discard, body); n > 0 {
			f.err = badRequest("the body is not application/x-www-form-urlencoded")
		}
		return f
	}
	in := &formReader{r: bufio.NewReaderSize(body, 64<<10)}
	for f.err == nil && in.more() {
		f.readParam(in, takesFile, r.ContentLength)
	}
	if f.err == nil && in.err != nil {
		f.err = in.err
	}
	if f.err != nil {
		_, _ = io.Copy(io.Discard, body)
	}
	return f
}

func isForm(h http.Header) bool {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return err == nil && kind == "application/x-www-form-urlencoded"
}

func (f *form) readParam(in *formReader, takesFile bool, length int64) {
	key, _ := io.ReadAll(in.part('='))
	name := string(key)
	value := in.part('&')
	if name != fileParam || !takesFile {
		text, _ := io.ReadAll(value)
		f.values.Add(name, string(text))
		return
	}
	head := &headKeeper{r: value}
	room := bytes.MinRead
	if length > 0 {
		room += int(min(length, maxBody) / 4 * 3)
	}
	file := bytes.NewBuffer(make([]byte, 0, room))
	_, err := file.ReadFrom(base64.NewDecoder(base64.StdEncoding, head))
	_, _ = io.Copy(io.Discard, head)
	f.values.Add(name, string(head.kept))
	f.sizes[name] = head.size
	f.file = file.Bytes()
	if (err != nil || head.torn) && in.err == nil {
		f.err = badRequest("data is not Base64")
	}
}

// formReader reads name=value pairs, one part at a time.
type formReader struct {
	r   *bufio.Reader
	err error
}

// more reports whether another pair follows.
func (f *formReader) more() bool {
	for f.err == nil {
		next, err := f.r.Peek(1)
		if err != nil {
			f.fail(err)
			return false
		}
		if next[0] != '&' {
			return true
		}
		_, _ = f.r.Discard(1)
	}
	return false
}

func (f *formReader) fail(err error) {
	switch {
	case err == io.EOF:
	case errors.Is(err, errTooLarge):
		f.err = &problem{status: http.StatusRequestEntityTooLarge, text: "the body is too large"}
	default:
		f.err = badRequest("the body broke off")
	}
}

// part is a name, which ends at '=', or a value; both end at '&' too.
func (f *formReader) part(end byte) io.Reader { return &formPart{form: f, end: end} }

type formPart struct {
	form  *formReader
	end   byte
	ended bool
}

// Read gives the part without its escapes.
func (p *formPart) Read(out []byte) (int, error) {
	n := 0
	for n < len(out) && !p.ended && p.form.err == nil {
		if p.form.r.Buffered() == 0 {
			if n > 0 {
				return n, nil // what there is may be decoded while more arrives
			}
			if _, err := p.form.r.Peek(1); err != nil {
				p.form.fail(err)
				p.ended = true
				break
			}
		}
		n += p.unescape(out[n:])
	}
	switch {
	case n > 0:
		return n, nil
	case p.form.err != nil:
		return 0, p.form.err
	}
	return 0, io.EOF
}

// unescape handles what is buffered up to the first character that means more
// than itself, and that one.
func (p *formPart) unescape(out []byte) int {
	r := p.form.r
	buffered, _ := r.Peek(min(r.Buffered(), len(out)))
	n := 0
	for n < len(buffered) {
		if c := buffered[n]; c == '&' || c == '%' || c == '+' || c == p.end {
			break
		}
		n++
	}
	copy(out, buffered[:n])
	if n == len(buffered) {
		_, _ = r.Discard(n)
		return n
	}
	c := buffered[n]
	_, _ = r.Discard(n)
	switch c {
	case '+':
		_, _ = r.Discard(1)
		out[n] = ' '
		return n + 1
	case '%':
		hex, _ := r.Peek(3)
		if len(hex) < 3 || !isHex(hex[1]) || !isHex(hex[2]) {
			p.form.err = badRequest("the body has a percent sign that escapes nothing")
			return n
		}
		out[n] = unhex(hex[1])<<4 | unhex(hex[2])
		_, _ = r.Discard(3)
		return n + 1
	case p.end:
		_, _ = r.Discard(1)
	}
	// A '&' that ends a name belongs to the value, which thereby is empty.
	p.ended = true
	return n
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	}
	return c - '0'
}

// headKeeper counts what is read through it, and keeps the beginning. It also finds
// padding that is not at the end of Base64, which a decoder takes for the end of a file
// and the beginning of another where a Read ended there.
type headKeeper struct {
	r      io.Reader
	kept   []byte
	size   int64
	padded bool
	torn   bool // something follows the padding
}

func (h *headKeeper) Read(p []byte) (int, error) {
	n, err := h.r.Read(p)
	if room := maxRecorded - len(h.kept); room > 0 {
		h.kept = append(h.kept, p[:min(n, room)]...)
	}
	h.size += int64(n)
	rest := p[:n]
	if i := bytes.IndexByte(rest, '='); i >= 0 && !h.padded {
		h.padded, rest = true, rest[i:]
	}
	h.torn = h.torn || h.padded && len(bytes.Trim(rest, "=\r\n")) > 0
	return n, err
}

var errTooLarge = errors.New("too large")

// limitedBody fails beyond its limit, unlike io.LimitReader, which would make a
// complete form of the beginning of a long one.
type limitedBody struct {
	r    io.Reader
	left int64
}

func (l *limitedBody) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, errTooLarge
	}
	return n, err
}

// decodeBase64 reads Base64 with white space around it, as the server itself
// writes it. White space inside is a plus sign that was not escaped.
func decodeBase64(text string) ([]byte, bool) {
	data, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	return data, err == nil
}
