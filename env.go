package trillian

import (
	"crypto/x509"
	"errors"
	"os"
	"strings"
)

// NewClientFromEnv returns a client that is set up by environment variables.
// Options come after the environment. It fails with an [ArgumentError].
//
//	TRILLIAN_TOKEN            the token, or
//	TRILLIAN_TOKEN_FILE       a file with the token, of which a byte order mark and a final newline are not part
//	TRILLIAN_BASE_URL         where the resources are; DefaultBaseURL if empty
//	TRILLIAN_CA_FILE          a PEM file of the authorities to trust instead of the system's
//	TRILLIAN_CERTIFICATE_PIN  the fingerprint of the server's certificate, see WithCertificatePin
//	TRILLIAN_PLAIN_HTTP       1 allows a base URL of the scheme http on other machines
//
// HTTP_PROXY, HTTPS_PROXY and NO_PROXY are honoured by every client that has no
// transport of the program's own, see [net/http.ProxyFromEnvironment].
//
// Trillian API: Authentication.
func NewClientFromEnv(opts ...Option) (*Client, error) {
	token, err := tokenFromEnv()
	if err != nil {
		return nil, err
	}
	var env []Option
	if base := os.Getenv("TRILLIAN_BASE_URL"); base != "" {
		env = append(env, WithBaseURL(base))
	}
	if path := os.Getenv("TRILLIAN_CA_FILE"); path != "" {
		pool, err := readRootCAs(path)
		if err != nil {
			return nil, err
		}
		env = append(env, WithRootCAs(pool))
	}
	if pin := os.Getenv("TRILLIAN_CERTIFICATE_PIN"); pin != "" {
		env = append(env, WithCertificatePin(pin))
	}
	switch plain := os.Getenv("TRILLIAN_PLAIN_HTTP"); plain {
	case "", "0":
	case "1":
		env = append(env, WithPlainHTTP())
	default:
		return nil, &ArgumentError{Name: "TRILLIAN_PLAIN_HTTP", Reason: "is neither 1 nor 0"}
	}
	return NewClient(token, append(env, opts...)...)
}

func tokenFromEnv() (string, error) {
	token, path := os.Getenv("TRILLIAN_TOKEN"), os.Getenv("TRILLIAN_TOKEN_FILE")
	switch {
	case token != "" && path != "":
		return "", &ArgumentError{Name: "token", Reason: "is given twice: set TRILLIAN_TOKEN or TRILLIAN_TOKEN_FILE"}
	case token != "":
		return token, nil
	case path == "":
		return "", &ArgumentError{Name: "token", Reason: "is empty: set TRILLIAN_TOKEN or TRILLIAN_TOKEN_FILE"}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", &ArgumentError{Name: "TRILLIAN_TOKEN_FILE", Reason: "cannot be read: " + reasonOf(err)}
	}
	token = strings.TrimPrefix(string(text), "\ufeff") // Windows writes one
	token = strings.TrimSuffix(strings.TrimSuffix(token, "\n"), "\r")
	if token == "" {
		return "", &ArgumentError{Name: "TRILLIAN_TOKEN_FILE", Reason: "is empty"}
	}
	return token, nil
}

func readRootCAs(path string) (*x509.CertPool, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, &ArgumentError{Name: "TRILLIAN_CA_FILE", Reason: "cannot be read: " + reasonOf(err)}
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, &ArgumentError{Name: "TRILLIAN_CA_FILE", Reason: "has no certificate in PEM"}
	}
	return pool, nil
}

// reasonOf leaves out the path: a token may have been put where a path belongs.
func reasonOf(err error) string {
	if p, ok := errors.AsType[*os.PathError](err); ok {
		return p.Err.Error()
	}
	return err.Error()
}
