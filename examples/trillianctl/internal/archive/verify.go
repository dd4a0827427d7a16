package archive

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"os"
	"slices"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/examples/trillianctl/internal/dbfile"
)

// Problem is something that is not as it should be.
type Problem struct {
	Kind ProblemKind `json:"kind"`
	What string      `json:"what"`
}

// ProblemKind tells what to do about a Problem.
type ProblemKind string

const (
	// Damaged is what the archive no longer has as it was archived: take a backup, or
	// archive into another file.
	Damaged ProblemKind = "damaged"

	// Behind is what the server has and the archive has not: run the archive again.
	Behind ProblemKind = "behind"
)

// Verified is what was looked at.
type Verified struct {
	Owners   int   `json:"owners"`   // compared with the server
	Gone     int   `json:"gone"`     // owners that the server no longer has, and the archive keeps
	Weeks    int   `json:"weeks"`    // with their digests
	Messages int   `json:"messages"` // in them
	Files    int   `json:"files"`    // with their hashes
	Bytes    int64 `json:"bytes"`    // of them
	Problems int   `json:"problems"`
}

// Verify checks an archive: the database's own structure, the digest of every week,
// the hash of every file; and, unless client is nil, what the server lists for the
// owners, weeks and files that opts choose. Every problem is reported when it is
// found. It changes nothing.
func Verify(ctx context.Context, client *trillian.Client, path string, opts Options, report func(Problem)) (Verified, error) {
	if err := opts.check(); err != nil {
		return Verified{}, err
	}
	db, err := openToRead(ctx, path)
	if err != nil {
		return Verified{}, err
	}
	defer db.Close()
	v := &verification{client: client, path: path, db: db, files: filesOf(path), opts: opts, report: report}
	steps := []func(context.Context) error{v.structure, v.index, v.digests}
	if !opts.WithoutMedia {
		steps = append(steps, v.hashes)
	}
	if client != nil {
		steps = append(steps, v.counts)
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return v.done, err
		}
	}
	return v.done, nil
}

type verification struct {
	client *trillian.Client
	path   string
	db     *database
	files  *files
	opts   Options
	report func(Problem)
	done   Verified
}

func (v *verification) problem(kind ProblemKind, format string, args ...any) {
	v.done.Problems++
	v.report(Problem{kind, fmt.Sprintf(format, args...)})
}

// structure is SQLite's own check.
func (v *verification) structure(ctx context.Context) error {
	texts, err := queryAll(ctx, v.db, func(rows *sql.Rows, s *string) error { return rows.Scan(s) }, "PRAGMA integrity_check")
	for _, text := range texts {
		if text != "ok" {
			v.problem(Damaged, "the database: %s", text)
		}
	}
	return err
}

// index compares the index of words with the messages. SQLite asks for it as for a
// change, which it is not: an archive that cannot be written to goes without.
func (v *verification) index(ctx context.Context) error {
	db, err := open(v.path, url.Values{"mode": {"rw"}, "_pragma": {"busy_timeout(10000)"}})
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, "INSERT INTO words (words, rank) VALUES ('integrity-check', 1)")
	switch {
	case dbfile.Is(err, sqlite3.SQLITE_CORRUPT):
		v.problem(Damaged, "the index of words is not that of the messages: what is searched for may not be found")
	case err != nil && !dbfile.Is(err, sqlite3.SQLITE_READONLY):
		return err
	}
	return nil
}

// digests compares every week's messages with the digest that was stored with them.
func (v *verification) digests(ctx context.Context) error {
	type week struct {
		id           int64
		conversation string
		year, number int
		digest       []byte
	}
	weeks := pages(ctx, v.db, `SELECT w.id, c.name, w.year, w.week, w.digest FROM weeks w JOIN conversations c ON c.id = w.conversation
		WHERE w.id > ? ORDER BY w.id`,
		func(rows *sql.Rows, w *week) error {
			return rows.Scan(&w.id, &w.conversation, &w.year, &w.number, &w.digest)
		},
		func(w week) int64 { return w.id })
	for w, err := range weeks {
		if err != nil {
			return err
		}
		messages, err := storedMessages(ctx, v.db, w.id)
		if err != nil {
			return err
		}
		v.done.Weeks++
		v.done.Messages += len(messages)
		if len(messages) == 0 && w.digest == nil {
			continue // not asked for yet
		}
		if !bytes.Equal(digest(messages), w.digest) {
			v.problem(Damaged, "week %d of %d of conversation %s: its %d messages are not those that were archived", w.number, w.year, w.conversation, len(messages))
		}
	}
	return nil
}

