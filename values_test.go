package trillian_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
)

func TestTimestamp(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"1464200972389":             "2016-05-25T18:29:32.389Z",
		"1464196567":                "2016-05-25T17:16:07Z",
		"99999999999":               "5138-11-16T09:46:39Z",
		"100000000000":              "1973-03-03T09:46:40Z",
		"99999999999999":            "5138-11-16T09:46:39.999Z",
		"100000000000000":           "1973-03-03T09:46:40Z",
		"1464200972389123":          "2016-05-25T18:29:32.389123Z",
		"99999999999999999":         "5138-11-16T09:46:39.999999Z",
		"100000000000000000":        "1973-03-03T09:46:40Z",
		" 1464200972389123456 ":     "2016-05-25T18:29:32.389123456Z",
		"9223372036854775807":       "2262-04-11T23:47:16.854775807Z",
		" 1464196567 ":              "2016-05-25T17:16:07Z",
		"-1":                        "1969-12-31T23:59:59Z",
		"-62135596799":              "0001-01-01T00:00:01Z",
		"2016-05-25T20:16:07+03:00": "2016-05-25T17:16:07Z",
		"9999-12-31T23:59:59Z":      "9999-12-31T23:59:59Z",
	} {
		var got trillian.Timestamp
		require.NoError(t, got.UnmarshalText([]byte(text)), text)
		require.Equal(t, want, got.Format(time.RFC3339Nano), text)
		require.Equal(t, time.UTC, got.Location())
	}
	for _, text := range []string{"", " ", "0", "000"} {
		got := trillian.Timestamp{Time: time.Now()}
		require.NoError(t, got.UnmarshalText([]byte(text)))
		require.True(t, got.IsZero())
	}
	for _, text := range []string{"x", "1.5", "0x10", "9223372036854775808", "-62135596800", "-1464200972389", "-9223372036854775808", "12 34", "9999-12-31T23:59:59-23:59", "0000-01-01T00:00:00+01:00"} {
		got := trillian.Timestamp{}
		require.Error(t, got.UnmarshalText([]byte(text)), text)
		require.True(t, got.IsZero())
	}
}

func TestDeviceIP(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"2315364544": "192.168.1.138", "4294967295": "255.255.255.255", "16777343": "127.0.0.1", "16777216": "0.0.0.1",
		" 10.0.0.1 ": "10.0.0.1", "2001:db8::1": "2001:db8::1", "0.0.0.0": "0.0.0.0",
		"1.2.3.4:5222": "1.2.3.4", "[::1]:5222": "::1", " [fe80::1%eth0]:0\n": "fe80::1%eth0", "1.2.3.4:65535": "1.2.3.4",
	} {
		var got trillian.DeviceIP
		require.NoError(t, got.UnmarshalText([]byte(text)), text)
		require.Equal(t, want, got.String(), text)
	}
	for _, none := range []string{"", " ", "0", " 0 ", "000"} {
		got := trillian.DeviceIP{Addr: netip.IPv6Unspecified()}
		require.NoError(t, got.UnmarshalText([]byte(none)))
		require.Zero(t, got, "%q", none)
	}
	for _, text := range []string{
		"4294967296", "-1", "localhost", "1.2.3", "99999999999999999999", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:x", ":5222", "::1:x", "[::1]",
		"localhost:5222", "1.2.3.4:5222:1", "2315364544:5222",
	} {
		var got trillian.DeviceIP
		require.Error(t, got.UnmarshalText([]byte(text)), text)
		require.False(t, got.IsValid())
	}
}

func TestSecretIsNeverPrinted(t *testing.T) {
	t.Parallel()
	const password = "hunter2 is 1 secret"
	create := trillian.UserCreate{IM: "a@b", Password: password}
	update := trillian.UserUpdate{Password: new(trillian.Secret(password))}
	var out bytes.Buffer
	for _, v := range []any{create.Password, create, &create, update, &update, []trillian.UserCreate{create}, map[string]any{"x": create}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%10s"} {
			fmt.Fprintf(&out, verb, v)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", v)
		b, err := json.Marshal(v)
		require.NoError(t, err)
		out.Write(b)
	}
	b, err := xml.Marshal(create.Password)
	require.NoError(t, err)
	out.Write(b)
	require.Contains(t, out.String(), "[redacted]")
	for _, form := range []string{password, "hunter2", fmt.Sprintf("%x", password), base64.StdEncoding.EncodeToString([]byte(password))} {
		require.NotContains(t, out.String(), form)
	}
}

func FuzzTimestamp(f *testing.F) {
	for _, seed := range []string{"1464200972389", "1464196567", "0", "", "-1", "100000000000", "9223372036854775807", "2016-05-25T17:16:07Z", "+5"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var ts trillian.Timestamp
		if ts.UnmarshalText([]byte(text)) != nil {
			require.True(t, ts.IsZero())
			return
		}
		b, err := json.Marshal(ts)
		require.NoError(t, err)
		var again trillian.Timestamp
		require.NoError(t, json.Unmarshal(b, &again))
		require.True(t, ts.Equal(again.Time))
	})
}

func FuzzDeviceIP(f *testing.F) {
	for _, seed := range []string{"2315364544", "0", "", " 1 ", "4294967296", "10.0.0.1", "2001:db8::1", "::ffff:10.0.0.1", "fe80::1%eth0", "1.2.3"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var ip trillian.DeviceIP
		if ip.UnmarshalText([]byte(text)) != nil {
			require.Zero(t, ip)
			return
		}
		b, err := ip.MarshalText()
		require.NoError(t, err)
		var again trillian.DeviceIP
		require.NoError(t, again.UnmarshalText(b), "%q", b)
		require.Equal(t, ip, again)
	})
}
