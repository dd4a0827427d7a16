package conformance

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// Report says what was found, operation by operation, in the reference's order.
type Report []Result

// Result is what was found about an operation.
type Result struct {
	Title  string // the reference's heading
	Verb   string
	Path   string // the reference's
	Checks []Check
}

// Check is a sentence about an operation, and whether it holds.
type Check struct {
	Text    string
	Outcome Outcome
	Reason  string // why it does not hold, or could not be checked
}

// Outcome is what became of a check.
type Outcome int

// The outcomes. Of a check that is made several times, the last of these that
// came up is its outcome.
const (
	Skipped Outcome = iota // it could not be checked
	Held
	Failed
)

// String returns "skipped", "held", "failed" or the number.
func (o Outcome) String() string {
	switch o {
	case Skipped:
		return "skipped"
	case Held:
		return "held"
	case Failed:
		return "failed"
	}
	return strconv.Itoa(int(o))
}

// String is the check on one line.
func (c Check) String() string {
	if c.Reason == "" {
		return fmt.Sprintf("%v: %s", c.Outcome, c.Text)
	}
	return fmt.Sprintf("%v: %s: %s", c.Outcome, c.Text, c.Reason)
}

// Count returns how many of an operation's checks had the outcome. Checks differ
// in their texts: one that is made several times counts once.
func (r Result) Count(o Outcome) int {
	n := 0
	for _, c := range r.Checks {
		if c.Outcome == o {
			n++
		}
	}
	return n
}

// Count returns how many checks had the outcome.
func (r Report) Count(o Outcome) int {
	n := 0
	for _, result := range r {
		n += result.Count(o)
	}
	return n
}

// String is the report as a table, a line an operation.
func (r Report) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "held\tfailed\tskipped\toperation")
	for _, result := range r {
		fmt.Fprintf(w, "%d\t%d\t%d\t%s %s  (%s)\n",
			result.Count(Held), result.Count(Failed), result.Count(Skipped), result.Verb, result.Path, result.Title)
	}
	fmt.Fprintf(w, "%d\t%d\t%d\tall\n", r.Count(Held), r.Count(Failed), r.Count(Skipped))
	_ = w.Flush()
	return b.String()
}

func newReport() Report {
	report := make(Report, len(operations))
	for i, op := range operations {
		report[i] = Result{Title: op.title, Verb: op.verb, Path: "/v1/" + op.path}
	}
	return report
}

// note enters a check. Checked again, a check holds only if it did each time.
func (r *Result) note(text string, outcome Outcome, reason string) {
	for i := range r.Checks {
		if known := &r.Checks[i]; known.Text == text {
			if outcome > known.Outcome {
				known.Outcome, known.Reason = outcome, reason
			}
			return
		}
	}
	r.Checks = append(r.Checks, Check{text, outcome, reason})
}

// checks enters what is found about one operation.
type checks struct {
	s      *session
	op     operation
	result *Result
}

// on returns the checks of the operation with the reference's heading.
func (s *session) on(title string) checks {
	for i, op := range operations {
		if op.title == title {
			return checks{s, op, &s.report[i]}
		}
	}
	panic("conformance: there is no operation " + title)
}

// holds enters a check, and why it does not hold if it does not.
func (c checks) holds(ok bool, text, reason string, args ...any) bool {
	if ok {
		c.result.note(text, Held, "")
	} else {
		c.result.note(text, Failed, fmt.Sprintf(reason, args...))
	}
	return ok
}

func (c checks) skips(text, reason string) { c.result.note(text, Skipped, reason) }

// same is the check that a value is what it should be.
func same[T comparable](c checks, text string, got, want T) bool {
	return c.holds(got == want, text, "it is %#v and should be %#v", got, want)
}

// equal is slices.Equal for what has a map in it.
func equal[T any](a, b []T) bool {
	return slices.EqualFunc(a, b, func(a, b T) bool { return reflect.DeepEqual(a, b) })
}

// contains is slices.Contains for what has a map in it.
func contains[T any](all []T, one T) bool {
	return slices.ContainsFunc(all, func(x T) bool { return reflect.DeepEqual(x, one) })
}

// findUnchecked makes it a line in the report where no step came to an operation's
// success.
func (s *session) findUnchecked() {
	for i := range s.report {
		result, c := &s.report[i], s.on(s.report[i].Title)
		success := c.success(c.op.verb)
		if slices.ContainsFunc(result.Checks, func(check Check) bool { return check.Text == success }) {
			continue
		}
		reason := "what it needs is not there"
		if !s.target.Write && !c.op.reads() {
			reason = "it changes something, which is not allowed here"
		}
		c.skips(success, reason)
	}
}
