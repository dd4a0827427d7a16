package form

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// naiveForm is what a FileForm must equal.
func naiveForm(fields, key string, file []byte) string {
	form := url.Values{key: {base64.StdEncoding.EncodeToString(file)}}.Encode()
	if fields != "" {
		form = fields + "&" + form
	}
	return form
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b) // never fails
	return b
}

// readAllBy reads r to its end with a p of n bytes, and checks that it is filled.
func readAllBy(t *testing.T, r io.Reader, n int) (string, error) {
	t.Helper()
	var all []byte
	p := make([]byte, n)
	for {
		m, err := r.Read(p)
		all = append(all, p[:m]...)
		if err == io.EOF {
			return string(all), nil
		}
		if err != nil {
			return string(all), err
		}
		if m != n { // cheaper than a require a byte
			require.Equal(t, n, m, "p must be filled")
		}
	}
}

func TestFileFormEqualsNaive(t *testing.T) {
	t.Parallel()
	files := map[string][]byte{}
	for n := range 301 {
		files[fmt.Sprintf("random %d", n)] = randomBytes(n)
	}
	for _, n := range []int{formBlock - 1, formBlock, formBlock + 1, formBlock + 25, 2*formBlock - 2, 5 * formBlock, 1<<20 + 7} {
		files[fmt.Sprintf("random %d", n)] = randomBytes(n)
	}
	files["only pluses"] = bytes.Repeat([]byte{0xfb, 0xef, 0xbe}, 20_000)
	files["only slashes"] = bytes.Repeat([]byte{0xff}, 60_001)
	files["only As"] = make([]byte, 60_002)

	readers := map[string]func(io.Reader) io.Reader{
		"plain":    func(r io.Reader) io.Reader { return r },
		"one byte": iotest.OneByteReader,
		"half":     iotest.HalfReader,
		"data+EOF": iotest.DataErrReader,
		"stutters": func(r io.Reader) io.Reader { return &stutterReader{r: r, tries: maxEmptyReads - 1} },
	}
	for name, file := range files {
		want := naiveForm("name=a.png&type=image%2Fpng", "data", file)
		for how, wrap := range readers {
			for _, p := range []int{1, 97, minOut - 1, minOut, 4096, 32 << 10} {
				if len(file) > 50_000 && p < 97 {
					continue
				}
				f := NewFileForm("name=a.png&type=image%2Fpng", "data", wrap(bytes.NewReader(file)), int64(len(file)), int64(len(want)), nil)
				got, err := readAllBy(t, f, p)
				require.NoError(t, err, "%s, %s, %d", name, how, p)
				require.True(t, want == got, "%s, %s, %d", name, how, p)
				require.EqualValues(t, len(file), f.Sent())
			}
		}
		size, length, err := MeasureForm(t.Context(), "name=a.png&type=image%2Fpng", "data", iotest.HalfReader(bytes.NewReader(file)))
		require.NoError(t, err)
		require.EqualValues(t, len(file), size, name)
		require.EqualValues(t, len(want), length, name)
	}
}

// stutterReader returns 0, nil so many times before each read.
type stutterReader struct {
	r            io.Reader
	tries, empty int
}

func (s *stutterReader) Read(p []byte) (int, error) {
	if s.empty < s.tries {
		s.empty++
		return 0, nil
	}
	s.empty = 0
	return s.r.Read(p)
}

func TestFileFormFields(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, fields, key, file, want string }{
		{"no fields", "", "data", "abc", "data=YWJj"},
		{"fields", "name=a", "data", "ab", "name=a&data=YWI%3D"},
		{"empty file", "name=a", "data", "", "name=a&data="},
		{"nothing at all", "", "data", "", "data="},
		{"all three escapes", "", "data", "\xfb\xff\xbf\xff", "data=%2B%2F%2B%2F%2Fw%3D%3D"},
		{"key to escape", "", "da&ta", "", "da%26ta="},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := io.ReadAll(NewFileForm(tc.fields, tc.key, strings.NewReader(tc.file), -1, -1, nil))
			require.NoError(t, err)
			require.Equal(t, tc.want, string(got))

			size, length, err := MeasureForm(t.Context(), tc.fields, tc.key, strings.NewReader(tc.file))
			require.NoError(t, err)
			require.EqualValues(t, len(tc.file), size)
			require.EqualValues(t, len(tc.want), length)
		})
	}
}

