package archive

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Query is what to search for.
type Query struct {
	Filter

	// Words must all be in a message, in any order. One with spaces in it is a phrase;
	// one that ends in * is the beginning of a word. Neither case nor accents matter.
	Words []string

	Limit int // how many hits, the newest; 0 for 20
}

// Hit is a message that was found.
type Hit struct {
	Record

	// Snippet is the part of the text with the words in it, each between MarkBegin and
	// MarkEnd, on one line.
	Snippet string `json:"-"`
}

// What stands around the words of a Snippet. Messages cannot hold them: they are
// control characters, which XML has none of.
const (
	MarkBegin = "\x02"
	MarkEnd   = "\x03"
)

const defaultLimit = 20

// ErrNoWords says that there is nothing to search for.
var ErrNoWords = errors.New("archive: there is no word to search for")

// Search returns the messages that have all the words in them, the newest first.
func (r *Reader) Search(ctx context.Context, q Query) ([]Hit, error) {
	indexed, others := q.split()
	if indexed == "" && len(others) == 0 {
		return nil, ErrNoWords
	}
	conditions, args, err := r.conditions(ctx, q.Filter)
	if err != nil {
		return nil, err
	}
	snippet, tables := "m.text", recordTables
	if indexed != "" {
		snippet = "snippet(words, 0, '" + MarkBegin + "', '" + MarkEnd + "', '…', 12)"
		tables = "words JOIN messages m ON m.id = words.rowid" + strings.TrimPrefix(recordTables, "messages m")
		conditions, args = append(conditions, "words MATCH ?"), append(args, indexed)
	}
	for _, word := range others {
		conditions, args = append(conditions, `m.text LIKE ? ESCAPE '\'`), append(args, contains(word))
	}
	if q.Limit <= 0 {
		q.Limit = defaultLimit
	}
	type found struct {
		record
		snippet string
	}
	all, err := queryAll(ctx, r.db, func(rows *sql.Rows, f *found) error { return f.scan(rows, &f.snippet) },
		"SELECT "+recordColumns+", "+snippet+" FROM "+tables+" WHERE "+strings.Join(conditions, " AND ")+" ORDER BY m.at DESC, m.id DESC LIMIT ?",
		append(args, q.Limit)...)
	if err != nil {
		return nil, err
	}
	hits := make([]Hit, len(all))
	for i, f := range all {
		if indexed == "" {
			f.snippet = around(f.snippet, others[0])
		}
		hits[i] = Hit{f.Record, strings.Join(strings.Fields(f.snippet), " ")}
		if hits[i].Where, hits[i].Owners, err = r.where(ctx, f.conversation); err != nil {
			return nil, err
		}
	}
	return hits, nil
}

// split divides the words into a query of the index and those that the index has
// not: it knows words only between spaces and punctuation, and no signs.
func (q Query) split() (indexed string, others []string) {
	var phrases []string
	for _, word := range q.Words {
		word = strings.TrimSpace(strings.ToValidUTF8(strings.ReplaceAll(word, "\x00", " "), "\uFFFD"))
		switch {
		case word == "":
		case strings.ContainsFunc(word, unspaced):
			others = append(others, strings.TrimSuffix(word, "*"))
		case !strings.ContainsFunc(word, inWord):
			others = append(others, word)
		default:
			begin, isBegin := strings.CutSuffix(word, "*")
			phrase := `"` + strings.ReplaceAll(begin, `"`, `""`) + `"`
			if isBegin {
				phrase += "*"
			}
			phrases = append(phrases, phrase)
		}
	}
	return strings.Join(phrases, " "), others
}

// inWord reports whether a character is a part of a word to the index.
func inWord(c rune) bool { return unicode.In(c, unicode.L, unicode.N, unicode.Co) }

// unspaced reports whether a character is of a script that writes words without
// spaces between them.
func unspaced(c rune) bool {
	return unicode.In(c, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// around is the part of a text that has a word in it, with the word marked.
func around(text, word string) string {
	const context = 30 // characters on either side
	i := strings.Index(text, word)
	if i < 0 { // in another case
		return text
	}
	before, after := text[:i], text[i+len(word):]
	if n := utf8.RuneCountInString(before); n > context {
		runes := []rune(before)
		before = "…" + string(runes[n-context:])
	}
	if n := utf8.RuneCountInString(after); n > context {
		after = string([]rune(after)[:context]) + "…"
	}
	return before + MarkBegin + word + MarkEnd + after
}
