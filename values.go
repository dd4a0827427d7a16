package trillian

import (
	"bytes"
	"encoding/binary"
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

	"github.com/trillian-go/trillian/internal/wire"
)

// Timestamp is a moment the server names, always in UTC. The zero value means
// "none": a media item whose ExpiresAt is zero never expires.
//
// The server counts messages in milliseconds and everything else in seconds
// since 1970; the magnitude tells which, without ambiguity from 1973-03-03 to
// the year 5138 (inferred from the reference's samples).
type Timestamp struct{ time.Time }

// Numbers from here on are milliseconds.
const firstMilliseconds = 100_000_000_000

// The bounds of what every format of package time can write.
const (
	firstSecond      = -62_135_596_800     // 0001-01-01 00:00:00 UTC
	lastMilliseconds = 253_402_300_799_999 // 9999-12-31 23:59:59.999 UTC
)

// UnmarshalText reads a number of seconds or milliseconds since 1970, and the
// RFC 3339 form that MarshalText writes. Empty text and 0 are the zero time.
func (t *Timestamp) UnmarshalText(text []byte) error {
	n, ok := wire.Digits(text)
	if !ok {
		return t.unmarshalOther(strings.TrimSpace(string(text)))
	}
	return t.setUnix(n)
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
		return errors.New("not a number of seconds or milliseconds since 1970")
	}
	*t = Timestamp{parsed.UTC()}
	return nil
}

func (t *Timestamp) setUnix(n int64) error {
	switch {
	case n == 0:
		*t = Timestamp{}
	case n > lastMilliseconds || n <= firstSecond:
		return errors.New("not between the years 1 and 9999")
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
// 192.168.1.138) and, beyond what the reference shows, dotted and IPv6 text.
func (ip *DeviceIP) UnmarshalText(text []byte) error {
	n, ok := wire.Digits(text)
	if !ok {
		text = bytes.TrimSpace(text)
		n, ok = wire.Digits(text)
	}
	if len(text) == 0 {
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
		return errors.New("not an IP address")
	}
	*ip = DeviceIP{addr}
	return nil
}

// Collection is a resource below another one. The server answers its link, and
// its items where the request asked for them to be expanded.
type Collection[T any] struct {
	// Href is the link the server gives. The client never follows it: ask the
	// service of that resource instead.
	Href string `xml:"href,attr"`
	// Items are the expanded elements, nil where the server answered only the link.
	Items []T `xml:",any"`
}

// Secret is a text that must not be shown, such as a password. Every way of
// printing it says [redacted]; the request to the server carries its value.
type Secret string

const redacted = "[redacted]"

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
