package archive

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
)

// Two unlike copies of a week may come so close together that they are stored at once.
func TestTwoCopiesInOneTransaction(t *testing.T) {
	t.Parallel()
	server, path := newServer(t), newPath(t)
	update(t, server, path, Options{})
	execute(t, path, "DELETE FROM words; DELETE FROM messages; UPDATE weeks SET digest = NULL; UPDATE listed_weeks SET asked = NULL")
	db, err := openToWrite(t.Context(), path)
	require.NoError(t, err)
	defer db.Close()
	r := &run{db: db, id: 1}
	var both []fetched[weekToAsk, []trillian.Message]
	for w, err := range r.weeksToAsk(t.Context()) {
		require.NoError(t, err)
		if w.name.Week == 0 && !isGroupChat(w.owner) {
			both = append(both, fetched[weekToAsk, []trillian.Message]{task: w})
		}
	}
	require.Len(t, both, 2)
	both[0].result = []trillian.Message{said(1, smw, "first"), said(1, kwk, "third")}
	both[1].result = []trillian.Message{said(1, smw, "first"), said(1, kwk, "second"), said(1, kwk, "third")}
	require.NoError(t, r.db.change(t.Context(), func(tx *transaction) error { return r.keepWeeks(t.Context(), tx, both) }))

	require.Equal(t, []string{"first", "second", "third"}, texts(t, path, "smw-kwk"))
	require.Empty(t, problems(t, nil, path), "the index of words is that of the messages")
}
