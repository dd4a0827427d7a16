package main

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// table is what a command prints: rows of values under named columns. A cell is a
// string, a number, a bool, a time (a trillian.Timestamp too), a []string or []int, a
// map[string]string or anything with a String method.
type table struct {
	columns []string
	wide    []string // those of them that a table on a terminal leaves out
	rows    [][]any
	single  bool // one thing that was asked for: in JSON an object instead of a list
}

// column is how a thing of type T fills one column.
type column[T any] struct {
	name  string // as in --columns, JSON and CSV
	value func(T) any
	wide  bool // left out of a table unless --columns names it
}

// columns is how things of type T are printed.
type columns[T any] []column[T]

func (c columns[T]) names() (names []string) {
	for _, column := range c {
		names = append(names, column.name)
	}
	return names
}

// list is the table of several things.
func (c columns[T]) list(items []T) table {
	t := table{columns: c.names()}
	for _, column := range c {
		if column.wide {
			t.wide = append(t.wide, column.name)
		}
	}
	for _, item := range items {
		row := make([]any, len(c))
		for i, column := range c {
			row[i] = column.value(item)
		}
		t.rows = append(t.rows, row)
	}
	return t
}

// one is the table of one thing.
func (c columns[T]) one(item T) table {
	t := c.list([]T{item})
	t.single = true
	return t
}

// showing puts a wide column into the table too, where it was asked for.
func (t table) showing(name string, asked bool) table {
	if asked {
		t.wide = slices.DeleteFunc(t.wide, func(wide string) bool { return wide == name })
	}
	return t
}

// outputFlags say how a table is printed.
type outputFlags struct {
	output        string
	columns, sort []string
}

// asItIs says whom json and csv are for.
const asItIs = "; json and csv are for programs, with every text as it is, even what a spreadsheet takes for a formula"

// prints gives a command the flags of those that print, and checks them before it
// runs: it must not have created something when it finds that it cannot print it.
func (a *app) prints(cmd *cobra.Command, columns ...string) *cobra.Command {
	flags := cmd.Flags()
	flags.StringVarP(&a.format.output, "output", "o", "table", "`format`: table, json or csv"+asItIs)
	flags.StringSliceVar(&a.format.columns, "columns", nil, "`names` of the columns to print, in order, of: "+strings.Join(columns, ", "))
	flags.StringSliceVar(&a.format.sort, "sort", nil, "`names` of the columns to sort by, each with a minus for descending")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"table", "json", "csv"}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("columns", cobra.FixedCompletions(columns, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("sort", cobra.FixedCompletions(columns, cobra.ShellCompDirectiveNoFileComp))
	cmd.PreRunE = func(*cobra.Command, []string) error { return a.format.check(columns) }
	return cmd
}

func (f outputFlags) check(columns []string) error {
	switch f.output {
	case "table", "json", "csv":
	default:
		return usageErrorf("--output %s: want table, json or csv", f.output)
	}
	for _, name := range f.columns {
		if _, err := columnIndex(columns, name); err != nil {
			return err
		}
	}
	for _, name := range f.sort {
		if _, err := columnIndex(columns, strings.TrimPrefix(name, "-")); err != nil {
			return err
		}
	}
	return nil
}

func columnIndex(columns []string, name string) (int, error) {
	i := slices.IndexFunc(columns, func(c string) bool { return strings.EqualFold(c, name) })
	if i < 0 {
		return 0, usageErrorf("there is no column %q; there are: %s", name, strings.Join(columns, ", "))
	}
	return i, nil
}

// print writes a table as --output, --columns and --sort want it.
func (a *app) print(t table) error {
	if err := a.format.check(t.columns); err != nil {
		return err
	}
	if err := t.sort(a.format.sort); err != nil {
		return err
	}
	chosen := a.format.columns
	if len(chosen) == 0 {
		for _, name := range t.columns {
			if a.format.output != "table" || !slices.Contains(t.wide, name) {
				chosen = append(chosen, name)
			}
		}
	}
	t, err := t.choose(chosen)
	if err != nil {
		return err
	}
	switch a.format.output {
	case "json":
		return t.writeJSON(a.stdout)
	case "csv":
		return t.writeCSV(a.stdout)
	}
	return t.write(a.stdout)
}

// sort orders the rows by columns, the first one first.
func (t table) sort(names []string) error {
	for _, name := range slices.Backward(names) { // stable: the last one decides least
		name, descending := strings.CutPrefix(name, "-")
		i, err := columnIndex(t.columns, name)
		if err != nil {
			return err
		}
		slices.SortStableFunc(t.rows, func(x, y []any) int {
			if descending {
				x, y = y, x
			}
			return compareCells(x[i], y[i])
		})
	}
	return nil
}

// choose returns the table with these columns, in this order.
func (t table) choose(names []string) (table, error) {
	chosen := table{single: t.single, rows: make([][]any, len(t.rows))}
	for _, name := range names {
		i, err := columnIndex(t.columns, name)
		if err != nil {
			return table{}, err
		}
		chosen.columns = append(chosen.columns, t.columns[i])
		for r, row := range t.rows {
			chosen.rows[r] = append(chosen.rows[r], row[i])
		}
	}
	return chosen, nil
}

// write aligns the columns, two spaces apart.
func (t table) write(w io.Writer) error {
	lines := [][]string{strings.Split(strings.ToUpper(strings.Join(t.columns, "\t")), "\t")}
	for _, row := range t.rows {
		line := make([]string, len(row))
		for i, cell := range row {
			line[i] = visible(cellText(cell))
		}
		lines = append(lines, line)
	}
	widths := make([]int, len(t.columns))
	for _, line := range lines {
		for i, text := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(text))
		}
	}
	out := bufio.NewWriter(w)
	for _, line := range lines {
		var padded strings.Builder
		for i, text := range line {
			padded.WriteString(text + strings.Repeat(" ", 2+widths[i]-utf8.RuneCountInString(text)))
		}
		fmt.Fprintln(out, strings.TrimRight(padded.String(), " "))
	}
	return out.Flush()
}

func (t table) writeCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	_ = out.Write(t.columns) // Error has it
	for _, row := range t.rows {
		texts := make([]string, len(row))
		for i, cell := range row {
			texts[i] = cellText(cell)
		}
		_ = out.Write(texts)
	}
	out.Flush()
	return out.Error()
}

// writeJSON writes objects whose members are in the order of the columns.
func (t table) writeJSON(w io.Writer) error {
	objects := make([]json.RawMessage, len(t.rows))
	for r, row := range t.rows {
		var object strings.Builder
		for i, cell := range row {
			value, err := json.Marshal(cellJSON(cell))
			if err != nil {
				return err
			}
			separator := ","
			if i == 0 {
				separator = "{"
			}
			fmt.Fprintf(&object, "%s%q:%s", separator, t.columns[i], value)
		}
		objects[r] = json.RawMessage(object.String() + "}")
	}
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	if t.single && len(objects) == 1 {
		return out.Encode(objects[0])
	}
	return out.Encode(objects)
}
