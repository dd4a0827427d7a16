package archive

import (
	"context"
	"database/sql"
	"fmt"
	"iter"

	"github.com/trillian-go/trillian"
)

// weekToAsk is a week, of the copy that is to be asked for it.
type weekToAsk struct {
	id     int64
	copied int64
	owner  string
	listed int
	name   trillian.MessageWeek
}

// messages is how many the week counts for: a week without any is a step as well.
func (w weekToAsk) messages() int64 { return int64(max(w.listed, 1)) }

// weeks asks for the weeks that the archive has not, or not as they are listed now.
func (r *run) weeks(ctx context.Context) error {
	if err := r.takeOtherCopies(ctx); err != nil {
		return err
	}
	fetch := func(ctx context.Context, w weekToAsk) ([]trillian.Message, error) {
		return histories(r.client, w.owner).List(ctx, w.owner, w.name)
	}
	what := func(w weekToAsk) string {
		return fmt.Sprintf("week %d of %d of conversation %s of %s", w.name.Week, w.name.Year, w.name.Conversation, w.owner)
	}
	left, err := r.messagesLeft(ctx)
	if err != nil {
		return err
	}
	// A week of which the owners have unlike copies takes as many rounds.
	done := int64(0)
	for more := left > 0; more; {
		total, failures := done+left, r.result.Failures
		keep := func(all []fetched[weekToAsk, []trillian.Message]) error {
			err := store(ctx, r, all, what, func(tx *transaction, got []fetched[weekToAsk, []trillian.Message]) error {
				return r.keepWeeks(ctx, tx, got)
			})
			for _, f := range all {
				done += f.task.messages()
			}
			r.progress(Messages, done, total)
			return err
		}
		if err := pipeline(ctx, r.opts.Concurrency, r.weeksToAsk(ctx), fetch, keep); err != nil {
			return err
		}
		if left, err = r.messagesLeft(ctx); err != nil {
			return err
		}
		more = left > 0 && r.result.Failures == failures // what failed is left to the next run
	}
	return nil
}

// takeOtherCopies finds the weeks that another owner's copy has been archived from:
// with as many messages, it is the same.
func (r *run) takeOtherCopies(ctx context.Context) error {
	_, err := r.db.ExecContext(ctx, `UPDATE listed_weeks AS own SET asked = listed
		WHERE asked IS NOT listed AND asked IS NOT -1 AND EXISTS (
			SELECT 1 FROM listed_weeks AS other
			WHERE other.week = own.week AND other.copy <> own.copy AND other.asked = other.listed AND other.listed = own.listed)`)
	return err
}

// weeksToAsk yields every week that is to be asked for once: of several copies the
// one with the most messages.
func (r *run) weeksToAsk(ctx context.Context) iter.Seq2[weekToAsk, error] {
	period := r.opts.period()
	all := pages(ctx, r.db, `SELECT w.id, l.copy, o.name, max(l.listed), c.name, w.year, w.week
		FROM listed_weeks l JOIN weeks w ON w.id = l.week JOIN copies p ON p.id = l.copy
		JOIN owners o ON o.id = p.owner JOIN conversations c ON c.id = p.conversation
		WHERE l.asked IS NOT l.listed AND o.run = ? AND l.week > ? GROUP BY l.week ORDER BY l.week`,
		func(rows *sql.Rows, w *weekToAsk) error {
			return rows.Scan(&w.id, &w.copied, &w.owner, &w.listed, &w.name.Conversation, &w.name.Year, &w.name.Week)
		},
		func(w weekToAsk) int64 { return w.id }, r.id)
	return func(yield func(weekToAsk, error) bool) {
		for w, err := range all {
			if err == nil && !period.Reaches(w.name) {
				continue
			}
			if !yield(w, err) {
				return
			}
		}
	}
}

// messagesLeft is how many messages the weeks to be asked for are listed with.
func (r *run) messagesLeft(ctx context.Context) (int64, error) {
	left := int64(0)
	for w, err := range r.weeksToAsk(ctx) {
		if err != nil {
			return 0, err
		}
		left += w.messages()
	}
	return left, nil
}

// keepWeeks stores the messages of weeks, and that they were asked for as they were
// listed.
func (r *run) keepWeeks(ctx context.Context, tx *transaction, all []fetched[weekToAsk, []trillian.Message]) error {
	var last int64
	if err := tx.get(ctx, "SELECT coalesce(max(id), 0) FROM messages", nil, &last); err != nil {
		return err
	}
	next := last + 1
	for _, f := range all {
		if err := r.keepWeek(ctx, tx, f.task, f.result, &next); err != nil {
			return err
		}
	}
	return tx.exec(ctx, "INSERT INTO words (rowid, text) SELECT id, text FROM messages WHERE id > ?", last)
}

// keepWeek stores the messages of a week, with ids from next on.
func (r *run) keepWeek(ctx context.Context, tx *transaction, w weekToAsk, messages []trillian.Message, next *int64) error {
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
			*next, w.id, same+i, m.at, m.sender, m.text, m.fields)
		if err != nil {
			return err
		}
		*next++
	}
	if same < len(merged) {
		if err := tx.exec(ctx, "UPDATE weeks SET digest = ? WHERE id = ?", digest(merged), w.id); err != nil {
			return err
		}
	}
	r.result.Weeks++
	r.result.Messages += len(merged) - len(old)
	// Other copies that are listed with as many messages are the same.
	return tx.exec(ctx, "UPDATE listed_weeks SET asked = listed WHERE week = ? AND (copy = ? OR listed = ?)", w.id, w.copied, w.listed)
}
