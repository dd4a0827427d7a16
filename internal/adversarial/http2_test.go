package adversarial

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
)

// The frames of HTTP/2 that frameServer knows, RFC 9113, section 6.
const (
	frameData      = 0x0
	frameHeaders   = 0x1
	frameRST       = 0x3
	frameSettings  = 0x4
	framePing      = 0x6
	frameGoAway    = 0x7
	frameWindow    = 0x8
	endStream      = 0x1
	endHeaders     = 0x4
	protocolError  = 0x1
	refusedStream  = 0x7
	noError        = 0x0
	http2Preface   = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	statusOK       = "\x88" // HPACK: the static table's ":status: 200"
	statusNotFound = "\x8d" // and its ":status: 404"
	contentTypeXML = "\x0f\x10\x0fapplication/xml"
)

// frameServer is an HTTP/2 server of raw frames, without TLS. reply answers the
// n-th request, whole, on its stream, and reports whether the connection stays.
type frameServer struct {
	url   string
	reply func(n int, stream uint32, w frameWriter) (stays bool)

	mu       sync.Mutex
	requests int
	bodies   []string
}

type frameWriter struct{ io.Writer }

func (w frameWriter) frame(kind, flags byte, stream uint32, payload string) {
	head := make([]byte, 9, 9+len(payload))
	binary.BigEndian.PutUint32(head, uint32(len(payload))<<8|uint32(kind))
	head[4] = flags
	binary.BigEndian.PutUint32(head[5:], stream)
	_, _ = w.Write(append(head, payload...))
}

func (w frameWriter) respond(stream uint32, body string) {
	w.frame(frameHeaders, endHeaders, stream, statusOK+contentTypeXML)
	w.frame(frameData, endStream, stream, body)
}

func number(n uint32) string { return string(binary.BigEndian.AppendUint32(nil, n)) }

func newFrameServer(t *testing.T, reply func(n int, stream uint32, w frameWriter) bool) *frameServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &frameServer{url: "http://" + listener.Addr().String(), reply: reply}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				// A client whose call has ended may not close it: net/http is still clearing up.
				defer context.AfterFunc(t.Context(), func() { _ = conn.Close() })()
				s.converse(conn)
			})
		}
	})
	t.Cleanup(func() { _ = listener.Close(); running.Wait() })
	return s
}

// converse reads frames until one ends a request, and has it answered.
func (s *frameServer) converse(conn net.Conn) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.ReadFull(conn, make([]byte, len(http2Preface))); err != nil {
		return
	}
	w := frameWriter{conn}
	w.frame(frameSettings, 0, 0, "")
	bodies := map[uint32]*bytes.Buffer{}
	for {
		var head [9]byte
		if _, err := io.ReadFull(conn, head[:]); err != nil {
			return
		}
		payload := make([]byte, binary.BigEndian.Uint32(head[:])>>8)
		if _, err := io.ReadFull(conn, payload); err != nil {
			return
		}
		kind, flags, stream := head[3], head[4], binary.BigEndian.Uint32(head[5:])
		switch kind {
		case frameSettings:
			if flags == 0 {
				w.frame(frameSettings, 1, 0, "")
			}
		case framePing:
			w.frame(framePing, 1, 0, string(payload))
		case frameHeaders:
			bodies[stream] = &bytes.Buffer{}
		case frameData:
			bodies[stream].Write(payload)
			if len(payload) > 0 {
				w.frame(frameWindow, 0, 0, number(uint32(len(payload))))
				w.frame(frameWindow, 0, stream, number(uint32(len(payload))))
			}
		}
		if kind != frameHeaders && kind != frameData || flags&endStream == 0 {
			continue
		}
		s.mu.Lock()
		s.requests++
		n := s.requests
		s.bodies = append(s.bodies, bodies[stream].String())
		s.mu.Unlock()
		if !s.reply(n, stream, w) {
			return
		}
	}
}

func (s *frameServer) arrived() (int, []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests, slices.Clone(s.bodies)
}

