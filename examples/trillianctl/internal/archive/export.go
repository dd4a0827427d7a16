package archive

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/trillian-go/trillian/examples/trillianctl/internal/spreadsheet"
)

// Records yields the archived messages: a conversation after the other, and in each
// in the order of year, week and place. An error comes last, once.
func (r *Reader) Records(ctx context.Context, f Filter) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		if err := r.records(ctx, f, func(rec Record) bool { return yield(rec, nil) }); err != nil {
			yield(Record{}, err)
		}
	}
}

func (r *Reader) records(ctx context.Context, f Filter, yield func(Record) bool) error {
	conditions, args, err := r.conditions(ctx, f)
	if err != nil {
		return err
	}
	query := "SELECT " + recordColumns + " FROM " + recordTables
	if len(conditions) > 0 {
		query += " WHERE " + strings.Join(conditions, " AND ")
	}
	rows, err := r.db.QueryContext(ctx, query+" ORDER BY w.conversation, w.year, w.week, m.place", args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	var last record
	for rows.Next() {
		var rec record
		if err := rec.scan(rows); err != nil {
			return err
		}
		if rec.conversation == last.conversation {
			rec.Where, rec.Owners = last.Where, last.Owners
		} else if rec.Where, rec.Owners, err = r.where(ctx, rec.conversation); err != nil {
			return err
		}
		if !yield(rec.Record) {
			return nil
		}
		last = rec
	}
	return rows.Err()
}

// WriteJSONL writes messages as JSON, one a line.
func WriteJSONL(w io.Writer, records iter.Seq2[Record, error]) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	for rec, err := range records {
		if err == nil {
			err = out.Encode(rec)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// WriteCSV writes messages as CSV, with a first line that names the columns. It is for
// spreadsheets: a text that one would calculate has an apostrophe before it.
func WriteCSV(w io.Writer, records iter.Seq2[Record, error]) error {
	out := csv.NewWriter(w)
	_ = out.Write([]string{"at", "from", "text", "where", "conversation", "owners", "year", "week", "place", "fields"}) // Error has it
	for rec, err := range records {
		if err != nil {
			return err
		}
		at := ""
		if !rec.At.IsZero() {
			at = rec.At.Format(time.RFC3339Nano)
		}
		cells := []string{
			at, rec.From, rec.Text, rec.Where, rec.Conversation, strings.Join(rec.Owners, " "),
			strconv.Itoa(rec.Year), strconv.Itoa(rec.Week), strconv.Itoa(rec.Place), fieldsJSON(rec.Fields).String,
		}
		for i, cell := range cells {
			cells[i] = spreadsheet.Safe(cell)
		}
		err := out.Write(cells)
		if err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}
