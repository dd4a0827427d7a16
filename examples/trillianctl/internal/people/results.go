package people

import (
	"cmp"
	"crypto/rand"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/examples/trillianctl/internal/spreadsheet"
)

// Outcome is what became of a step.
type Outcome string

// The outcomes.
const (
	Sending Outcome = "sending" // only in the file of a run that was killed
	Done    Outcome = "done"
	Failed  Outcome = "failed"
	Unknown Outcome = "unknown" // it may have been carried out
	Kept    Outcome = "kept"    // an operator by now
	Skipped Outcome = "skipped" // not attempted
)

// Result is a step and what became of it.
type Result struct {
	Step
	Outcome  Outcome
	Err      error           // nil for Done and Kept
	Password trillian.Secret // that was generated for the user
}

// Results is the file that a run leaves: what became of every step, and the
// passwords that were generated. Only its owner may read it.
//
// It is a journal while the run lasts: a password is in it before it is sent, so
// that a user whose password nobody knows cannot come of a kill. Finish leaves a
// line a step.
type Results struct {
	path string

	mu      sync.Mutex
	file    *os.File
	records map[key]Result
	err     error // the first
}

var resultColumns = []string{"line", "address", "action", "chat", "outcome", "password", "error"}

// OpenResults makes the file, or, with resume, goes on with that of an earlier
// run. An existing one is otherwise an error that is os.ErrExist: it may have
// passwords in it.
func OpenResults(path string, resume bool) (*Results, error) {
	r := &Results{path: path, records: map[key]Result{}}
	if resume {
		if err := r.load(); err == nil {
			r.file, err = os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
			return r, err
		} else if !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	r.file = file
	r.write(resultColumns)
	return r, r.err
}

func (r *Results) load() error {
	file, err := os.Open(r.path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		return fmt.Errorf("%s may be read by others (mode %04o): it has passwords in it; chmod 600", r.path, info.Mode().Perm())
	}
	reader := csv.NewReader(file)
	reader.FieldsPerRecord = len(resultColumns)
	header, err := reader.Read()
	if err != nil || !slices.Equal(header, resultColumns) {
		return fmt.Errorf("%s is no results file", r.path)
	}
	for good := reader.InputOffset(); ; good = reader.InputOffset() {
		record, err := reader.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return r.mendEnd(reader, good)
		}
		line, _ := strconv.Atoi(record[0])
		result := Result{
			Step:    Step{Line: line, Address: spreadsheet.Plain(record[1]), Action: Action(record[2]), Chat: record[3]},
			Outcome: Outcome(record[4]), Password: trillian.Secret(record[5]),
		}
		if text := spreadsheet.Plain(record[6]); text != "" {
			result.Err = errors.New(text)
		}
		r.records[result.key()] = result
	}
}

// mendEnd takes off a last line that is torn, as a full disk leaves it. What it
// was to say was not sent, or is asked of the server.
func (r *Results) mendEnd(reader *csv.Reader, good int64) error {
	if _, err := reader.Read(); err != io.EOF {
		return fmt.Errorf("%s is broken in the middle", r.path)
	}
	return os.Truncate(r.path, good)
}

// recorded is the password that was made for a user, if any.
func (r *Results) recorded(s Step) trillian.Secret {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.records[s.key()].Password
}

// password is the one that an earlier run has made for a user and may have sent,
// or a new one.
func (r *Results) password(s Step) trillian.Secret {
	r.mu.Lock()
	defer r.mu.Unlock()
	if earlier, ok := r.records[s.key()]; ok && earlier.Outcome != Done && earlier.Password != "" {
		return earlier.Password
	}
	text := rand.Text() // at least 128 bits, in capitals and digits
	return trillian.Secret(text[:5] + "-" + text[5:10] + "-" + text[10:15] + "-" + text[15:20] + "-" + text[20:])
}

// record keeps a result, and returns the first error of writing any.
func (r *Results) record(result Result) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.records[result.key()] = result
	r.write(result.cells())
	return r.err
}

// write is a line in one write, which a kill does not tear. r.mu is held.
func (r *Results) write(cells []string) {
	var b strings.Builder
	w := csv.NewWriter(&b)
	_ = w.Write(cells) // a Builder takes all
	w.Flush()
	if _, err := io.WriteString(r.file, b.String()); err != nil && r.err == nil {
		r.err = fmt.Errorf("writing the results: %w", err)
	}
}

func (r Result) cells() []string {
	text := ""
	if r.Err != nil {
		text = r.Err.Error()
	}
	return []string{
		strconv.Itoa(r.Line), spreadsheet.Safe(r.Address), string(r.Action), r.Chat, string(r.Outcome), reveal(r.Password), spreadsheet.Safe(text),
	}
}

// reveal is the secret's own text: the results file is where it is meant to be.
func reveal(s trillian.Secret) string { return string(s) }

// SettleEarlier corrects what an earlier run has left open by what the plan has
// seen on the server.
func (r *Results) SettleEarlier(p *Plan) {
	rows := map[string]*Row{}
	for i := range p.rows {
		rows[fold(p.rows[i].Address)] = &p.rows[i]
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for k, result := range r.records {
		result.row = rows[k.address]
		if result.Outcome != Done && p.company.knows(result.Step) && p.company.has(result.Step) {
			result.Outcome, result.Err = Done, nil
			r.records[k] = result
		}
	}
}

// Finish puts the results in order, a line each, in the place of the journal. The
// file is there, old or new, whatever happens; one without results is not.
func (r *Results) Finish() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := errors.Join(r.err, r.file.Sync(), r.file.Close()); err != nil {
		return err
	}
	if len(r.records) == 0 {
		return os.Remove(r.path)
	}
	next, err := os.CreateTemp(filepath.Dir(r.path), "."+filepath.Base(r.path)+"-*") // of mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(next.Name()) // not there any more once it is renamed
	w := csv.NewWriter(next)
	_ = w.Write(resultColumns) // Flush has its error
	for _, result := range r.sorted() {
		_ = w.Write(result.cells())
	}
	w.Flush()
	if err := errors.Join(w.Error(), next.Sync(), next.Close()); err != nil {
		return err
	}
	return os.Rename(next.Name(), r.path)
}

func (r *Results) sorted() []Result {
	order := []Action{Create, Update, Join, Leave, Remove}
	all := make([]Result, 0, len(r.records))
	for _, result := range r.records {
		all = append(all, result)
	}
	slices.SortFunc(all, func(a, b Result) int {
		return cmp.Or(
			cmp.Compare(a.Line, b.Line), strings.Compare(a.Address, b.Address),
			cmp.Compare(slices.Index(order, a.Action), slices.Index(order, b.Action)), strings.Compare(a.Chat, b.Chat),
		)
	})
	return all
}
