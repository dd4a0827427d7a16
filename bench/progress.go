package main

import (
	"fmt"
	"io"
	"time"
)

// progress tells a person who waits what is being measured, and how much of the
// run is over: a line for each group of contenders, a dot for each round.
type progress struct {
	out   io.Writer
	start time.Time
	total time.Duration // about
}

func startProgress(out io.Writer, total time.Duration) *progress {
	fmt.Fprintf(out, "bench: this takes about %s; leave the machine alone meanwhile\n", total.Round(time.Second))
	return &progress{out: out, start: time.Now(), total: total}
}

func (p *progress) begin(what string) {
	fmt.Fprintf(p.out, "bench: %3.0f of about %.0f s: %s ", time.Since(p.start).Seconds(), p.total.Seconds(), what)
}

func (p *progress) round() { fmt.Fprint(p.out, ".") }

func (p *progress) end() { fmt.Fprintln(p.out) }

func (p *progress) finish() {
	fmt.Fprintf(p.out, "bench: took %s\n", time.Since(p.start).Round(time.Second))
}
