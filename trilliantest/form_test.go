package trilliantest

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

func formRequest(body io.Reader) *http.Request {
	return &http.Request{
		Body: io.NopCloser(body), ContentLength: -1,
		Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
	}
}

// However a body is cut into pieces, and wherever a buffer ends, the form is the
// same.
func TestFormInPieces(t *testing.T) {
	t.Parallel()
	binary := strings.Repeat("\x00\xfb\xff\x3e", 50_001)
	want := url.Values{
		"name": {"ü &=+%"}, "empty": {""}, "list": {"1", "2"}, "long": {strings.Repeat("%&+ ", 40_000)}, "": {"nameless"},
	}
	sent := want.Encode() + "&data=" + url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(binary)))
	for _, body := range []io.Reader{
		strings.NewReader(sent), iotest.OneByteReader(strings.NewReader(sent)), iotest.HalfReader(strings.NewReader(sent)),
		iotest.DataErrReader(strings.NewReader(sent)), io.MultiReader(strings.NewReader(sent[:65535]), strings.NewReader(sent[65535:])),
	} {
		got := readForm(formRequest(body), true, maxBody)
		require.NoError(t, got.err)
		require.Equal(t, binary, string(got.file))
		require.Len(t, got.values.Get("data"), maxRecorded)
		delete(got.values, "data")
		require.Equal(t, want, got.values)
	}
}

func TestFormLimit(t *testing.T) {
	t.Parallel()
	const sent = "name=abc&data=AAAA"
	require.NoError(t, readForm(formRequest(strings.NewReader(sent)), true, int64(len(sent))).err)
	for _, takesFile := range []bool{true, false} {
		err := readForm(formRequest(strings.NewReader(sent)), takesFile, int64(len(sent))-1).err
		require.EqualError(t, err, "the body is too large")
		require.Equal(t, http.StatusRequestEntityTooLarge, err.(*problem).status)
	}
}

// A body that breaks off is refused wherever it does, or it would be a shorter
// but complete form.
func TestFormBrokenOff(t *testing.T) {
	t.Parallel()
	const sent = "name=a%20b&data=AAAA"
	for n := range len(sent) + 1 {
		body := io.MultiReader(strings.NewReader(sent[:n]), iotest.ErrReader(io.ErrUnexpectedEOF))
		require.Error(t, readForm(formRequest(body), true, maxBody).err, "after %d bytes", n)
	}
}

// Base64 that was made of a file piece by piece has padding between the pieces. A
// decoder that is given them one at a time would not see it.
func TestFormOfPaddedPieces(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 4, 766, 767, 1534} {
		piece := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", size)))
		for n := 2; n < 9; n++ {
			sent := "data=" + url.QueryEscape(strings.Repeat(piece, n))
			for _, body := range []io.Reader{strings.NewReader(sent), iotest.OneByteReader(strings.NewReader(sent))} {
				require.EqualError(t, readForm(formRequest(body), true, maxBody).err, "data is not Base64", "%d of %d bytes", n, size)
			}
		}
	}
	lines := "data=" + url.QueryEscape("QQ=\r\n=\n") // which Base64 may be cut into
	require.Equal(t, "A", string(readForm(formRequest(iotest.OneByteReader(strings.NewReader(lines))), true, maxBody).file))
}
