package trillian_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

// held counts the cases that the adversarial suite tried and that held, by kind.
// A failing case fails its test, so that a printed count is a kept promise.
var held = tally{cases: map[string]int{}}

type tally struct {
	mu    sync.Mutex
	cases map[string]int
}

func (t *tally) add(kind string, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cases[kind] += n
}

func TestMain(m *testing.M) {
	code := m.Run()
	for _, kind := range slices.Sorted(maps.Keys(held.cases)) {
		fmt.Printf("held: %6d %s\n", held.cases[kind], kind)
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, "goroutines outlived their tests:", err)
			code = 1
		}
	}
	os.Exit(code)
}
