package docs

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// notRun are the commands that CI does not run as they are, and why.
var notRun = map[string]string{
	"go get github.com/trillian-go/trillian": "the module path is not published",
	"go test -v ./internal/proxies":          "go test ./... runs the package",
}

// TestCommands asks that CI runs every command that the documentation shows.
func TestCommands(t *testing.T) {
	t.Parallel()
	ci, shown := read(t, root+"/.ci/run"), 0
	for _, path := range documents(t) {
		if strings.Contains(path, "examples/") {
			continue // whose own tests run what they show
		}
		for _, found := range fence.FindAllStringSubmatch(read(t, path), -1) {
			if found[1] != "sh" {
				continue
			}
			for line := range strings.Lines(found[2]) {
				command, _, _ := strings.Cut(line, "#")
				if command = strings.TrimSpace(command); command == "" || notRun[command] != "" {
					continue
				}
				shown++
				require.Contains(t, ci, command, "%s shows a command that CI does not run", path)
			}
		}
	}
	require.NotZero(t, shown)
}
