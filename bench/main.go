// Command bench measures the package beside what a Go program would use
// instead, all in one run, and prints the tables of README.md, which says more:
//
//	cd bench && go run .
//
// or, from anywhere in the repository, go -C bench run . with these flags:
//
//	-quick          about a minute in all: rough figures
//	-rounds n       how often everything is measured, in turns (6, quick 3)
//	-only section   decode, heap, small, cold, transfer or history
//	-svg file       draw the bar chart
//	-markdown file  put the tables between the marks of a Markdown file
//	-summary file   put the most telling rows between the marks of another
//
// It says beforehand how long it takes, and on the way how far it is. It is a
// module of its own, so that what it compares with is nobody else's dependency.
// It needs Linux, for the peak memory of a process.
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
	quick  bool
	rounds int
	sample time.Duration // how long a decoder runs in a round, at least

	messages, items int   // decoded
	heapSizes       []int // messages
	calls           int   // small calls; a quarter is a turn in process, a five-hundredth one over loopback
	coldStarts      int   // of a round
	uploads         []int // MiB; the last is downloaded and copied too
	weeks           int
	weekSizes       []int // messages
	delay           time.Duration

	progress *progress
}

func fullSettings() settings {
	return settings{
		rounds: 6, sample: 50 * time.Millisecond,
		messages: 50_000, items: 10_000,
		heapSizes:  []int{10_000, 1_000_000},
		calls:      10_000,
		coldStarts: 10,
		uploads:    []int{16, 64, 256},
		weeks:      200, weekSizes: []int{50, 2_000}, delay: 20 * time.Millisecond,
	}
}

func quickSettings() settings {
	s := fullSettings()
	s.quick, s.rounds = true, 3
	s.messages, s.items = 20_000, 5_000
	s.heapSizes = []int{100_000}
	s.uploads = []int{64}
	s.weeks = 100
	return s
}

// section is a group of rows.
type section struct {
	name string
	run  func(settings, *report) error

	full, quick time.Duration // about what a round takes, on two CPUs
}

var sections = []section{
	{"decode", benchDecode, 9 * time.Second, 5 * time.Second},
	{"heap", benchHeap, 13 * time.Second, 1500 * time.Millisecond},
	{"small", benchSmall, 2500 * time.Millisecond, 2500 * time.Millisecond},
	{"cold", benchCold, 500 * time.Millisecond, 500 * time.Millisecond},
	{"transfer", benchTransfer, 18 * time.Second, 3 * time.Second},
	{"history", benchHistory, 10 * time.Second, 5 * time.Second},
}

// files are what a run writes besides its output, each unless "".
type files struct{ svg, markdown, summary string }

func main() {
	if runChild() {
		return
	}
	var names []string
	for _, sec := range sections {
		names = append(names, sec.name)
	}
	var f files
	quick := flag.Bool("quick", false, "about a minute in all: rough figures")
	rounds := flag.Int("rounds", 0, "how often everything is measured, in turns (default 6, quick 3)")
	only := flag.String("only", "", "one `section`: "+strings.Join(names, ", "))
	flag.StringVar(&f.svg, "svg", "", "a `file` to draw the bar chart into")
	flag.StringVar(&f.markdown, "markdown", "", "a Markdown `file` with "+beginMark+" and "+endMark+" to put the tables between")
	flag.StringVar(&f.summary, "summary", "", "a Markdown `file` to put the most telling rows between such marks of")
	flag.Parse()
	s := fullSettings()
	if *quick {
		s = quickSettings()
	}
	if *rounds != 0 {
		s.rounds = *rounds
	}
	if err := run(os.Stdout, os.Stderr, s, *only, f); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(out, progress io.Writer, s settings, only string, f files) error {
	chosen := slices.DeleteFunc(slices.Clone(sections), func(sec section) bool { return only != "" && sec.name != only })
	if len(chosen) == 0 || s.rounds < 1 {
		return fmt.Errorf("nothing to measure: section %q, %d rounds", only, s.rounds)
	}
	for _, path := range []string{f.markdown, f.summary} {
		if _, err := withText(path, ""); path != "" && err != nil {
			return err // now, not after minutes
		}
	}
	r, err := measure(progress, s, chosen)
	if err != nil {
		return err
	}
	text := conditions(s) + "\n\n" + markdownTable(r.table())
	if len(r.goals) > 0 {
		text += "\n" + markdownTable(r.goalTable())
	}
	fmt.Fprint(out, text)
	if err := updateMarkdown(f.markdown, text); err != nil {
		return err
	}
	if err := updateMarkdown(f.summary, markdownTable(r.summary())); err != nil {
		return err
	}
	if f.svg == "" {
		return nil
	}
	return os.WriteFile(f.svg, []byte(drawing(r.panels)), 0o644)
}

func measure(out io.Writer, s settings, chosen []section) (*report, error) {
	var total time.Duration
	for _, sec := range chosen {
		round := sec.full
		if s.quick {
			round = sec.quick
		}
		total += time.Duration(s.rounds) * round
	}
	s.progress = startProgress(out, total)
	r := &report{}
	for _, sec := range chosen {
		if err := sec.run(s, r); err != nil {
			return nil, fmt.Errorf("%s: %w", sec.name, err)
		}
	}
	s.progress.finish()
	return r, nil
}

func updateMarkdown(path, text string) error {
	if path == "" {
		return nil
	}
	changed, err := withText(path, text)
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(changed), 0o644)
}

// withText is a Markdown file with the text between its marks.
func withText(path, text string) (string, error) {
	document, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	changed, err := replaceBetweenMarks(string(document), "\n"+text+"\n")
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return changed, nil
}
