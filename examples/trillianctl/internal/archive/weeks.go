package archive

import (
	"context"
	"database/sql"
	"fmt"
	"iter"

	"github.com/trillian-go/trillian"
)

// weekToAsk is a week of a copy.
type weekToAsk struct {
	id     int64
	copied int64
	owner  string
	name   trillian.MessageWeek
}

// messages is how many the week counts for: a week without any is a step as well.
func (w weekToAsk) messages() int64 { return int64(max(w.name.Count, 1)) }

// weeks asks for the weeks that the archive has not, or not as they are listed now.
// Of a conversation that two users share both copies are asked for: each of them may
// have deleted what the other has, and the lists need not show it.
func (r *run) weeks(ctx context.Context) error {
	fetch := func(ctx context.Context, w weekToAsk) ([]trillian.Message, error) {
		return histories(r.client, w.owner).List(ctx, w.owner, w.name)
	}
	what := func(w weekToAsk) string {
		return fmt.Sprintf("week %d of %d of conversation %s of %s", w.name.Week, w.name.Year, w.name.Conversation, w.owner)
	}
	done, total := int64(0), int64(0)
	for w, err := range r.weeksToAsk(ctx) {
		if err != nil {
			return err
		}
		total += w.messages()
	}
	return pipeline(ctx, r.opts.Concurrency, r.weeksToAsk(ctx), fetch, func(all []fetched[weekToAsk, []trillian.Message]) error {
		err := store(ctx, r, all, what, func(tx *transaction, got []fetched[weekToAsk, []trillian.Message]) error {
			return r.keepWeeks(ctx, tx, got)
		})
		for _, f := range all {
			done += f.task.messages()
		}
		r.progress(Messages, done, total)
		return err
	})
}

// weeksToAsk yields the weeks that are to be asked for, a copy after the other.
func (r *run) weeksToAsk(ctx context.Context) iter.Seq2[weekToAsk, error] {
	type ownersCopy struct {
		id                  int64
		owner, conversation string
	}
	copies := pages(ctx, r.db, `SELECT p.id, o.name, c.name FROM copies p JOIN owners o ON o.id = p.owner
		JOIN conversations c ON c.id = p.conversation WHERE o.run = ? AND p.id > ? ORDER BY p.id`,
		func(rows *sql.Rows, c *ownersCopy) error { return rows.Scan(&c.id, &c.owner, &c.conversation) },
		func(c ownersCopy) int64 { return c.id }, r.id)
	period := r.opts.period()
	return func(yield func(weekToAsk, error) bool) {
		for c, err := range copies {
			var weeks []weekToAsk
			if err == nil {
				weeks, err = queryAll(ctx, r.db, func(rows *sql.Rows, w *weekToAsk) error {
					w.copied, w.owner, w.name.Conversation = c.id, c.owner, c.conversation
					return rows.Scan(&w.id, &w.name.Year, &w.name.Week, &w.name.Count)
				}, `SELECT w.id, w.year, w.week, l.listed FROM listed_weeks l JOIN weeks w ON w.id = l.week
					WHERE l.copy = ? AND l.asked IS NOT l.listed ORDER BY w.year, w.week`, c.id)
			}
			if err != nil {
				yield(weekToAsk{}, err)
				return
			}
			for _, w := range weeks {
				if period.Reaches(w.name) && !yield(w, nil) {
					return
				}
			}
		}
	}
}

// keepWeeks stores the messages of weeks, and that they were asked for as they were
// listed.
func (r *run) keepWeeks(ctx context.Context, tx *transaction, all []fetched[weekToAsk, []trillian.Message]) error {
	var last int64
	if err := tx.get(ctx, "SELECT coalesce(max(id), 0) FROM messages", nil, &last); err != nil {
		return err
	}
	n := &numbering{next: last + 1, indexed: last}
	for _, f := range all {
		if err := r.keepWeek(ctx, tx, f.task, f.result, n); err != nil {
			return err
		}
	}
	return n.index(ctx, tx)
}

// numbering is that of the messages that one transaction adds.
type numbering struct {
	next    int64 // id
	indexed int64 // the last id whose words are in the index
}

// index enters the words of the messages that were added.
func (n *numbering) index(ctx context.Context, tx *transaction) error {
	err := tx.exec(ctx, "INSERT INTO words (rowid, text) SELECT id, text FROM messages WHERE id > ?", n.indexed)
	n.indexed = n.next - 1
	return err
}

// keepWeek stores the messages of a week beside those that it has.
func (r *run) keepWeek(ctx context.Context, tx *transaction, w weekToAsk, messages []trillian.Message, n *numbering) error {
	old, err := storedMessages(ctx, tx, w.id)
	if err != nil {
		return err
	}
	fresh := make([]message, len(messages))
	for i, m := range messages {
		fresh[i] = newMessage(m)
	}
	merged := merge(old, fresh)
	same := 0
	for same < len(old) && old[same] == merged[same] {
		same++
	}
	if same < len(old) {
		if err := n.index(ctx, tx); err != nil { // some may be of this transaction, of another copy
			return err
		}
		for _, change := range []string{
			"INSERT INTO words (words, rowid, text) SELECT 'delete', id, text FROM messages WHERE week = ? AND place >= ?",
			"DELETE FROM messages WHERE week = ? AND place >= ?",
		} {
			if err := tx.exec(ctx, change, w.id, same); err != nil {
				return err
			}
		}
	}
	for i, m := range merged[same:] {
		err := tx.exec(ctx, "INSERT INTO messages (id, week, place, at, sender, text, fields) VALUES (?, ?, ?, ?, ?, ?, ?)",
			n.next, w.id, same+i, m.at, m.sender, m.text, m.fields)
		if err != nil {
			return err
		}
		n.next++
	}
	if same < len(merged) {
		if err := tx.exec(ctx, "UPDATE weeks SET digest = ? WHERE id = ?", digest(merged), w.id); err != nil {
			return err
		}
	}
	r.result.Weeks++
	r.result.Messages += len(merged) - len(old)
	return tx.exec(ctx, "UPDATE listed_weeks SET asked = listed WHERE week = ? AND copy = ?", w.id, w.copied)
}