func (s *frameServer) client(t *testing.T, opts ...trillian.Option) *trillian.Client {
	t.Helper()
	rt := &http.Transport{Protocols: new(http.Protocols)}
	rt.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(rt.CloseIdleConnections)
	return newClient(t, s.url, append([]trillian.Option{
		trillian.WithHTTPClient(&http.Client{Transport: rt}),
		trillian.WithRetryPolicy(trillian.RetryPolicy{MinWait: time.Millisecond, MaxWait: time.Millisecond}),
	}, opts...)...)
}

// http2Calls are a call of every kind of body, with the answer that contents it.
var http2Calls = []struct {
	name   string
	answer string
	risky  bool
	call   func(context.Context, *trillian.Client) error
}{
	{"a form", `<message timestamp="1" from="a@x">hi</message>`, true, func(ctx context.Context, c *trillian.Client) error {
		_, err := c.Users.Messages.Send(ctx, smw, trillian.MessageSend{From: kwk, Text: "hi"})
		return err
	}},
	{"a POST without parameters", `<member name="kwk@cerulean-inc.com"/>`, true, func(ctx context.Context, c *trillian.Client) error {
		_, err := c.GroupChats.Members.Add(ctx, general, kwk)
		return err
	}},
	{"another, of a group", `<peer id="2"/>`, true, func(ctx context.Context, c *trillian.Client) error {
		_, err := c.Groups.Peers.Add(ctx, 1, 2)
		return err
	}},
	{"a password", `<user name="n@x"/>`, true, func(ctx context.Context, c *trillian.Client) error {
		_, err := c.Users.Create(ctx, trillian.UserCreate{IM: "n@x", Password: "a secret"})
		return err
	}},
	{"a PATCH", "", true, func(ctx context.Context, c *trillian.Client) error {
		return c.Presence.Update(ctx, smw, trillian.PresenceUpdate{Message: new("Lunch")})
	}},
	{"a file", `<media m="1"/>`, true, func(ctx context.Context, c *trillian.Client) error {
		_, err := c.Users.Media.Upload(ctx, smw, trillian.MediaUpload{Name: "f", Data: strings.NewReader(strings.Repeat("x", 10_000))})
		return err
	}},
	{"a verb of Do's", "", true, func(ctx context.Context, c *trillian.Client) error {
		return c.Do(ctx, "LOCK", "users/", nil, nil)
	}},
	{"a GET", `<user name="a@x"/>`, false, func(ctx context.Context, c *trillian.Client) error {
		_, err := c.Users.Get(ctx, "a@x")
		return err
	}},
	{"a DELETE", "", false, func(ctx context.Context, c *trillian.Client) error {
		return c.Users.Delete(ctx, "a@x")
	}},
	{"a PUT", "", false, func(ctx context.Context, c *trillian.Client) error {
		return c.Users.Avatar.Set(ctx, "a@x", trillian.Avatar{Data: []byte("\x89PNG\r\n\x1a\n")})
	}},
}

// TestHTTP2Refusals has a proxy say REFUSED_STREAM after the server has
// done the work, as haproxy does: net/http must not send a POST again.
func TestHTTP2Refusals(t *testing.T) {
	t.Parallel()
	for _, c := range http2Calls {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := newFrameServer(t, func(n int, stream uint32, w frameWriter) bool {
				if n == 1 {
					w.frame(frameRST, 0, stream, number(refusedStream))
				} else {
					w.respond(stream, "<response>"+c.answer+"</response>")
				}
				return true
			})
			err := c.call(t.Context(), server.client(t))
			n, _ := server.arrived()
			if !c.risky {
				require.NoError(t, err)
				require.Equal(t, 2, n)
			} else {
				require.ErrorIs(t, err, trillian.ErrOutcomeUnknown)
				require.Equal(t, 1, n, "requests on the wire")
			}
		})
	}
}

