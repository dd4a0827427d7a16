package archive

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMerge(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ old, fresh, merged string }{
		{"", "", ""},
		{"", "abc", "abc"},
		{"abc", "", "abc"},
		{"abc", "abc", "abc"},
		{"abc", "abcd", "abcd"},
		{"abc", "ac", "abc"},
		{"abc", "acd", "abcd"},
		{"abc", "d", "abcd"},
		{"bd", "abcde", "abcde"},
		{"aab", "ab", "aab"},
		{"ab", "aab", "aab"},
		{"aa", "aaa", "aaa"},
		{"abxc", "aybc", "aybxc"},
		{"abc", "cba", "cba"}, // another order: the server's counts
		{"abcx", "cbaa", "cbaxa"},
		{"xaya", "aba", "xayba"},
	} {
		merged := merge(letters(c.old), letters(c.fresh))
		var text strings.Builder
		for _, m := range merged {
			text.WriteString(m.text)
		}
		require.Equal(t, c.merged, text.String(), "%s and %s", c.old, c.fresh)
	}
}

func letters(s string) (all []message) {
	for _, c := range s {
		all = append(all, message{text: string(c)})
	}
	return all
}

func FuzzMerge(f *testing.F) {
	f.Add("abca", "acbd")
	f.Fuzz(func(t *testing.T, old, fresh string) {
		counts := func(s []message) map[string]int {
			n := map[string]int{}
			for _, m := range s {
				n[m.text]++
			}
			return n
		}
		before, now, merged := counts(letters(old)), counts(letters(fresh)), counts(merge(letters(old), letters(fresh)))
		for text, n := range merged {
			require.Equal(t, max(before[text], now[text]), n, "%q: none lost and none twice", text)
		}
		require.GreaterOrEqual(t, len(merged), len(now))
		require.GreaterOrEqual(t, len(merged), len(before))
	})
}
