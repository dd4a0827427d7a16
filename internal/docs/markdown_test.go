package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ +(.+)$`)
	fence   = regexp.MustCompile("(?s)(?:^|\n)```([a-z]*)[^\n]*\n(.*?)\n```")
)

// TestLinks follows every link that stays in the repository, headings included.
func TestLinks(t *testing.T) {
	t.Parallel()
	for _, path := range documents(t) {
		text := read(t, path)
		for _, found := range link.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
			target, fragment, _ := strings.Cut(found[1], "#")
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			at := path
			if target != "" {
				at = filepath.Join(filepath.Dir(path), target)
				_, err := os.Stat(at)
				require.NoError(t, err, "%s links to %s", path, found[1])
			}
			if fragment != "" {
				require.Contains(t, anchors(read(t, at)), fragment, "%s links to %s", path, found[1])
			}
		}
	}
}

func anchors(text string) []string {
	var all []string
	for _, found := range heading.FindAllStringSubmatch(text, -1) {
		name := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r > 127:
				return r
			}
			return -1
		}, strings.ToLower(found[1]))
		all = append(all, name)
	}
	return all
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}

// TestREADMEIsShort holds it to what is read at one sitting.
func TestREADMEIsShort(t *testing.T) {
	t.Parallel()
	require.LessOrEqual(t, len(read(t, root+"/README.md")), 9<<10, "bytes")
}
