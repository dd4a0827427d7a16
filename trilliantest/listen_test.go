package trilliantest_test

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/trilliantest"
)

// However it listens, the base URL is one that a client of this machine takes.
func TestBaseURLIsReachable(t *testing.T) {
	t.Parallel()
	for address, host := range map[string]string{
		"": "127.0.0.1", ":0": "127.0.0.1", "0.0.0.0:0": "127.0.0.1", "127.0.0.2:0": "127.0.0.2", "localhost:0": "", "[::]:0": "::1", "[::1]:0": "::1",
	} {
		t.Run(address, func(t *testing.T) {
			t.Parallel()
			if strings.HasPrefix(address, "[") {
				l, err := net.Listen("tcp", "[::1]:0")
				if err != nil {
					t.Skip("there is no IPv6 here")
				}
				l.Close()
			}
			var opts []trilliantest.Option
			if address != "" {
				opts = append(opts, trilliantest.WithAddress(address))
			}
			srv := trilliantest.NewServer(t, append(opts, trilliantest.WithSampleCompany())...)
			base, err := url.Parse(srv.BaseURL())
			require.NoError(t, err)
			if host != "" {
				require.Equal(t, host, base.Hostname())
			}
			client, err := trillian.NewClient(srv.Token(), trillian.WithBaseURL(srv.BaseURL()))
			require.NoError(t, err)
			group, err := client.Groups.Get(t.Context(), 1, nil)
			require.NoError(t, err)
			require.Equal(t, srv.BaseURL()+"groups/1/peers/", group.Peers.Href)
		})
	}
}

// A server that is told to listen beyond the own machine is a client's to use,
// without TLS too.
func TestClientBeyondLoopback(t *testing.T) {
	t.Parallel()
	addrs, err := net.InterfaceAddrs()
	require.NoError(t, err)
	for _, a := range addrs {
		ip, _, err := net.ParseCIDR(a.String())
		require.NoError(t, err)
		if ip.IsLoopback() || ip.To4() == nil {
			continue
		}
		srv := trilliantest.NewServer(t, trilliantest.WithSampleCompany(), trilliantest.WithAddress(net.JoinHostPort(ip.String(), "0")))
		require.Contains(t, srv.BaseURL(), ip.String())
		direct := &http.Transport{} // a proxy of the environment's is for such addresses
		t.Cleanup(direct.CloseIdleConnections)
		_, err = srv.Client(trillian.WithHTTPClient(&http.Client{Transport: direct})).Groups.List(t.Context(), nil)
		require.NoError(t, err)
		return
	}
	t.Skip("this machine has no other address")
}

func TestTLS(t *testing.T) {
	t.Parallel()
	srv := trilliantest.NewServer(t, trilliantest.WithSampleCompany(), trilliantest.WithTLS())
	require.True(t, strings.HasPrefix(srv.BaseURL(), "https://127.0.0.1:"), srv.BaseURL())
	group, err := srv.Client().Groups.Get(t.Context(), 1, nil)
	require.NoError(t, err)
	require.Equal(t, srv.BaseURL()+"groups/1/peers/", group.Peers.Href)

	base, err := url.Parse(srv.BaseURL())
	require.NoError(t, err)
	conn, err := tls.Dial("tcp", base.Host, &tls.Config{InsecureSkipVerify: true})
	require.NoError(t, err)
	defer conn.Close()
	certificate := conn.ConnectionState().PeerCertificates[0]
	sum := sha256.Sum256(certificate.Raw)
	require.Equal(t, hex.EncodeToString(sum[:]), srv.CertificatePin())

	roots := x509.NewCertPool()
	roots.AddCert(certificate)
	byName := strings.Replace(srv.BaseURL(), "127.0.0.1", "localhost", 1)
	for name, c := range map[string]struct {
		base    string
		option  trillian.Option
		refused bool
	}{
		"its pin":        {srv.BaseURL(), trillian.WithCertificatePin(srv.CertificatePin()), false},
		"its authority":  {srv.BaseURL(), trillian.WithRootCAs(roots), false},
		"by name":        {byName, trillian.WithRootCAs(roots), false},
		"another's pin":  {srv.BaseURL(), trillian.WithCertificatePin(strings.Repeat("0", 64)), true},
		"nothing at all": {srv.BaseURL(), trillian.WithUserAgent("x"), true},
	} {
		client, err := trillian.NewClient(srv.Token(), trillian.WithBaseURL(c.base), c.option)
		require.NoError(t, err)
		_, err = client.Groups.List(t.Context(), nil)
		require.Equal(t, c.refused, err != nil, "%s: %v", name, err)
	}

	other := trilliantest.NewServer(t, trilliantest.WithTLS())
	require.NotEqual(t, srv.CertificatePin(), other.CertificatePin(), "every server makes its own")
	require.Empty(t, trilliantest.NewServer(t).CertificatePin())

	_, err = trilliantest.Start(trilliantest.WithTLS(), trilliantest.WithoutListener())
	require.EqualError(t, err, "trilliantest: WithTLS needs the listener that WithoutListener leaves out")
}

// It is HTTP/2 for those who can, and HTTP/1.1 for all others.
func TestTLSProtocols(t *testing.T) {
	t.Parallel()
	srv := trilliantest.NewServer(t, trilliantest.WithSampleCompany(), trilliantest.WithTLS())
	for want, transport := range map[string]*http.Transport{
		"HTTP/2.0": {TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true},
		"HTTP/1.1": {TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
	} {
		resp, err := transport.RoundTrip(request(t, "GET", srv.BaseURL()+"users/", nil))
		require.NoError(t, err)
		require.Equal(t, want, resp.Proto)
		require.Equal(t, 401, resp.StatusCode)
		require.NoError(t, resp.Body.Close())
		transport.CloseIdleConnections()
	}
}