func TestFileFormEndIsSticky(t *testing.T) {
	t.Parallel()
	f := NewFileForm("", "data", strings.NewReader("abc"), 3, -1, nil)
	n, err := f.Read(nil)
	require.Zero(t, n)
	require.NoError(t, err)
	_, err = io.ReadAll(f)
	require.NoError(t, err)
	for range 2 {
		n, err = f.Read(make([]byte, 10))
		require.Zero(t, n)
		require.Equal(t, io.EOF, err)
	}
}

// TestFileFormSourceFails checks every way in which a file can disappoint: the
// error is one of the file that says which, stays, and the body is a proper prefix
// of the whole one, lacking at least its last character.
func TestFileFormSourceFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk on fire")
	reading := func(n int, then io.Reader) io.Reader { return io.MultiReader(bytes.NewReader(randomBytes(n)), then) }
	for _, tc := range []struct {
		name  string
		file  func(n int) io.Reader // n bytes were announced
		least int                   // at least as many
		size  bool                  // the FileForm knows n
		is    error
		says  string
		both  bool // MeasureForm fails too
	}{
		{name: "one byte short", size: true, is: ErrSizeChanged, least: 1,
			file: func(n int) io.Reader { return bytes.NewReader(randomBytes(n - 1)) }},
		{name: "empty", size: true, is: ErrSizeChanged, least: 1,
			file: func(int) io.Reader { return strings.NewReader("") }},
		{name: "one byte long", size: true, is: ErrSizeChanged,
			file: func(n int) io.Reader { return bytes.NewReader(randomBytes(n + 1)) }},
		{name: "one byte long, late", size: true, is: ErrSizeChanged,
			file: func(n int) io.Reader { return iotest.OneByteReader(bytes.NewReader(randomBytes(n + 1))) }},
		{name: "far too long", size: true, is: ErrSizeChanged,
			file: func(n int) io.Reader { return bytes.NewReader(randomBytes(n + 3*formBlock)) }},
		{name: "error at the end", size: true, is: broken, both: true,
			file: func(n int) io.Reader { return reading(n, iotest.ErrReader(broken)) }},
		{name: "error at the end, size unknown", is: broken, both: true,
			file: func(n int) io.Reader { return reading(n, iotest.ErrReader(broken)) }},
		{name: "error with the last data", size: true, is: broken, both: true,
			file: func(n int) io.Reader { return iotest.DataErrReader(reading(n, iotest.ErrReader(broken))) }},
		{name: "unexpected end", is: io.ErrUnexpectedEOF, both: true,
			file: func(n int) io.Reader { return reading(n, iotest.ErrReader(io.ErrUnexpectedEOF)) }},
		{name: "end inside another error", is: io.EOF, says: "x: EOF", both: true,
			file: func(n int) io.Reader { return reading(n, iotest.ErrReader(fmt.Errorf("x: %w", io.EOF))) }},
		{name: "no progress", size: true, is: io.ErrNoProgress, both: true,
			file: func(n int) io.Reader { return &stutterReader{r: bytes.NewReader(randomBytes(n)), tries: maxEmptyReads} }},
		{name: "negative count", says: "invalid count -1", both: true,
			file: func(n int) io.Reader { return reading(n, readerFunc(func([]byte) (int, error) { return -1, nil })) }},
		{name: "count too large", says: "invalid count", both: true,
			file: func(int) io.Reader { return readerFunc(func(p []byte) (int, error) { return len(p) + 1, nil }) }},
		{name: "panic", size: true, says: "panic: no disk", both: true,
			file: func(n int) io.Reader { return reading(n, readerFunc(func([]byte) (int, error) { panic("no disk") })) }},
		{name: "nil reader", says: "panic: ", both: true,
			file: func(int) io.Reader { return nil }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			check := func(err error) {
				require.ErrorContains(t, err, "read file: ")
				if tc.is != nil {
					require.ErrorIs(t, err, tc.is)
				}
				require.ErrorContains(t, err, tc.says)
			}
			for _, n := range []int{0, 1, 2, 24, 25, 26, 50, 1000, formBlock, formBlock + 1, 3 * formBlock} {
				if n < tc.least {
					continue
				}
				whole := naiveForm("a=b", "data", randomBytes(n))
				for _, p := range []int{1, 100, 4096, 1 << 20} {
					size := int64(-1)
					if tc.size {
						size = int64(n)
					}
					f := NewFileForm("a=b", "data", tc.file(n), size, -1, func(sent, _ int64) error {
						require.Less(t, sent, int64(n), "reported as complete")
						return nil
					})
					body, err := readAllBy(t, f, p)
					require.NotEqual(t, whole, body)
					require.True(t, strings.HasPrefix(whole, body))
					check(err)
					m, again := f.Read(make([]byte, 10))
					require.Zero(t, m)
					require.Equal(t, err, again)
				}
				if tc.both {
					_, _, err := MeasureForm(t.Context(), "a=b", "data", tc.file(n))
					check(err)
				}
			}
		})
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// TestFileFormLengthChanged sends a file that was rewritten after it was
// measured, with as many bytes as before but more or fewer to escape.
func TestFileFormLengthChanged(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 3, 25, 26, 1000, 3 * formBlock} {
		plain, slashes := make([]byte, n), bytes.Repeat([]byte{0xff}, n)
		last := min(n, 2)
		for name, file := range map[string]struct{ measured, sent []byte }{
			"longer":         {plain, slashes},
			"shorter":        {slashes, plain},
			"longer at last": {plain, slices.Concat(plain[last:], slashes[:last])},
			"was empty":      {nil, plain},
			"is empty":       {plain, nil},
		} {
			for _, p := range []int{1, 100, 1 << 20} {
				_, length, err := MeasureForm(t.Context(), "", "data", bytes.NewReader(file.measured))
				require.NoError(t, err)
				// The size alone would give the last two away.
				f := NewFileForm("", "data", bytes.NewReader(file.sent), -1, length, func(sent, _ int64) error {
					require.Less(t, sent, int64(len(file.sent)), "reported as complete")
					return nil
				})
				body, err := readAllBy(t, f, p)
				require.ErrorIs(t, err, ErrSizeChanged, "%s %d", name, n)
				require.NotEqual(t, naiveForm("", "data", file.sent), body)
				require.Less(t, int64(len(body)), length)
				require.ErrorContains(t, err, "read file: ")
			}
		}
	}
}

