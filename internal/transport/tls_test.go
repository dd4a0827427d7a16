package transport

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func pinOf(raw string) string {
	sum := sha256.Sum256([]byte(raw))
	return hex.EncodeToString(sum[:])
}

func shown(raw string) tls.ConnectionState {
	return tls.ConnectionState{PeerCertificates: []*x509.Certificate{{Raw: []byte(raw)}, {Raw: []byte("an issuer")}}}
}

func TestParsePin(t *testing.T) {
	t.Parallel()
	pin := pinOf("a certificate")
	var colons []string
	for i := 0; i < len(pin); i += 2 {
		colons = append(colons, pin[i:i+2])
	}
	for _, text := range []string{pin, strings.ToUpper(pin), strings.Join(colons, ":"), strings.ToUpper(strings.Join(colons, ":")), " " + pin + "\n"} {
		got, err := ParsePin(text)
		require.NoError(t, err)
		require.Equal(t, pin, got)
	}
	for _, text := range []string{"", ":", pin[1:], pin + "0", pin[2:], pin + pin, "g" + pin[1:], "sha256:" + pin, strings.Repeat("ü", 32)} {
		_, err := ParsePin(text)
		require.Error(t, err, "%q", text)
	}
}

func TestCheckPin(t *testing.T) {
	t.Parallel()
	require.NoError(t, checkPin(shown("mine"), []string{pinOf("mine")}))
	require.NoError(t, checkPin(shown("mine"), []string{pinOf("old"), pinOf("mine")}))
	for _, pins := range [][]string{{pinOf("old")}, {pinOf("an issuer")}, {}} {
		pin, ok := errors.AsType[*PinError](checkPin(shown("mine"), pins))
		require.True(t, ok, "only the server's own certificate counts")
		require.Equal(t, pinOf("mine"), pin.Fingerprint)
		require.ErrorContains(t, pin, pinOf("mine"))
		require.True(t, (&Call{}).isHopeless(pin))
	}
	require.Error(t, checkPin(tls.ConnectionState{}, []string{pinOf("mine")}))
}

func TestNewBase(t *testing.T) {
	t.Parallel()
	base := NewBase()
	require.NotSame(t, http.DefaultTransport, base)
	require.Equal(t, uint16(tls.VersionTLS12), base.TLSClientConfig.MinVersion)
	require.True(t, base.ForceAttemptHTTP2)
	require.GreaterOrEqual(t, base.MaxIdleConnsPerHost, 64)
	require.LessOrEqual(t, base.MaxResponseHeaderBytes, int64(1<<20))
	require.Positive(t, base.MaxResponseHeaderBytes)
}

func TestTrust(t *testing.T) {
	t.Parallel()
	pool, pins := x509.NewCertPool(), []string{pinOf("mine")}
	own := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: "im.test"}}
	for _, c := range []struct {
		name  string
		roots *x509.CertPool
		pins  []string
		skips bool // the check of the chain
	}{
		{"roots", pool, nil, false},
		{"pins", nil, pins, true},
		{"both", pool, pins, false},
	} {
		rt, err := Trust(own, c.roots, c.pins)
		require.NoError(t, err, c.name)
		config := rt.TLSClientConfig
		require.Equal(t, c.skips, config.InsecureSkipVerify, c.name)
		require.Same(t, c.roots, config.RootCAs, c.name)
		require.Equal(t, uint16(tls.VersionTLS12), config.MinVersion, c.name)
		require.Equal(t, "im.test", config.ServerName, c.name)
		require.Equal(t, len(c.pins) > 0, config.VerifyConnection != nil, c.name)
		require.Nil(t, config.VerifyPeerCertificate, "which a resumed session skips")
	}
	require.Nil(t, own.TLSClientConfig.RootCAs, "the caller's own is left as it is")
	require.Nil(t, own.TLSClientConfig.VerifyConnection)
}

func TestTrustAsksTheCallersCheckToo(t *testing.T) {
	t.Parallel()
	no, asked := errors.New("no"), 0
	own := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS13, VerifyConnection: func(tls.ConnectionState) error { asked++; return no }}}
	rt, err := Trust(own, nil, []string{pinOf("mine")})
	require.NoError(t, err)
	config := rt.TLSClientConfig
	require.Equal(t, uint16(tls.VersionTLS13), config.MinVersion, "more than the least is kept")
	require.Equal(t, no, config.VerifyConnection(shown("mine")))
	_, ok := errors.AsType[*PinError](config.VerifyConnection(shown("other")))
	require.True(t, ok)
	require.Equal(t, 1, asked)
}

func TestTrustOfWhatItCannotSet(t *testing.T) {
	t.Parallel()
	for _, base := range []http.RoundTripper{
		roundTripper(nil),
		&http.Transport{DialTLSContext: func(context.Context, string, string) (net.Conn, error) { return nil, net.ErrClosed }},
		//lint:ignore SA1019 it is still heeded by net/http
		&http.Transport{DialTLS: func(string, string) (net.Conn, error) { return nil, net.ErrClosed }},
	} {
		rt, err := Trust(base, x509.NewCertPool(), nil)
		require.Error(t, err)
		require.Nil(t, rt)
	}
	rt, err := Trust(NewBase(), x509.NewCertPool(), nil)
	require.NoError(t, err)
	require.NotNil(t, rt)
}

func TestTrustKeepsHTTP2(t *testing.T) {
	t.Parallel()
	for _, base := range []http.RoundTripper{&http.Transport{}, NewBase(), http.DefaultTransport, &http.Transport{TLSClientConfig: &tls.Config{}, ForceAttemptHTTP2: true}} {
		rt, err := Trust(base, x509.NewCertPool(), nil)
		require.NoError(t, err)
		require.True(t, rt.ForceAttemptHTTP2)
	}
	without := &http.Transport{}
	without.Protocols = new(http.Protocols)
	without.Protocols.SetHTTP1(true)
	rt, err := Trust(without, x509.NewCertPool(), nil)
	require.NoError(t, err)
	require.False(t, rt.ForceAttemptHTTP2, "what speaks HTTP/1 by choice still does")
}
