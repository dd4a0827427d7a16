package main

import (
	"context"
	"fmt"
	"time"

	"github.com/trillian-go/trillian"
)

// The ways to walk a history, as the table names them.
const (
	oneAtOnce   = "1 at once"
	eightAtOnce = "8 at once"
)

var concurrencies = map[string]int{oneAtOnce: 1, eightAtOnce: 8}

// walk is what reading a history took.
type walk struct {
	wall        time.Duration
	connections int64
}

func benchHistory(s settings, r *report) error {
	wants := []float64{7.5, 7}
	chart := r.panel(fmt.Sprintf("%d weeks of messages, %d ms a request", s.weeks, s.delay.Milliseconds()), "seconds, less is better")
	for i, size := range s.weekSizes {
		seen, err := measureHistory(s, size)
		if err != nil {
			return err
		}
		wall := func(w walk) float64 { return float64(w.wall) }
		connections := func(w walk) float64 { return float64(w.connections) }
		show := func(name string) string {
			return fmt.Sprintf("%s, %.0f connections", seconds(seen.median(name, wall)), seen.median(name, connections))
		}
		what := fmt.Sprintf("%d weeks of %s messages, %d ms a request", s.weeks, thousands(int64(size)), s.delay.Milliseconds())
		faster := seen.ratio(oneAtOnce, eightAtOnce, wall)
		r.compare(what+", "+eightAtOnce, show(eightAtOnce), row{reference: oneAtOnce, theirs: show(oneAtOnce), ratio: times(faster) + " as fast", headline: i == 1})
		r.atLeast(what+", "+eightAtOnce, wants[i], faster)
		most := 0.0
		for _, w := range seen[eightAtOnce] {
			most = max(most, connections(w))
		}
		r.atMost(what+", most connections at "+eightAtOnce, 8, most, "")
		label := ", " + thousands(int64(size)) + " messages"
		chart.bars = append(chart.bars,
			bar{eightAtOnce + label, seen.median(eightAtOnce, wall) / 1e9, true},
			bar{oneAtOnce + label, seen.median(oneAtOnce, wall) / 1e9, false})
	}
	return nil
}

func measureHistory(s settings, size int) (samples[walk], error) {
	server, err := startServer(task{Mode: serveHistory, Size: size, Weeks: s.weeks, Delay: s.delay})
	if err != nil {
		return nil, err
	}
	defer server.stop() //nolint:errcheck // nothing depends on how it ends
	var contenders []contender[walk]
	for _, name := range []string{oneAtOnce, eightAtOnce} {
		opts := &trillian.HistoryOptions{Concurrency: concurrencies[name]}
		contenders = append(contenders, contender[walk]{name, func() (walk, error) {
			return walkHistory(server, opts, s.weeks*size)
		}})
	}
	return interleave(s, fmt.Sprintf("%d weeks of %s messages", s.weeks, thousands(int64(size))), contenders)
}

// walkHistory reads a history with a client that has no connections yet.
func walkHistory(server *server, opts *trillian.HistoryOptions, want int) (walk, error) {
	client, err := trillian.NewClient(token, trillian.WithBaseURL(server.URL+"v1/"))
	if err != nil {
		return walk{}, err
	}
	defer client.CloseIdleConnections()
	if _, err := server.stats(); err != nil {
		return walk{}, err
	}
	begin := time.Now()
	n, err := count(client.Users.Messages.History(context.Background(), owner, opts))
	wall := time.Since(begin)
	if err == nil && n != want {
		err = fmt.Errorf("has %d of %d messages", n, want)
	}
	if err != nil {
		return walk{}, err
	}
	seen, err := server.stats()
	return walk{wall, seen.Connections}, err
}
