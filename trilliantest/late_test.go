package trilliantest_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/trilliantest"
)

// What a client has given up comes true nevertheless.
func TestCarriedOutLate(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, srv *trilliantest.Server) {
		srv.Inject("POST /groupchats/", trilliantest.CarriedOutLate(500*time.Millisecond), trilliantest.Delay(time.Hour)) // of the answer
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		failed, client := make(chan error), once(srv)
		go func() {
			_, err := client.GroupChats.Create(ctx, trillian.GroupChatCreate{DisplayName: "Sales"})
			failed <- err
		}()
		require.Eventually(t, func() bool {
			sent := srv.RequestsTo("POST /groupchats/")
			return len(sent) == 1 && sent[0].Form.Has("displayname") // it has arrived whole
		}, time.Minute, time.Millisecond)
		cancel()
		require.ErrorIs(t, <-failed, context.Canceled)
		require.Eventually(t, func() bool { return created(t, srv) }, time.Minute, 5*time.Millisecond)
		require.Zero(t, srv.RequestsTo("POST /groupchats/")[0].Status, "nobody was answered")
	})
}

func TestCarriedOutLateInABubble(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		faults   faults
		wait     time.Duration // of the client
		check    func(*testing.T, error)
		answered time.Duration // or given up
		created  time.Duration
	}{
		"given up":         {faults{trilliantest.CarriedOutLate(1000 * ms)}, 300 * ms, is(context.DeadlineExceeded), 300 * ms, 1000 * ms},
		"waited for":       {faults{trilliantest.CarriedOutLate(1000 * ms)}, 2000 * ms, isNil, 1000 * ms, 1000 * ms},
		"delayed":          {faults{trilliantest.CarriedOutLate(1000 * ms), trilliantest.Delay(1500 * ms)}, 2000 * ms, isNil, 1500 * ms, 1000 * ms},
		"given up delayed": {faults{trilliantest.CarriedOutLate(1000 * ms), trilliantest.Delay(500 * ms)}, 300 * ms, is(context.DeadlineExceeded), 300 * ms, 1000 * ms},
		"at once":          {faults{trilliantest.CarriedOutLate(0), trilliantest.Status(504)}, 300 * ms, isStatus(504), 0, 1},
		"gateway":          {faults{trilliantest.CarriedOutLate(1000 * ms), trilliantest.Status(504)}, 300 * ms, isStatus(504), 0, 1000 * ms},
		"slow gateway":     {faults{trilliantest.CarriedOutLate(1000 * ms), trilliantest.Status(504), trilliantest.Delay(200 * ms)}, 300 * ms, isStatus(504), 200 * ms, 1000 * ms},
		"patient gateway":  {faults{trilliantest.CarriedOutLate(1000 * ms), trilliantest.Status(504), trilliantest.CarriedOut()}, 2000 * ms, isStatus(504), 1000 * ms, 1000 * ms},
		"drop before":      {faults{trilliantest.CarriedOutLate(1000 * ms), trilliantest.DropBefore()}, 300 * ms, is(trillian.ErrOutcomeUnknown), 0, 1000 * ms},
		"drop after":       {faults{trilliantest.CarriedOutLate(1000 * ms), trilliantest.DropAfter()}, 2000 * ms, is(trillian.ErrOutcomeUnknown), 1000 * ms, 1000 * ms},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := sampleServer(t)
				srv.Inject("POST /groupchats/", c.faults...)
				begin := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), c.wait)
				defer cancel()
				_, err := once(srv).GroupChats.Create(ctx, trillian.GroupChatCreate{DisplayName: "Sales"})
				c.check(t, err)
				require.Equal(t, c.answered, time.Since(begin), "in a bubble time is exact")
				if left := c.created - c.answered; left > 0 {
					time.Sleep(left - time.Nanosecond)
					require.False(t, created(t, srv))
					time.Sleep(time.Nanosecond)
				}
				synctest.Wait()
				require.True(t, created(t, srv))
			})
		})
	}
}

// A server that is closed does nothing any more, and leaves no goroutine.
func TestCarriedOutLateEndsWithTheServer(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, srv *trilliantest.Server) {
		srv.Inject("POST /groupchats/", trilliantest.CarriedOutLate(time.Hour), trilliantest.Status(504))
		srv.Inject("POST /users/", trilliantest.CarriedOutLate(time.Hour))
		require.ErrorIs(t, createSales(t, once(srv)), trillian.ErrOutcomeUnknown)
		failed := make(chan error)
		client := once(srv)
		go func() {
			_, err := client.Users.Create(t.Context(), trillian.UserCreate{IM: "x@y", Password: "p"})
			failed <- err
		}()
		require.Eventually(t, func() bool { return len(srv.Unconsumed()) == 0 }, time.Minute, time.Millisecond)
		srv.Close()
		require.Error(t, <-failed)
	})
}