func TestFileFormProgress(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		size  int
		known bool
		delay time.Duration // of each read of 4 KiB
	}{
		{"quick", 10 * formBlock, true, 0},
		{"quick, unknown size", 10 * formBlock, false, 0},
		{"slow", 20 * formBlock, true, 7 * time.Millisecond},
		{"slow, unknown size", 20 * formBlock, false, 7 * time.Millisecond},
		{"very slow", 5 * formBlock, true, time.Second},
		{"one block", formBlock, true, 0},
		{"small", 10, true, 0},
		{"empty", 0, true, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				file := bytes.NewReader(randomBytes(tc.size))
				slow := readerFunc(func(p []byte) (int, error) {
					time.Sleep(tc.delay)
					return file.Read(p[:min(len(p), 4096)])
				})
				total := int64(-1)
				if tc.known {
					total = int64(tc.size)
				}
				start := time.Now()
				var calls []int64
				var last time.Time
				f := NewFileForm("", "data", slow, total, -1, func(sent, reported int64) error {
					require.Equal(t, total, reported)
					if sent < int64(tc.size) {
						require.GreaterOrEqual(t, time.Since(last), progressInterval)
						require.Positive(t, sent)
					}
					last = time.Now()
					calls = append(calls, sent)
					return nil
				})
				_, err := io.Copy(io.Discard, f)
				require.NoError(t, err)

				require.NotEmpty(t, calls)
				require.EqualValues(t, tc.size, calls[len(calls)-1])
				require.IsIncreasing(t, append([]int64{-1}, calls...), "complete once only")
				seconds := time.Since(start).Seconds()
				require.LessOrEqual(t, len(calls), int(10*seconds)+2)
				if tc.delay > 0 { // it does say something while it goes on
					require.Greater(t, len(calls), 4)
				}
			})
		})
	}
}

