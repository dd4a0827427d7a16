package trillian

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// The likeliest mistakes of a first program end in a bare 401, 404 or x509 error.
// Hints say what to try; they never quote a secret.

// looksEscaped reports whether a token is percent-encoded, as in the reference's
// curl example: what it decodes to is Base64.
func looksEscaped(token string) bool {
	plain, err := url.QueryUnescape(token)
	if err != nil || plain == token {
		return false
	}
	_, err = base64.RawStdEncoding.DecodeString(strings.TrimRight(plain, "="))
	return err == nil
}

var versionSegment = regexp.MustCompile(`/v[0-9]+/`)

func (c *Client) hintForStatus(r request, e *Error) string {
	isMissing := e.StatusCode == http.StatusNotFound || e.StatusCode == http.StatusBadRequest
	switch {
	case e.StatusCode == http.StatusUnauthorized && c.escaped:
		return "the token looks percent-encoded, as the reference's curl example has it: decode it first"
	case e.StatusCode == http.StatusBadRequest && c.pipeline.Origin.Scheme == "http" && strings.Contains(strings.ToUpper(e.Message), "HTTPS"):
		return "the server expects TLS: use https in the base URL"
	case isMissing && strings.Contains(r.path, "%2F"):
		return "the path has an escaped slash (%2F), which proxies refuse or decode unless they are told not to: see docs/proxies.md"
	case e.StatusCode != http.StatusNotFound:
		return ""
	case strings.HasPrefix(r.route, "groupchats/:groupchat/") && !strings.HasPrefix(r.path, "groupchats/%23"):
		return `a group chat's name begins with "#"; its display name is something else`
	case e.Foreign && !versionSegment.MatchString(c.pipeline.Origin.Path):
		return "the base URL has no version in its path: it usually ends in /v1/"
	}
	return ""
}

func hintForError(err error) string {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		hint := "no known authority signed the server's certificate"
		if chain, ok := errors.AsType[*tls.CertificateVerificationError](err); ok && len(chain.UnverifiedCertificates) > 0 {
			sum := sha256.Sum256(chain.UnverifiedCertificates[0].Raw)
			hint += ", whose SHA-256 fingerprint is " + hex.EncodeToString(sum[:])
		}
		return hint + ": if it is the right one, use WithCertificatePin, or WithRootCAs for a company's authority"
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || errors.Is(err, http.ErrSchemeMismatch) {
		return "the server does not speak TLS at this port: check the base URL's scheme and port"
	}
	return ""
}
