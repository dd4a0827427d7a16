// Package board shows who is where: as changes, line by line, and on a page that
// refreshes itself.
package board

import (
	"context"
	"math/rand/v2"
	"time"
)

// The longest wait after errors, unless the interval is longer.
const longestWait = 5 * time.Minute

// Poll reads at once and then every interval, and hands over each result, until the
// context ends or deliver returns false. After errors it waits longer and longer,
// by chance, so that a server that comes back is not met by everyone at once.
func Poll[T any](ctx context.Context, interval time.Duration, read func(context.Context) (T, error), deliver func(T, error) bool) {
	failures := 0
	for {
		result, err := read(ctx)
		if ctx.Err() != nil {
			return
		}
		if failures++; err == nil {
			failures = 0
		}
		if !deliver(result, err) {
			return
		}
		timer := time.NewTimer(wait(interval, failures))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// wait is the interval, and after failures up to twice as much for each.
func wait(interval time.Duration, failures int) time.Duration {
	most := min(interval<<min(failures, 10), max(longestWait, interval))
	if most <= interval {
		return interval
	}
	return interval + rand.N(most-interval)
}
