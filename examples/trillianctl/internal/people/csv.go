// Package people makes the users of a Trillian Server, and their memberships of
// group chats, what a CSV file says: it reads the file, plans what is missing, and
// carries the plan out so that nothing is done twice.
package people

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/trillian-go/trillian"
)

// MaxRows is how many rows a file may have, unless Read is told otherwise: more
// are rather the wrong file than a company.
const MaxRows = 50_000

const maxFileSize = 64 << 20

// Row is what a file says of one user. An empty text leaves what it names alone.
type Row struct {
	Line        int // in the file, from 1
	Address     string
	DisplayName string
	Email       string
	Password    trillian.Secret // for creating the user; generated where it is empty
	Removed     bool
	Chats       []string // display names or identifiers
}

// columns are those that a file may have, and how a cell is read.
var columns = map[string]func(r *Row, cell string) error{
	"address":      func(r *Row, cell string) error { r.Address = cell; return checkAddress(cell) },
	"display_name": func(r *Row, cell string) error { r.DisplayName = cell; return nil },
	"email":        func(r *Row, cell string) error { r.Email = cell; return checkEmail(cell) },
	"password":     func(r *Row, cell string) error { r.Password = trillian.Secret(cell); return nil },
	"state":        (*Row).readState,
	"chats":        (*Row).readChats,
}

const columnNames = "address, display_name, email, password, state, chats"

func (r *Row) readState(cell string) error {
	switch cell {
	case "", "active":
	case "removed":
		r.Removed = true
	default:
		return fmt.Errorf("is %q: write active (or nothing) or removed", cell)
	}
	return nil
}

func (r *Row) readChats(cell string) error {
	for chat := range strings.SplitSeq(cell, "|") {
		chat = strings.TrimSpace(chat)
		switch {
		case chat == "":
		case slices.Contains(r.Chats, chat):
			return fmt.Errorf("has %q twice", chat)
		default:
			r.Chats = append(r.Chats, chat)
		}
	}
	return nil
}

