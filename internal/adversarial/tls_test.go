package adversarial

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
)

// certificate is a self-signed one for 127.0.0.1, as an in-house server makes
// for itself.
type certificate struct {
	tls.Certificate
	Pool *x509.CertPool // that trusts it
	Pin  string
}

var (
	serverCertificate  = sync.OnceValue(func() certificate { return newCertificate(time.Now().Add(time.Hour)) })
	otherCertificate   = sync.OnceValue(func() certificate { return newCertificate(time.Now().Add(time.Hour)) })
	expiredCertificate = sync.OnceValue(func() certificate { return newCertificate(time.Now().Add(-time.Hour)) })
)

// certificateTime is one at which the server's certificate is valid, in a bubble too,
// where it is the year 2000.
func certificateTime() time.Time { return serverCertificate().Leaf.NotBefore }

func newCertificate(until time.Time) certificate {
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: "im.test"},
		NotBefore:    time.Now().Add(-2 * time.Hour), NotAfter: until,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"im.test"},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(err)
	leaf, err := x509.ParseCertificate(der)
	must(err)
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	sum := sha256.Sum256(der)
	return certificate{
		Certificate: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf},
		Pool:        pool, Pin: hex.EncodeToString(sum[:]),
	}
}

// secureServer counts what gets as far as a handshake, and as a request.
type secureServer struct {
	*httptest.Server
	certificate atomic.Pointer[certificate]
	hellos      atomic.Int32
	requests    atomic.Int32
	resumed     atomic.Int32
	proto       atomic.Value
}

func newSecureServer(t testing.TB, c certificate, config *tls.Config) *secureServer {
	t.Helper()
	s := &secureServer{}
	s.certificate.Store(&c)
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		s.proto.Store(r.Proto)
		if r.TLS.DidResume {
			s.resumed.Add(1)
		}
		_, _ = io.WriteString(w, "<response/>")
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.EnableHTTP2 = true
	s.TLS = config
	s.TLS.Certificates = []tls.Certificate{c.Certificate}
	s.TLS.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		s.hellos.Add(1)
		if now := s.certificate.Load(); now.Pin != c.Pin {
			return &tls.Config{Certificates: []tls.Certificate{now.Certificate}, NextProtos: []string{"h2"}}, nil
		}
		return nil, nil
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func ownTLS(config *tls.Config) trillian.Option {
	return trillian.WithHTTPClient(&http.Client{Transport: &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}})
}

func colons(pin string) string {
	var pairs []string
	for i := 0; i < len(pin); i += 2 {
		pairs = append(pairs, pin[i:i+2])
	}
	return strings.Join(pairs, ":")
}

