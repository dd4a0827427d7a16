package main

import (
	"fmt"
	"runtime"
	"slices"
	"time"
)

// cost is what one item or one call takes.
type cost struct{ ns, allocs float64 }

func nanoseconds(c cost) float64 { return c.ns }
func allocations(c cost) float64 { return c.allocs }

// costOf repeats f, which does n things at a time, for at least so long.
func costOf(atLeast time.Duration, n int, f func() error) (cost, error) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	begin := time.Now()
	times := 0
	for time.Since(begin) < atLeast || times == 0 {
		if err := f(); err != nil {
			return cost{}, err
		}
		times++
	}
	elapsed := time.Since(begin)
	runtime.ReadMemStats(&after)
	done := float64(times * n)
	return cost{ns: float64(elapsed) / done, allocs: float64(after.Mallocs-before.Mallocs) / done}, nil
}

// contender is one of those that are measured beside each other.
type contender[S any] struct {
	name string
	run  func() (S, error)
}

// samples holds what was measured, by contender, one for each round.
type samples[S any] map[string][]S

// interleave lets every contender run once a round, each round beginning with
// another, so that what disturbs the machine disturbs them all alike. It tells
// how far it is.
func interleave[S any](s settings, what string, contenders []contender[S]) (samples[S], error) {
	s.progress.begin(what)
	defer s.progress.end()
	all := samples[S]{}
	for r := range s.rounds {
		for i := range contenders {
			c := contenders[(i+r)%len(contenders)]
			sample, err := c.run()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			all[c.name] = append(all[c.name], sample)
		}
		s.progress.round()
	}
	return all, nil
}

func (s samples[S]) median(name string, of func(S) float64) float64 {
	values := make([]float64, 0, len(s[name]))
	for _, sample := range s[name] {
		values = append(values, of(sample))
	}
	return median(values)
}

// ratio is how many times a's figure is b's: the median of the ratios of each
// round, which a slow moment of the machine moves less than it moves either.
func (s samples[S]) ratio(a, b string, of func(S) float64) float64 {
	values := make([]float64, 0, len(s[a]))
	for i := range s[a] {
		values = append(values, of(s[a][i])/of(s[b][i]))
	}
	return median(values)
}

func median(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	if n == 0 {
		return 0
	}
	return (values[(n-1)/2] + values[n/2]) / 2
}
