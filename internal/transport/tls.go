package transport

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/hashicorp/go-cleanhttp"
)

// NewBase returns the transport that requests leave by: a fresh one, since what
// stands in http.DefaultTransport may be anybody's, with TLS 1.2 at least and room
// for a history export's connections.
func NewBase() *http.Transport {
	t := cleanhttp.DefaultPooledTransport()
	t.MaxIdleConnsPerHost = 64
	t.MaxResponseHeaderBytes = 1 << 20 // all of it is looked through for secrets
	t.OnProxyConnectResponse = func(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
		if resp.StatusCode != http.StatusOK {
			return &ProxyError{resp.StatusCode}
		}
		return nil
	}
	secure(t)
	return t
}

func secure(t *http.Transport) {
	if t.TLSClientConfig == nil {
		t.TLSClientConfig = &tls.Config{}
	}
	t.TLSClientConfig.MinVersion = max(t.TLSClientConfig.MinVersion, tls.VersionTLS12)
}

// Trust returns a clone of base that trusts the roots, or only servers whose
// certificate has one of the pins, or with both only what both allow.
func Trust(base http.RoundTripper, roots *x509.CertPool, pins []string) (*http.Transport, error) {
	standard, ok := base.(*http.Transport)
	if !ok {
		return nil, fmt.Errorf("cannot set the TLS trust of a %T: set it there", base)
	}
	//lint:ignore SA1019 a transport that still has the old field would not heed the pins
	if standard.DialTLSContext != nil || standard.DialTLS != nil {
		return nil, errors.New("makes TLS connections by itself: set their trust there")
	}
	t := standard.Clone()
	if _, ok := standard.TLSNextProto["h2"]; ok {
		t.ForceAttemptHTTP2 = true // which a TLS config would otherwise end
	}
	secure(t)
	t.TLSClientConfig.InsecureSkipVerify = roots == nil
	if roots != nil {
		t.TLSClientConfig.RootCAs = roots
	}
	if len(pins) > 0 {
		own := t.TLSClientConfig.VerifyConnection
		// VerifyPeerCertificate would be skipped when a session is resumed.
		t.TLSClientConfig.VerifyConnection = func(s tls.ConnectionState) error {
			if err := checkPin(s, pins); err != nil || own == nil {
				return err
			}
			return own(s)
		}
	}
	return t, nil
}

// PinError says that the server's certificate is not the pinned one.
type PinError struct {
	Fingerprint string // of the certificate that was seen: hex SHA-256
}

func (e *PinError) Error() string {
	return "the server's certificate is not the pinned one: its SHA-256 fingerprint is " + e.Fingerprint
}

func checkPin(s tls.ConnectionState, pins []string) error {
	if len(s.PeerCertificates) == 0 {
		return errors.New("the server has no certificate")
	}
	sum := sha256.Sum256(s.PeerCertificates[0].Raw)
	if seen := hex.EncodeToString(sum[:]); !slices.Contains(pins, seen) {
		return &PinError{seen}
	}
	return nil
}

// ParsePin reads a hex SHA-256 fingerprint, in either case and with or without
// colons, as the tools print it.
func ParsePin(s string) (string, error) {
	pin := strings.ToLower(strings.ReplaceAll(strings.TrimSpace(s), ":", ""))
	if b, err := hex.DecodeString(pin); err != nil || len(b) != sha256.Size {
		return "", errors.New("is not a hex SHA-256 fingerprint: 64 digits, with or without colons")
	}
	return pin, nil
}
