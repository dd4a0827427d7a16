package main

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/trilliantest"
)

// TestWatch takes no time: the ticks are those of the bubble.
func TestWatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := trilliantest.NewServer(t, trilliantest.WithSampleCompany(), trilliantest.WithoutListener())
		client := server.Client(trillian.WithRetryPolicy(trillian.RetryPolicy{MaxAttempts: 1}))
		server.Inject("GET /presence/", trilliantest.Status(503)).After(1)
		ctx, cancel := context.WithTimeout(t.Context(), 35*time.Second)
		defer cancel()
		var out bytes.Buffer
		done := make(chan struct{})
		go func() { defer close(done); watch(ctx, client, 10*time.Second, &out) }()

		time.Sleep(25 * time.Second) // after a first look, a failure and a second one
		server.Fill(trilliantest.WithPresence(trillian.Presence{
			Name: "kwk@cerulean-inc.com", Status: trillian.PresenceAway, Message: "Lunch", Devices: []trillian.Device{{Name: "Phone"}},
		}))
		<-done
		require.Equal(t, `1 users have a presence
cannot tell: trillian: GET presence/: 503 Service Unavailable
kwk@cerulean-inc.com is AWAY on 1 devices, "Lunch"
`, out.String())
	})
}
