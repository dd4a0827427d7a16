package transport

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
)

// ErrNotSent is a middleware's word that it sent nothing.
var ErrNotSent = errors.New("trillian: not sent")

// TimeoutError says that the server sent nothing for too long. It is a timeout
// to errors.Is(err, os.ErrDeadlineExceeded) and to Timeout().
type TimeoutError struct{ After time.Duration }

func (e *TimeoutError) Error() string {
	return fmt.Sprintf("timeout: the server sent nothing for %v", e.After)
}

// Timeout is true, as net.Error has it.
func (e *TimeoutError) Timeout() bool { return true }

// Temporary is true, as net.Error has it.
func (e *TimeoutError) Temporary() bool { return true }

// Is makes a TimeoutError an os.ErrDeadlineExceeded.
func (e *TimeoutError) Is(target error) bool { return target == os.ErrDeadlineExceeded }

// TooLargeError says that a response, decompressed, is over the limit.
type TooLargeError struct{ Limit int64 }

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("the response is larger than %d bytes", e.Limit)
}

// StatusError stands for a response where an error is asked for.
type StatusError struct{ Code int }

func (e *StatusError) Error() string {
	return fmt.Sprintf("%d %s", e.Code, http.StatusText(e.Code))
}

// isRateLimit reports whether the server refused a request for coming too soon.
func isRateLimit(err error) bool {
	status, ok := errors.AsType[*StatusError](err)
	return ok && status.Code == http.StatusTooManyRequests
}

// ProxyError says that a forward proxy refused to connect.
type ProxyError struct{ Code int }

func (e *ProxyError) Error() string {
	return fmt.Sprintf("the proxy refused to connect: %d %s", e.Code, http.StatusText(e.Code))
}

// proxyRefusal makes a ProxyError of how net/http reports a refused CONNECT: an
// error that is the status's text and nothing more.
func proxyRefusal(err error) error {
	for code := http.StatusBadRequest; code < 600; code++ {
		if text := http.StatusText(code); text != "" && err.Error() == text {
			return &ProxyError{code}
		}
	}
	return err
}

// isHopeless reports whether the next attempt would fail in the same way.
func (c *Call) isHopeless(err error) bool {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return dns.IsNotFound
	}
	if proxy, ok := errors.AsType[*ProxyError](err); ok {
		return proxy.Code < 500
	}
	return errors.Is(err, errNoCall) || errors.Is(err, errElsewhere) || errors.Is(err, http.ErrSchemeMismatch) ||
		is[*PinError](err) || is[*tls.CertificateVerificationError](err) || is[x509.UnknownAuthorityError](err) ||
		is[x509.HostnameError](err) || is[x509.CertificateInvalidError](err) || c.isAlert(err) ||
		is[tls.RecordHeaderError](err) || strings.HasPrefix(err.Error(), "unsupported protocol scheme")
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// handshakeAlerts are the alerts by which a server refuses a handshake. With TLS
// 1.3 they may come when the client, for its part, is done with it and has sent a
// request, which the server then never reads.
var handshakeAlerts = []string{
	"handshake failure", "bad certificate", "unsupported certificate", "revoked certificate", "expired certificate",
	"unknown certificate", "unknown certificate authority", "access denied", "protocol version not supported",
	"insufficient security level", "unrecognized name", "certificate required", "no application protocol",
}

// isAlert reports whether the server refused the TLS handshake.
func (c *Call) isAlert(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	if !ok || op.Op != "remote error" {
		return false
	}
	return c.connecting.Load() && !c.sent.Load() ||
		slices.Contains(handshakeAlerts, strings.TrimPrefix(op.Err.Error(), "tls: "))
}

// neverSent reports whether err proves that no server saw the attempt. A
// transport that reports no progress proves it only by the kind of its error.
func (c *Call) neverSent(err error) bool {
	if isUnseen(err) {
		return true
	}
	if !c.connecting.Load() {
		return isDialError(err)
	}
	return !c.sent.Load() || isWriteError(err) && !c.written.Load() && !c.Bodyless
}

// isUnseen reports whether err says that the server closed a connection without
// having looked at the request: a GOAWAY of HTTP/2 that names the last stream it
// saw, a connection of HTTP/2 that was ending before the request was begun on it
// (what net/http cannot rewind was not sent, but closed), or, of HTTP/1.1, one that
// was closed before the request was written. net/http has no types for these, but that
// it did not read a body is seen.
func isUnseen(err error) bool {
	const goAway = "http2: Transport received Server's graceful shutdown GOAWAY"
	return errors.Is(err, errUnread) || slices.ContainsFunc([]string{ // at the end: what a server says is quoted within others
		goAway,
		"cannot retry err [" + goAway + "] after Request.Body was written; define Request.GetBody to avoid this error",
		"net/http: cannot rewind body after connection loss",
		"http: server closed idle connection",
	}, func(text string) bool { return strings.HasSuffix(err.Error(), text) })
}

// isWriteError reports whether the request could not be written.
func isWriteError(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "write" || err.Error() == "http2: client conn could not be established"
}

func isDialError(err error) bool {
	if scrubbed, ok := errors.AsType[*scrubbedError](err); ok {
		return scrubbed.dial
	}
	op, ok := errors.AsType[*net.OpError](err)
	return ok && (op.Op == "dial" || op.Op == "proxyconnect")
}

func isNetworkError(err error) bool {
	// HTTP/2 reports resets of streams and connections in types of its own.
	return is[net.Error](err) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		strings.HasPrefix(err.Error(), "http2: ") || strings.HasPrefix(err.Error(), "stream error: ")
}

// BrokeOff reports whether a body ended before its end.
func BrokeOff(err error) bool {
	return errors.Is(err, io.ErrUnexpectedEOF) || isNetworkError(err)
}
