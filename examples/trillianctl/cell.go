package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/trillian-go/trillian"
)

// cellText is a cell of a table or of CSV.
func cellText(cell any) string {
	switch cell := cell.(type) {
	case nil:
		return ""
	case string:
		return cell
	case trillian.Timestamp:
		return cellText(cell.Time)
	case time.Time:
		if cell.IsZero() {
			return ""
		}
		return cell.UTC().Format(time.RFC3339)
	case []string:
		return strings.Join(cell, ",")
	case []int:
		return strings.Trim(strings.ReplaceAll(fmt.Sprint(cell), " ", ","), "[]")
	case map[string]string:
		var pairs []string
		for _, name := range slices.Sorted(maps.Keys(cell)) {
			pairs = append(pairs, name+"="+cell[name])
		}
		return strings.Join(pairs, " ")
	}
	return fmt.Sprint(cell)
}

// cellJSON is what encoding/json is to write of a cell: numbers as numbers, a time
// that is none as null, and what has a name by it.
func cellJSON(cell any) any {
	switch cell := cell.(type) {
	case trillian.Timestamp:
		return cellJSON(cell.Time)
	case time.Time:
		if cell.IsZero() {
			return nil
		}
		return cell.UTC()
	case map[string]string:
		if cell == nil {
			return map[string]string{}
		}
	case fmt.Stringer:
		return cell.String()
	}
	return cell
}

// mapped is a cell of several things: nil, and null in JSON, where the server was
// not asked for them.
func mapped[T, U any](things []T, of func(T) U) []U {
	if things == nil {
		return nil
	}
	cells := make([]U, len(things))
	for i, thing := range things {
		cells[i] = of(thing)
	}
	return cells
}

// compareCells orders cells of one column: numbers and times by size, the rest as
// it is printed.
func compareCells(x, y any) int {
	switch x := x.(type) {
	case int:
		if y, ok := y.(int); ok {
			return cmp.Compare(x, y)
		}
	case int64:
		if y, ok := y.(int64); ok {
			return cmp.Compare(x, y)
		}
	case trillian.Timestamp:
		if y, ok := y.(trillian.Timestamp); ok {
			return x.Compare(y.Time)
		}
	case time.Time:
		if y, ok := y.(time.Time); ok {
			return x.Compare(y)
		}
	}
	return cmp.Compare(cellText(x), cellText(y))
}

// visible shows the characters that would act on a terminal or turn the text
// around instead of sending them to it: others have typed what is printed.
func visible(s string) string {
	acts := func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }
	if !strings.ContainsFunc(s, acts) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if !acts(r) {
			b.WriteRune(r)
			continue
		}
		quoted := fmt.Sprintf("%+q", string(r))
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}
