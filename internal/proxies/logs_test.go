//go:build unix

package proxies_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/trilliantest"
)

// plainToken has one form only, however a log escapes what it writes.
const plainToken = "0123456789thisTokenIsInNoLog9876543210"

// TestLogs holds that the configurations of docs/proxies.md keep the token out of
// all logs, where there is none without a log, and that those which the programs
// come with do not, for which the page warns.
func TestLogs(t *testing.T) {
	for _, p := range programs {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel() // what takes time is waiting
			logs := logsOfFailures(t, p, "as it should be")
			require.NotContains(t, logs, plainToken)
			shows := strings.Contains(logsOfFailures(t, p, "logs as it comes"), plainToken)
			require.Equal(t, !p.hidesQueries, shows, "what docs/proxies.md says of its own logs is not so")
		})
	}
}

// logsOfFailures are all logs after an answer, a refusal, a connection that ends
// early, and a server that is gone.
func logsOfFailures(t *testing.T, p program, variant string) string {
	t.Helper()
	b := newBackend(t, trilliantest.WithToken(plainToken))
	running := p.start(t, b.address(), variant)
	for _, way := range running.routes() {
		client := way.client(t, plainToken, trillian.WithRetryPolicy(trillian.RetryPolicy{MaxAttempts: 1}))
		_, err := client.Users.Get(t.Context(), smw)
		require.NoError(t, err)
		_, err = client.Users.Get(t.Context(), "nobody@x")
		require.ErrorIs(t, err, trillian.ErrNotFound)
		b.failing(dropFirst())
		_, _ = client.GroupChats.Create(t.Context(), trillian.GroupChatCreate{DisplayName: "new"}) // fails, if the proxy does not repeat it
	}
	b.http.Close()
	client := running.routes()[0].client(t, plainToken, trillian.WithRetryPolicy(trillian.RetryPolicy{MaxAttempts: 1}))
	_, err := client.Groups.List(t.Context(), nil)
	require.Error(t, err)
	var logs string
	require.Eventually(t, func() bool { // some write from time to time
		logs = running.logs(t) + running.logOfVarnish(t)
		return strings.Contains(logs, "nobody") && strings.Contains(logs, "/v1/groups/")
	}, 10*time.Second, 50*time.Millisecond, "the log has no requests")
	return logs
}

// logOfVarnish is what is read from its memory; it writes no log by itself.
func (p *proxy) logOfVarnish(t testing.TB) string {
	t.Helper()
	if p.name != varnish.name {
		return ""
	}
	args := []string{"-n", filepath.Join(p.Dir, "work"), "-d"}
	if !p.Is("logs as it comes") {
		args = append(args, "-F", `%h %t "%m %U" %s %b`)
	}
	text, err := exec.Command("varnishncsa", args...).CombinedOutput()
	require.NoError(t, err, "%s", text)
	return string(text)
}
