package transport

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{
		"0", "120", "-1", "9223372036854775807", "18446744073709551616", "1e30", "Wed, 21 Oct 2026 07:28:00 GMT",
		"Wednesday, 21-Oct-26 07:28:00 GMT", "Wed Oct 21 07:28:00 2026", "soon", "", " 5 ", "+5", "0x10", "5.5",
	} {
		f.Add(seed)
	}
	now := time.Date(2026, 10, 21, 7, 27, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		require.GreaterOrEqual(t, parseRetryAfter(text, now), time.Duration(0))
	})
}

func FuzzScrubber(f *testing.F) {
	for _, seed := range []string{"AVS/w8J7+UELk4=Q9%pB5 iz&66p==", "hunter2", "päss wörd", `"quoted"\`, "<&>", "tokentoken", "a=b&token="} {
		f.Add(seed, `Get "https://im.example.com/v1/?`, `": refused`)
		f.Add(seed, "token=", "")
	}
	f.Fuzz(func(t *testing.T, secret, before, after string) {
		if len(secret) < minSecret || strings.Contains(Redacted, secret) || strings.Contains(before+after, secret) {
			t.Skip()
		}
		scrub := NewScrubber(secret)
		for _, form := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret), strings.ToLower(url.QueryEscape(secret))} {
			clean := scrub(before + " " + form + " " + after)
			if form == strings.ToLower(url.QueryEscape(secret)) && strings.ToLower(secret) != secret {
				continue // not a spelling of this secret
			}
			require.NotContains(t, clean, " "+form+" ")
		}
		require.Equal(t, scrub(before), scrub(scrub(before)), "scrubbing twice changes nothing")
	})
}
