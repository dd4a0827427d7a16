// Package adversarial holds the client, from outside, to what SECURITY.md promises.
// It has tests only, one file a promise.
package adversarial

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
)

// token has every character that an escaping can get wrong.
const token = "AVS/w8J7+UELk4=Q9%pB5 iz&66p=="

// What the reference's samples name.
const (
	general = "#e777b98d42ae25754f3ae6bd2847dc8967ae8c5c@cerulean-inc.com"
	smw     = "smw@cerulean-inc.com"
	kwk     = "kwk@cerulean-inc.com"
	item    = "oaoE1007PaKuresDf88IEcxJ6xsFWS/SuLWP/kzzIjs="
	history = "c798b870f797b37878fe19cf05198f50d88273dd"
)

const usersAnswer = `<response> <user><im>smw@cerulean-inc.com</im><email>smw@example.com</email></user><user name="kwk@cerulean-inc.com"/></response>`

var week20 = trillian.MessageWeek{Conversation: history, Year: 2016, Week: 20}

var (
	once = trillian.WithRetryPolicy(trillian.RetryPolicy{MaxAttempts: 1})
	fast = trillian.WithRetryPolicy(trillian.RetryPolicy{MinWait: 1, MaxWait: time.Millisecond})
)

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// newClient returns a client of the server's /v1/.
func newClient(t testing.TB, base string, opts ...trillian.Option) *trillian.Client {
	t.Helper()
	c, err := trillian.NewClient(token, append([]trillian.Option{trillian.WithBaseURL(base + "/v1/")}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(c.CloseIdleConnections)
	return c
}