// hashes reads every file.
func (v *verification) hashes(ctx context.Context) error {
	type file struct {
		id    int64
		owner string
		item  string
		size  int64
		sum   string
	}
	all := pages(ctx, v.db, `SELECT m.id, o.name, m.item, m.size, m.sha256 FROM media m JOIN owners o ON o.id = m.owner
		WHERE m.sha256 IS NOT NULL AND m.id > ? ORDER BY m.id`,
		func(rows *sql.Rows, f *file) error { return rows.Scan(&f.id, &f.owner, &f.item, &f.size, &f.sum) },
		func(f file) int64 { return f.id })
	for f, err := range all {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		v.done.Files++
		v.done.Bytes += f.size
		switch sum, err := hashFile(v.files.path(f.sum)); {
		case errors.Is(err, os.ErrNotExist):
			v.problem(Damaged, "file %s of %s: it is not there", f.item, f.owner)
		case err != nil:
			v.problem(Damaged, "file %s of %s: %v", f.item, f.owner, err)
		case sum != f.sum:
			v.problem(Damaged, "file %s of %s: it is not what was archived", f.item, f.owner)
		}
	}
	return nil
}

// counts compares the archive with what the server lists.
func (v *verification) counts(ctx context.Context) error {
	fetch := func(ctx context.Context, o owner) (listing, error) { return list(ctx, v.client, o.name, v.opts) }
	return pipeline(ctx, v.opts.Concurrency, v.owners(ctx), fetch, func(all []fetched[owner, listing]) error {
		for _, f := range all {
			switch {
			case errors.Is(f.err, trillian.ErrNotFound):
				v.done.Gone++
				continue
			case f.err != nil:
				return fmt.Errorf("listing what %s has: %w", f.task.name, f.err)
			}
			v.done.Owners++
			if err := v.compare(ctx, f.task, f.result); err != nil {
				return err
			}
		}
		return nil
	})
}

// owners are those of the archive that are to be compared.
func (v *verification) owners(ctx context.Context) iter.Seq2[owner, error] {
	all := pages(ctx, v.db, "SELECT id, name FROM owners WHERE id > ? ORDER BY id",
		func(rows *sql.Rows, o *owner) error { return rows.Scan(&o.id, &o.name) },
		func(o owner) int64 { return o.id })
	return func(yield func(owner, error) bool) {
		for o, err := range all {
			if err == nil && v.opts.Owners != nil && !slices.Contains(v.opts.Owners, o.name) {
				continue
			}
			if !yield(o, err) {
				return
			}
		}
	}
}

func (v *verification) compare(ctx context.Context, o owner, l listing) error {
	for _, c := range l.conversations {
		if err := v.compareConversation(ctx, o, c); err != nil {
			return err
		}
	}
	for _, m := range l.media {
		if at := m.CreatedAt.Time; !at.IsZero() && !v.opts.covers(at) {
			continue
		}
		var size int64
		var sum sql.NullString
		err := v.db.QueryRowContext(ctx, "SELECT size, sha256 FROM media WHERE owner = ? AND item = ?", o.id, m.ID).Scan(&size, &sum)
		switch {
		case err != nil && !errors.Is(err, sql.ErrNoRows):
			return err
		case !sum.Valid || size != m.Size:
			v.problem(Behind, "file %s of %s: not archived", m.ID, o.name)
		}
	}
	return nil
}

func (v *verification) compareConversation(ctx context.Context, o owner, c trillian.Conversation) error {
	type archived struct {
		year, week     int
		asked          sql.NullInt64
		stored, listed int
		revision       int
	}
	all, err := queryAll(ctx, v.db, func(rows *sql.Rows, a *archived) error {
		return rows.Scan(&a.year, &a.week, &a.asked, &a.listed, &a.stored, &a.revision)
	}, `SELECT w.year, w.week, l.asked, l.listed, (SELECT count(*) FROM messages m WHERE m.week = w.id), p.revision
		FROM copies p JOIN conversations c ON c.id = p.conversation JOIN listed_weeks l ON l.copy = p.id JOIN weeks w ON w.id = l.week
		WHERE p.owner = ? AND c.name = ?`, o.id, c.ID)
	if err != nil {
		return err
	}
	known := map[[2]int]archived{}
	for _, a := range all {
		known[[2]int{a.year, a.week}] = a
	}
	asItWas, period := true, v.opts.period()
	for _, w := range c.Weeks {
		if !period.Reaches(w) {
			continue
		}
		a := known[[2]int{w.Year, w.Week}]
		switch {
		case !a.asked.Valid && a.stored > 0:
			v.problem(Behind, "week %d of %d of conversation %s of %s: this copy has not been asked for as it is listed now", w.Week, w.Year, c.ID, o.name)
		case !a.asked.Valid:
			v.problem(Behind, "week %d of %d of conversation %s of %s: not archived, %d messages", w.Week, w.Year, c.ID, o.name, w.Count)
		case a.asked.Int64 != int64(w.Count):
			v.problem(Behind, "week %d of %d of conversation %s of %s: %d messages on the server, archived when it had %d", w.Week, w.Year, c.ID, o.name, w.Count, a.listed)
		case a.stored < w.Count:
			v.problem(Damaged, "week %d of %d of conversation %s of %s: %d messages archived of %d", w.Week, w.Year, c.ID, o.name, a.stored, w.Count)
		default:
			continue
		}
		asItWas = false
	}
	if asItWas && len(all) > 0 && all[0].revision != c.Revision {
		v.problem(Behind, "conversation %s of %s: changed since it was archived", c.ID, o.name)
	}
	return nil
}
