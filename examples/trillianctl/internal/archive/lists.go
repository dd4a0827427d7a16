package archive

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"maps"

	"github.com/trillian-go/trillian"
)

// owner is a user or a group chat.
type owner struct {
	id   int64
	name string
}

// owners writes down who is to be archived, all or none.
func (r *run) owners(ctx context.Context) error {
	return r.db.change(ctx, func(tx *transaction) error {
		return eachOwner(ctx, r.client, r.opts.Owners, func(name, displayName string) error {
			r.result.Owners++
			return tx.exec(ctx, `INSERT INTO owners (name, display_name, run) VALUES (?, ?, ?)
				ON CONFLICT (name) DO UPDATE SET display_name = excluded.display_name, run = excluded.run`, name, displayName, r.id)
		})
	})
}

// eachOwner calls keep for the group chats and users of these names, which the
// server need not list, or for all that it lists.
func eachOwner(ctx context.Context, client *trillian.Client, names []string, keep func(name, displayName string) error) error {
	for _, name := range names {
		displayName, err := displayNameOf(ctx, client, name)
		if errors.Is(err, trillian.ErrNotFound) {
			err = fmt.Errorf("archive: %q: %w", name, ErrNoSuchOwner)
		}
		if err == nil {
			err = keep(name, displayName)
		}
		if err != nil {
			return err
		}
	}
	if names != nil {
		return nil
	}
	for chat, err := range client.GroupChats.All(ctx, nil) {
		if err == nil {
			err = keep(chat.Name, chat.DisplayName)
		}
		if err != nil {
			return err
		}
	}
	for user, err := range client.Users.All(ctx) {
		if err == nil {
			err = keep(user.Name, user.DisplayName)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func displayNameOf(ctx context.Context, client *trillian.Client, owner string) (string, error) {
	if isGroupChat(owner) {
		chat, err := client.GroupChats.Get(ctx, owner, nil)
		if err != nil {
			return "", err
		}
		return chat.DisplayName, nil
	}
	user, err := client.Users.Get(ctx, owner)
	if err != nil {
		return "", err
	}
	return user.DisplayName, nil
}

// ErrNoSuchOwner says that a name is neither a user's nor a group chat's: on the
// server, or in the archive.
var ErrNoSuchOwner = errors.New("no such user or group chat")

// listing is what the server has of an owner.
type listing struct {
	conversations []trillian.Conversation
	media         []trillian.Media
}

func list(ctx context.Context, client *trillian.Client, owner string, opts Options) (l listing, err error) {
	if l.conversations, err = histories(client, owner).Conversations(ctx, owner); err != nil || opts.WithoutMedia {
		return l, err
	}
	l.media, err = attachments(client, owner).List(ctx, owner)
	return l, err
}

// lists writes down the conversations and files of every owner.
func (r *run) lists(ctx context.Context) error {
	done := 0
	fetch := func(ctx context.Context, o owner) (listing, error) { return list(ctx, r.client, o.name, r.opts) }
	what := func(o owner) string { return "listing what " + o.name + " has" }
	return pipeline(ctx, r.opts.Concurrency, r.pendingOwners(ctx), fetch, func(all []fetched[owner, listing]) error {
		err := store(ctx, r, all, what, func(tx *transaction, all []fetched[owner, listing]) error {
			for _, f := range all {
				if err := r.keepListing(ctx, tx, f.task, f.result); err != nil {
					return err
				}
			}
			return nil
		})
		done += len(all)
		r.progress(Lists, int64(done), int64(r.result.Owners))
		return err
	})
}

func (r *run) pendingOwners(ctx context.Context) iter.Seq2[owner, error] {
	return pages(ctx, r.db, `SELECT id, name FROM owners WHERE run = ? AND id > ? ORDER BY id`,
		func(rows *sql.Rows, o *owner) error { return rows.Scan(&o.id, &o.name) },
		func(o owner) int64 { return o.id }, r.id)
}

func (r *run) keepListing(ctx context.Context, tx *transaction, o owner, l listing) error {
	known, err := knownCopies(ctx, tx, o)
	if err != nil {
		return err
	}
	for _, c := range l.conversations {
		before, ok := known[c.ID]
		delete(known, c.ID)
		weeks, err := listedWeeks(ctx, tx, before.id)
		if err != nil {
			return err
		}
		if ok && before.revision == c.Revision && maps.Equal(weeks, weeksOf(c)) {
			continue // what of it is not archived yet is already known
		}
		if err := keepConversation(ctx, tx, o, c, weeks); err != nil {
			return err
		}
	}
	for _, gone := range known { // from the server: not to be asked for
		if err := tx.exec(ctx, "DELETE FROM listed_weeks WHERE copy = ?", gone.id); err != nil {
			return err
		}
	}
	for _, m := range l.media {
		if err := r.keepMedia(ctx, tx, o, m); err != nil {
			return err
		}
	}
	return nil
}

// ownCopy is an owner's copy of a conversation, as it was listed last.
type ownCopy struct {
	id           int64
	conversation string
	revision     int
}

type week struct{ year, number int }

func (w week) before(other week) bool {
	return w.year < other.year || w.year == other.year && w.number < other.number
}

func weeksOf(c trillian.Conversation) map[week]int {
	weeks := make(map[week]int, len(c.Weeks))
	for _, w := range c.Weeks {
		weeks[week{w.Year, w.Week}] = w.Count
	}
	return weeks
}

func knownCopies(ctx context.Context, tx *transaction, o owner) (map[string]ownCopy, error) {
	all, err := queryAll(ctx, tx, func(rows *sql.Rows, c *ownCopy) error {
		return rows.Scan(&c.id, &c.conversation, &c.revision)
	}, `SELECT p.id, c.name, p.revision FROM copies p JOIN conversations c ON c.id = p.conversation WHERE p.owner = ?`, o.id)
	known := make(map[string]ownCopy, len(all))
	for _, c := range all {
		known[c.conversation] = c
	}
	return known, err
}

// listedWeeks are the weeks that a copy had, and how many messages each.
func listedWeeks(ctx context.Context, tx *transaction, copied int64) (map[week]int, error) {
	type counted struct {
		week
		count int
	}
	all, err := queryAll(ctx, tx, func(rows *sql.Rows, w *counted) error {
		return rows.Scan(&w.year, &w.number, &w.count)
	}, `SELECT w.year, w.week, l.listed FROM listed_weeks l JOIN weeks w ON w.id = l.week WHERE l.copy = ?`, copied)
	weeks := make(map[week]int, len(all))
	for _, w := range all {
		weeks[w.week] = w.count
	}
	return weeks, err
}

// doubtful tells which weeks of a conversation that has changed may have done so
// although they have as many messages as before. Messages come to the newest week
// (inferred): the one that was the newest may have lost one and got another, older ones
// can only have lost. If no count has changed, any of them may have changed.
func doubtful(before, now map[week]int) func(week) bool {
	if maps.Equal(before, now) {
		return func(week) bool { return true }
	}
	var newest week
	for w := range before {
		if newest.before(w) {
			newest = w
		}
	}
	return func(w week) bool { return w == newest }
}

// keepConversation writes down a conversation that is new or has changed; before are
// the weeks that it had. To be asked for are those with another number of messages, and
// the doubtful ones.
func keepConversation(ctx context.Context, tx *transaction, o owner, c trillian.Conversation, before map[week]int) error {
	now := weeksOf(c)
	isDoubtful := doubtful(before, now)
	var conversation, copied int64
	err := tx.get(ctx, `INSERT INTO conversations (name, medium) VALUES (?, ?)
		ON CONFLICT (name) DO UPDATE SET medium = excluded.medium RETURNING id`, []any{c.ID, c.Medium}, &conversation)
	if err != nil {
		return err
	}
	err = tx.get(ctx, `INSERT INTO copies (owner, conversation, name, revision, fields) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (owner, conversation) DO UPDATE SET name = excluded.name, revision = excluded.revision, fields = excluded.fields RETURNING id`,
		[]any{o.id, conversation, c.Name, c.Revision, fieldsJSON(c.Fields)}, &copied)
	if err != nil {
		return err
	}
	for w := range before {
		if _, there := now[w]; there {
			continue
		}
		err := tx.exec(ctx, `DELETE FROM listed_weeks WHERE copy = ? AND week =
			(SELECT id FROM weeks WHERE conversation = ? AND year = ? AND week = ?)`, copied, conversation, w.year, w.number)
		if err != nil {
			return err
		}
	}
	for _, w := range c.Weeks {
		if err := keepWeek(ctx, tx, conversation, copied, w, isDoubtful(week{w.Year, w.Week})); err != nil {
			return err
		}
	}
	return nil
}

func keepWeek(ctx context.Context, tx *transaction, conversation, copied int64, w trillian.MessageWeek, doubtful bool) error {
	var id int64
	err := tx.get(ctx, `INSERT INTO weeks (conversation, year, week) VALUES (?, ?, ?)
		ON CONFLICT (conversation, year, week) DO UPDATE SET year = excluded.year RETURNING id`, []any{conversation, w.Year, w.Week}, &id)
	if err != nil {
		return err
	}
	err = tx.exec(ctx, `INSERT INTO listed_weeks (copy, week, listed, flags, fields) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (week, copy) DO UPDATE SET listed = excluded.listed, flags = excluded.flags, fields = excluded.fields,
			asked = CASE WHEN ? OR listed <> excluded.listed THEN NULL ELSE asked END`,
		copied, id, w.Count, w.Flags, fieldsJSON(w.Fields), doubtful)
	return err
}
