package archive

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"time"

	"github.com/trillian-go/trillian"
)

// message is one as it is stored. Two that are equal are two messages all the same.
type message struct {
	at     int64 // in milliseconds, 0: not known
	sender string
	text   string
	fields sql.NullString // JSON
}

func newMessage(m trillian.Message) message {
	return message{at: millis(m.Timestamp.Time), sender: m.From, text: m.Text, fields: fieldsJSON(m.Fields)}
}

// fieldsJSON is what the server says beyond what has a column of its own.
func fieldsJSON(fields map[string]string) sql.NullString {
	if len(fields) == 0 {
		return sql.NullString{}
	}
	b, _ := json.Marshal(fields) // of texts: never fails
	return sql.NullString{String: string(b), Valid: true}
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func seconds(t time.Time) int64 { return millis(t) / 1000 }

// timeOf is the time of milliseconds, zero where it is not known.
func timeOf(millis int64) time.Time {
	if millis == 0 {
		return time.Time{}
	}
	return time.UnixMilli(millis).UTC()
}

func storedMessages(ctx context.Context, q querier, week int64) ([]message, error) {
	return queryAll(ctx, q, func(rows *sql.Rows, m *message) error {
		return rows.Scan(&m.at, &m.sender, &m.text, &m.fields)
	}, "SELECT at, sender, text, fields FROM messages WHERE week = ? ORDER BY place", week)
}

// merge returns all messages of fresh in their order, and between them those of old
// that are in fresh no more: the server, or the copy that was asked for, has lost
// them, the archive does not.
func merge(old, fresh []message) []message {
	if len(old) == 0 {
		return fresh
	}
	waiting := make(map[message]int, len(fresh)) // of fresh, not yet found in old
	for _, m := range fresh {
		waiting[m]++
	}
	merged := make([]message, 0, max(len(old), len(fresh)))
	ahead := map[message]int{} // of merged, not yet found in old
	next := 0
	for _, m := range old {
		switch {
		case waiting[m] == 0:
			merged = append(merged, m)
		case ahead[m] > 0:
			ahead[m]--
			waiting[m]--
		default:
			for ; fresh[next] != m; next++ {
				merged = append(merged, fresh[next])
				ahead[fresh[next]]++
			}
			merged = append(merged, m)
			next++
			waiting[m]--
		}
	}
	return append(merged, fresh[next:]...)
}

// digest is the SHA-256 of a week's messages.
func digest(messages []message) []byte {
	h := sha256.New()
	var b []byte
	for _, m := range messages {
		b = binary.AppendVarint(b[:0], m.at)
		for _, s := range []string{m.sender, m.text, m.fields.String} {
			b = binary.AppendUvarint(b, uint64(len(s)))
			b = append(b, s...)
		}
		_, _ = h.Write(b)
	}
	return h.Sum(nil)
}
