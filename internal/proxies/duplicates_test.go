//go:build unix

package proxies_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/trilliantest"
)

const (
	soakTime    = time.Second // or what it takes to make
	soakCalls   = 400
	soakWorkers = 8
	soakFaults  = 40 // one request in so many
	soakUsers   = 20_000
)

// call is one of a soak.
type call struct {
	key   string // what it asks for, which no other call does
	sends int64  // how often it went over the wire
	err   error
}

// makeCall is the n-th, of one of the kinds that are not to be done twice: a form,
// a request without a body, a file, and a PATCH.
func makeCall(ctx context.Context, client, sender *trillian.Client, n int64) call {
	ctx, sends := countingSends(ctx)
	c := call{key: fmt.Sprintf("call %d", n)}
	switch n % 4 {
	case 0:
		_, c.err = sender.Users.Messages.Send(ctx, "kwk@cerulean-inc.com", trillian.MessageSend{From: smw, Text: c.key})
	case 1:
		c.key = userNumbered(n)
		_, c.err = client.GroupChats.Members.Add(ctx, trilliantest.SampleGeneral, c.key)
	case 2:
		_, c.err = client.Users.Media.Upload(ctx, smw, trillian.MediaUpload{Name: c.key, Data: strings.NewReader(c.key)})
	case 3:
		c.err = client.Presence.Update(ctx, smw, trillian.PresenceUpdate{Message: new(c.key)})
	}
	c.sends = sends.Load()
	return c
}

func userNumbered(n int64) string { return fmt.Sprintf("user%d@cerulean-inc.com", n) }

// withManyUsers fills a server with whom to add to a group chat.
func withManyUsers() trilliantest.Option {
	users := make([]trillian.User, soakUsers)
	for i := range users {
		users[i].Name = userNumbered(int64(i))
	}
	return trilliantest.WithUsers(users...)
}

// soak makes calls from several goroutines for a while, and counts what became of
// them.
func soak(t *testing.T, b *backend, way route) tally {
	t.Helper()
	b.forget()
	client := way.client(t, b.Token())
	sender, err := client.WithToken(b.TokenFor(smw))
	require.NoError(t, err)
	var next atomic.Int64
	var mu sync.Mutex
	var calls []call
	var workers sync.WaitGroup
	end := time.Now().Add(soakTime)
	for range soakWorkers {
		workers.Go(func() {
			for time.Now().Before(end) || next.Load() < soakCalls {
				n := next.Add(1)
				if n >= soakUsers {
					return
				}
				c := makeCall(t.Context(), client, sender, n)
				mu.Lock()
				calls = append(calls, c)
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	require.Eventually(t, func() bool { return b.running.Load() == 0 }, 5*time.Second, 10*time.Millisecond)
	return count(b, calls)
}

// tally is what became of a soak's calls.
type tally struct {
	calls, carried  int
	failed, unknown int // unknown: of the failed
	unknownDone     int // of these, how many had been carried out
	twice, twiceBy  int // by the client, and by the proxy of itself
	deniedDone      int // failed, not of unknown outcome, and yet carried out
	succeededNot    int // no error, and yet not carried out
	examples        map[string]int
}

func count(b *backend, calls []call) tally {
	sum := tally{calls: len(calls), examples: map[string]int{}}
	for _, c := range calls {
		done := b.done(c.key)
		sum.carried += done
		switch {
		case done > 1 && c.sends > 1:
			sum.twice++
		case done > 1:
			sum.twiceBy++
		}
		switch {
		case c.err == nil && done == 0:
			sum.succeededNot++
		case c.err == nil:
		case errors.Is(c.err, trillian.ErrOutcomeUnknown):
			sum.failed++
			sum.unknown++
			sum.unknownDone += min(done, 1)
		default:
			sum.failed++
			sum.deniedDone += min(done, 1)
		}
		if c.err != nil && len(sum.examples) < 10 {
			sum.examples[strings.ReplaceAll(c.err.Error(), userOf(c), "…")]++
		}
	}
	return sum
}

func userOf(c call) string { return strings.ReplaceAll(c.key, "@", "%40") }

func (s tally) String() string {
	return fmt.Sprintf("%5d calls, %5d carried out, %d twice by the client, %d by the proxy; %d failed, %d of unknown outcome, of which %d done",
		s.calls, s.carried, s.twice, s.twiceBy, s.failed, s.unknown, s.unknownDone)
}

// holds is what the client promises, whatever stands in between.
func (s tally) holds(t *testing.T) {
	t.Helper()
	if t.Failed() || s.twice+s.deniedDone+s.succeededNot > 0 {
		for text, n := range s.examples {
			t.Logf("%4d × %s", n, text)
		}
	}
	require.Zero(t, s.twice, "carried out twice, since the client sent them twice")
	require.Zero(t, s.deniedDone, "failed without ErrOutcomeUnknown, and had been carried out")
	require.Zero(t, s.succeededNot, "succeeded, and had not been carried out")
}

// TestNothingTwice has the server do what it is asked and then drop the connection,
// which some programs answer with what looks like a refusal.
func TestNothingTwice(t *testing.T) {
	skipSoaks(t)
	for _, p := range programs {
		b := newBackend(t, withManyUsers())
		var requests atomic.Int64
		b.failing(func(r *http.Request) fault {
			if changes(r) && requests.Add(1)%soakFaults == 0 {
				return dropAfter
			}
			return none
		})
		p.through(t, b, func(t *testing.T, way route) {
			sum := soak(t, b, way)
			note("soak: %-19s %v; %d connections dropped", way.name, sum, b.faults.Load())
			sum.holds(t)
			require.Greater(t, b.faults.Load(), int64(5), "hardly anything failed")
			require.Greater(t, sum.carried, sum.calls/2)
			require.Zero(t, sum.twiceBy, "carried out twice, since the proxy sent them twice")
		})
	}
}

// TestGoodbyes has a proxy end its connections after a few requests, and say with
// GOAWAY which it has not seen: those are sent again, and none is in doubt. Of so
// many goodbyes a few calls may meet one with every attempt: where workers are in
// step, three of eight meet one, and one in fifty meets four.
func TestGoodbyes(t *testing.T) {
	skipSoaks(t)
	b := newBackend(t, withManyUsers())
	nginx.through(t, b, func(t *testing.T, way route) {
		sum := soak(t, b, way)
		note("soak: %-19s %v; a connection ended after every 5 requests", way.name, sum)
		sum.holds(t)
		require.Zero(t, sum.twiceBy)
		require.Zero(t, sum.unknown, "%v", sum.examples)
		require.LessOrEqual(t, sum.failed, sum.calls/10, "%v", sum.examples)
		require.Equal(t, sum.calls-sum.failed, sum.carried)
	}, "GOAWAY")
}

// TestLimits has a proxy refuse what is too much with 429, before anything was done:
// it is sent again, a POST too, and never in doubt.
func TestLimits(t *testing.T) {
	skipSoaks(t)
	for _, p := range []program{nginx, haproxy} {
		b := newBackend(t, withManyUsers())
		p.through(t, b, func(t *testing.T, way route) {
			sum := soak(t, b, way)
			note("soak: %-19s %v; more than 100 a second are refused", way.name, sum)
			sum.holds(t)
			require.Zero(t, sum.twiceBy)
			require.Zero(t, sum.unknown, "%v", sum.examples)
			require.Positive(t, sum.failed)
			require.Equal(t, sum.calls-sum.failed, sum.carried)
		}, "limits")
	}
}

func skipSoaks(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("takes seconds for every program")
	}
}
