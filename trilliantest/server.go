package trilliantest

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trillian-go/trillian"
)

// Server is a Trillian Server in memory. It is safe for concurrent use.
type Server struct {
	tb       testing.TB // nil where Start made it
	origin   string     // scheme and host
	basePath string     // begins and ends with a slash
	token    string
	clock    func() time.Time
	pin      string // of the TLS certificate, "" without
	kept     int    // requests, at most

	http   *http.Server   // nil without a listener
	served chan struct{}  // closed when the listener is
	conns  sync.WaitGroup // the listener's connections
	late   sync.WaitGroup // the operations that are carried out late
	close  sync.Once
	done   chan struct{} // closed by Close

	mu         sync.Mutex // guards what follows; never held while the network is waited for
	state      *state
	users      map[string]string // by their tokens
	injections []*Injection
	requests   []*Request
	forgotten  int // requests that are no longer kept
}

// NewServer starts a server that is closed with the test. The test fails if a
// fault was injected and never met, which logs the latest 20 requests that the
// server was sent. A test that failed otherwise logs 200.
func NewServer(tb testing.TB, opts ...Option) *Server {
	tb.Helper()
	s, err := newServer(tb, opts)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.finish)
	return s
}

// Start starts a server that its caller closes.
func Start(opts ...Option) (*Server, error) { return newServer(nil, opts) }

func newServer(tb testing.TB, opts []Option) (*Server, error) {
	set := settings{basePath: "/v1/", address: "127.0.0.1:0", clock: time.Now, kept: defaultKept}
	for _, opt := range opts {
		opt(&set)
	}
	s := &Server{
		tb: tb, origin: "https://trilliantest.invalid", basePath: set.basePath, token: set.token, clock: set.clock, kept: set.kept,
		done: make(chan struct{}), state: newState(set.ids), users: map[string]string{},
	}
	if s.token == "" {
		s.token = newToken()
	}
	err := set.seed(s.state, s.clock())
	switch {
	case err != nil:
	case !set.noListener:
		err = s.listen(set.address, set.tls)
	case set.tls:
		err = errors.New("WithTLS needs the listener that WithoutListener leaves out")
	}
	if err != nil {
		return nil, fmt.Errorf("trilliantest: %w", err)
	}
	return s, nil
}

func (s *Server) listen(address string, overTLS bool) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	host := reachable(address, l.Addr())
	s.origin = "http://" + host
	s.http = &http.Server{Handler: s.Handler(), ReadHeaderTimeout: time.Minute, ConnState: s.count}
	serve := s.http.Serve
	if overTLS {
		certificate, err := selfSigned(host)
		if err != nil {
			_ = l.Close()
			return err
		}
		s.origin, s.pin = "https://"+host, pinOf(certificate)
		s.http.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}}
		serve = func(l net.Listener) error { return s.http.ServeTLS(l, "", "") }
	}
	s.served = make(chan struct{})
	go func() {
		defer close(s.served)
		if err := serve(l); !errors.Is(err, http.ErrServerClosed) && s.tb != nil {
			s.tb.Errorf("trilliantest: %v", err)
		}
	}()
	return nil
}

// reachable is the address at which this machine reaches a listener. One that
// listens on all addresses has IPv4's among them, unless it was asked for IPv6's.
func reachable(asked string, listening net.Addr) string {
	at := listening.(*net.TCPAddr).AddrPort()
	if !at.Addr().IsUnspecified() {
		return at.String()
	}
	loopback := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	if strings.HasPrefix(asked, "[") {
		loopback = netip.IPv6Loopback()
	}
	return netip.AddrPortFrom(loopback, at.Port()).String()
}

// count lets Close wait until every connection's goroutine has done its work.
func (s *Server) count(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.conns.Add(1)
	case http.StateClosed, http.StateHijacked:
		s.conns.Done()
	}
}

// Close stops the server, ends its connections, and waits for them. Requests and
// Log can still be asked.
func (s *Server) Close() {
	s.close.Do(func() {
		s.mu.Lock() // no operation begins to wait any more
		close(s.done)
		s.mu.Unlock()
		if s.http != nil {
			_ = s.http.Close()
			<-s.served
			_ = s.http.Close() // what was accepted in the meantime
		}
	})
	s.conns.Wait()
	s.late.Wait()
}

// finish is the end of the test.
func (s *Server) finish() {
	s.tb.Helper()
	s.Close()
	logged := unmetLog
	if s.tb.Failed() {
		logged = longestLog
	}
	for _, text := range s.Unconsumed() {
		s.tb.Errorf("trilliantest: an injected fault was never met: %s", text)
	}
	if s.tb.Failed() {
		s.tb.Log(s.latest(logged))
	}
}

// BaseURL returns where the resources are. It ends in a slash.
func (s *Server) BaseURL() string { return s.origin + s.basePath }

// CertificatePin returns the fingerprint of the certificate of a server that was
// started [WithTLS], in the form that [trillian.WithCertificatePin] takes, and ""
// of any other. The server's [Server.Client] knows it.
func (s *Server) CertificatePin() string { return s.pin }

// Token returns the administrator's token, which may do everything but send
// messages. It has characters in it that a URL must escape.
func (s *Server) Token() string { return s.token }

// TokenFor returns a user's own token, which may send that user's messages and
// read. It is valid for as long as there is such a user.
func (s *Server) TokenFor(user string) string {
	mac := hmac.New(sha256.New, []byte(s.token))
	mac.Write([]byte(user))
	token := tokenPrefix + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users[token] = user
	return token
}

// tokenPrefix holds what every token of the server must survive: all that Base64
// has and a URL's query reads in another way, and a percent sign.
const tokenPrefix = "t/+=%"

func newToken() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return tokenPrefix + base64.StdEncoding.EncodeToString(b[:])
}

// Client returns a client for the server with the administrator's token. Its
// waits between retries are a few milliseconds, so that a test of a failure is
// quick; opts come later and may say otherwise. A client for a user's token comes
// from its WithToken.
func (s *Server) Client(opts ...trillian.Option) *trillian.Client {
	own := []trillian.Option{
		trillian.WithBaseURL(s.BaseURL()),
		trillian.WithRetryPolicy(trillian.RetryPolicy{MinWait: time.Millisecond, MaxWait: 5 * time.Millisecond}),
		trillian.WithPlainHTTP(), // an address beyond loopback, too, was chosen for the server
	}
	if s.pin != "" {
		own = append(own, trillian.WithCertificatePin(s.pin))
	}
	if s.http == nil {
		own = append(own, trillian.WithHTTPClient(&http.Client{Transport: s.Transport()}))
	}
	client, err := trillian.NewClient(s.token, append(own, opts...)...)
	if err != nil {
		s.fatal(err)
	}
	return client
}

// fatal ends the test for a mistake in how the server is used.
func (s *Server) fatal(err error) {
	if s.tb == nil {
		panic(err)
	}
	s.tb.Helper()
	s.tb.Fatal(err)
}
