//go:build unix

package proxies_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

// notes are what a run has to say even where nothing failed: what was counted, and
// what was skipped. go test keeps it to itself without -v, and so it is written to
// the file of PROXIES_REPORT as well.
var notes struct {
	sync.Mutex
	lines []string
}

func note(format string, args ...any) {
	notes.Lock()
	defer notes.Unlock()
	line := fmt.Sprintf(format, args...)
	if !slices.Contains(notes.lines, line) {
		notes.lines = append(notes.lines, line)
	}
}

// skip ends a test that cannot be made here, and says so in every run.
func skip(t testing.TB, reason string) {
	t.Helper()
	note("skipped: %s", reason)
	t.Skip(reason)
}

func TestMain(m *testing.M) {
	code := m.Run()
	report := strings.Join(notes.lines, "\n")
	if report != "" {
		report += "\n"
	}
	fmt.Print(report)
	if path := os.Getenv("PROXIES_REPORT"); path != "" && report != "" {
		if err := os.WriteFile(path, []byte(report), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, "goroutines outlived their tests:", err)
			code = 1
		}
	}
	os.Exit(code)
}