func TestTLS(t *testing.T) {
	t.Parallel()
	right, wrong, expired := serverCertificate(), otherCertificate(), expiredCertificate()
	type options = []trillian.Option
	roots, pin := trillian.WithRootCAs, trillian.WithCertificatePin
	distrusts := func(tls.ConnectionState) error { return errors.New("the user's own check says no") }

	for _, c := range []struct {
		name   string
		opts   options
		server certificate
		config *tls.Config
		host   string // instead of 127.0.0.1
		err    string // a part of the error's text; "" where the call succeeds
	}{
		{name: "the system's roots", err: "unknown authority"},
		{name: "root CA", opts: options{roots(right.Pool)}},
		{name: "another root CA", opts: options{roots(wrong.Pool)}, err: "unknown authority"},
		{name: "no root CA at all", opts: options{roots(x509.NewCertPool())}, err: "unknown authority"},
		{name: "root CA, another name", opts: options{roots(right.Pool)}, host: "localhost", err: "not localhost"},
		{name: "root CA, expired", opts: options{roots(expired.Pool)}, server: expired, err: "expired"},
		{name: "root CA, and a transport that trusts all", opts: options{ownTLS(&tls.Config{InsecureSkipVerify: true}), roots(wrong.Pool)}, err: "unknown authority"},
		{name: "root CA, and the user's own check", opts: options{ownTLS(&tls.Config{VerifyConnection: distrusts}), roots(right.Pool)}, err: "the user's own check"},

		{name: "pin", opts: options{pin(right.Pin)}},
		{name: "pin in capitals", opts: options{pin(strings.ToUpper(right.Pin))}},
		{name: "pin with colons", opts: options{pin(colons(right.Pin))}},
		{name: "pin with colons in capitals and space", opts: options{pin(" " + strings.ToUpper(colons(right.Pin)) + "\n")}},
		{name: "pin, another name", opts: options{pin(right.Pin)}, host: "localhost"},
		{name: "pin, expired", opts: options{pin(expired.Pin)}, server: expired},
		{name: "several pins", opts: options{pin(wrong.Pin), pin(right.Pin)}},
		{name: "another pin", opts: options{pin(wrong.Pin)}, err: right.Pin},
		{name: "other pins", opts: options{pin(wrong.Pin), pin(expired.Pin)}, err: right.Pin},
		{name: "another pin, and a transport that trusts all", opts: options{ownTLS(&tls.Config{InsecureSkipVerify: true}), pin(wrong.Pin)}, err: right.Pin},
		{name: "pin, and the user's own check", opts: options{ownTLS(&tls.Config{VerifyConnection: distrusts}), pin(right.Pin)}, err: "the user's own check"},

		{name: "pin and root CA", opts: options{pin(right.Pin), roots(right.Pool)}},
		{name: "pin and another root CA", opts: options{pin(right.Pin), roots(wrong.Pool)}, err: "unknown authority"},
		{name: "another pin and root CA", opts: options{pin(wrong.Pin), roots(right.Pool)}, err: right.Pin},
		{name: "pin and root CA, another name", opts: options{pin(right.Pin), roots(right.Pool)}, host: "localhost", err: "not localhost"},

		{name: "pin over a transport of the user's", opts: options{ownTLS(nil), pin(right.Pin)}},
		{name: "pin over a client without a transport", opts: options{trillian.WithHTTPClient(&http.Client{}), pin(right.Pin)}},
		{name: "pin over a bare transport", opts: options{trillian.WithHTTPClient(&http.Client{Transport: &http.Transport{}}), pin(right.Pin)}},
		{name: "root CA over a bare transport", opts: options{trillian.WithHTTPClient(&http.Client{Transport: &http.Transport{}}), roots(right.Pool)}},

		{name: "TLS 1.2", opts: options{roots(right.Pool)}, config: &tls.Config{MaxVersion: tls.VersionTLS12}},
		{name: "TLS 1.1", opts: options{roots(right.Pool)}, config: &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, err: "protocol version"},
		{name: "TLS 1.1 with a pin", opts: options{pin(right.Pin)}, config: &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, err: "protocol version"},
		{name: "TLS 1.1 and a transport that allows it", opts: options{ownTLS(&tls.Config{MinVersion: tls.VersionTLS10}), roots(right.Pool)},
			config: &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, err: "protocol version"},
		{name: "TLS 1.0", opts: options{roots(right.Pool)}, config: &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}, err: "protocol version"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.server.Leaf == nil {
				c.server = right
			}
			server := newSecureServer(t, c.server, cmp.Or(c.config, &tls.Config{}))
			base := server.URL
			if c.host != "" {
				base = strings.Replace(base, "127.0.0.1", c.host, 1)
			}
			client := newClient(t, base, append(c.opts, fast)...)
			err := client.Do(t.Context(), http.MethodPost, "groups/", nil, nil)
			if c.err == "" {
				require.NoError(t, err)
				require.Equal(t, int32(1), server.requests.Load())
				require.Equal(t, "HTTP/2.0", server.proto.Load())
				return
			}
			require.ErrorContains(t, err, c.err)
			require.NotErrorIs(t, err, trillian.ErrOutcomeUnknown)
			require.Zero(t, server.requests.Load(), "requests to a server that is not trusted")
			if !strings.Contains(c.err, "protocol version") && !strings.Contains(c.err, "own check") {
				require.Equal(t, int32(1), server.hellos.Load(), "handshakes: no repetition mends a certificate")
			}
		})
	}
}