// TestFileFormProgressFails leaves no body that looks whole, however late it fails.
func TestFileFormProgressFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("no terminal")
	for _, n := range []int{0, 1, 1000, 3 * formBlock} {
		file := randomBytes(n)
		body, err := readAllBy(t, NewFileForm("", "data", bytes.NewReader(file), -1, -1, func(int64, int64) error { return broken }), 100)
		require.ErrorIs(t, err, broken)
		require.NotEqual(t, naiveForm("", "data", file), body)
	}
}

func TestApart(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	done, cancel := context.WithCancel(t.Context())
	cancel()
	let := make(chan struct{})
	defer close(let)
	for name, c := range map[string]struct {
		ctx  context.Context
		f    func() error
		is   error
		says string
	}{
		"nothing": {t.Context(), func() error { return nil }, nil, ""},
		"error":   {t.Context(), func() error { return broken }, broken, "broken"},
		"panic":   {t.Context(), func() error { panic("no disk") }, nil, "Seek: panic: no disk"},
		"Goexit":  {t.Context(), func() error { runtime.Goexit(); return nil }, errGoexit, "Seek: runtime.Goexit was called"},
		"hangs":   {done, func() error { <-let; return nil }, context.Canceled, "context canceled"},
	} {
		err := Apart(c.ctx, "Seek", c.f)
		if c.says == "" {
			require.NoError(t, err)
			continue
		}
		require.EqualError(t, err, c.says, name)
		if c.is != nil {
			require.ErrorIs(t, err, c.is, name)
		}
	}
}

func TestFileFormSentWhileRunning(t *testing.T) {
	t.Parallel()
	r, w := io.Pipe()
	f := NewFileForm("", "data", r, -1, -1, nil)
	done := make(chan error)
	go func() {
		_, err := io.Copy(io.Discard, f)
		done <- err
	}()
	for i := range int64(100) {
		_, err := w.Write([]byte{1, 2, 3})
		require.NoError(t, err)
		// The write returns when the bytes are taken, a moment before they count.
		require.Eventually(t, func() bool { return f.Sent() == 3*(i+1) }, 10*time.Second, time.Microsecond)
	}
	require.NoError(t, w.Close())
	require.NoError(t, <-done)
	require.EqualValues(t, 300, f.Sent())
}

func TestMeasureFormStopsWithContext(t *testing.T) {
	t.Parallel()
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	reads := 0
	endless := readerFunc(func(p []byte) (int, error) {
		switch reads++; reads {
		case 3:
			cancel(cause)
		case 10:
			return 0, errors.New("not stopped")
		}
		return len(p), nil
	})
	_, _, err := MeasureForm(ctx, "", "data", endless)
	require.ErrorIs(t, err, cause)
	require.Equal(t, 3, reads)
}