// TestHTTP2DeletedTwice is a DELETE that net/http repeats by itself: what
// it finds gone, it may have removed.
func TestHTTP2DeletedTwice(t *testing.T) {
	t.Parallel()
	server := newFrameServer(t, func(n int, stream uint32, w frameWriter) bool {
		if n == 1 {
			w.frame(frameRST, 0, stream, number(refusedStream))
		} else {
			w.frame(frameHeaders, endHeaders|endStream, stream, statusNotFound)
		}
		return true
	})
	err := server.client(t).Users.Delete(t.Context(), "a@x")
	require.ErrorIs(t, err, trillian.ErrNotFound)
	require.ErrorIs(t, err, trillian.ErrOutcomeUnknown)
	n, _ := server.arrived()
	require.Equal(t, 2, n)
}

// TestHTTP2GoAway has a server end its connection by a GOAWAY that names
// the request's stream as unseen: it is sent again, a POST too.
func TestHTTP2GoAway(t *testing.T) {
	t.Parallel()
	for _, c := range http2Calls {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := newFrameServer(t, func(n int, stream uint32, w frameWriter) bool {
				if n == 1 || n == 2 {
					w.frame(frameGoAway, 0, 0, number(0)+number(noError))
					return false
				}
				w.respond(stream, "<response>"+c.answer+"</response>")
				return true
			})
			// A server that closes connections is well: not even a spent budget ends this.
			require.NoError(t, c.call(t.Context(), server.client(t)))
			n, bodies := server.arrived()
			require.Equal(t, 3, n, "requests on the wire")
			require.Equal(t, bodies[0], bodies[2], "sent again as it was")
		})
	}
}

// TestHTTP2RefusedForEver has a server refuse every request, as nginx does with
// "return 444": net/http by itself would send one without a body again for as long as
// it may, after PROTOCOL_ERROR without a pause.
func TestHTTP2RefusedForEver(t *testing.T) {
	t.Parallel()
	for name, refusal := range map[string]struct {
		frames func(stream uint32, w frameWriter) (stays bool)
		most   int // requests on the wire, of two attempts
	}{
		"REFUSED_STREAM": {func(stream uint32, w frameWriter) bool {
			w.frame(frameRST, 0, stream, number(refusedStream))
			return true
		}, 2},
		"PROTOCOL_ERROR": {func(stream uint32, w frameWriter) bool {
			w.frame(frameRST, 0, stream, number(protocolError))
			return true
		}, 8},
		"GOAWAY": {func(_ uint32, w frameWriter) bool {
			w.frame(frameGoAway, 0, 0, number(0)+number(noError))
			return false
		}, 8},
	} {
		for _, c := range http2Calls[7:] {
			t.Run(name+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				server := newFrameServer(t, func(_ int, stream uint32, w frameWriter) bool { return refusal.frames(stream, w) })
				client := server.client(t, trillian.WithTimeout(3*time.Second),
					trillian.WithRetryPolicy(trillian.RetryPolicy{MaxAttempts: 2, MinWait: time.Millisecond, MaxWait: time.Millisecond}))
				err := c.call(t.Context(), client)
				e, ok := errors.AsType[*trillian.Error](err)
				require.True(t, ok, "%v", err)
				require.Equal(t, 2, e.Attempts)
				require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "the server was not silent")
				require.NotErrorIs(t, err, context.Canceled)
				n, _ := server.arrived()
				require.LessOrEqual(t, n, refusal.most, "requests on the wire")
			})
		}
	}
}