// TestPinsAndResumption resumes a session that was begun with a
// certificate which is not the pinned one: VerifyPeerCertificate would not be called.
func TestPinsAndResumption(t *testing.T) {
	t.Parallel()
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		server := newSecureServer(t, serverCertificate(), &tls.Config{MaxVersion: version})
		sessions := tls.NewLRUClientSessionCache(10)
		visit := func(opts ...trillian.Option) error {
			client := newClient(t, server.URL, append(opts, ownTLS(&tls.Config{InsecureSkipVerify: true, ClientSessionCache: sessions}))...)
			defer client.CloseIdleConnections()
			return client.Do(t.Context(), http.MethodGet, "groups/", nil, nil)
		}
		require.NoError(t, visit())
		require.NoError(t, visit(trillian.WithCertificatePin(serverCertificate().Pin)))
		require.Equal(t, int32(1), server.resumed.Load(), "the server resumes sessions")
		err := visit(trillian.WithCertificatePin(otherCertificate().Pin))
		require.ErrorContains(t, err, serverCertificate().Pin)
		require.Equal(t, int32(2), server.requests.Load(), "nothing is sent to the wrong server")
	}
}

// TestCertificateIsSwapped has another server take the place of the
// pinned one between two calls.
func TestCertificateIsSwapped(t *testing.T) {
	t.Parallel()
	server := newSecureServer(t, serverCertificate(), &tls.Config{})
	client := newClient(t, server.URL, trillian.WithCertificatePin(serverCertificate().Pin), fast)
	call := func() error { return client.Do(t.Context(), http.MethodDelete, "groups/1/", nil, nil) }
	require.NoError(t, call())
	other := otherCertificate()
	server.certificate.Store(&other)
	server.CloseClientConnections() // the next call makes a connection
	require.ErrorContains(t, call(), other.Pin)
	require.Equal(t, int32(1), server.requests.Load())
	mine := serverCertificate()
	server.certificate.Store(&mine)
	require.NoError(t, call())
}

func TestPinsThatAreNone(t *testing.T) {
	t.Parallel()
	for _, pin := range []string{
		"", " ", ":", strings.Repeat("a", 63), strings.Repeat("a", 65), strings.Repeat("g", 64), strings.Repeat("a", 40),
		strings.Repeat("é", 32), "sha256/" + strings.Repeat("A", 43) + "=", strings.Repeat("\x00", 64),
	} {
		client, err := trillian.NewClient(token, trillian.WithCertificatePin(pin))
		require.ErrorIs(t, err, trillian.ErrInvalidArgument, "%q", pin)
		require.Nil(t, client)
	}
}

// TestTransportsThatCannotPin must not pin in name only.
func TestTransportsThatCannotPin(t *testing.T) {
	t.Parallel()
	dial := func(context.Context, string, string) (net.Conn, error) { return nil, net.ErrClosed }
	for name, transport := range map[string]http.RoundTripper{
		"of another type":  roundTripper(func(*http.Request) (*http.Response, error) { return nil, io.EOF }),
		"with its own TLS": &http.Transport{DialTLSContext: dial},
		//lint:ignore SA1019 it is still heeded by net/http
		"with its own old TLS": &http.Transport{DialTLS: func(string, string) (net.Conn, error) { return nil, net.ErrClosed }},
	} {
		for _, trust := range []trillian.Option{trillian.WithCertificatePin(serverCertificate().Pin), trillian.WithRootCAs(serverCertificate().Pool)} {
			client, err := trillian.NewClient(token, trillian.WithHTTPClient(&http.Client{Transport: transport}), trust)
			require.ErrorIs(t, err, trillian.ErrInvalidArgument, name)
			require.Nil(t, client)
		}
	}
}

func TestTrustStaysWithTheClient(t *testing.T) {
	t.Parallel()
	own := &http.Transport{TLSClientConfig: &tls.Config{}}
	newClient(t, "https://im.test", trillian.WithHTTPClient(&http.Client{Transport: own}), trillian.WithCertificatePin(serverCertificate().Pin))
	require.False(t, own.TLSClientConfig.InsecureSkipVerify, "the caller's transport is left as it is")
	require.Nil(t, own.TLSClientConfig.VerifyConnection)
	require.Zero(t, own.TLSClientConfig.MinVersion)
	if standard, ok := http.DefaultTransport.(*http.Transport); ok && standard.TLSClientConfig != nil {
		require.False(t, standard.TLSClientConfig.InsecureSkipVerify, "and so is everybody's")
	}
}
