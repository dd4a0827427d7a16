package main

import (
	"fmt"
	"math"
	"runtime"
	"strings"
	"unicode/utf8"
)

// report is what a run has found out.
type report struct {
	rows   []row
	goals  []goal
	panels []*panel
}

// row puts ours beside one reference.
type row struct {
	what      string // measured
	ours      string
	reference string
	theirs    string
	ratio     string
	headline  bool // it is in the summary
}

// goal is a figure that was promised.
type goal struct {
	what, want, got string
	reached         bool
}

// compare adds ours and all of its references.
func (r *report) compare(what, ours string, references ...row) {
	for _, ref := range references {
		ref.what, ref.ours = what, ours
		r.rows = append(r.rows, ref)
	}
}

// panel is the one of the title, a new one at first.
func (r *report) panel(title, unit string) *panel {
	for _, p := range r.panels {
		if p.title == title {
			return p
		}
	}
	p := &panel{title: title, unit: unit}
	r.panels = append(r.panels, p)
	return p
}

func (r *report) atLeast(what string, want, got float64) {
	r.goals = append(r.goals, goal{what, "at least " + times(want), times(got), hundredths(got) >= want})
}

func (r *report) atMost(what string, want, got float64, unit string) {
	show := func(f float64) string { return strings.TrimSpace(figures(f) + " " + unit) }
	r.goals = append(r.goals, goal{what, "at most " + show(want), show(got), hundredths(got) <= want})
}

// hundredths is as exact as a goal is judged: a buffer that is made once for
// 10,000 items is no allocation of theirs.
func hundredths(f float64) float64 { return math.Round(100*f) / 100 }

var tableHead = []string{"what", "ours", "reference", "reference's", "ratio"}

// table holds every row, and says only once what several have in common.
func (r *report) table() [][]string {
	cells := [][]string{tableHead}
	var above row
	for _, row := range r.rows {
		line := []string{row.what, row.ours, row.reference, row.theirs, row.ratio}
		if row.what == above.what {
			line[0], line[1] = "", ""
		}
		cells, above = append(cells, line), row
	}
	return cells
}

// summary holds the few rows that a reader in a hurry wants.
func (r *report) summary() [][]string {
	cells := [][]string{tableHead}
	for _, row := range r.rows {
		if row.headline {
			cells = append(cells, []string{row.what, row.ours, row.reference, row.theirs, row.ratio})
		}
	}
	return cells
}

func (r *report) goalTable() [][]string {
	cells := [][]string{{"goal", "wanted", "seen", ""}}
	for _, g := range r.goals {
		verdict := "reached"
		if !g.reached {
			verdict = "NOT reached"
		}
		cells = append(cells, []string{g.what, g.want, g.got, verdict})
	}
	return cells
}

// conditions says where and how the figures of a run were made.
func conditions(s settings) string {
	text := fmt.Sprintf("%s, %s/%s, %d CPUs; medians of %d interleaved rounds; documents of %s messages or %s other items.",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), s.rounds, thousands(int64(s.messages)), thousands(int64(s.items)))
	if s.quick {
		text += " A quick run: its figures are rough, and the goals are meant for a whole one."
	}
	return text
}

// markdownTable is a table whose columns also line up as plain text.
func markdownTable(cells [][]string) string {
	var b strings.Builder
	widths := make([]int, len(cells[0]))
	for _, line := range cells {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for n, line := range cells {
		for i, cell := range line {
			b.WriteString("| " + cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+1))
		}
		b.WriteString("|\n")
		if n == 0 {
			for _, width := range widths {
				b.WriteString("|" + strings.Repeat("-", width+2))
			}
			b.WriteString("|\n")
		}
	}
	return b.String()
}

const (
	beginMark = "<!-- bench:begin -->"
	endMark   = "<!-- bench:end -->"
)

// replaceBetweenMarks puts text between the marks of a document.
func replaceBetweenMarks(document, text string) (string, error) {
	before, rest, found := strings.Cut(document, beginMark)
	_, after, foundEnd := strings.Cut(rest, endMark)
	if !found || !foundEnd {
		return "", fmt.Errorf("has no %s followed by %s", beginMark, endMark)
	}
	return before + beginMark + "\n" + text + endMark + after, nil
}

// figures writes three significant digits, and all digits of what is larger.
func figures(f float64) string {
	switch {
	case f >= 100:
		return thousands(int64(f + 0.5))
	case f >= 9.995:
		return fmt.Sprintf("%.1f", f)
	default:
		return fmt.Sprintf("%.2f", f)
	}
}

func thousands(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func times(f float64) string { return figures(f) + "×" }

func mebibytes(bytes float64) string { return figures(bytes/(1<<20)) + " MiB" }

func seconds(ns float64) string {
	if ns < 1e6 {
		return figures(ns/1e3) + " µs"
	}
	if ns < 1e8 {
		return figures(ns/1e6) + " ms"
	}
	return figures(ns/1e9) + " s"
}
