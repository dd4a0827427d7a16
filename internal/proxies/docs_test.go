//go:build unix

package proxies_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var fenced = regexp.MustCompile("(?ms)^```([a-z]+)\n(.*?)^```$")

// TestPage holds that what docs/proxies.md shows of a configuration is what the
// tests ran, but for addresses and the names of files.
func TestPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/proxies.md")
	require.NoError(t, err)
	tried := map[string]map[string]bool{
		"nginx": linesOf(t, nginx), "haproxy": linesOf(t, haproxy), "apache": linesOf(t, apache), "vcl": linesOf(t, varnish),
		"squid": linesOf(t, squid), "lighttpd": linesOf(t, lighttpd), "caddy": linesOf(t, caddy),
	}
	shown := map[string]int{}
	for _, block := range fenced.FindAllStringSubmatch(string(page), -1) {
		language, text := block[1], block[2]
		if language == "sh" || language == "go" {
			continue
		}
		require.Contains(t, tried, language)
		for line := range strings.Lines(text) {
			if line = strings.TrimSpace(line); line != "" {
				require.True(t, tried[language][line], "not in %s: %s", language, line)
				shown[language]++
			}
		}
	}
	for language := range tried {
		require.Positive(t, shown[language], "the page shows nothing of %s", language)
	}
}

// linesOf are the lines of a program's configurations, with the page's addresses.
func linesOf(t *testing.T, p program) map[string]bool {
	t.Helper()
	lines := map[string]bool{}
	for _, variant := range []string{"", "limits", "streams"} {
		text, err := p.configuration(&site{
			Backend: "192.0.2.10:8080", HTTP: "192.0.2.1:80", TLS: "192.0.2.1:443",
			Certificate: "/etc/ssl/im.pem", Key: "/etc/ssl/im.key", Logs: "/var/log/proxy", variants: []string{variant},
		})
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			lines[strings.TrimSpace(line)] = true
		}
	}
	return lines
}
