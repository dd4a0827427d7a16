package transport

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"
)

// SilenceError says that the server said nothing for too long. It is a timeout
// to errors.Is(err, os.ErrDeadlineExceeded) and to Timeout().
type SilenceError struct{ After time.Duration }

func (e *SilenceError) Error() string {
	return fmt.Sprintf("the server said nothing for %v", e.After)
}

// Timeout is true, as net.Error has it.
func (e *SilenceError) Timeout() bool { return true }

// Temporary is true, as net.Error has it.
func (e *SilenceError) Temporary() bool { return true }

// Is makes a SilenceError an os.ErrDeadlineExceeded.
func (e *SilenceError) Is(target error) bool { return target == os.ErrDeadlineExceeded }

// TooLargeError says that an answer, decompressed, is over the limit.
type TooLargeError struct{ Limit int64 }

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("the answer is larger than %d bytes", e.Limit)
}

// StatusError stands for an answer where an error is asked for.
type StatusError struct{ Code int }

func (e *StatusError) Error() string {
	return fmt.Sprintf("%d %s", e.Code, http.StatusText(e.Code))
}

// isHopeless reports whether the next attempt would fail in the same way.
func isHopeless(err error) bool {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return dns.IsNotFound
	}
	if errors.Is(err, errNoCall) || errors.Is(err, errElsewhere) || errors.Is(err, http.ErrSchemeMismatch) || isCertificateError(err) {
		return true
	}
	_, plain := errors.AsType[tls.RecordHeaderError](err)
	return plain || strings.Contains(err.Error(), "unsupported protocol scheme")
}

func isCertificateError(err error) bool {
	if _, ok := errors.AsType[*PinError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return true
	}
	if _, ok := errors.AsType[tls.AlertError](err); ok {
		return true
	}
	_, ok := errors.AsType[x509.CertificateInvalidError](err)
	return ok
}

func isDialError(err error) bool {
	if scrubbed, ok := errors.AsType[*scrubbedError](err); ok {
		return scrubbed.dial
	}
	op, ok := errors.AsType[*net.OpError](err)
	return ok && (op.Op == "dial" || op.Op == "proxyconnect")
}

func isNetworkError(err error) bool {
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	// HTTP/2 reports resets of streams and connections in types of its own.
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		strings.HasPrefix(err.Error(), "http2: ") || strings.HasPrefix(err.Error(), "stream error: ")
}
