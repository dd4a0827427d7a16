package archive

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian/trilliantest"
)

func TestSearch(t *testing.T) {
	t.Parallel()
	server, path := newServer(t), newPath(t)
	server.Fill(trilliantest.WithMessages(chat, "sales", said(40, kwk, `50% of "C:\new_file" AND (NOT) the rest* is o'clock; far behind the budget of all the years that there were before this one`)))
	update(t, server, path, Options{})
	archive := opened(t, path)
	for _, c := range []struct {
		words string // with | between them
		hits  int
		first string
	}{
		{"budget", 3, "far behind the [budget]"},
		{"BUDGET", 3, ""},
		{"budg*", 3, "[budget]"},
		{"budg", 0, ""},
		{"cafe", 1, "The budget is [café]-proof and signed"},
		{"good morning", 2, "[Good morning]"},
		{"morning good", 0, ""},
		{"morning|good", 2, "[Good] [morning]"},
		{"budget|plan", 1, "the <[budget]> & the [plan]?"},
		{"budget|nowhere", 0, ""},
		{"会議", 1, "[会議]は10時からです。"},
		{"会議*|10時", 1, ""},
		{"👍", 1, "Yes [👍]"},
		{"👍|yes", 1, "[Yes] 👍"},
		{"&", 1, "Who has the <budget> [&] the plan?"},
		// what the index would take for its own language
		{`"`, 2, ""}, {`""`, 0, ""}, {"*", 1, ""}, {"(", 1, ""}, {")", 1, ""}, {"-", 1, ""}, {"^", 0, ""}, {"%", 1, ""}, {"_", 1, ""}, {`\`, 1, ""},
		{"AND", 2, ""}, {"not", 1, ""}, {"OR", 0, ""}, {"NEAR", 0, ""}, {"NEAR(budget plan)", 0, ""}, {"text:budget", 0, ""},
		{"^good", 2, ""}, {"-good", 2, ""}, {"+good", 2, ""}, {"{good}", 2, ""}, {`bud"get`, 0, ""}, {`"budget"`, 3, ""}, {"budget\x00", 3, ""},
		{"o'clock", 1, ""}, {"' OR 1=1 --", 0, ""}, {"bud\xffget", 0, ""}, {"budget)", 3, ""}, {`budget"*`, 3, ""}, {"? : @x $y", 0, ""},
	} {
		hits, err := archive.Search(t.Context(), Query{Words: strings.Split(c.words, "|")})
		require.NoError(t, err, c.words)
		require.Len(t, hits, c.hits, c.words)
		if c.first != "" {
			require.Contains(t, marked(hits[0]), c.first, c.words)
		}
	}
	for _, words := range [][]string{nil, {""}, {" ", "\t"}} {
		_, err := archive.Search(t.Context(), Query{Words: words})
		require.ErrorIs(t, err, ErrNoWords)
	}
}

func marked(h Hit) string {
	return strings.NewReplacer(MarkBegin, "[", MarkEnd, "]").Replace(h.Snippet)
}

func TestSearchFilters(t *testing.T) {
	t.Parallel()
	server, path := newServer(t), newPath(t)
	update(t, server, path, Options{})
	archive := opened(t, path)
	for name, c := range map[string]struct {
		filter Filter
		limit  int
		hits   []string
	}{
		"all, the newest first": {hits: []string{"The budget is café-proof\nand signed", "Who has the <budget> & the plan?"}},
		"limit":                 {limit: 1, hits: []string{"The budget is café-proof\nand signed"}},
		"from":                  {filter: Filter{From: "KWK"}, hits: []string{"Who has the <budget> & the plan?"}},
		"since":                 {filter: Filter{Since: said(8, "", "").Timestamp.Time}, hits: []string{"The budget is café-proof\nand signed"}},
		"until":                 {filter: Filter{Until: said(8, "", "").Timestamp.Time}, hits: []string{"Who has the <budget> & the plan?"}},
		"of a chat":             {filter: Filter{Owner: "Sales"}, limit: 9, hits: []string{"The budget is café-proof\nand signed", "Who has the <budget> & the plan?"}},
		"of a user":             {filter: Filter{Owner: smw}},
	} {
		hits, err := archive.Search(t.Context(), Query{Filter: c.filter, Words: []string{"budget"}, Limit: c.limit})
		require.NoError(t, err, name)
		var found []string
		for _, h := range hits {
			require.Equal(t, "Sales", h.Where)
			found = append(found, h.Text)
		}
		require.Equal(t, c.hits, found, name)
	}
}

func TestNoSuchOwner(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	update(t, newServer(t), path, Options{})
	archive, filter := opened(t, path), Filter{Owner: "sales"} // it is Sales
	_, err := archive.Search(t.Context(), Query{Filter: filter, Words: []string{"budget"}})
	require.ErrorIs(t, err, ErrNoSuchOwner)
	for _, err := range archive.Records(t.Context(), filter) {
		require.ErrorIs(t, err, ErrNoSuchOwner)
	}
}

// The index is kept as messages go and come.
func TestSearchAfterChanges(t *testing.T) {
	t.Parallel()
	server, path := newServer(t), newPath(t)
	update(t, server, path, Options{})
	server.Fill(trilliantest.WithMessages(smw, "smw-kwk", said(3, kwk, "later")))
	update(t, server, path, Options{})
	deleteMessage(t, server, smw, weekOf("smw-kwk", 0), said(3, kwk, ""))
	deleteMessage(t, server, smw, weekOf("smw-kwk", 0), said(1, smw, ""))
	server.Fill(trilliantest.WithMessages(smw, "smw-kwk", said(2, kwk, "sooner")))
	update(t, server, path, Options{})
	require.Equal(t, []string{"Lunch?", "Yes 👍", "later", "sooner"}, texts(t, path, "smw-kwk")[:4])

	archive := opened(t, path)
	for _, word := range []string{"lunch", "yes", "later", "sooner"} {
		hits, err := archive.Search(t.Context(), Query{Words: []string{word}})
		require.NoError(t, err)
		require.Len(t, hits, 1, word)
	}
	require.Empty(t, problems(t, nil, path))
}

func FuzzSearch(f *testing.F) {
	server, err := trilliantest.Start(trilliantest.WithoutListener(), trilliantest.WithMessages(smw, "c", said(1, smw, "a b")))
	require.NoError(f, err)
	f.Cleanup(server.Close)
	path := f.TempDir() + "/archive.db"
	_, err = Run(f.Context(), server.Client(), path, Options{})
	require.NoError(f, err)
	archive, err := Open(f.Context(), path)
	require.NoError(f, err)
	f.Cleanup(func() { _ = archive.Close() })
	f.Add(`"`, "NEAR(")
	f.Fuzz(func(t *testing.T, a, b string) {
		if _, err := archive.Search(t.Context(), Query{Words: []string{a, b}}); err != nil {
			require.ErrorIs(t, err, ErrNoWords)
		}
	})
}
