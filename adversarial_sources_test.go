package trillian_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
)

// early reads a little of a form, headers included, and then does what it is told to.
func early(then func(net.Conn)) fault {
	return fault{accept: func(conn net.Conn) {
		_, _ = io.ReadFull(conn, make([]byte, 10_000))
		then(conn)
	}}
}

func earlyAnswer(status int, header string) fault {
	return early(func(conn net.Conn) {
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 %d X\r\n%sContent-Length: 0\r\nConnection: close\r\n\r\n", status, header)
		time.Sleep(20 * time.Millisecond) // or the reset that follows outruns the answer
		_, _ = io.CopyN(io.Discard, conn, 1<<20)
	})
}

// tooMuch is more than a connection's buffers take from who does not read.
const tooMuch = 12 << 20

// TestAdversarialUploadsCutShort has servers that saw only a part of a form: they
// cannot have stored the file, so that it may be sent again, if it can be read again.
func TestAdversarialUploadsCutShort(t *testing.T) {
	t.Parallel()
	data := make([]byte, tooMuch)
	stored := answers(201, "", `<response><media m="1"/></response>`)
	for name, c := range map[string]struct {
		step  fault
		again bool
		err   error // of the one attempt where there is no other
	}{
		"reset":            {early(reset), true, errAny},
		"closed":           {early(func(net.Conn) {}), true, errAny},
		"not HTTP":         {early(func(conn net.Conn) { _, _ = io.WriteString(conn, "what?\r\n\r\n") }), true, errAny},
		"bad gateway":      {earlyAnswer(502, ""), true, trillian.ErrServer},
		"unavailable":      {earlyAnswer(503, ""), true, trillian.ErrServer},
		"gateway timeout":  {earlyAnswer(504, ""), true, trillian.ErrServer},
		"request timeout":  {earlyAnswer(408, ""), true, errAny},
		"rate limited":     {earlyAnswer(429, ""), true, trillian.ErrRateLimited},
		"too large":        {earlyAnswer(413, ""), false, errAny},
		"unauthorized":     {earlyAnswer(401, ""), false, trillian.ErrUnauthorized},
		"an error of ours": {earlyAnswer(500, ""), false, trillian.ErrServer},
	} {
		for kind, source := range map[string]func() io.Reader{
			"seekable":   func() io.Reader { return struct{ io.ReadSeeker }{bytes.NewReader(data)} },
			"readable":   func() io.Reader { return bytes.NewReader(data) },
			"unseekable": func() io.Reader { return struct{ io.Reader }{bytes.NewReader(data)} },
		} {
			t.Run(name+", "+kind, func(t *testing.T) {
				t.Parallel()
				script := []fault{c.step}
				again := c.again && kind != "unseekable"
				if again {
					script = []fault{c.step, c.step, stored}
				}
				server := newFaultServer(t, false, script...)
				media, err := server.client(t, 10*time.Second).Users.Media.Upload(t.Context(), smw, trillian.MediaUpload{Name: "f", Data: source()})
				if again {
					require.NoError(t, err)
					require.Equal(t, "1", media.ID)
					require.Len(t, server.wire(t), 1, "requests that arrived whole")
				} else {
					require.Error(t, err)
					require.Nil(t, media)
					if c.err != errAny {
						require.ErrorIs(t, err, c.err)
					}
					require.Empty(t, server.wire(t))
				}
				require.NotErrorIs(t, err, trillian.ErrOutcomeUnknown)
				held.add("media cases", 1)
			})
		}
	}
}

// TestAdversarialUploadThatNeverLeaves is cut short at every attempt.
func TestAdversarialUploadThatNeverLeaves(t *testing.T) {
	t.Parallel()
	cut := early(reset)
	server := newFaultServer(t, false, cut, cut, cut)
	_, err := server.client(t, 10*time.Second).Users.Media.Upload(t.Context(), smw,
		trillian.MediaUpload{Name: "f", Data: bytes.NewReader(make([]byte, tooMuch))})
	require.NotErrorIs(t, err, trillian.ErrOutcomeUnknown)
	failure := new(trillian.Error)
	require.ErrorAs(t, err, &failure)
	require.Equal(t, 3, failure.Attempts)
	require.Empty(t, server.wire(t))
	held.add("media cases", 1)
}
