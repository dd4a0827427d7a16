package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/trilliantest"
)

// examined is what a doctor says of a server behind a proxy, by check.
func examined(t *testing.T, proxy func(next http.Handler) http.Handler) map[string]check {
	t.Helper()
	server := trilliantest.NewServer(t, trilliantest.WithSampleCompany(), trilliantest.WithoutListener())
	between := httptest.NewServer(proxy(server.Handler()))
	t.Cleanup(between.Close)
	base := between.URL + "/v1/"
	client, err := trillian.NewClient(server.Token(), trillian.WithBaseURL(base), trillian.WithRetryPolicy(trillian.RetryPolicy{MaxAttempts: 1}))
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	d := &doctor{app: newApp(nil, nil, nil), server: endpoint{source: "a test", baseURL: base}, client: client}
	d.examine(t.Context())
	for _, r := range server.Requests() { // it changes nothing
		require.True(t, r.Method == http.MethodGet || r.Method == http.MethodHead || r.Status == http.StatusNotFound, r)
	}
	return byName(d.checks)
}

func byName(checks []check) map[string]check {
	all := make(map[string]check)
	for _, c := range checks {
		all[c.name] = c
	}
	return all
}

func page(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	_, _ = w.Write([]byte("<html><title>No</title></html>"))
}

func TestDoctorOnProxies(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		proxy        func(w http.ResponseWriter, r *http.Request, next http.Handler)
		check        string
		result, says string
	}{
		"PATCH is not allowed": {func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.Method == http.MethodPatch {
				page(w, http.StatusMethodNotAllowed)
				return
			}
			next.ServeHTTP(w, r)
		}, "PATCH", checkWarning, "sends POST instead"},
		"PATCH is forbidden": {func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.Method == http.MethodPatch {
				page(w, http.StatusForbidden)
				return
			}
			next.ServeHTTP(w, r)
		}, "PATCH", checkFailed, "let PATCH through"},
		"PATCH is not found, by a proxy": {func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.Method == http.MethodPatch {
				page(w, http.StatusNotFound)
				return
			}
			next.ServeHTTP(w, r)
		}, "PATCH", checkFailed, "let PATCH through"},
		"%2F is decoded": {func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			r.URL.RawPath = ""
			next.ServeHTTP(w, r)
		}, "%2F", checkFailed, "files whose id has a slash"},
		"%2F is refused": {func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if strings.Contains(r.URL.EscapedPath(), "%2F") {
				page(w, http.StatusNotFound)
				return
			}
			next.ServeHTTP(w, r)
		}, "%2F", checkFailed, "AllowEncodedSlashes"},
		"the clock": {func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			w.Header().Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
			next.ServeHTTP(w, r)
		}, "clock", checkWarning, "NTP"},
		"a page to log in": {func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			page(w, http.StatusOK)
		}, "token", checkFailed, "a proxy that wants a log-in"},
		"another place": {func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			page(w, http.StatusNotFound)
		}, "token", checkFailed, "there is no API at the base URL"},
		"nothing special": {func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			next.ServeHTTP(w, r)
		}, "%2F", checkOK, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checks := examined(t, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.proxy(w, r, next) })
			})
			got := checks[c.check]
			require.Equal(t, c.result, got.result, got)
			require.Contains(t, got.advice, c.says)
		})
	}
}

// certificateFor makes a certificate of 127.0.0.1 that signs itself.
func certificateFor(t *testing.T, left time.Duration) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(left),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestDoctorOnCertificates(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		left              time.Duration
		pin, authority    bool
		wrongPin          string
		result, says, tip string
	}{
		"an unknown authority":   {left: 2000 * time.Hour, result: checkFailed, says: "unknown authority", tip: "pin it by TRILLIAN_CERTIFICATE_PIN"},
		"a known authority":      {left: 2000 * time.Hour, authority: true, result: checkOK, says: "CN=test"},
		"one that expires":       {left: 50 * time.Hour, authority: true, result: checkWarning, tip: "it expires in 2 days"},
		"one that has expired":   {left: -time.Hour, authority: true, result: checkFailed, says: "expired"},
		"the pinned one":         {left: 2000 * time.Hour, pin: true, result: checkOK, says: "the pinned one"},
		"another than is pinned": {left: 2000 * time.Hour, wrongPin: strings.Repeat("ab", 32), result: checkFailed, says: "not the pinned one", tip: "somebody is in between"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			certificate := certificateFor(t, c.left)
			server := httptest.NewUnstartedServer(http.NotFoundHandler())
			server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
			server.StartTLS()
			t.Cleanup(server.Close)

			d := &doctor{app: newApp(nil, nil, nil), server: endpoint{baseURL: server.URL + "/v1/", pin: c.wrongPin}, err: errUsage}
			sum := sha256.Sum256(certificate.Certificate[0])
			if c.pin {
				d.server.pin = strings.ToUpper(hex.EncodeToString(sum[:]))
			}
			if c.authority {
				d.server.caFile = filepath.Join(t.TempDir(), "ca.pem")
				text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]})
				require.NoError(t, os.WriteFile(d.server.caFile, text, 0o600))
			}
			d.examine(t.Context())
			checks := byName(d.checks)
			got := checks["certificate"]
			require.Equal(t, c.result, got.result, got)
			require.Contains(t, got.detail, c.says)
			require.Contains(t, got.advice, c.tip)
			require.Equal(t, hex.EncodeToString(sum[:]), checks["fingerprint"].detail)
		})
	}
}
