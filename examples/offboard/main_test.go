package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian/trilliantest"
)

const smw = "smw@cerulean-inc.com"

func TestOffboard(t *testing.T) {
	t.Parallel()
	server := trilliantest.NewServer(t, trilliantest.WithSampleCompany())
	server.Inject("DELETE /users/{user}/", trilliantest.DropAfter()) // gone, and then 404
	var out bytes.Buffer
	require.NoError(t, offboard(t.Context(), server.Client(), smw, &out))
	require.Contains(t, out.String(), smw+" has left General\n")
	require.Contains(t, out.String(), smw+" is gone\n")
	require.Len(t, server.RequestsTo("DELETE /users/{user}/"), 2)

	out.Reset()
	require.NoError(t, offboard(t.Context(), server.Client(), smw, &out), "run again")
	require.Equal(t, smw+" is gone\n", out.String())
}

// TestOffboardBehindAProxy takes no proxy's 404 for a proof.
func TestOffboardBehindAProxy(t *testing.T) {
	t.Parallel()
	server := trilliantest.NewServer(t, trilliantest.WithSampleCompany())
	server.Inject("DELETE /users/{user}/", trilliantest.Status(404), trilliantest.Body("text/html", "<html>no such page"))
	err := offboard(t.Context(), server.Client(), smw, &bytes.Buffer{})
	require.EqualError(t, err, smw+" is still there: run this again")
}
