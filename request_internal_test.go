package trillian

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzPathSegments fills every operation's path that has text arguments.
func FuzzPathSegments(f *testing.F) {
	for _, seed := range []string{
		"#e777b98d42ae25754f3ae6bd2847dc8967ae8c5c@cerulean-inc.com", "oaoE1007PaKuresDf88IEcxJ6xsFWS/SuLWP/kzzIjs=",
		"", " ", ".", "..", "a/../b", `a\..\b`, "%2F", "%2e%2e", "?", "#", ";", "\x00", "\n", "\xff", "\u202e", "é+ü", "a//b", "..%2f", "...",
	} {
		f.Add(seed, "c798b870f797b37878fe19cf05198f50d88273dd")
		f.Add("smw@cerulean-inc.com", seed)
	}
	templates := []string{
		"groupchats/:chat/", "groupchats/:chat/:member/", "groupchats/:chat/media/:id/", "groupchats/:chat/messages/:conversation/",
		"users/:user/media/:id/", "users/:user/messages/:conversation/2016/20/", "users/:user/addressbook/avatar/", "presence/:user/",
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, template := range templates {
			args := []any{a, b}[:strings.Count(template, ":")]
			r := endpoint("", template, args...)
			if r.err != nil {
				require.ErrorIs(t, r.err, ErrInvalidArgument)
				require.Empty(t, r.path)
				continue
			}
			want, got := strings.Split(template, "/"), strings.Split(r.path, "/")
			require.Len(t, got, len(want), "segments of %q", r.path)
			for i, part := range want {
				segment, err := url.PathUnescape(got[i])
				require.NoError(t, err)
				if strings.HasPrefix(part, ":") {
					part = args[0].(string)
					args = args[1:]
				}
				require.Equal(t, part, segment)
				require.NotContains(t, []string{".", ".."}, segment)
			}
			u, err := url.Parse("https://im.example.com/v1/" + r.path)
			require.NoError(t, err)
			require.Equal(t, "/v1/"+r.path, u.EscapedPath(), "net/url sends it as it is")
		}
	})
}
