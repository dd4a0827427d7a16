// Presence prints who comes, goes and changes status, as it happens. The API tells
// everybody's presence at once, so this asks every few seconds:
//
//	presence 10s
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"maps"
	"os"
	"os/signal"
	"slices"
	"time"

	"github.com/trillian-go/trillian"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	client, err := trillian.NewClientFromEnv()
	if err != nil {
		log.Fatal(err)
	}
	interval := 10 * time.Second
	if len(os.Args) > 1 {
		if interval, err = time.ParseDuration(os.Args[1]); err != nil || interval <= 0 {
			log.Fatal("usage: presence [INTERVAL]")
		}
	}
	watch(ctx, client, interval, os.Stdout)
}

// watch prints what changes until the context ends. What it knows outlives a
// failure: the next answer is compared with the last one.
func watch(ctx context.Context, client *trillian.Client, interval time.Duration, out io.Writer) {
	var known map[string]string
	ticks := time.NewTicker(interval)
	defer ticks.Stop()
	for {
		now, err := look(ctx, client)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			fmt.Fprintln(out, "cannot tell:", err)
		case known == nil:
			fmt.Fprintln(out, len(now), "users have a presence")
			known = now
		default:
			report(out, known, now)
			known = now
		}
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
	}
}

func look(ctx context.Context, client *trillian.Client) (map[string]string, error) {
	now := map[string]string{}
	for p, err := range client.Presence.All(ctx) {
		if err != nil {
			return nil, err
		}
		now[p.Name] = fmt.Sprintf("%v on %d devices, %q", p.Status, len(p.Devices), p.Message)
	}
	return now, nil
}

func report(out io.Writer, before, now map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(now)) {
		if before[name] != now[name] {
			fmt.Fprintf(out, "%s is %s\n", name, now[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if _, ok := now[name]; !ok {
			fmt.Fprintf(out, "%s has gone\n", name)
		}
	}
}
