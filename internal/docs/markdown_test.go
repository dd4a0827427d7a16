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
				require.FileExists(t, pathOrIndex(at), "%s links to %s", path, found[1])
			}
			if fragment != "" {
				require.Contains(t, anchors(read(t, at)), fragment, "%s links to %s", path, found[1])
			}
		}
	}
}

// pathOrIndex is what a link to a directory shows.
func pathOrIndex(path string) string {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		entries, err := os.ReadDir(path)
		if err == nil && len(entries) > 0 {
			for _, entry := range entries {
				if !entry.IsDir() {
					return filepath.Join(path, entry.Name())
				}
			}
		}
	}
	return path
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
