package trillian

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/trillian-go/trillian/internal/xmlwire"
)

// Timestamp is a moment the server names, always in UTC. The zero value means
// "none": a media item whose ExpiresAt is zero never expires.
//
// The server counts messages in milliseconds and everything else in seconds
// since 1970; the magnitude tells which, without ambiguity from 1973-03-03 to
// the year 5138 (inferred from the reference's samples). Microseconds and
// nanoseconds, which no sample has, are told in the same way.
type Timestamp struct{ time.Time }

// The first numbers of each unit, all of them 1973-03-03 09:46:40 UTC.
const (
	firstMilliseconds = 100_000_000_000
	firstMicroseconds = 1000 * firstMilliseconds
	firstNanoseconds  = 1000 * firstMicroseconds
)

const firstSecond = -62_135_596_800 // 0001-01-01 00:00:00 UTC, the zero time

// UnmarshalText reads a number of seconds, or of a smaller unit, since 1970, and
// the RFC 3339 form that MarshalText writes. Empty text and 0 are the zero time.
func (t *Timestamp) UnmarshalText(text []byte) error {
	n, ok := xmlwire.Digits(text)
	if !ok {
		return t.unmarshalOther(strings.TrimSpace(string(text)))
	}
	return t.setUnix(n)
}

// MarshalJSON writes RFC 3339 in a string, and null for the zero time.
func (t Timestamp) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return t.Time.MarshalJSON()
}

// UnmarshalJSON reads what MarshalJSON writes, and as a string or a number what
// UnmarshalText reads.
func (t *Timestamp) UnmarshalJSON(b []byte) error {
	switch {
	case string(b) == "null":
		*t = Timestamp{}
		return nil
	case b[0] != '"':
		return t.UnmarshalText(b)
	}
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	return t.UnmarshalText([]byte(text))
}

func (t *Timestamp) unmarshalOther(s string) error {
	if s == "" {
		*t = Timestamp{}
		return nil
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return t.setUnix(n)
	}
	parsed, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return errors.New("not a number of seconds, or of a smaller unit, since 1970")
	}
	parsed = parsed.UTC()
	if parsed.Year() < 1 || parsed.Year() > 9999 { // which JSON cannot have
		return errors.New("not between the years 1 and 9999")
	}
	*t = Timestamp{parsed}
	return nil
}

func (t *Timestamp) setUnix(n int64) error {
	switch {
	case n == 0:
		*t = Timestamp{}
	case n <= firstSecond:
		return errors.New("before the year 1")
	case n >= firstNanoseconds:
		*t = Timestamp{time.Unix(0, n).UTC()}
	case n >= firstMicroseconds:
		*t = Timestamp{time.UnixMicro(n).UTC()}
	case n >= firstMilliseconds:
		*t = Timestamp{time.UnixMilli(n).UTC()}
	default:
		*t = Timestamp{time.Unix(n, 0).UTC()}
	}
	return nil
}

// DeviceIP is the address of a device. The zero value means "none".
type DeviceIP struct{ netip.Addr }

// UnmarshalText reads the server's little-endian integer (2315364544 is
// 192.168.1.138) and, beyond what the reference shows, dotted and IPv6 text, of
// which a port is not kept ("1.2.3.4:5222", "[::1]:5222"). Empty text and 0 are the
// zero DeviceIP.
func (ip *DeviceIP) UnmarshalText(text []byte) error {
	text = bytes.TrimSpace(text)
	n, ok := xmlwire.Digits(text)
	if len(text) == 0 || ok && n == 0 {
		*ip = DeviceIP{}
		return nil
	}
	if ok && n <= math.MaxUint32 {
		var b [4]byte
		binary.LittleEndian.PutUint32(b[:], uint32(n))
		*ip = DeviceIP{netip.AddrFrom4(b)}
		return nil
	}
	addr, err := netip.ParseAddr(string(text))
	if err != nil {
		withPort, err := netip.ParseAddrPort(string(text))
		if err != nil {
			return errors.New("not an IP address")
		}
		addr = withPort.Addr()
	}
	*ip = DeviceIP{addr}
	return nil
}

// Collection is a resource below another one. The server returns its link, and its
// items where the request asked for them to be expanded.
type Collection[T any] struct {
	// Href is the link the server gives. The client never follows it: ask the
	// service of that resource instead.
	Href string `xml:"href,attr" json:"href"`
	// Items are the expanded elements, nil where the server returned only the link.
	Items []T `xml:",any" json:"items,omitempty"`
}

// Secret is a text that must not be shown, such as a password. Every way of
// printing it says [redacted]; the request to the server carries its value. What
// was written down and read back is refused, lest it become the password.
type Secret string

const redacted = "[redacted]"

func (s Secret) check() error {
	if s == redacted {
		return &ArgumentError{Name: "password", Reason: fmt.Sprintf("is %q, which stood in its place where it was written down", redacted)}
	}
	return nil
}

// String returns "[redacted]".
func (Secret) String() string { return redacted }

// GoString returns "[redacted]".
func (Secret) GoString() string { return redacted }

// Format writes "[redacted]", whatever the verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue returns "[redacted]".
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns "[redacted]", which is what encoding/json and
// encoding/xml write.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// EncodeValues writes the value itself: this is how a Secret reaches the server.
func (s Secret) EncodeValues(key string, v *url.Values) error {
	v.Set(key, string(s))
	return nil
}