func checkAddress(s string) error {
	local, domain, ok := strings.Cut(s, "@")
	switch {
	case s == "":
		return errors.New("is empty")
	case strings.HasPrefix(s, "#"):
		return fmt.Errorf("%q is a group chat's", s)
	case !ok || local == "" || domain == "" || strings.ContainsAny(domain, "@"):
		return fmt.Errorf("%q is not of the form name@domain", s)
	case strings.ContainsFunc(s, unicode.IsSpace) || strings.ContainsAny(s, `/\`):
		return fmt.Errorf("%q has white space or a slash in it", s)
	}
	return nil
}

func checkEmail(s string) error {
	if s != "" && !strings.Contains(s, "@") {
		return fmt.Errorf("%q is not an e-mail address", s)
	}
	return nil
}

// Problem is one thing that is wrong with a file.
type Problem struct {
	Line int // from 1, 0 where it is the whole file
	Text string
}

// Problems is all that is wrong with a file. Nothing was changed on the server.
type Problems struct {
	File string
	List []Problem
}

// Problems of which more are not told.
const maxProblems = 20

// Error has a problem a line, in the order of the file.
func (p *Problems) Error() string {
	var b strings.Builder
	for i, problem := range p.List {
		if i > 0 {
			b.WriteByte('\n')
		}
		if i == maxProblems {
			fmt.Fprintf(&b, "%s: and %d more", p.File, len(p.List)-i)
			break
		}
		b.WriteString(p.File)
		if problem.Line > 0 {
			fmt.Fprintf(&b, ":%d", problem.Line)
		}
		b.WriteString(": " + problem.Text)
	}
	return b.String()
}

func (p *Problems) add(line int, format string, args ...any) {
	p.List = append(p.List, Problem{line, fmt.Sprintf(format, args...)})
}

// Read reads a file whose name is told in errors. The error is a *Problems where
// the file is wrong. maxRows of 0 is MaxRows.
func Read(file io.Reader, name string, maxRows int) ([]Row, error) {
	if maxRows == 0 {
		maxRows = MaxRows
	}
	p := &Problems{File: name}
	rows, err := read(file, p, maxRows)
	if err == nil && len(p.List) > 0 {
		err = p
	}
	if err != nil {
		return nil, err
	}
	return rows, nil
}

func read(file io.Reader, p *Problems, maxRows int) ([]Row, error) {
	limited := &io.LimitedReader{R: file, N: maxFileSize + 1}
	in := bufio.NewReader(limited)
	separator, ok := begin(in, p)
	if !ok {
		return nil, nil
	}
	reader := csv.NewReader(in)
	reader.Comma, reader.ReuseRecord = separator, true
	header, err := reader.Read()
	if err != nil {
		return nil, broken(p, err)
	}
	setters, ok := readHeader(header, p)
	if !ok {
		return nil, nil
	}
	var rows []Row
	first := map[string]int{} // the line an address was on
	for {
		record, err := reader.Read()
		switch {
		case limited.N == 0:
			p.add(0, "is larger than %d MiB: is it the right file?", maxFileSize>>20)
			return nil, nil
		case err == io.EOF && len(rows) == 0 && len(p.List) == 0:
			p.add(0, "has no rows below its header")
			return nil, nil
		case err == io.EOF:
			return rows, nil
		case errors.Is(err, csv.ErrFieldCount):
			line, _ := reader.FieldPos(0)
			p.add(line, "has %d cells, and the header has %d", len(record), len(header))
			continue
		case err != nil:
			return nil, broken(p, err)
		}
		line, _ := reader.FieldPos(0)
		if len(rows) == maxRows {
			p.add(line, "is row %d: at most %d are read (--max-rows)", maxRows+1, maxRows)
			return nil, nil
		}
		row := readRow(record, setters, line, p)
		if key := fold(row.Address); key != "" {
			if earlier := first[key]; earlier > 0 {
				p.add(line, "address %q is on line %d too", row.Address, earlier)
			} else {
				first[key] = line
			}
		}
		rows = append(rows, row)
	}
}

// begin passes over the mark that Excel puts before UTF-8, and finds out from the
// header which separator Excel used: it depends on the country.
func begin(in *bufio.Reader, p *Problems) (separator rune, ok bool) {
	head, _ := in.Peek(4096)
	for _, utf16 := range []string{"\xff\xfe", "\xfe\xff"} {
		if bytes.HasPrefix(head, []byte(utf16)) {
			p.add(1, "the file is UTF-16: save it as CSV in UTF-8")
			return 0, false
		}
	}
	if bytes.HasPrefix(head, []byte("\xef\xbb\xbf")) {
		_, _ = in.Discard(3)
		head = head[3:]
	}
	head, _, _ = bytes.Cut(head, []byte("\n"))
	for _, separator := range ",;\t" {
		if bytes.ContainsRune(head, separator) {
			return separator, true
		}
	}
	return ',', true
}

func broken(p *Problems, err error) error {
	parse, ok := errors.AsType[*csv.ParseError](err)
	switch {
	case err == io.EOF:
		p.add(0, "is empty: its first line names the columns (%s)", columnNames)
	case !ok:
		return fmt.Errorf("%s: %w", p.File, err)
	case parse.StartLine != parse.Line:
		p.add(parse.StartLine, "%v in a row that goes on to line %d", parse.Err, parse.Line)
	default:
		p.add(parse.Line, "%v in column %d", parse.Err, parse.Column)
	}
	return nil
}

type cellReader struct {
	name string
	read func(*Row, string) error
}

// readHeader quotes nothing of a line that does not name the addresses: it may be
// a row with a password.
func readHeader(header []string, p *Problems) (readers []cellReader, ok bool) {
	names := make([]string, len(header))
	for i, cell := range header {
		names[i] = strings.Map(func(r rune) rune {
			if r == ' ' || r == '-' {
				return '_'
			}
			return unicode.ToLower(r)
		}, strings.TrimSpace(cell))
	}
	if !slices.Contains(names, "address") {
		p.add(1, "the column address is missing: the first line names the columns (%s)", columnNames)
		return nil, false
	}
	for i, name := range names {
		read, known := columns[name]
		switch {
		case !known:
			p.add(1, "column %d is %q: there are %s", i+1, header[i], columnNames)
		case slices.Contains(names[:i], name):
			p.add(1, "the column %s comes twice", name)
		}
		readers = append(readers, cellReader{name, read})
	}
	return readers, len(p.List) == 0
}

func readRow(record []string, readers []cellReader, line int, p *Problems) Row {
	row := Row{Line: line}
	for i, cell := range record {
		read := readers[i]
		if read.name != "password" {
			cell = strings.TrimSpace(cell)
		}
		switch {
		case !utf8.ValidString(cell):
			p.add(line, "%s is not UTF-8: save the file as CSV in UTF-8", read.name)
		case strings.ContainsFunc(cell, unicode.IsControl):
			p.add(line, "%s has a control character or a second line", read.name)
		default:
			if err := read.read(&row, strings.Clone(cell)); err != nil {
				p.add(line, "%s %v", read.name, err)
			}
		}
	}
	return row
}

// fold is the form in which addresses are compared: two that differ in case only
// are a slip of the pen.
func fold(address string) string { return strings.ToLower(address) }
