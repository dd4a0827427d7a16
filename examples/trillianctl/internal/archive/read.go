package archive

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Reader reads an archive, also while another writes to it.
type Reader struct{ db *database }

// Open opens an archive to read it.
func Open(ctx context.Context, path string) (*Reader, error) {
	db, err := openToRead(ctx, path)
	if err != nil {
		return nil, err
	}
	return &Reader{db}, nil
}

// Close closes the archive.
func (r *Reader) Close() error { return r.db.Close() }

// Filter picks messages. The zero value picks all.
type Filter struct {
	From         string    // the sender's address, or a part of it
	Owner        string    // whose histories: a user's address, or a group chat's name or display name
	Since, Until time.Time // from Since on, and before Until; zero for no bound
}

// Record is an archived message.
type Record struct {
	At           time.Time         `json:"at,omitzero"` // zero: not known
	From         string            `json:"from"`
	Text         string            `json:"text"`
	Where        string            `json:"where"`        // the group chat's display name, or the users who write
	Conversation string            `json:"conversation"` // the server's ID
	Owners       []string          `json:"owners"`       // who have a copy
	Year         int               `json:"year"`
	Week         int               `json:"week"`
	Place        int               `json:"place"` // in the week, from 0
	Fields       map[string]string `json:"fields,omitempty"`
}

// recordColumns are what a query selects of messages m, weeks w and conversations c
// for a Record, and recordTables where from.
const (
	recordColumns = "m.at, m.sender, m.text, m.fields, w.year, w.week, m.place, c.id, c.name"
	recordTables  = "messages m JOIN weeks w ON w.id = m.week JOIN conversations c ON c.id = w.conversation"
)

// record is a Record on its way from the database.
type record struct {
	Record

	conversation int64
}

func (r *record) scan(rows *sql.Rows, more ...any) error {
	var at int64
	var fields sql.NullString
	to := append([]any{&at, &r.From, &r.Text, &fields, &r.Year, &r.Week, &r.Place, &r.conversation, &r.Conversation}, more...)
	if err := rows.Scan(to...); err != nil {
		return err
	}
	r.At = timeOf(at)
	if fields.Valid {
		return json.Unmarshal([]byte(fields.String), &r.Fields)
	}
	return nil
}

// where is what a conversation is called, and who has a copy of it.
func (r *Reader) where(ctx context.Context, conversation int64) (where string, owners []string, err error) {
	type copied struct{ owner, displayName, name string }
	all, err := queryAll(ctx, r.db, func(rows *sql.Rows, c *copied) error {
		return rows.Scan(&c.owner, &c.displayName, &c.name)
	}, "SELECT o.name, o.display_name, p.name FROM copies p JOIN owners o ON o.id = p.owner WHERE p.conversation = ? ORDER BY o.name", conversation)
	if err != nil {
		return "", nil, err
	}
	var sides []string
	for _, c := range all {
		owners = append(owners, c.owner)
		if isGroupChat(c.owner) {
			if where = c.displayName; where == "" {
				where = c.owner
			}
		}
		sides = append(sides, c.owner, c.name)
	}
	if where == "" {
		slices.Sort(sides)
		where = strings.Join(slices.Compact(sides), ", ")
	}
	return where, owners, nil
}

// conditions are a filter as SQL.
func (r *Reader) conditions(ctx context.Context, f Filter) (conditions []string, args []any, err error) {
	add := func(condition string, more ...any) {
		conditions, args = append(conditions, condition), append(args, more...)
	}
	if f.From != "" {
		add(`m.sender LIKE ? ESCAPE '\'`, contains(f.From))
	}
	if f.Owner != "" {
		owners, err := queryAll(ctx, r.db, func(rows *sql.Rows, id *int64) error { return rows.Scan(id) },
			"SELECT id FROM owners WHERE ? IN (name, display_name)", f.Owner)
		if err == nil && len(owners) == 0 {
			err = fmt.Errorf("archive: %q: %w", f.Owner, ErrNoSuchOwner)
		}
		if err != nil {
			return nil, nil, err
		}
		add("w.conversation IN (SELECT p.conversation FROM copies p JOIN owners o ON o.id = p.owner WHERE ? IN (o.name, o.display_name))", f.Owner)
	}
	if !f.Since.IsZero() {
		add("m.at >= ?", f.Since.UnixMilli())
	}
	if !f.Until.IsZero() {
		add("m.at < ?", f.Until.UnixMilli())
	}
	return conditions, args, nil
}

// contains is a pattern of LIKE, with \ to escape, for what has a text in it.
func contains(text string) string { return "%" + likeEscaper.Replace(text) + "%" }

var likeEscaper = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)
