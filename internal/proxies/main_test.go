package proxies_test

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

// notes are what a run has to say even where nothing failed.
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
	for _, line := range notes.lines {
		fmt.Println(line)
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, "goroutines outlived their tests:", err)
			code = 1
		}
	}
	os.Exit(code)
}
