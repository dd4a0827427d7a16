package policyedit

import (
	"io"
	"strings"

	"github.com/trillian-go/trillian"
)

// The colours of a terminal.
const (
	red   = "\x1b[31m"
	green = "\x1b[32m"
	bold  = "\x1b[1m"
	reset = "\x1b[0m"
)

// Printer writes differences. Show makes a text of somebody else's fit for a
// terminal.
type Printer struct {
	Writer io.Writer
	Color  bool
	Show   func(string) string
}

// Diff writes what leads from one policy's data to another's, two lines an item
// that is changed, below the names of both.
func (p Printer) Diff(oldName, newName string, changes []trillian.PolicyChange) error {
	var text strings.Builder
	line := func(color, s string) {
		s = p.Show(s)
		if p.Color {
			s = color + s + reset
		}
		text.WriteString(s + "\n")
	}
	line(bold, "--- "+oldName)
	line(bold, "+++ "+newName)
	for _, c := range changes {
		if c.Old != nil {
			line(red, "-"+item(c.Key, *c.Old))
		}
		if c.New != nil {
			line(green, "+"+item(c.Key, *c.New))
		}
	}
	_, err := io.WriteString(p.Writer, text.String())
	return err
}

func item(key, value string) string { return strings.TrimRight(key+" "+value, " ") }