// TestFileFormOverHTTP sends bodies through net/http, which reads them with
// buffers of its own choice, and lets the server's form parser judge them.
func TestFileFormOverHTTP(t *testing.T) {
	t.Parallel()
	type request struct {
		length int64
		data   []byte
	}
	received := make(chan request, 100)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // cut off
		}
		form, err := url.ParseQuery(string(body))
		data, err2 := base64.StdEncoding.DecodeString(form.Get("data"))
		if cmp.Or(err, err2) != nil || form.Get("name") != "a b" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		received <- request{r.ContentLength, data}
	}))
	defer srv.Close()
	post := func(f *FileForm, length int64) error {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL, f)
		require.NoError(t, err)
		req.ContentLength = length
		resp, err := srv.Client().Do(req)
		if err == nil {
			require.NoError(t, resp.Body.Close())
			require.Equal(t, http.StatusOK, resp.StatusCode)
		}
		return err
	}

	for _, n := range []int{0, 1, 1000, 1 << 20} {
		file := randomBytes(n)
		size, length, err := MeasureForm(t.Context(), "name=a+b", "data", bytes.NewReader(file))
		require.NoError(t, err)

		require.NoError(t, post(NewFileForm("name=a+b", "data", bytes.NewReader(file), size, length, nil), length))
		got := <-received
		require.Equal(t, length, got.length)
		require.True(t, bytes.Equal(file, got.data))

		require.NoError(t, post(NewFileForm("name=a+b", "data", bytes.NewReader(file), -1, -1, nil), -1))
		got = <-received
		require.EqualValues(t, -1, got.length)
		require.True(t, bytes.Equal(file, got.data))

		// One byte more than measured: refused, and nothing complete arrived.
		grown := append(bytes.Clone(file), 'x')
		err = post(NewFileForm("name=a+b", "data", bytes.NewReader(grown), size, length, nil), length)
		require.ErrorIs(t, err, ErrSizeChanged)
	}
	srv.Close() // which waits for the handlers
	require.Empty(t, received)
}

func FuzzFileForm(f *testing.F) {
	f.Add("name=a.png", "data", []byte("a"), uint16(1), uint8(0))
	f.Add("", "data", []byte{}, uint16(7), uint8(1))
	f.Add("a=b&c=d", "d ta", bytes.Repeat([]byte{0xff}, 77), uint16(136), uint8(2))
	f.Add("a=b", "data", bytes.Repeat([]byte{0xfb, 0xef, 0xbe}, 9), uint16(135), uint8(3))
	f.Add("a=b", "data", randomBytes(1000), uint16(500), uint8(40))
	f.Fuzz(func(t *testing.T, fields, key string, file []byte, p uint16, chunk uint8) {
		want := naiveForm(fields, key, file)
		source := func() io.Reader {
			r := bytes.NewReader(file)
			return readerFunc(func(p []byte) (int, error) {
				if chunk == 0 {
					return r.Read(p)
				}
				return r.Read(p[:min(len(p), int(chunk))])
			})
		}
		size, length, err := MeasureForm(t.Context(), fields, key, source())
		require.NoError(t, err)
		require.EqualValues(t, len(file), size)
		require.EqualValues(t, len(want), length)

		form := NewFileForm(fields, key, source(), size, length, nil)
		got, err := readAllBy(t, form, max(int(p), 1))
		require.NoError(t, err)
		require.Equal(t, want, got)

		_, err = io.ReadAll(NewFileForm(fields, key, source(), size+1, -1, nil))
		require.ErrorIs(t, err, ErrSizeChanged)
	})
}

const benchFile = 16 << 20

// The buffer of 32 KiB is what io.Copy, and with it net/http, reads with.
func BenchmarkFileForm(b *testing.B) {
	file := randomBytes(benchFile)
	b.Run("streamed", func(b *testing.B) {
		b.SetBytes(benchFile)
		b.ReportAllocs()
		p := make([]byte, 32<<10)
		for b.Loop() {
			f := NewFileForm("name=a.png", "data", bytes.NewReader(file), benchFile, -1, func(int64, int64) error { return nil })
			for {
				if _, err := f.Read(p); err == io.EOF {
					break
				} else if err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("naive", func(b *testing.B) {
		b.SetBytes(benchFile)
		b.ReportAllocs()
		for b.Loop() {
			_ = url.Values{"name": {"a.png"}, "data": {base64.StdEncoding.EncodeToString(file)}}.Encode()
		}
	})
}

func BenchmarkMeasureForm(b *testing.B) {
	file := randomBytes(benchFile)
	b.SetBytes(benchFile)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := MeasureForm(b.Context(), "name=a.png", "data", bytes.NewReader(file)); err != nil {
			b.Fatal(err)
		}
	}
}
