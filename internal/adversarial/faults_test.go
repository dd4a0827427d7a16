package adversarial

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
)

// fault is one step of a faultServer's script. Exactly one of its functions is set.
type fault struct {
	dial   func() error                       // instead of a connection
	accept func(net.Conn)                     // instead of a server's handshake
	answer func(net.Conn, *http.Request) bool // what follows a request; true keeps the connection
}

// faultServer misbehaves as its script says, step by step, and remembers every
// request that reached the wire. What the script does not foresee is answered 418.
type faultServer struct {
	URL      string
	listener net.Listener
	connect  dialer
	secure   *tls.Config

	mu       sync.Mutex
	script   []fault
	requests []*http.Request
	bodies   []string
	cut      int // requests whose body broke off
	running  sync.WaitGroup
	conns    []net.Conn
}

func newFaultServer(t testing.TB, secure bool, script ...fault) *faultServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return faultServerAt(t, listener, new(net.Dialer).DialContext, secure, script)
}

// newBubbleServer is a faultServer of a synctest bubble, where no time passes while
// somebody works.
func newBubbleServer(t testing.TB, secure bool, script ...fault) *faultServer {
	t.Helper()
	open, shut := context.WithCancel(context.Background())
	listener := pipes{make(chan net.Conn), open, shut}
	return faultServerAt(t, listener, listener.dial, secure, script)
}

func faultServerAt(t testing.TB, listener net.Listener, connect dialer, secure bool, script []fault) *faultServer {
	t.Helper()
	s := &faultServer{URL: "http://" + listener.Addr().String(), listener: listener, connect: connect, script: script}
	if secure {
		s.URL = "https://" + listener.Addr().String()
		s.secure = &tls.Config{Certificates: []tls.Certificate{serverCertificate().Certificate}}
	}
	s.running.Go(s.serve)
	t.Cleanup(s.close)
	return s
}

func (s *faultServer) close() {
	_ = s.listener.Close()
	s.mu.Lock()
	for _, conn := range s.conns {
		_ = conn.Close()
	}
	s.mu.Unlock()
	s.running.Wait()
}

// drain waits until what was sent has been read, which takes clients that have
// closed their connections.
func (s *faultServer) drain() {
	_ = s.listener.Close()
	s.running.Wait()
}

func (s *faultServer) serve() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns = append(s.conns, conn)
		s.mu.Unlock()
		s.running.Go(func() {
			defer conn.Close()
			s.converse(conn)
		})
	}
}

func (s *faultServer) converse(conn net.Conn) {
	if step, ok := s.next(func(f fault) bool { return f.accept != nil }); ok {
		step.accept(conn)
		return
	}
	if s.secure != nil {
		conn = tls.Server(conn, s.secure)
	}
	requests := bufio.NewReader(conn)
	for {
		req, err := http.ReadRequest(requests)
		if err != nil {
			return
		}
		body, err := io.ReadAll(req.Body)
		s.mu.Lock()
		s.requests = append(s.requests, req)
		s.bodies = append(s.bodies, string(body))
		s.cut += btoi(err != nil)
		s.mu.Unlock()
		if err != nil {
			return
		}
		step, ok := s.next(func(f fault) bool { return f.answer != nil })
		if !ok {
			step.answer = says(http.StatusTeapot, "", "")
		}
		if !step.answer(conn, req) {
			return
		}
	}
}

// next takes the next step from the script if it is of the kind that is due.
func (s *faultServer) next(due func(fault) bool) (fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.script) == 0 || !due(s.script[0]) {
		return fault{}, false
	}
	step := s.script[0]
	s.script = s.script[1:]
	return step, true
}

type dialer func(ctx context.Context, network, addr string) (net.Conn, error)

func (s *faultServer) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if step, ok := s.next(func(f fault) bool { return f.dial != nil }); ok {
		return nil, step.dial()
	}
	return s.connect(ctx, network, addr)
}

// pipes is a listener without a network: to wait for one is no rest in a bubble.
type pipes struct {
	dialled chan net.Conn
	open    context.Context
	shut    context.CancelFunc
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.dialled:
		return conn, nil
	case <-p.open.Done():
		return nil, net.ErrClosed
	}
}

func (p pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.dialled <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p pipes) Close() error   { p.shut(); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// client connects to the server, and to nothing else, through its script.
func (s *faultServer) client(t testing.TB, patience time.Duration, opts ...trillian.Option) *trillian.Client {
	t.Helper()
	transport := &http.Transport{
		DialContext:         s.dial,
		TLSClientConfig:     &tls.Config{RootCAs: serverCertificate().Pool, Time: certificateTime},
		TLSHandshakeTimeout: patience,
	}
	return newClient(t, s.URL, append([]trillian.Option{
		trillian.WithHTTPClient(&http.Client{Transport: transport}), trillian.WithTimeout(2 * patience),
		trillian.WithRetryPolicy(trillian.RetryPolicy{MaxAttempts: 3, MinWait: time.Millisecond, MaxWait: time.Millisecond, MaxRetryAfter: time.Minute}),
	}, opts...)...)
}

// done reports whether the script has come to its end.
func (s *faultServer) done() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.script) == 0
}

// wire is the verbs of the requests that arrived, once the script is done.
func (s *faultServer) wire(t testing.TB) []string {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	require.Empty(t, s.script, "steps of the script that no request consumed")
	verbs := []string{}
	for _, r := range s.requests {
		verbs = append(verbs, r.Method)
		for name := range r.Header {
			require.NotContains(t, strings.ToLower(name), "idempotency", "net/http repeats a POST that has such a header")
		}
	}
	return verbs
}

// says answers with a status, one header line or none, and a body.
func says(status int, header, body string) func(net.Conn, *http.Request) bool {
	if header != "" {
		header += "\r\n"
	}
	return func(conn net.Conn, _ *http.Request) bool {
		_, err := fmt.Fprintf(conn, "HTTP/1.1 %d %s\r\n%sContent-Type: application/xml\r\nContent-Length: %d\r\n\r\n%s",
			status, http.StatusText(status), header, len(body), body)
		return err == nil
	}
}

// writes sends bytes as they are and ends the connection.
func writes(text string) func(net.Conn, *http.Request) bool {
	return func(conn net.Conn, _ *http.Request) bool {
		_, _ = io.WriteString(conn, text)
		return false
	}
}

// hangs sends bytes as they are and then nothing, until the client has enough.
func hangs(text string) func(net.Conn, *http.Request) bool {
	return func(conn net.Conn, _ *http.Request) bool {
		_, _ = io.WriteString(conn, text)
		_, _ = io.Copy(io.Discard, conn)
		return false
	}
}

// reset ends a connection with an RST.
func reset(conn net.Conn) {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	_ = conn.(*net.TCPConn).SetLinger(0)
	_ = conn.Close()
}

func handshake(config *tls.Config) func(net.Conn) {
	return func(conn net.Conn) { _ = tls.Server(conn, config).Handshake() }
}

func answers(status int, header, body string) fault {
	return fault{answer: says(status, header, body)}
}

var (
	good    = answers(200, "", "<response/>")
	dropped = fault{answer: writes("")}
	refused = fault{dial: func() error {
		return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	}}
	resetInHandshake = fault{accept: func(conn net.Conn) {
		_, _ = io.ReadFull(conn, make([]byte, 5)) // the client's hello has come
		reset(conn)
	}}
	cutOff = fault{answer: writes("HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n<response>")}
)

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