// TestRepeatsOfABaseTransport are what a program's own transport makes of answers,
// on one connection: they are no refusals.
func TestRepeatsOfABaseTransport(t *testing.T) {
	t.Parallel()
	requests := 0
	base := serving(func(rw http.ResponseWriter, _ *http.Request) {
		if requests++; requests < 7 {
			rw.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(rw, usersAnswer)
	})(t)
	inner := &http.Transport{MaxConnsPerHost: 1}
	t.Cleanup(inner.CloseIdleConnections)
	client := newClient(t, base, once, based(func(r *http.Request) (*http.Response, error) {
		for {
			resp, err := inner.RoundTrip(r)
			if err != nil || resp.StatusCode != http.StatusServiceUnavailable {
				return resp, err
			}
			_ = resp.Body.Close()
		}
	}))
	_, err := client.Users.List(t.Context())
	require.NoError(t, err)
	require.Equal(t, 7, requests)
}

// TestRepeatsWithoutAnAnswer are what a program's own transport makes of silence and of
// dropped connections, as often as it likes.
func TestRepeatsWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	t.Run("one after the other", func(t *testing.T) {
		t.Parallel()
		var requests atomic.Int32
		base := serving(func(rw http.ResponseWriter, _ *http.Request) {
			if requests.Add(1) < 7 {
				panic(http.ErrAbortHandler)
			}
			_, _ = io.WriteString(rw, usersAnswer)
		})(t)
		inner := &http.Transport{}
		t.Cleanup(inner.CloseIdleConnections)
		client := newClient(t, base, once, based(func(r *http.Request) (resp *http.Response, err error) {
			for range 7 {
				if resp, err = inner.RoundTrip(r); err == nil {
					break
				}
			}
			return resp, err
		}))
		_, err := client.Users.List(t.Context())
		require.NoError(t, err)
		require.Equal(t, int32(7), requests.Load())
	})
	t.Run("at once, on one connection", func(t *testing.T) {
		t.Parallel()
		server := newFrameServer(t, func(n int, stream uint32, w frameWriter) bool {
			if n != 2 { // the first of two is never answered
				w.respond(stream, usersAnswer)
			}
			return true
		})
		inner := &http.Transport{Protocols: new(http.Protocols)}
		inner.Protocols.SetUnencryptedHTTP2(true)
		t.Cleanup(inner.CloseIdleConnections)
		client := newClient(t, server.url, once, based(func(r *http.Request) (*http.Response, error) {
			if n, _ := server.arrived(); n > 0 {
				go func() {
					if resp, err := inner.RoundTrip(r); err == nil {
						_ = resp.Body.Close()
					}
				}()
				require.Eventually(t, func() bool { n, _ := server.arrived(); return n > 1 }, time.Minute, time.Millisecond)
			}
			return inner.RoundTrip(r)
		}))
		for range 2 {
			_, err := client.Users.List(t.Context())
			require.NoError(t, err)
		}
	})
}

// TestHTTP2GoAwayThatSawIt is what a GOAWAY after the work looks like.
func TestHTTP2GoAwayThatSawIt(t *testing.T) {
	t.Parallel()
	for _, c := range http2Calls[:7] {
		server := newFrameServer(t, func(_ int, stream uint32, w frameWriter) bool {
			w.frame(frameGoAway, 0, 0, number(stream)+number(noError))
			return false
		})
		err := c.call(t.Context(), server.client(t))
		require.ErrorIs(t, err, trillian.ErrOutcomeUnknown, c.name)
		n, _ := server.arrived()
		require.Equal(t, 1, n, c.name)
	}
}

// TestBodylessPOST holds what a POST without parameters is over HTTP/1.1: a form of
// known length, without parameters.
func TestBodylessPOST(t *testing.T) {
	t.Parallel()
	server := newFaultServer(t, false, answers(201, "", `<response><member name="kwk@cerulean-inc.com"/></response>`))
	_, err := server.client(t, 10*time.Second).GroupChats.Members.Add(t.Context(), general, kwk)
	require.NoError(t, err)
	require.Len(t, server.wire(t), 1)
	require.Equal(t, int64(1), server.requests[0].ContentLength)
	require.Empty(t, server.requests[0].TransferEncoding)
	require.Equal(t, "application/x-www-form-urlencoded", server.requests[0].Header.Get("Content-Type"))
	require.Equal(t, "&", server.bodies[0], "which every form reader takes for no parameters")
}
