package trillian_test

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/internal/servertest"
)

const (
	general  = "#e777b98d42ae25754f3ae6bd2847dc8967ae8c5c@cerulean-inc.com"
	smw      = "smw@cerulean-inc.com"
	kwk      = "kwk@cerulean-inc.com"
	item     = "oaoE1007PaKuresDf88IEcxJ6xsFWS/SuLWP/kzzIjs="
	history  = "c798b870f797b37878fe19cf05198f50d88273dd"
	chatPath = "/v1/groupchats/%23e777b98d42ae25754f3ae6bd2847dc8967ae8c5c%40cerulean-inc.com/"
	userPath = "/v1/users/smw%40cerulean-inc.com/"
	itemPath = "media/oaoE1007PaKuresDf88IEcxJ6xsFWS%2FSuLWP%2FkzzIjs%3D/"
	weekPath = "messages/" + history + "/2016/20/"
)

var week20 = trillian.MessageWeek{Conversation: history, Year: 2016, Week: 20}

// operation is one row of the reference: how it is called, what must arrive at
// the server, how the server answers, and the value that must come back.
type operation struct {
	name   string
	call   func(context.Context, *trillian.Client) (any, error)
	method string
	path   string // escaped
	query  string
	form   url.Values
	status int
	answer string // the name of a sample, or the answer itself
	want   any    // nil where the call returns only an error
}

func TestOperations(t *testing.T) {
	t.Parallel()
	all := allOperations()
	require.Len(t, all, 52, "operations of the reference")

	for _, op := range all {
		t.Run(op.name, func(t *testing.T) {
			t.Parallel()
			answer := op.answer
			if answer != "" && !strings.ContainsAny(answer, "< ") {
				answer = sample(t, answer)
			}
			server := servertest.New(t, op.status, answer)
			got, err := op.call(t.Context(), newClient(t, server.URL))
			require.NoError(t, err)
			require.Equal(t, op.want, got)

			seen := server.Only(t)
			require.Equal(t, op.method, seen.Method)
			require.Equal(t, op.path, seen.Path)
			require.Equal(t, op.query, seen.Query)
			if op.form == nil {
				op.form = url.Values{}
			}
			require.Equal(t, op.form, seen.Form)
			require.Equal(t, []string{token}, seen.Token, "the token stands in the query, whatever the verb")
			require.NotContains(t, seen.Form, "token")
			if len(op.form) > 0 {
				require.Equal(t, "application/x-www-form-urlencoded", seen.Header.Get("Content-Type"))
			}
			require.Equal(t, trillian.DefaultUserAgent, seen.Header.Get("User-Agent"))
		})
	}
}

func allOperations() []operation {
	return slices.Concat(groupChatOperations(), groupOperations(), policyOperations(), presenceOperations(), userOperations())
}

// nothing turns a call that returns only an error into an operation's.
func nothing(err error) (any, error) { return nil, err }
