// Command bench measures the package beside what a Go program would use
// instead, all in one run, and prints one table:
//
//	cd bench && go run .
//
// or, from anywhere in the repository, go -C bench run . with these flags:
//
//	-rounds n       how often everything is measured, in turns (default 6)
//	-only section   decode, heap, small, upload or history
//	-svg file       draw the bar chart
//	-markdown file  put the table between the marks of a Markdown file
//
// It is a module of its own, so that what it compares with is nobody else's
// dependency. It needs Linux, for the peak memory of a process.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// settings says how much of everything a run does.
type settings struct {
	rounds int
	sample time.Duration // how long a decoder runs in a round, at least

	messages, items int   // decoded
	heapSizes       []int // messages
	calls           int   // small calls of a sample in process; a fifth over loopback
	uploads         []int // MiB
	weeks           int
	weekSizes       []int // messages
	delay           time.Duration
}

func fullSettings() settings {
	return settings{
		rounds: 6, sample: 50 * time.Millisecond,
		messages: 50_000, items: 10_000,
		heapSizes: []int{1_000, 10_000, 100_000, 1_000_000},
		calls:     10_000,
		uploads:   []int{16, 64, 256},
		weeks:     200, weekSizes: []int{50, 2_000}, delay: 20 * time.Millisecond,
	}
}

// section is a group of rows.
type section struct {
	name string
	run  func(settings, *report) error
}

var sections = []section{
	{"decode", benchDecode},
	{"heap", benchHeap},
	{"small", benchSmall},
	{"upload", benchUpload},
	{"history", benchHistory},
}

func main() {
	if runChild() {
		return
	}
	s := fullSettings()
	flag.IntVar(&s.rounds, "rounds", s.rounds, "how often everything is measured, in turns")
	only := flag.String("only", "", "one `section`: decode, heap, small, upload or history")
	svg := flag.String("svg", "", "a `file` to draw the bar chart into")
	markdown := flag.String("markdown", "", "a Markdown `file` with "+beginMark+" and "+endMark+" to put the table between")
	flag.Parse()
	if err := run(os.Stdout, s, *only, *svg, *markdown); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(out io.Writer, s settings, only, svg, markdown string) error {
	chosen := slices.DeleteFunc(slices.Clone(sections), func(sec section) bool { return only != "" && sec.name != only })
	if len(chosen) == 0 || s.rounds < 1 {
		return fmt.Errorf("nothing to measure: section %q, %d rounds", only, s.rounds)
	}
	r, err := measure(s, chosen)
	if err != nil {
		return err
	}
	var table, goals strings.Builder
	writeTable(&table, r.table())
	writeTable(&goals, r.goalTable())
	text := fmt.Sprintf("%s\n\n%s\n%s", r.conditions(), table.String(), goals.String())
	fmt.Fprint(out, text)
	if markdown != "" {
		if err := updateMarkdown(markdown, "\n"+text+"\n"); err != nil {
			return err
		}
	}
	if svg != "" {
		return os.WriteFile(svg, []byte(drawing(r.panels)), 0o644)
	}
	return nil
}

func measure(s settings, chosen []section) (*report, error) {
	r := &report{rounds: s.rounds}
	for _, sec := range chosen {
		begin := time.Now()
		if err := sec.run(s, r); err != nil {
			return nil, fmt.Errorf("%s: %w", sec.name, err)
		}
		fmt.Fprintf(os.Stderr, "bench: %s took %.0f s\n", sec.name, time.Since(begin).Seconds())
	}
	return r, nil
}

func updateMarkdown(path, text string) error {
	document, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	changed, err := replaceBetweenMarks(string(document), text)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, []byte(changed), 0o644)
}
