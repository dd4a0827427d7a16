package trilliantest

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"syscall"
	"time"
)

// Transport returns a transport that reaches the server without a network, a port
// or a goroutine, whatever host a request names. What the network would lose is
// lost here too.
func (s *Server) Transport() http.RoundTripper { return roundTripper{s} }

type roundTripper struct{ server *Server }

// RoundTrip answers a request.
func (t roundTripper) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		defer req.Body.Close()
	}
	ctx := req.Context()
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	select {
	case <-t.server.done:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	default:
	}
	received, err := receive(req)
	if err != nil {
		return nil, err
	}
	a := t.server.exchange(received, req.URL.Scheme+"://"+received.Host+t.server.basePath)
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	if body, ok := received.Body.(*sentBody); ok && body.err != nil {
		return nil, body.err // the request never was whole
	}
	out := a.onWire(received.Method)
	if out.lost {
		return nil, io.EOF // what net/http says of a connection that ended
	}
	return t.response(req, a, out), nil
}

// receive makes of a request that is sent one that has arrived.
func receive(req *http.Request) (*http.Request, error) {
	// What goes over a wire is the escaped text, not what it was made from.
	u, err := url.ParseRequestURI(req.URL.RequestURI())
	if err != nil {
		return nil, err
	}
	got := &http.Request{
		Method: req.Method, URL: u, Header: req.Header, Host: req.Host, ContentLength: req.ContentLength,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: http.NoBody,
	}
	if got.Method == "" {
		got.Method = http.MethodGet
	}
	if got.Host == "" {
		got.Host = req.URL.Host
	}
	if req.Body != nil && req.Body != http.NoBody {
		got.Body = &sentBody{ReadCloser: req.Body, announced: req.ContentLength}
	}
	return got.WithContext(req.Context()), nil
}

// sentBody is a request's body on its way, held to the length it announced.
type sentBody struct {
	io.ReadCloser
	announced int64 // 0 or less: none
	sent      int64
	err       error
}

func (b *sentBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.sent += int64(n)
	switch {
	case b.announced > 0 && b.sent > b.announced, b.announced > 0 && err == io.EOF && b.sent < b.announced:
		err = errors.New("the request's body is not of the length it announced: " + strconv.FormatInt(b.sent, 10) +
			" bytes, not " + strconv.FormatInt(b.announced, 10))
	}
	if err != nil && err != io.EOF {
		b.err = err
		n = 0
	}
	return n, err
}

func (t roundTripper) response(req *http.Request, a *answer, out wireForm) *http.Response {
	resp := &http.Response{
		Status: strconv.Itoa(a.status) + " " + http.StatusText(a.status), StatusCode: a.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.header.Clone(), ContentLength: int64(max(out.length, 0)), Body: http.NoBody, Request: req,
	}
	if out.length >= 0 {
		resp.Header.Set("Content-Length", strconv.Itoa(out.length))
	}
	if out.tooLong {
		out.body = out.body[:out.length] // a client reads no further than it was told to
	}
	if len(out.body) > 0 || out.broken {
		resp.Body = &receivedBody{
			ctx: req.Context(), server: t.server, rest: out.body, broken: out.broken, pieceSize: a.pieceSize, pause: a.pause,
		}
	}
	return resp
}

// receivedBody is an answer's body as it arrives.
type receivedBody struct {
	ctx       context.Context
	server    *Server
	rest      []byte
	broken    bool
	pieceSize int
	pause     time.Duration
	ready     int // bytes of a piece that have arrived
	closed    bool
}

// Read reads what has arrived, or waits for it.
func (b *receivedBody) Read(p []byte) (int, error) {
	switch {
	case b.closed:
		return 0, http.ErrBodyReadAfterClose
	case b.ctx.Err() != nil:
		return 0, context.Cause(b.ctx)
	case len(b.rest) == 0 && b.broken:
		return 0, io.ErrUnexpectedEOF
	case len(b.rest) == 0:
		return 0, io.EOF
	}
	if b.pieceSize == 0 {
		b.ready = len(b.rest)
	} else if b.ready == 0 {
		if !b.server.wait(b.ctx, b.pause) {
			if b.ctx.Err() != nil {
				return 0, context.Cause(b.ctx)
			}
			return 0, io.ErrUnexpectedEOF
		}
		b.ready = min(b.pieceSize, len(b.rest))
	}
	n := copy(p, b.rest[:b.ready])
	b.rest, b.ready = b.rest[n:], b.ready-n
	return n, nil
}

// Close ends the reading.
func (b *receivedBody) Close() error {
	b.closed = true
	return nil
}
