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
		before := known[c.ID]
		delete(known, c.ID)
		switch same, err := before.unchanged(ctx, tx, c); {
		case err != nil:
			return err
		case same:
			continue // what of it is not archived yet is already known
		}
		if err := keepConversation(ctx, tx, o, c); err != nil {
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

func knownCopies(ctx context.Context, tx *transaction, o owner) (map[string]*ownCopy, error) {
	all, err := queryAll(ctx, tx, func(rows *sql.Rows, c *ownCopy) error {
		return rows.Scan(&c.id, &c.conversation, &c.revision)
	}, `SELECT p.id, c.name, p.revision FROM copies p JOIN conversations c ON c.id = p.conversation WHERE p.owner = ?`, o.id)
	known := make(map[string]*ownCopy, len(all))
	for i := range all {
		known[all[i].conversation] = &all[i]
	}
	return known, err
}

// unchanged reports whether a conversation is still listed as it was. The counts of
// its weeks do not tell of every change, and of the revision it is inferred.
func (c *ownCopy) unchanged(ctx context.Context, tx *transaction, now trillian.Conversation) (bool, error) {
	if c == nil || c.revision != now.Revision {
		return false, nil
	}
	type week struct{ year, number, count int }
	all, err := queryAll(ctx, tx, func(rows *sql.Rows, w *week) error {
		return rows.Scan(&w.year, &w.number, &w.count)
	}, `SELECT w.year, w.week, l.listed FROM listed_weeks l JOIN weeks w ON w.id = l.week WHERE l.copy = ?`, c.id)
	before, listed := map[week]bool{}, map[week]bool{}
	for _, w := range all {
		before[w] = true
	}
	for _, w := range now.Weeks {
		listed[week{w.Year, w.Week, w.Count}] = true
	}
	return maps.Equal(before, listed), err
}

// keepConversation writes down a conversation that is new or has changed, with all its
// weeks to be asked for: one that has as many messages as before may have lost one and
// got another.
func keepConversation(ctx context.Context, tx *transaction, o owner, c trillian.Conversation) error {
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
	if err := tx.exec(ctx, "DELETE FROM listed_weeks WHERE copy = ?", copied); err != nil {
		return err
	}
	for _, w := range c.Weeks {
		if err := keepWeek(ctx, tx, conversation, copied, w); err != nil {
			return err
		}
	}
	return nil
}

func keepWeek(ctx context.Context, tx *transaction, conversation, copied int64, w trillian.MessageWeek) error {
	var week int64
	err := tx.get(ctx, `INSERT INTO weeks (conversation, year, week) VALUES (?, ?, ?)
		ON CONFLICT (conversation, year, week) DO UPDATE SET year = excluded.year RETURNING id`, []any{conversation, w.Year, w.Week}, &week)
	if err != nil {
		return err
	}
	err = tx.exec(ctx, `INSERT INTO listed_weeks (copy, week, listed, flags, fields) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (week, copy) DO UPDATE SET listed = excluded.listed, flags = excluded.flags, fields = excluded.fields`,
		copied, week, w.Count, w.Flags, fieldsJSON(w.Fields))
	return err
}
